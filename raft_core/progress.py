"""How a long stage tells whoever watches where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """A stage at one moment: `done` of `total` units (0 when unknown), and a few words."""

    stage: str
    done: int
    total: int
    detail: str = ""


Report = Callable[[Progress], None]
"""What a stage calls as it goes on; called often, so it must be cheap."""


def silent(_: Progress) -> None:
    """Report to nobody."""
