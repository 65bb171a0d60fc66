from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from raft_core.pocket.circuit import install  # noqa: E402  # after the skip
from raft_core.pocket.pretrain import make_model  # noqa: E402


def repeated(model: Any, length: int) -> float:
    """Loss on the second half of random tokens said twice: only copying can lower it."""
    ids = torch.randint(0, 1280, (4, length), generator=torch.Generator().manual_seed(5)).repeat(1, 2)
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False).logits
    scores, said = logits[:, length + 1 : -1].flatten(0, 1), ids[:, length + 2 :].flatten()
    return float(torch.nn.functional.cross_entropy(scores, said))


def test_an_untrained_model_copies_with_the_circuit_and_not_without():
    torch.manual_seed(0)
    model = make_model(1280, 0, 3)
    assert repeated(model, 64) > 6.5
    install(model, 0)
    assert repeated(model, 64) < 0.3
    assert repeated(model, 300) < 1.2


def test_the_circuit_repeats_itself_by_seed():
    made = [make_model(1280, 0, 3) for _ in range(3)]
    for model, seed in zip(made, (1, 1, 2), strict=True):
        install(model, seed)
    first, same, other = (model.model.layers[1].self_attn.q_proj.weight[:96] for model in made)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
