"""The engine against PEFT's own generation, one request at a time."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from raft_core.serving.embedded.adapters import _differs
from raft_core.serving.embedded.engine import Engine, EngineClosed, QueueFull
from raft_core.serving.embedded.generation import Generation, Piece
from raft_core.serving.embedded.lora import Adapter, read_adapter
from raft_core.serving.embedded.model import BaseModel, _weights, load_base
from raft_core.settings import Settings
from tests.serving.adapters import make_adapter
from tests.tiny_model import small_base

PROMPTS = ("The quick brown fox", "Answer the question from the documents. " * 9, "0123", "Query: é")
TOKENS = 24


@pytest.fixture(scope="module")
def base(tiny_model: Path) -> BaseModel:
    return load_base(Settings(base_model=str(tiny_model), precision="float32"))


@pytest.fixture(scope="module")
def engine(base: BaseModel) -> Iterator[Engine]:
    engine = Engine(base, max_waiting=40)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def adapters(base: BaseModel, adapter_folders: tuple[Path, Path]) -> list[Adapter | None]:
    return [None, *(read_adapter(folder.name, folder, base) for folder in adapter_folders)]


@pytest.fixture(scope="module")
def alone(
    tiny_model: Path, adapter_folders: tuple[Path, Path], base: BaseModel
) -> dict[tuple[str, str], str]:
    """What PEFT's `generate` says to each prompt with only one adapter active."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    said = {}
    for folder in (None, *adapter_folders):
        model: Any = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
        if folder is not None:
            model = PeftModel.from_pretrained(model, folder).eval()
        for prompt in PROMPTS:
            inputs = base.tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
            ids = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False)[0]
            new = ids[inputs["input_ids"].shape[1] :]
            said[folder.name if folder else "base", prompt] = base.tokenizer.decode(
                new, skip_special_tokens=True
            )
    return said


def ask(
    base: BaseModel, prompt: str, adapter: Adapter | None = None, **options: Any
) -> tuple[Generation, Any]:
    pieces: queue.Queue[Piece | Exception] = queue.Queue()
    settings = {"max_tokens": TOKENS, "stop_ids": base.eos_ids, **options}
    return Generation(base.tokenizer(prompt)["input_ids"], adapter, sink=pieces.put, **settings), pieces


def result(pieces: Any) -> Piece:
    piece = pieces.get(timeout=60)
    if isinstance(piece, Exception):
        raise piece
    return piece


def test_mixed_batch_equals_peft(engine, base, adapters, alone):
    """Base and two adapters, prompts of four lengths, one batch: every answer is PEFT's, alone."""
    asked = {
        (adapter.name if adapter else "base", prompt): ask(base, prompt, adapter)
        for prompt in PROMPTS
        for adapter in adapters
    }
    engine.submit([generation for generation, _ in asked.values()])
    said = {key: result(pieces).text for key, (_, pieces) in asked.items()}
    assert said == alone
    assert len({said[name, PROMPTS[0]] for name in ("base", "first", "second")}) == 3


def test_joining_between_steps_equals_peft(engine, base, adapters, alone):
    """Requests that join while others are being answered, and leave before them, change nothing."""
    long, long_pieces = ask(base, PROMPTS[1], adapters[1], max_tokens=400, stop_ids=frozenset())
    engine.submit([long])
    for prompt in PROMPTS:
        for adapter in adapters:
            generation, pieces = ask(base, prompt, adapter)
            engine.submit([generation])
            time.sleep(0.01)
            if adapter is adapters[-1]:
                assert result(pieces).text == alone["second", prompt]
    whole = result(long_pieces)
    assert whole.tokens == 400
    again, again_pieces = ask(base, PROMPTS[1], adapters[1], max_tokens=400, stop_ids=frozenset())
    engine.submit([again])
    assert result(again_pieces).text == whole.text


def test_small_memory_takes_turns(base, adapters, alone):
    """Where the memory holds one answer at a time, all are answered still, one after the other."""
    from dataclasses import replace

    engine = Engine(replace(base, max_batch_tokens=10))
    asked = [ask(base, prompt, adapters[2]) for prompt in PROMPTS]
    engine.submit([generation for generation, _ in asked])
    assert [result(pieces).text for _, pieces in asked] == [alone["second", prompt] for prompt in PROMPTS]
    engine.close()


