"""Whether an adapter does anything, and whether it still does the same: what a model thinks of a few words.

Servers have been seen that list an adapter and answer as the base does, and that came back from sleep with
other weights. Log-probabilities of a prompt show both without anyone reading an answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from raft_core.serving.front.upstream import Unavailable, Upstream
from raft_core.serving.web.protocol import ApiError

CANARY = "##Reason: The answer to the question is in the first document. <ANSWER>: 1912"
SAME = 0.5
"""Natural-log units: half precision computes the same prompt within a few hundredths, other weights are far off."""
EXACT = 1e-6

Signature = tuple[float, ...]
"""The log-probability of each token of the canary."""


async def signature(upstream: Upstream, model: str) -> Signature:
    """Return what a model of vLLM makes of the canary; the prefix cache has no part in it.

    Raises:
        ApiError: vLLM does not answer, or with nonsense.
    """
    asked = {"model": model, "prompt": CANARY, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
    try:
        async with upstream.answer("/completions", asked) as response:
            said = json.loads(await response.aread())
        tokens = said["choices"][0]["prompt_logprobs"]
        return tuple(float(next(iter(token.values()))["logprob"]) for token in tokens if token)
    except Unavailable as error:
        raise error.error from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, StopIteration) as error:
        raise ApiError(502, f"the canary got no log-probabilities: {error!r}") from error


def distance(one: Signature, other: Signature) -> float:
    """Return the largest difference of two signatures; infinite where they are of different lengths."""
    if len(one) != len(other):
        return float("inf")
    return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0.0)


def differs(base: Sequence[Signature], tuned: Signature) -> bool:
    """Tell whether an adapter's signature is further from the base's than the base's own are from each other."""
    first, *others = base
    noise = max((distance(first, other) for other in others), default=0.0)
    return distance(first, tuned) > 2 * noise + EXACT
