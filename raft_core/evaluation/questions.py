"""Questions as people have them: every layout is recognised by its fields and read as one record.

    HotpotQA     {"_id", "question", "answer", "type", "supporting_facts": [["Norway", 0]],
                  "context": [["Norway", ["Oslo is its capital. ", "…"]], …]}     2WikiMultihopQA likewise
    the hub's    {"id", …, "supporting_facts": {"title": ["Norway"], "sent_id": [0]},
                  "context": {"title": ["Norway"], "sentences": [["Oslo is its capital. ", "…"]]}}
    MuSiQue      {"id", "question", "answer", "answer_aliases": […], "answerable": true,
                  "paragraphs": [{"title", "paragraph_text", "is_supporting"}, …]}
    SQuAD        {"data": [{"title", "paragraphs": [{"context": "…", "qas": [{"id", "question", "answers",
                  "is_impossible"}]}]}]}, and the hub's {"id", "title", "context": "…", "question", "answers"}
    RAFT         {"question", "gold_final_answer", "context": "<DOCUMENT>…</DOCUMENT>…"}: our `eval` export

Of several right answers the best one counts. A question that its documents do not answer has the answer
`noanswer`. What a layout lacks stays empty: `lacking` counts it, and scores that need it are left out.

Sources: github.com/hotpotqa/hotpot, StonyBrookNLP/musique, Alab-NII/2wikimultihop, rajpurkar.github.io/SQuAD-explorer.
HotpotQA's titles hold HTML entities, which are resolved for reading; its metric compares titles as they stand.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from raft_core.errors import BadRecord
from raft_core.evaluation.hotpotqa import Fact, Gold
from raft_core.evaluation.sources import Titles, kind, open_records
from raft_core.records import NO_ANSWER, Paragraph, Question

_DOCUMENT = re.compile(r"<DOCUMENT>(.*?)</DOCUMENT>", re.DOTALL)
_HOPS = re.compile(r"\dhop")
NAMED = 80
"""Characters of an id in an error."""
TITLES, FACTS, GOLD = "titles", "supporting facts", "gold paragraphs"


def read_questions(source: Path | str) -> list[Question]:
    """Return the questions of a file, of a data set of the hub, or of the sample exam, with their paragraphs.

    Raises:
        BadRecord: a record lacks a field or has one of a wrong type; names both.
        EvaluationError: the file is not readable, or holds no records.
    """
    return [record.question() for record in _records(source)]


def read_gold(source: Path | str) -> list[Gold]:
    """Return what scoring needs of each record: id, answers and, where there are, supporting facts.

    Raises:
        BadRecord: a record lacks a field or has one of a wrong type; names both.
        EvaluationError: the file is not readable, or holds no records.
    """
    return [record.gold() for record in _records(source)]


def read_contexts(source: Path | str) -> Iterator[Paragraph]:
    """Yield the paragraphs of all records, which may lack everything else; titles as they stand.

    Raises:
        BadRecord: a record lacks its context or has it in another shape; names record and field.
        EvaluationError: the file is not readable, or holds no records.
    """
    for record in _records(source, whole=False):
        yield from record.context()


def to_record(question: Question) -> dict[str, object]:
    """Return a question in HotpotQA's official layout; what it lacks is left out."""
    record: dict[str, object] = {
        "_id": question.id,
        "question": question.question,
        "answer": question.answer,
        "type": question.type,
        "context": [[title, list(sentences)] for title, sentences in question.context],
    }
    if question.aliases:
        record["answer_aliases"] = list(question.aliases)
    if question.supporting_facts:
        record["supporting_facts"] = [list(fact) for fact in question.supporting_facts]
    if question.supporting_paragraphs:
        record["supporting_paragraphs"] = list(question.supporting_paragraphs)
    return record


def paragraphs(question: Question) -> tuple[str, ...]:
    """Return the texts of a question's paragraphs, as they are shown to a model: without titles."""
    return tuple("".join(sentences).strip() for _, sentences in question.context)


def lacking(questions: Sequence[Question]) -> dict[str, int]:
    """Return how many questions have no titles, no supporting facts, no gold paragraphs; what none lacks is absent.

    A question without an answer rests on nothing and lacks neither of the last two.
    """
    answered = [question for question in questions if question.answer != NO_ANSWER]
    counts = {
        TITLES: sum(bool(each.context) and not any(title for title, _ in each.context) for each in questions),
        FACTS: sum(not each.supporting_facts for each in answered),
        GOLD: sum(not each.gold_titles for each in answered),
    }
    return {what: count for what, count in counts.items() if count}


