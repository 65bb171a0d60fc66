"""Time the embedded engine against plain `model.generate`.

    python -m benchmarks.mixed_batch

Prompts of about 300 tokens, 50 new tokens each, whatever the model would like to say (`ignore_eos`), a
random adapter of rank 64 on all linear layers. Through HTTP, client included, in one process:

- both answers (base and tuned, one mixed batch) against one answer of the adapter, or the base, alone, by
  the wall clock and by CPU time, which says less about a neighbour's load;
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
from typing import Any, NamedTuple

from raft_core.records import AdapterInfo
from raft_core.settings import POCKET, Settings

NEW_TOKENS = 50
PROMPT_TOKENS = 300
DEMO_PROMPT_TOKENS, DEMO_NEW_TOKENS = 446, 34
"""Medians over the sample library: four passages a prompt, and an answer with its quote, as pocket counts."""
AT_ONCE = 8
SEED = 0


class _Times(NamedTuple):
    wall_s: float
    cpu_s: float


def measure(rounds: int = 7) -> dict[str, float | str]:
    """Return seconds (medians over `rounds`, taken in turns) and the ratios that the design sets targets for."""
    with tempfile.TemporaryDirectory() as name, _models(Path(name)) as (base, plain, tuned, ask):
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
        timed = _timed(work, rounds)
        seconds = {key: statistics.median(times.wall_s for times in taken) for key, taken in timed.items()}
        cpu = {key: statistics.median(times.cpu_s for times in taken) for key, taken in timed.items()}
    return {
        "base": base,
        **seconds,
        "both_over_one_tuned (target ≤ 1.25)": seconds["both_s"] / seconds["one_tuned_s"],
        "the same by CPU time": cpu["both_s"] / cpu["one_tuned_s"],
        "demo: both_over_one_tuned": seconds["demo_both_s"] / seconds["demo_tuned_s"],
        "demo: the same by CPU time": cpu["demo_both_s"] / cpu["demo_tuned_s"],
        "both_over_one_base": seconds["both_s"] / seconds["one_base_s"],
        "speed_of_one_against_generate (target ≥ 0.9)": seconds["bare_generate_s"] / seconds["one_base_s"],
        "speed_of_one_tuned_against_peft": seconds["peft_generate_s"] / seconds["one_tuned_s"],
        "throughput_of_8_against_generate (target ≥ 3)": seconds["eight_bare_generates_s"]
        / seconds["eight_at_once_s"],
    }


def _timed(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[_Times]]:
    """Time each in turns, so that a neighbour's load falls on all alike; the first round warms up."""
    times: dict[str, list[_Times]] = {key: [] for key in work}
    for number in range(rounds + 1):
        for key, run in work.items():
            start, cpu = time.perf_counter(), time.process_time()
            run()
            if number:
                times[key].append(_Times(time.perf_counter() - start, time.process_time() - cpu))
    return times


@contextmanager
def _models(folder: Path) -> Iterator[tuple[str, Any, Any, Callable[..., None]]]:
    """Yield the base's name, the bare model, PEFT's model, and what asks the running server."""
    import httpx

    from raft_core.serving.local import model_server

    base, path = _base(folder)
    plain, tuned = _bare(path, folder / "adapter")
    info = AdapterInfo("tuned", "local", base, "", 0, 0, 0, 0, str(folder / "adapter"), 64, "", "")
    with (
        model_server(Settings(base_model=path, model_server_url=None), [info]) as server,
        httpx.Client(base_url=server.url, timeout=600) as client,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):

        def answer(model: str, prompt: list[int], tokens: int) -> None:
            body = {"model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0}
            reply = client.post("/completions", json={**body, "ignore_eos": True}).raise_for_status().json()
            if reply["usage"]["completion_tokens"] != tokens:
                raise RuntimeError(f"{reply['usage']} is not the work that was meant")

        def ask(models: list[str], prompts: list[list[int]], tokens: int = NEW_TOKENS) -> None:
            list(threads.map(answer, models, prompts, [tokens] * len(models)))

        yield base, plain, tuned, ask


def _base(folder: Path) -> tuple[str, str]:
    """Return pocket, or a random model of its shape where its weights are absent."""
    from raft_core.errors import ModelError
    from raft_core.models import resolve_base

    try:
        return POCKET, resolve_base(POCKET)
    except ModelError:
        from transformers import LlamaConfig, LlamaForCausalLM

        from tests.tiny_model import make_tiny_model

        path = make_tiny_model(folder / "model")
        shape = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 5, "vocab_size": 1024}
        heads = {"num_attention_heads": 6, "num_key_value_heads": 6, "max_position_embeddings": 4096}
        LlamaForCausalLM(LlamaConfig(**shape, **heads, tie_word_embeddings=True)).save_pretrained(path)
        return "random weights in pocket's shape", str(path)


def _bare(path: str, adapter: Path) -> tuple[Any, Any]:
    """Return the bare model and PEFT's around a random adapter, which is saved on the way."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    plain = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    again = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
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
        print(f"{key:<50} {value:.3f}" if isinstance(value, float) else f"{key:<50} {value}")


if __name__ == "__main__":
    main()
