"""Equations of web pages (MathML) as a line of text, from the events of a parser: x=(-b±√(b^2-4ac))/2a."""

from __future__ import annotations

from collections.abc import Callable

from raft_core.documents.equations import grouped

_LEFT_OUT = frozenset(("annotation", "annotation-xml", "mphantom"))


class MathML:
    """Collect one equation; `text` is whole once `end` has been called as often as `start`."""

    def __init__(self) -> None:
        self._open: list[tuple[str, list[str]]] = []
        self.text = ""

    def start(self, tag: str) -> None:
        """Open an element."""
        self._open.append((tag.rpartition(":")[2], []))

    def data(self, text: str) -> None:
        """Take the text of the innermost element."""
        if text.strip():
            self._open[-1][1].append(" ".join(text.split()))

    def end(self) -> bool:
        """Close the innermost element; return whether it was the equation itself."""
        tag, parts = self._open.pop()
        text = "" if tag in _LEFT_OUT else _WRITERS.get(tag, "".join)(parts)
        if self._open:
            self._open[-1][1].append(text)
            return False
        self.text = text
        return True


def _fraction(parts: list[str]) -> str:
    return "/".join(map(grouped, parts))


def _script(*marks: str) -> Callable[[list[str]], str]:
    def write(parts: list[str]) -> str:
        base = parts[0] if parts else ""
        pairs = zip(marks, parts[1:], strict=False)
        return base + "".join(f"{mark}{grouped(part)}" for mark, part in pairs if part)

    return write


def _root(parts: list[str]) -> str:
    return f"√[{parts[1]}]({parts[0]})" if len(parts) == 2 else "".join(parts)


_WRITERS: dict[str, Callable[[list[str]], str]] = {
    "mfrac": _fraction,
    "msup": _script("^"),
    "mover": _script("^"),
    "msub": _script("_"),
    "munder": _script("_"),
    "msubsup": _script("_", "^"),
    "munderover": _script("_", "^"),
    "msqrt": lambda parts: f"√({''.join(parts)})",
    "mroot": _root,
    "mtable": lambda parts: f"[{'; '.join(parts)}]",
    "mtr": ", ".join,
    "mlabeledtr": ", ".join,
}
