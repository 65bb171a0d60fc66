"""The write-up's figure 2."""

from __future__ import annotations

from typing import Any

import pytest

from raft_core.evaluation.figure import draw_figure, gain, kept_in_4bit, written_up


def row(bits: int = 16, f1: float = 0.3, base: float = 0.2, length: int = 800) -> dict[str, Any]:
    return {
        "base": "org/$model$",
        "bits": bits,
        "rank": 64,
        "target_modules": ["q_proj", "v_proj"],
        "training_seed": 0,
        "max_new_tokens": length,
        "base_f1": {"mean": base, "low": base, "high": base},
        "f1": {"mean": f1, "low": f1, "high": f1},
        "difference": {"mean": f1 - base, "significant": f1 > base},
    }


@pytest.mark.parametrize(
    ("base", "claim"),
    [
        ("meta-llama/Llama-2-7b-chat-hf", "more than +100 %"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "more than +60 %"),
        ("/models/Llama-3.1-8B-Instruct/", "+16 %"),
        ("meta-llama/Llama-3.1-8B", None),
        ("meta-llama/Llama-2-7b-hf", None),
        ("sample", None),
    ],
)
def test_the_write_up_speaks_only_of_its_models(base: str, claim: str | None) -> None:
    """Its numbers stand beside the very models that it trained, and beside no other."""
    assert written_up(base) == claim


def test_gains_and_what_4_bits_keep() -> None:
    """A gain is relative to the base; 4 bits are compared with the same recipe in 16."""
    assert gain(row()) == pytest.approx(0.5)
    assert gain(row(base=0.0)) is None
    assert kept_in_4bit([row(), row(4, 0.27), row(4, 0.1, length=512)]) == pytest.approx(0.9)
    assert kept_in_4bit([row()]) is None


def test_the_figure_is_drawn() -> None:
    """One recipe or many, with bases of no score and names that look like formulas, in both themes."""
    table = {"data": "dev.json", "n": 9, "seed": 0, "rows": [row(), row(4), row(length=512, base=0.0)]}
    light, dark = draw_figure(table), draw_figure(table, "dark")
    assert light.startswith(b"\x89PNG") and dark.startswith(b"\x89PNG") and light != dark
