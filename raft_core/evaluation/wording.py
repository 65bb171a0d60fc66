"""How results are put into words: the same in every report and on every picture."""

from __future__ import annotations

from collections.abc import Iterator

from raft_core.evaluation.questions import FACTS, GOLD, TITLES
from raft_core.evaluation.result import Circumstances, Evaluation
from raft_core.records import Difference

SETTINGS = {
    "distractor": "the answering paragraphs among distractors",
    "oracle": "only the answering paragraphs",
    "closed-book": "closed book: no paragraphs",
    "retrieval": "paragraphs retrieved from all of the data",
    "documents": "chunks retrieved from the community's documents",
}

LEFT_OUT = {
    TITLES: "their paragraphs are numbered only",
    FACTS: "they count in no score of facts",
    GOLD: "they count in no recall, and in no table by what was shown",
}


MINUS = "\u2212"
CUT_OFF = 0.05
"""From this share of cut-off answers on, a reader is told."""


def headline(evaluation: Evaluation) -> str:
    """Say in a few words what came out."""
    differences = evaluation.differences
    if not differences:
        return f"{evaluation.baseline} answers with F1 {evaluation.models[evaluation.baseline].f1:.3f}"
    if len(differences) == 1:
        (only,) = differences
        if not only.significant:
            return f"No significant difference between {only.b} and {only.a}"
        return f"{only.b} answers {'better' if only.f1 > 0 else 'worse'} than {only.a}"
    better = sum(each.significant and each.f1 > 0 for each in differences)
    worse = sum(each.significant and each.f1 < 0 for each in differences)
    if not better and not worse:
        return f"None of {len(differences)} models differs significantly from {evaluation.baseline}"
    told = [f"{count} {word}" for count, word in ((better, "better"), (worse, "worse")) if count]
    return f"Of {len(differences)} models, {' and '.join(told)} than {evaluation.baseline}"


def coverage(circumstances: Circumstances) -> str:
    """Say how many questions were asked, of how many, and how they were chosen."""
    c = circumstances
    drawn = f"n = {c.n} of {c.available} questions, drawn with seed {c.seed}."
    if c.limit is not None and c.limit > c.available:
        drawn += f" The limit of {c.limit} is more than there are: all were asked."
    return drawn


def shown(circumstances: Circumstances) -> str:
    """Say what a model was shown with each question."""
    c = circumstances
    said = SETTINGS.get(c.setting, c.setting)
    if c.distractors is not None:
        said += f" ({c.distractors} a question)"
    if c.top_k is not None:
        said += f" (the nearest {c.top_k})"
    return said


def memory(circumstances: Circumstances) -> str:
    """Say what memory the model server told of; empty where it told of none."""
    kinds = {"weights": "base weights", "server": "model server", "gpu": "GPU"}
    held = circumstances.memory_mb
    return ", ".join(f"{said} {held[kind]:,.0f} MB" for kind, said in kinds.items() if kind in held)


def verdict(difference: Difference) -> str:
    """Say in one line how large a difference is, and whether it is significant."""
    return f"F1 {short_verdict(difference)} ({difference.b} minus {difference.a}, paired over the same questions)."


def short_verdict(difference: Difference) -> str:
    """Return the difference, its interval, its p-value and the word."""
    word = "significant" if difference.significant else "not significant"
    p = f"p = {difference.p:.4f}"
    if difference.comparisons > 1 and difference.p_holm is not None:
        p += f" (corrected {difference.p_holm:.4f})"
    return (
        f"{signed(difference.f1)}, 95 % interval [{signed(difference.low)}, {signed(difference.high)}], "
        f"{p}: {word}"
    )


def signed(value: float) -> str:
    """Return a difference with its sign; what rounds to nothing has none."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", MINUS)


def notes(evaluation: Evaluation) -> Iterator[str]:
    """Yield what a reader must know beside the scores: sample size, leaks, recall, what was cut off."""
    c = evaluation.circumstances
    if len(evaluation.differences) > 1:
        yield f"{len(evaluation.differences)} models were compared: p-values are corrected by Holm's method."
    for what, count in c.lacks.items():
        yield f"{count} of {c.n} questions have no {what} in this data: {LEFT_OUT[what]}."
    if c.fewer:
        yield f"{c.fewer} questions have fewer distractors than asked for."
    for each in evaluation.differences:
        if not each.significant and each.needs and each.needs > evaluation.n:
            yield (
                f"To see a gain of 3 points of {each.b} over {each.a} you need about {each.needs:,} questions; "
                f"these were {evaluation.n:,}."
            )
    if c.leaks is not None and c.leaks.questions:
        what = "asked all the same" if c.leaks.kept else "left out"
        yield f"{c.leaks.questions} of {c.leaks.checked} questions occur in the training data and were {what}."
    if c.leaks is not None and c.leaks.unknown:
        names = ", ".join(c.leaks.unknown)
        yield f"The training data of {names} is not at hand: whether questions leaked is not known."
    if c.recall_at_k:
        recalls = ", ".join(f"{share:.3f} at {k}" for k, share in c.recall_at_k.items())
        yield f"Recall of the answering paragraphs: {recalls}."
    for score in evaluation.models.values():
        if score.truncated >= CUT_OFF:
            yield (
                f"{score.truncated:.0%} of the answers of {score.model} were cut off at {c.max_new_tokens} tokens: "
                "its score is lower for that."
            )
        if score.repeated:
            yield f"{score.repeated:.0%} of the answers of {score.model} repeated themselves and were ended."
