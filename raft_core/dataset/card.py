"""The data set's card: what is in it and how it was made, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raft_core.dataset.generators import OLD_NAMES, RULES
from raft_core.records import ABSTENTION, DatasetInfo, RaftExample

_SAMPLE_CHARACTERS = 400


def write_card(info: DatasetInfo, rows: Sequence[RaftExample], reasons: Mapping[str, int]) -> str:
    """Return the card as Markdown."""
    absent = sum(not row.has_oracle for row in rows)
    abstaining = sum(row.answer == ABSTENTION for row in rows)
    titles = sorted({_short(title) for row in rows for title in row.titles if title})
    parts = [
        f"# Data set {info.id}",
        f"{info.rows} rows, {info.rejected} rejected, made {info.created_at} for guild {info.guild}.",
        _table(
            {
                "generator": info.generator,
                "tokens": f"{info.tokens}",
                "cost": f"${info.cost_usd:.4f}",
                "content hash": info.content_hash,
                "rows without their oracle": f"{absent} of {info.rows}",
                "their label": _label(info, absent, abstaining),
                **{f"setting `{name}`": str(value) for name, value in info.settings.items()},
            }
        ),
        _about_generator(info),
        "## Documents\n\n" + ("\n".join(f"- {title}" for title in titles) or "Their titles are not known."),
        "## Rejected\n\n"
        + ("\n".join(f"- {_short(why)}: {count}" for why, count in reasons.items()) or "Nothing."),
        "## A row\n\n" + _sample(rows[0]) if rows else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _label(info: DatasetInfo, absent: int, abstaining: int) -> str:
    if info.settings.get("absent_label") == "abstain":
        return f"abstain: {ABSTENTION!r}"
    if abstaining:
        return f"{abstaining} abstain: {ABSTENTION!r}"
    return (
        "answer: the answer all the same, quoting the oracle that is not shown (the paper's way)"
        if absent
        else "none needed"
    )


def _about_generator(info: DatasetInfo) -> str:
    if info.generator.startswith((RULES, *OLD_NAMES)):
        return (
            "Questions and answers were made by rule, without a language model: each asks for a name, date, number or "
            "phrase of one sentence or table row and quotes it. English only. They are plainer than a model's, and "
            "about one in ten reads oddly."
        )
    if info.generator == "imported":
        return "The rows were made elsewhere. Quotes were checked against the documents shown and the oracle."
    return "Questions and answers were written by a language model and checked: tag, answer, verbatim quotes, duplicates."


def _sample(row: RaftExample) -> str:
    documents = "\n".join(
        f"- {'**oracle** ' if text == row.oracle_context else ''}{_short(title)}: {_short(text)}"
        for title, text in zip(row.titles, row.documents, strict=True)
    )
    return (
        f"Question: {_short(row.question)}\n\nDocuments:\n\n{documents}\n\nAnswer: {_short(row.cot_answer)}"
    )


def _short(text: str) -> str:
    flat = _printable(" ".join(text.split()))
    return flat if len(flat) <= _SAMPLE_CHARACTERS else flat[:_SAMPLE_CHARACTERS] + " …"


def _printable(text: str) -> str:
    """Leave out control characters: documents are not trusted with the reader's terminal."""
    return "".join(character for character in text if character.isprintable())


def _table(values: Mapping[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in values.items())])