def _records(source: Path | str, *, whole: bool = True) -> Iterator[_Record]:
    """Yield the records of a source; all but those read for their context alone have an id of their own."""
    name, values = open_records(source)
    titles, seen = Titles(), dict[str, int]()
    for position, value in enumerate(values, 1):
        record = _Record(name, position, value, titles, whole=whole)
        if whole and seen.setdefault(record.id, position) != position:
            reason = f"{record.id[:NAMED]!r} is also that of number {seen[record.id]}"
            raise BadRecord(name, f"number {position}", record.id_field, reason)
        yield record


class _Record:
    """One record in whichever layout, and how its faults are named."""

    def __init__(self, source: str, position: int, value: Any, titles: Titles, *, whole: bool) -> None:
        self.source = source
        self.value = value
        self.name = f"number {position}"
        self.titles = titles
        self.whole = whole
        if not isinstance(value, dict):
            raise BadRecord(source, self.name, "_id", f"the record is {kind(value)}, not an object")
        self.id_field = "id" if "id" in value and "_id" not in value else "_id"
        self.id = str(value.get(self.id_field, position))
        if whole and "gold_final_answer" not in value:  # RAFT's rows have none
            self.id = self.text(self.id_field)
        if self.id_field in value:
            self.name = f"{self.id[:NAMED]!r} (number {position})"

    def question(self) -> Question:
        answers = self.answers()
        answered = answers[0] != NO_ANSWER
        context = tuple((html.unescape(title), sentences) for title, sentences in self.context())
        if not context:
            raise self.bad(self.context_field, "has no paragraphs")
        return Question(
            self.id,
            self.text("question"),
            answers[0],
            context,
            self.type(answered=answered),
            tuple((html.unescape(title), index) for title, index in self.facts() or ()),
            answers[1:],
            self.supporting_paragraphs(context) if answered else (),
        )

    def gold(self) -> Gold:
        answers = self.answers()
        return Gold(self.id, answers[0], self.facts(), answers[1:])

    def type(self, *, answered: bool) -> str:
        """Return the record's type; MuSiQue's ids begin with theirs: 2hop__, 3hop1__."""
        if self.value.get("type") is not None:
            return self.text("type")
        hops = _HOPS.match(self.id) if "paragraphs" in self.value else None
        return ("" if answered else "unanswerable") or (hops[0] if hops else "")

    def answers(self) -> tuple[str, ...]:
        """Return all right answers, each once, the record's own first."""
        if self.value.get("is_impossible") is True or self.value.get("answerable") is False:
            return (NO_ANSWER,)
        if "answers" in self.value and "answer" not in self.value:
            several = self.value["answers"]
            several = several.get("text") if isinstance(several, dict) else several
            if isinstance(several, list):
                several = [each.get("text") if isinstance(each, dict) else each for each in several]
            return self.strings("answers", several) or (NO_ANSWER,)
        own = self.text("gold_final_answer" if "gold_final_answer" in self.value else "answer")
        aliases = self.strings("answer_aliases", self.value.get("answer_aliases") or [])
        return tuple(dict.fromkeys((own, *aliases)))

    @property
    def context_field(self) -> str:
        return "paragraphs" if "paragraphs" in self.value and "context" not in self.value else "context"

    def context(self) -> tuple[Paragraph, ...]:
        value = self.parsed(self.context_field)
        if isinstance(value, str):
            documents = [("", (text.strip(),)) for text in _DOCUMENT.findall(value)]
            return tuple(documents) or (self._paragraph(1, self.value.get("title") or "", value),)
        if isinstance(value, dict) and {"title", "sentences"} <= value.keys():
            names, texts = value["title"], value["sentences"]
            if not (isinstance(names, list) and isinstance(texts, list) and len(names) == len(texts)):
                raise self.bad("context", 'its "title" and "sentences" are not lists of the same length')
            return tuple(
                self._paragraph(*each) for each in zip(range(1, len(names) + 1), names, texts, strict=True)
            )
        if not isinstance(value, list):
            raise self.bad(self.context_field, f"is {kind(value)}, not a list of paragraphs")
        return tuple(self._paragraph(number, *_parts(item)) for number, item in enumerate(value, 1))

    def facts(self) -> tuple[Fact, ...] | None:
        """Return the supporting facts under the titles as they stand; None where the record names none."""
        value = self.parsed("supporting_facts") if self.value.get("supporting_facts") is not None else None
        if value is None:
            return None
        if isinstance(value, dict) and {"title", "sent_id"} <= value.keys():
            names, places = value["title"], value["sent_id"]
            both = isinstance(names, list) and isinstance(places, list) and len(names) == len(places)
            value = list(zip(names, places, strict=True)) if both else [value]
        return facts_of(self.source, self.name, "supporting_facts", value)

    def supporting_paragraphs(self, context: Sequence[Paragraph]) -> tuple[str, ...]:
        """Return the titles of the gold paragraphs where the layout names paragraphs and no sentences."""
        if self.value.get("supporting_facts"):
            return ()
        if "supporting_paragraphs" in self.value:
            named = self.strings("supporting_paragraphs", self.value["supporting_paragraphs"])
            return tuple(html.unescape(title) for title in named)
        if self.context_field == "paragraphs":
            marks = [item.get("is_supporting") for item in self.value["paragraphs"] if isinstance(item, dict)]
            return tuple(
                dict.fromkeys(title for (title, _), mark in zip(context, marks, strict=True) if mark)
            )
        one_text = isinstance(self.value["context"], str) and len(context) == 1
        return (context[0][0],) if one_text and context[0][0] else ()

    def text(self, field: str) -> str:
        if field not in self.value:
            raise self.bad(field, "is missing")
        if not isinstance(self.value[field], str):
            raise self.bad(field, f"is {kind(self.value[field])}, not a string")
        return self.encodable(field, self.value[field])

    def strings(self, field: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.bad(field, "is not a list of strings")
        return tuple(dict.fromkeys(self.encodable(field, each) for each in value))

    def parsed(self, field: str) -> Any:
        """Return a field's value; tables hold lists as JSON text, too."""
        if field not in self.value:
            raise self.bad(field, "is missing")
        value = self.value[field]
        if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
            try:
                return json.loads(value)
            except (ValueError, RecursionError):
                return value
        return value

    def bad(self, field: str, reason: str) -> BadRecord:
        return BadRecord(self.source, self.name, field, reason)

    def encodable(self, field: str, text: str) -> str:
        try:
            text.encode("utf-8", "strict" if self.whole else "surrogatepass")  # documents are cleaned later
        except UnicodeEncodeError:
            raise self.bad(field, "holds half a surrogate pair, which is no text") from None
        return text

    def _paragraph(self, number: int, title: Any, body: Any) -> Paragraph:
        sentences = [body] if isinstance(body, str) else body
        if not (isinstance(title, str) and isinstance(sentences, list)) or not all(
            isinstance(sentence, str) for sentence in sentences
        ):
            raise self.bad(self.context_field, f"paragraph {number} is not [title, [sentence, …]]")
        self.encodable(self.context_field, title + "".join(sentences))
        whole = isinstance(body, str)
        return self.titles.one(title, body) if whole and title else title, tuple(sentences)


def facts_of(source: str, record: str, field: str, value: Any) -> tuple[Fact, ...]:
    """Return supporting facts of untrusted JSON.

    Raises:
        BadRecord: it is no list of [title, sentence index] pairs.
    """
    facts: list[Fact] = []
    for item in value if isinstance(value, list) else [value]:
        match item:
            case [str(title), int(index)] | {"title": str(title), "sent_id": int(index)} if not isinstance(
                index, bool
            ):
                facts.append((title, index))
            case _:
                raise BadRecord(source, record, field, "is not a list of [title, sentence index] pairs")
    return tuple(facts)


def _parts(item: Any) -> tuple[Any, Any]:
    """Return title and text of a paragraph in a list, whatever they are."""
    match item:
        case [title, [*sentences]]:
            return title, sentences
        case {"title": title, "paragraph_text": text} | {"title": title, "sentences": text}:
            return title, text
        case {"title": title, "content": text} | {"title": title, "text": text}:
            return title, text
        case str():
            return "", item
    return None, None
