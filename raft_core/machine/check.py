"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """A check's name, whether all is well, what was found, and what to do where it is not.

    What does not apply is well: its detail says why it was not looked at.
    """

    check: str
    ok: bool
    detail: str
    remedy: str = ""


def passed(name: str, detail: str) -> Check:
    """Return a check that found nothing wrong, or nothing to look at."""
    return Check(name, ok=True, detail=detail)


def failed(name: str, detail: str, remedy: str) -> Check:
    """Return a check that found something wrong; never without a remedy."""
    return Check(name, ok=False, detail=" ".join(detail.split()), remedy=remedy)
