"""Loads and fills the templates of `prompts/`.

`rag` is the write-up's plain prompt, `raft` the one that RAFT trains and serves with. A prompt is a
pure function of the question and the documents' texts, so that training, asking and evaluating
cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template

from raft_core.errors import SettingsError
from raft_core.files import content_hash
from raft_core.markup import DOCUMENT_CLOSE, DOCUMENT_OPEN, neutralise


@cache
def load(name: str) -> str:
    """Return the template `prompts/<name>.txt`.

    Raises:
        SettingsError: there is no such template; names those there are.
    """
    folder = files("prompts")
    path = folder / f"{name}.txt"
    if not path.is_file():
        known = sorted(
            item.name.removesuffix(".txt") for item in folder.iterdir() if item.name.endswith(".txt")
        )
        raise SettingsError(f"no prompt {name!r}", remedy=f"known prompts: {', '.join(known)}")
    return path.read_text(encoding="utf-8").removesuffix("\n")


def fill(name: str, **variables: str) -> str:
    """Return template `name` with every $variable replaced; values are never read as templates.

    Raises:
        SettingsError: the template names a variable that was not given.
    """
    try:
        return Template(load(name)).substitute(variables)
    except KeyError as error:
        raise SettingsError(f"prompt {name!r} needs the variable {error.args[0]!r}") from error


def instruction(question: str, documents: Sequence[str]) -> str:
    """Return the official code's `instruction`: each document in tags, then the question."""
    return "".join(f"{DOCUMENT_OPEN}{neutralise(text)}{DOCUMENT_CLOSE}\n" for text in documents) + question


def render(name: str, question: str, documents: Sequence[str]) -> str:
    """Return the prompt `rag` or `raft` for a question over the documents' texts, in the order given.

    Question and documents are untrusted: their markup and control tokens are defused.
    """
    if name == "raft":
        shown = instruction("", documents).removesuffix("\n")
    else:
        shown = "\n\n".join(neutralise(text) for text in documents)
    return fill(name, documents=shown, question=neutralise(question))


def prompt_hash(name: str) -> str:
    """Return the hash of a template, kept beside every score."""
    return content_hash(load(name))
