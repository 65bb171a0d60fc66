"""What the stages hand to each other: frozen, typed, and JSON-ready through `dataclasses.asdict`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

AbsentLabel = Literal["answer", "abstain"]
"""The label of a row whose oracle was left out: the paper's answer all the same, or an abstention."""

BASE = "base"
"""The name under which a model server serves the base model."""

ABSTENTION = "The documents do not say."
"""What a model trained with `AbsentLabel` "abstain" says after the answer tag."""


PARAGRAPH = "application/x-hotpotqa-paragraph"
"""The media type of a HotpotQA file's paragraphs: one file gives many documents."""

NO_ANSWER = "noanswer"
"""HotpotQA's and our gold answer of a question that its documents do not answer."""

Paragraph = tuple[str, tuple[str, ...]]
"""A title and its sentences."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, slide or sheet of a document; `number` counts from 1 and is None where there are no pages."""

    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file as text. `id` is a prefix of the `sha256` of its bytes, so that adding twice changes nothing.

    `unread` counts what the file holds beside its text, such as ("3 pictures", "1 chart").
    """

    id: str
    title: str
    source: str
    media_type: str
    sha256: str
    pages: tuple[Page, ...]
    unread: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All pages, joined by blank lines."""
        return "\n\n".join(page.text for page in self.pages)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Document:
        """Return the document that `dataclasses.asdict` made into JSON."""
        pages = tuple(Page(**page) for page in fields["pages"])
        return cls(**{**fields, "pages": pages, "unread": tuple(fields.get("unread", ()))})


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What the library remembers of a document, beside its text. `added_at` is ISO 8601 in UTC.

    `unread` is as in `Document`.
    """

    id: str
    title: str
    source: str
    media_type: str
    sha256: str
    pages: int
    chunks: int
    tokens: int
    added_at: str
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one page. `start` counts characters in the page's text; `tokens` as the splitter counts."""

    id: str
    document_id: str
    title: str
    text: str
    page: int | None
    index: int
    start: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk; `score` is cosine similarity, higher is nearer."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class RaftExample:
    """One RAFT row: a question, the documents shown (oracle among them or left out), a quoted answer.

    `documents` are in the order shown; `oracle_context` is the oracle's text even where it is left out.
    `cot_answer` quotes between ##begin_quote## and ##end_quote## and ends in `<ANSWER>: answer`.
    """

    id: str
    question: str
    documents: tuple[str, ...]
    titles: tuple[str, ...]
    oracle_context: str
    cot_answer: str
    answer: str
    chunk_id: str = ""
    type: str = "general"

    @property
    def has_oracle(self) -> bool:
        """Whether the oracle is among the documents shown."""
        return self.oracle_context in self.documents


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that was left out, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A data set's card in numbers. `content_hash` covers its rows; `tokens` and `cost_usd` their making."""

    id: str
    guild: str
    rows: int
    rejected: int
    content_hash: str
    tokens: int
    cost_usd: float
    generator: str
    settings: dict[str, object]
    documents: tuple[str, ...]
    created_at: str


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """A trained LoRA adapter and its lineage. Ids are never reused for other weights.

    `left_out` rows were too long to train on; `tokens` counts each of the others once an epoch. `validation_loss` is the
    lowest on `validation_rows` that were not trained on; the weights are those of `best_step` then.
    """

    id: str
    guild: str
    base: str
    dataset: str
    loss: float
    tokens: int
    seconds: float
    cost_usd: float
    path: str
    rank: int
    dataset_hash: str
    created_at: str
    rows: int = 0
    left_out: int = 0
    validation_rows: int = 0
    validation_loss: float | None = None
    best_step: int | None = None


JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job at one moment. Times are Unix seconds; `eta_s` is the time left by the speed so far.

    `place` counts from 1 among the jobs that wait for the same kind of worker; None once it runs.
    """

    id: str
    guild: str
    kind: str
    state: JobState
    stage: str
    detail: str
    percent: float
    eta_s: float | None
    place: int | None
    tokens: int
    cost_usd: float
    reason: str
    requester: str
    result: dict[str, object]
    created_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def is_over(self) -> bool:
        """Whether it will not change unless someone resumes it."""
        return self.state in {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class Source:
    """A document shown to a model: `number` counts from 1 in the order shown."""

    number: int
    title: str
    page: int | None
    chunk_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a model put in quote marks, and the source in which it stands verbatim.

    `verified` when it is long enough to say something: a single common word stands in many a source.
    """

    text: str
    verified: bool
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model said. `answer` is the short answer; `tagged` tells whether the answer tag was there.

    `error` says why it broke off, where it did; the rest is then what was there until then. A `repeated` one was
    ended because it repeated itself.
    """

    model: str
    text: str
    answer: str
    tagged: bool
    truncated: bool
    quotes: tuple[Quote, ...]
    sources: tuple[Source, ...]
    tokens: int
    seconds: float
    error: str = ""
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """One question, answered by several models from the same sources."""

    question: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question of a conversation, and the short answer to it."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Question:
    """One evaluation item in HotpotQA's shape. `context` holds (title, sentences) pairs in order.

    `supporting_facts` are (title, sentence index) pairs that the answer needs; empty where the data names none.
    `aliases` are other right answers; the best one counts. `supporting_paragraphs` are titles of paragraphs that
    the answer needs, where the data names paragraphs and no sentences.
    """

    id: str
    question: str
    answer: str
    context: tuple[Paragraph, ...]
    type: str = ""
    supporting_facts: tuple[tuple[str, int], ...] = ()
    aliases: tuple[str, ...] = ()
    supporting_paragraphs: tuple[str, ...] = ()

    @property
    def gold_titles(self) -> frozenset[str]:
        """The titles of the paragraphs that the answer rests on; empty where the data names none."""
        return frozenset(title for title, _ in self.supporting_facts) | frozenset(self.supporting_paragraphs)

    @property
    def answers(self) -> tuple[str, ...]:
        """All right answers."""
        return (self.answer, *self.aliases)


@dataclass(frozen=True, slots=True)
class Part:
    """The mean F1, with its 95 % interval, and EM of one kind of questions."""

    n: int
    f1: float
    f1_low: float
    f1_high: float
    em: float


@dataclass(frozen=True, slots=True)
class Score:
    """A model's mean F1 and EM over `n` questions, with 95 % intervals, and what went wrong how often.

    `truncated`, `untagged`, `refused` and `repeated` are shares of the answers, between 0 and 1; `answered_f1` and
    `answered_em` are means over what was not refused, None where everything was. `by` splits the questions:

        {"type": {"bridge": Part, …}, "length": {"1 word": Part, …}, "gold": {"shown": Part, …}}

    `cached` answers came from earlier runs: `seconds` does not hold the time for them.
    """

    model: str
    prompt: str
    n: int
    f1: float
    f1_low: float
    f1_high: float
    em: float
    em_low: float
    em_high: float
    truncated: float
    untagged: float
    tokens: int
    seconds: float
    prec: float = 0.0
    recall: float = 0.0
    refused: float = 0.0
    answered_f1: float | None = None
    answered_em: float | None = None
    cached: int = 0
    repeated: float = 0.0
    by: dict[str, dict[str, Part]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """The paired difference in F1, `b` minus `a`, over the same questions, with its 95 % interval.

    `p_holm` is `p` corrected for all `comparisons` of the evaluation. `sd` is that of the questions'
    differences; from it follows how many questions a gain of three points `needs` to be seen.
    """

    a: str
    b: str
    f1: float
    low: float
    high: float
    p: float
    p_holm: float | None = None
    comparisons: int = 1
    sd: float = 0.0
    needs: int | None = None

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero and the p-value, corrected, is below 0.05."""
        p = self.p if self.p_holm is None else self.p_holm
        return (self.low > 0 or self.high < 0) and p < 0.05
