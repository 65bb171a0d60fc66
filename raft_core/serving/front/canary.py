"""Whether an adapter does anything, and whether it still does the same: what a model would say next.

Servers have been seen that list an adapter and answer as the base does, and that came back from sleep with
other weights. Log-probabilities show both without anyone reading an answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from raft_core.serving.front.upstream import Unavailable, Upstream
from raft_core.serving.web.protocol import ApiError

CANARIES = (
    "##Reason: The answer to the question is",
    "Question: When was it founded?\n##Reason: ##begin_quote##",
    "It is in the first document. ##end_quote## <ANSWER>:",
)
TOP = 5
"""Tokens told of each: as many as OpenAI's protocol takes."""
SAME = 0.5
"""Natural-log units: half precision computes the same prompt within a few hundredths, other weights are far off."""
EXACT = 1e-6

Signature = tuple[dict[str, float], ...]
"""For each canary, the log-probabilities of the tokens that are likeliest to follow."""


async def signature(upstream: Upstream, model: str) -> Signature:
    """Return what a model of vLLM makes of the canaries.

    The prompts' own log-probabilities would say more, but vLLM 0.32 dies of asking for them beside another request
    while adapters are enabled.

    Raises:
        ApiError: vLLM does not answer, or with nonsense.
    """
    asked = {"model": model, "prompt": CANARIES, "max_tokens": 1, "temperature": 0, "logprobs": TOP}
    try:
        async with upstream.answer("/completions", asked) as response:
            said = json.loads(await response.aread())
        choices = sorted(said["choices"], key=lambda choice: int(choice["index"]))
        tops = [choice["logprobs"]["top_logprobs"][0] for choice in choices]
        return tuple({str(token): float(value) for token, value in top.items()} for top in tops)
    except Unavailable as error:
        raise error.error from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ApiError(502, f"the canary got no log-probabilities: {error!r}") from error


def distance(one: Signature, other: Signature) -> float:
    """Return the largest difference of two signatures; infinite where they have no token in common."""
    return max((_apart(a, b) for a, b in zip(one, other, strict=False)), default=float("inf"))


def _apart(one: dict[str, float], other: dict[str, float]) -> float:
    common = one.keys() & other.keys()
    return max((abs(one[token] - other[token]) for token in common), default=float("inf"))


def differs(base: Sequence[Signature], tuned: Signature) -> bool:
    """Tell whether an adapter's signature is further from the base's than the base's own are from each other."""
    first, *others = base
    noise = max((distance(first, other) for other in others), default=0.0)
    return distance(first, tuned) > 2 * noise + EXACT
