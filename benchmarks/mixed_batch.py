"""Time the embedded engine against plain `model.generate`.

    python -m benchmarks.mixed_batch

Prompts of about 300 tokens, 50 new tokens each, whatever the model would like to say (`ignore_eos`), a
random adapter of rank 64 on all linear layers. The engine is asked as it always is: over HTTP, in a process of its own.

- both answers (base and tuned, one mixed batch) against one answer of the adapter, or the base, alone;
- the same at the size of the demo's questions: longer prompts and shorter answers, so that less is shared,
  for each model has to read the prompt for itself;
- one answer of the base against bare `model.generate`, likewise with the adapter against PEFT's;
- 8 answers at once against 8 bare `generate` one after the other.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from raft_core.compute import compute_dtype
from raft_core.models import resolve_base
from raft_core.progress import silent
from raft_core.serving.apart import server_apart
from raft_core.serving.client import ModelServer
from raft_core.settings import DEFAULT_BASE, load_settings

NEW_TOKENS = 50
PROMPT_TOKENS = 300
DEMO_PROMPT_TOKENS, DEMO_NEW_TOKENS = 446, 34
"""Medians over the sample library: four passages a prompt, and an answer with its quote."""
AT_ONCE = 8
SEED = 0
ROUNDS = 3


def measure() -> dict[str, float | str]:
    """Return seconds (medians over rounds, taken in turns) and the ratios that the design sets targets for."""
    with tempfile.TemporaryDirectory() as name:
        return _measured(resolve_base(DEFAULT_BASE, Path(name)), Path(name) / "work")


def _measured(path: str, folder: Path) -> dict[str, float | str]:
    with _models(path, folder) as (plain, tuned, ask):
        prompts = [_prompt(plain, shift) for shift in range(AT_ONCE)]
        demo = _prompt(plain, AT_ONCE, DEMO_PROMPT_TOKENS)
        work: dict[str, Callable[[], object]] = {
            "bare_generate_s": lambda: _generate(plain, prompts[0]),
            "peft_generate_s": lambda: _generate(tuned, prompts[0]),
            "one_base_s": lambda: ask(["base"], prompts[:1]),
            "one_tuned_s": lambda: ask(["tuned"], prompts[:1]),
            "both_s": lambda: ask(["base", "tuned"], [prompts[0]] * 2),
            "demo_tuned_s": lambda: ask(["tuned"], [demo], DEMO_NEW_TOKENS),
            "demo_both_s": lambda: ask(["base", "tuned"], [demo] * 2, DEMO_NEW_TOKENS),
            "eight_at_once_s": lambda: ask(["base"] * AT_ONCE, prompts),
            "eight_bare_generates_s": lambda: [_generate(plain, prompt) for prompt in prompts],
        }
        timed = _timed(work, ROUNDS)
    seconds = {key: statistics.median(taken) for key, taken in timed.items()}
    ratios = {
        "both_over_one_tuned (target ≤ 1.7)": seconds["both_s"] / seconds["one_tuned_s"],
        "demo: both_over_one_tuned": seconds["demo_both_s"] / seconds["demo_tuned_s"],
        "both_over_one_base": seconds["both_s"] / seconds["one_base_s"],
        "speed_of_one_against_generate (target ≥ 1.5)": seconds["bare_generate_s"] / seconds["one_base_s"],
        "speed_of_one_tuned_against_peft": seconds["peft_generate_s"] / seconds["one_tuned_s"],
        "throughput_of_8_against_generate (target ≥ 3)": seconds["eight_bare_generates_s"]
        / seconds["eight_at_once_s"],
    }
    return seconds | ratios


def _timed(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time each in turns, so that a neighbour's load falls on all alike; the first round warms up."""
    times: dict[str, list[float]] = {key: [] for key in work}
    for number in range(rounds + 1):
        for key, run in work.items():
            start = time.perf_counter()
            run()
            if number:
                times[key].append(time.perf_counter() - start)
    return times


@contextmanager
def _models(path: str, folder: Path) -> Iterator[tuple[Any, Any, Callable[..., None]]]:
    """Yield the bare model, PEFT's model, and what asks the running server."""
    plain, tuned = _bare(path, folder / "adapter")
    with (
        server_apart(load_settings(home=folder, base_model=path), silent, engine="embedded") as url,
        httpx.Client(base_url=url, timeout=600) as client,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        ModelServer(url).load_adapter("tuned", folder / "adapter")

        def answer(model: str, prompt: list[int], tokens: int) -> None:
            body = {"model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0}
            reply = client.post("/completions", json={**body, "ignore_eos": True}).raise_for_status().json()
            if reply["usage"]["completion_tokens"] != tokens:
                raise RuntimeError(f"{reply['usage']} is not the work that was meant")

        def ask(models: list[str], prompts: list[list[int]], tokens: int = NEW_TOKENS) -> None:
            list(threads.map(answer, models, prompts, [tokens] * len(models)))

        yield plain, tuned, ask


def _bare(path: str, adapter: Path) -> tuple[Any, Any]:
    """Return the bare model and PEFT's around a random adapter, which is saved on the way."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    plain = AutoModelForCausalLM.from_pretrained(path, dtype=compute_dtype()).eval()
    again = AutoModelForCausalLM.from_pretrained(path, dtype=compute_dtype())
    torch.manual_seed(SEED)
    config = LoraConfig(r=64, lora_alpha=64, target_modules="all-linear", init_lora_weights="gaussian")
    tuned = get_peft_model(again, config).eval()
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.02)
    tuned.save_pretrained(adapter)
    return plain, tuned


def _prompt(model: Any, shift: int, tokens: int = PROMPT_TOKENS) -> list[int]:
    """Return token ids of about a RAFT prompt's length, a little different each."""
    import torch

    random = torch.Generator().manual_seed(SEED + shift)
    length = tokens + 5 * (shift % 3)
    ids: list[int] = torch.randint(8, model.config.vocab_size, (length,), generator=random).tolist()
    return ids


def _generate(model: Any, prompt: list[int]) -> None:
    import torch

    ids = torch.tensor([prompt])
    mask = torch.ones_like(ids)
    made = model.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
    )
    if made.shape[1] != len(prompt) + NEW_TOKENS:
        raise RuntimeError(f"{made.shape[1] - len(prompt)} new tokens are not the work that was meant")


def main() -> None:
    """Print what was measured."""
    for key, value in measure().items():
        print(f"{key:<60} {value:.3f}" if isinstance(value, float) else f"{key:<60} {value}")


if __name__ == "__main__":
    main()
