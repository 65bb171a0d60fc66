"""One evaluation, told as Markdown, HTML and pictures, and read back from its folder."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from raft_core.errors import EvaluationError
from raft_core.evaluation.harness import Run, Sample
from raft_core.evaluation.page import html
from raft_core.evaluation.plot import picture
from raft_core.evaluation.questions import to_record
from raft_core.evaluation.report import markdown, samples_jsonl
from raft_core.evaluation.result import Evaluation, judge
from raft_core.evaluation.stored import load_evaluation
from raft_core.evaluation.wording import headline, notes, signed
from raft_core.files import write_json, write_text
from raft_core.markup import write_answer
from raft_core.records import Question
from tests.evaluation.test_result import circumstances

EVIL = "</script><img src=x onerror=alert(1)>\"'&$x_1$\x1b[31m"
N = 40


def questions() -> list[Question]:
    context = ((f"Title {EVIL}", ("Oslo is the capital.", f" {EVIL}")), ("Rome", ("Rome is old.",)))
    fact = ((f"Title {EVIL}", 0),)
    kinds = ("bridge", "comparison")
    return [
        Question(f"q{number}", f"Which? {EVIL}", "Oslo" if number % 3 else "Oslo in Norway", context, kinds[number % 2], fact)
        for number in range(N)
    ]  # fmt: skip


def run(model: str, prompt: str, right: int, *, quote: str = "Oslo is the capital.") -> Run:
    """Return a run that answers the first `right` questions."""

    def sample(number: int, question: Question) -> Sample:
        f1 = float(number < right)
        said = question.answer if f1 else EVIL
        text = write_answer(quote, said) + EVIL
        marks = (f1, f1, f1, f1)
        return Sample(question.id, question.question, question.answer, said, text, *marks, False, True, 9, 0.1, question.type)  # fmt: skip

    return Run(model, prompt, tuple(sample(*pair) for pair in enumerate(questions())), 2.0)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """The base answers 10 of 40, one adapter 30, one with a hostile name 12."""
    runs = [run("base", "rag", 5), run("base", "raft", 10), run("good", "raft", 30)]
    runs.append(run(f"same{EVIL}", "raft", 12, quote="Rome was old."))
    return judge(replace(circumstances(N), data=EVIL), runs, questions())


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_a_page_runs_and_loads_nothing_of_others(evaluation: Evaluation) -> None:
    """Hostile text stays text, nothing is loaded, and only the page's own script may run."""
    page = html(evaluation)
    reader = read(page)
    assert "img" not in reader.tags and reader.tags.count("script") == 1
    assert not {name for name, _ in reader.attributes} & {"src", "href", "onerror"}
    assert "<img src=x onerror=alert(1)>" in reader.words and "\x1b" not in page
    script = page[page.index("<script>") + 8 : page.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page


def test_a_page_tells_all(evaluation: Evaluation) -> None:
    """Charts, intervals, verdicts, corrections, facts, and every changed question with quotes and context."""
    reader = read(html(evaluation))
    for expected in (
        "Of 2 models, 1 better than base",
        f"n = {N} of {N} questions, drawn with seed 3.",
        "not significant",
        "p-values are corrected by Holm's method",
        "F1 by kind of question",
        "F1 by length of the gold answer",
        "Supporting facts",
        "20 questions better, 0 worse, 20 the same.",
        "Paragraphs shown",
        "versions",
    ):
        assert expected in reader.words
    assert reader.tags.count("svg") == 3
    assert reader.tags.count("details") == 20 + 2
    assert ("class", "doubt") in reader.attributes


def test_the_dial_is_drawn_in_order(evaluation: Evaluation) -> None:
    """Evaluations with other numbers of distractors become a line from few to many."""
    dial = [
        replace(evaluation, circumstances=replace(evaluation.circumstances, distractors=count))
        for count in (8, 0, 2)
    ]
    page = html(dial[0], dial[1:])
    chart = page[page.index("F1 against the number of distractors") :]
    labels = re.findall(r'<text class="label"[^>]*>(\d+)</text>', chart[: chart.index("</svg>")])
    assert labels == ["0", "2", "8"]
    assert page.count("<polyline") == 6  # three models here, and three by length
    assert "number of distractors" not in html(dial[0]) + html(evaluation, dial)


def test_markdown_tells_groups_and_facts(evaluation: Evaluation) -> None:
    """The report has F1 by kind and length, supporting facts where a model quotes, and what must be known."""
    report = markdown(evaluation)
    assert "**Of 2 models, 1 better than base.**" in report
    assert "| bridge | 20 |" in report and "| 1 word | 26 |" in report and "| 3 words | 14 |" in report
    assert "| good | raft | 1.000 | 1.000 | 1.000 | 1.000 | 0.750 | 0.750 |" in report
    assert "\\<img" in report and not re.search(r"(?<!\\)<img", report)


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ([10], "base answers with F1 0.250"),
        ([10, 30], "m1 answers better than base"),
        ([30, 10], "m1 answers worse than base"),
        ([10, 11], "No significant difference between m1 and base"),
        ([10, 11, 11], "None of 2 models differs significantly from base"),
        ([20, 40, 1], "Of 2 models, 1 better and 1 worse than base"),
    ],
)
def test_headlines(rights: list[int], said: str) -> None:
    """The first words say what came out, and no difference is claimed that is not significant."""
    names = ["base", "m1", "m2"]
    runs = [run(name, "raft", right) for name, right in zip(names, rights, strict=False)]
    assert headline(judge(circumstances(N), runs)) == said


