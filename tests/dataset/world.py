"""Small chunks for the tests of this folder."""

from __future__ import annotations

from raft_core.files import content_hash
from raft_core.records import Chunk

TOWNS = ("Belmo", "Dastok", "Virel", "Sarnov", "Quillon", "Marest", "Tolvane", "Istrim", "Pellory", "Wexham")


def chunk(text: str, *, document: str = "doc", title: str = "Title", index: int = 0) -> Chunk:
    """Return a chunk whose id comes from its text."""
    return Chunk(content_hash(document, text), document, title, text, None, index, 0, len(text.split()))


def town_chunks(count: int = 10) -> list[Chunk]:
    """Return chunks about invented towns, one document each."""
    return [
        chunk(
            f"{name} is a town on the river Sarn. {name} was founded in {1800 + number} by Arlo Venn. "
            f"{name} has {300 + number} inhabitants.",
            document=f"doc-{name}",
            title=name,
        )
        for number, name in enumerate(_names(count))
    ]


def _names(count: int) -> list[str]:
    return [TOWNS[n % len(TOWNS)] + "ville" * (n // len(TOWNS)) for n in range(count)]