def test_4bit_base(tmp_path):
    """A base in 4-bit takes the same adapters, and answers as PEFT does around 4-bit layers."""
    from peft import PeftModel

    wide = str(small_base())  # the tiny model is narrower than a 4-bit block
    settings = Settings(base_model=wide, load_in_4bit=True, precision="float32")
    base = load_base(settings)
    reference = _weights(base.path, base.device, base.dtype, four_bit=True)
    folder = make_adapter(tmp_path / "adapter", Path(base.path), seed=1, rank=16, scale=0.1)
    inputs = base.tokenizer("Who wrote the book?", return_tensors="pt", return_token_type_ids=False)
    tuned = PeftModel.from_pretrained(reference, folder).eval()
    ids = tuned.generate(**inputs, max_new_tokens=TOKENS, do_sample=False)[0]
    engine = Engine(base)
    adapter = read_adapter("tuned", folder, base)
    asked = [ask(base, "Who wrote the book?", one) for one in (None, adapter)]
    engine.submit([generation for generation, _ in asked])
    _, said = [result(pieces).text for _, pieces in asked]
    assert said == base.tokenizer.decode(ids[inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    engine.close()


def test_seed_repeats_a_sample_in_any_company(engine, base, adapters):
    """The same seed gives the same sample, whether alone or in a batch; another seed another one."""
    options = {"temperature": 1.0, "top_p": 0.9}
    asked = [ask(base, PROMPTS[0], adapters[1], seed=seed, **options) for seed in (7, 7, 8)]
    engine.submit([generation for generation, _ in asked])
    one, two, other = [result(pieces).text for _, pieces in asked]
    generation, pieces = ask(base, PROMPTS[0], adapters[1], seed=7, **options)
    engine.submit([generation])
    assert one == two == result(pieces).text != other


def test_queue_is_bounded_and_all_or_none(engine, base):
    """More requests than the queue holds are refused whole."""
    with pytest.raises(QueueFull):
        engine.submit([ask(base, "x")[0] for _ in range(41)])
    assert engine.waiting == 0


def test_cancelled_answer_leaves_the_batch(engine, base):
    """A cancelled answer stops between two steps."""
    generation, pieces = ask(base, "x", live=True, max_tokens=2000, stop_ids=frozenset())
    engine.submit([generation])
    result(pieces)
    generation.cancelled = True
    deadline = time.monotonic() + 10
    while engine.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert engine.running == 0


def test_failing_forward_spares_the_engine(engine, base, adapters, alone, caplog):
    """An adapter whose matrices break the forward pass fails its own batch; the next is answered."""
    broken = Adapter("broken", "", "", {name: (a[:1], b) for name, (a, b) in adapters[1].pairs.items()})
    generation, pieces = ask(base, PROMPTS[0], broken)
    engine.submit([generation])
    with pytest.raises(RuntimeError):
        result(pieces)
    generation, pieces = ask(base, PROMPTS[0], adapters[1])
    engine.submit([generation])
    assert result(pieces).text == alone["first", PROMPTS[0]]
    assert "reading 1 prompts failed" in caplog.text


def test_canary_tells_an_idle_adapter(engine, base, adapters):
    """An adapter with B = 0 answers like the base, one with weights does not."""
    idle = Adapter("idle", "", "", {n: (a, torch.zeros_like(b)) for n, (a, b) in adapters[1].pairs.items()})
    assert not engine.call(lambda: _differs(engine, idle)).result(30)
    assert engine.call(lambda: _differs(engine, adapters[1])).result(30)


def test_close_ends_what_is_running(base):
    """Closing fails the answers under way and refuses new ones, at once."""
    engine = Engine(base)
    generation, pieces = ask(base, "x", max_tokens=2000, stop_ids=frozenset())
    engine.submit([generation])
    engine.close()
    with pytest.raises(EngineClosed):
        result(pieces)
    with pytest.raises(EngineClosed):
        engine.submit([generation])