def test_notes_tell_what_is_needed_to_see_a_gain(evaluation: Evaluation) -> None:
    """Where a difference is not significant, the number of questions that would show one is told."""
    told = "\n".join(notes(evaluation))
    assert re.search(
        r"To see a gain of 3 points of same.* you need about \d[\d,]* questions; these were 40", told
    )
    assert "cut off" not in told
    cut = replace(evaluation.models["good"], truncated=0.05)
    short = replace(evaluation, models=evaluation.models | {"good": cut})
    assert "5% of the answers of good were cut off at 800 tokens" in "\n".join(notes(short))


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "+0.100"), (-0.1, "\u22120.100"), (-0.0001, "0.000"), (0.0, "0.000")]
)
def test_signs(value: float, text: str) -> None:
    """A difference has its sign, and nothing has none."""
    assert signed(value) == text


def test_pictures(evaluation: Evaluation) -> None:
    """Both themes are drawn, hostile names and formulas included, and differ; the same twice is the same."""
    light, again, dark = (picture(evaluation, theme) for theme in ("light", "light", "dark"))
    assert light.startswith(b"\x89PNG\r\n") and len(light) < 200_000
    assert light == again != dark


def test_an_evaluation_is_read_back_whole(evaluation: Evaluation, tmp_path: Path) -> None:
    """What was kept is read as it was, answers and questions included."""
    write_json(tmp_path / "evaluation.json", evaluation.as_json())
    write_text(tmp_path / "samples.jsonl", samples_jsonl(evaluation))
    write_json(tmp_path / "questions.json", [to_record(question) for question in evaluation.questions])
    assert load_evaluation(tmp_path) == evaluation
    (tmp_path / "questions.json").unlink()
    assert load_evaluation(tmp_path).questions == ()


@pytest.mark.parametrize("broken", ["evaluation.json", "samples.jsonl"])
def test_half_an_evaluation_is_refused(evaluation: Evaluation, tmp_path: Path, broken: str) -> None:
    """A missing, cut-off or foreign file is an error that names the folder."""
    for text in (None, '{"id"', '{"id": 1}'):
        write_json(tmp_path / "evaluation.json", evaluation.as_json())
        write_text(tmp_path / "samples.jsonl", samples_jsonl(evaluation))
        if text is None:
            (tmp_path / broken).unlink()
        else:
            write_text(tmp_path / broken, text)
        with pytest.raises(EvaluationError, match=re.escape(str(tmp_path))):
            load_evaluation(tmp_path)
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["id"]
