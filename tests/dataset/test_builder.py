from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raft_core.dataset import checks
from raft_core.dataset.builder import ABSTAINING_ANSWER, TOO_COMMON, BuildSettings, build
from raft_core.dataset.distractors import Distractors, distinct
from raft_core.dataset.files import list_datasets, load_dataset, load_rejected
from raft_core.dataset.generators import Draft, Drafts
from raft_core.dataset.generators.rules import Rules
from raft_core.errors import DatasetError, SettingsError, TooFewChunks
from raft_core.markup import find_quotes, write_answer
from raft_core.records import ABSTENTION, Chunk, DatasetInfo, RaftExample
from tests.dataset.world import chunk, town_chunks


class Scripted:
    """A generator that answers from a table of chunk titles, and counts."""

    name = fingerprint = "scripted"
    concurrency = 3

    def __init__(self, table: Mapping[str, Draft]) -> None:
        self.table, self.asked = table, 0

    async def draft(self, chunk: Chunk, questions: int, seed: int) -> Drafts:
        self.asked += 1
        return Drafts((self.table[chunk.title],), 10)

    async def close(self) -> None:
        pass


def made(
    folder: Path, given: list[Chunk] | None = None, **wanted: Any
) -> tuple[DatasetInfo, list[RaftExample]]:
    info = build(given or town_chunks(), BuildSettings(**wanted), Rules(), folder, "local")
    return load_dataset(folder / info.id)


def test_a_row_shows_its_oracle_among_distractors(tmp_path: Path) -> None:
    """With p = 1 each row shows its oracle once and three other chunks, all different, in a shuffled order."""
    info, rows = made(tmp_path)
    assert (info.rows, info.rejected, info.tokens, info.cost_usd) == (10, 0, 0, 0.0)
    texts = {chunk.text: chunk for chunk in town_chunks()}
    for row in rows:
        assert len(set(row.documents)) == 4
        assert row.documents.count(row.oracle_context) == 1
        assert row.titles == tuple(texts[text].title for text in row.documents)
        assert row.chunk_id == texts[row.oracle_context].id
        assert find_quotes(row.cot_answer, [row.oracle_context])[0].verified
    assert len({row.documents.index(row.oracle_context) for row in rows}) > 1
    assert info.documents == tuple(sorted(chunk.document_id for chunk in town_chunks()))


def test_same_input_same_rows(tmp_path: Path) -> None:
    """The same input gives the same id and rows; another seed gives others."""
    first, rows = made(tmp_path / "a")
    again, same = made(tmp_path / "b")
    other, different = made(tmp_path / "a", seed=1)
    assert (again.id, again.content_hash, same) == (first.id, first.content_hash, rows)
    assert other.id != first.id
    assert different != rows
    assert [info.id for info in list_datasets(tmp_path / "a")] == [
        info.id for info in sorted((first, other), key=lambda info: (info.created_at, info.id))
    ]


def test_a_finished_build_is_not_done_again(tmp_path: Path) -> None:
    """Building again returns what is there, without asking the generator."""
    table = {
        c.title: Draft(f"When was {c.title} founded?", write_answer(c.text, "then")) for c in town_chunks()
    }
    generator = Scripted(table)
    first = build(town_chunks(), BuildSettings(), generator, tmp_path, "local", price_per_1k_tokens_usd=0.5)
    again = build(town_chunks(), BuildSettings(), generator, tmp_path, "local")
    assert generator.asked == 10
    assert again == first
    assert (first.tokens, first.cost_usd) == (100, 0.05)


def test_a_row_does_not_depend_on_the_number_of_rows(tmp_path: Path) -> None:
    """--chunks N gives the first N of the rows that all chunks give; more questions a chunk add rows only."""
    _, everything = made(tmp_path)
    _, few = made(tmp_path, chunks=4)
    _, more = made(tmp_path, questions=2)
    assert few == everything[:4]
    assert set(everything) <= set(more)


def test_absent_oracles_with_the_papers_label(tmp_path: Path) -> None:
    """With p = 0 another distractor stands in for the oracle; the label is the answer all the same."""
    _, rows = made(tmp_path, p=0.0)
    _, present = made(tmp_path, p=1.0)
    for row, shown in zip(rows, present, strict=True):
        assert not row.has_oracle
        assert len(set(row.documents)) == 4
        assert (row.question, row.cot_answer, row.answer) == (shown.question, shown.cot_answer, shown.answer)


def test_absent_oracles_with_an_abstention(tmp_path: Path) -> None:
    """With the label "abstain" the rows without oracle, and only those, say that the documents do not say."""
    info, rows = made(tmp_path, town_chunks(60), p=0.5, absent_label="abstain")
    absent = [row for row in rows if not row.has_oracle]
    assert 18 <= len(absent) <= 42
    assert {(row.answer, row.cot_answer) for row in absent} == {(ABSTENTION, ABSTAINING_ANSWER)}
    assert all(row.answer != ABSTENTION for row in rows if row.has_oracle)
    card = (tmp_path / info.id / "card.md").read_text()
    assert f"rows without their oracle | {len(absent)} of {len(rows)}" in card
    assert "abstain: 'The documents do not say.'" in card


def test_the_card_says_what_there_is(tmp_path: Path) -> None:
    """The card names generator, settings, documents, label and a sample row."""
    info, rows = made(tmp_path, p=0.0)
    card = (tmp_path / info.id / "card.md").read_text()
    for words in (
        "without a language model",
        "the paper's way",
        "setting `distractors` | 3",
        "- Belmo\n",
        rows[0].question,
    ):
        assert words in card


@pytest.mark.parametrize(("count", "wanted", "enough"), [(4, {}, True), (3, {}, False), (4, {"p": 0.9}, False), (5, {"p": 0.9}, True)])  # fmt: skip
def test_too_few_chunks(tmp_path: Path, count: int, wanted: dict[str, Any], enough: bool) -> None:
    """A row needs its own chunk, the distractors, and where the oracle may be left out one more."""
    if enough:
        assert made(tmp_path, town_chunks(count), **wanted)[0].rows == count
    else:
        with pytest.raises(TooFewChunks, match=f"{count} chunks are too few") as caught:
            made(tmp_path, town_chunks(count), **wanted)
        assert "raftbot docs add" in caught.value.remedy


def test_chunks_of_the_same_text_are_one() -> None:
    """A text that stands in two documents is asked about once, and is no distractor of itself."""
    one, two = chunk("Belmo is old."), chunk("Belmo  is\nold.", document="other")
    assert distinct([one, two]) == [one]


def test_distractors_never_hold_the_quote() -> None:
    """An overlapping chunk that holds the quoted sentence would be a second oracle."""
    import random

    oracle = chunk("Belmo was founded in 1873. It is old.")
    overlapping, other = (
        chunk("It is old. Belmo was founded in 1873.", document="b"),
        chunk("Virel is new.", document="c"),
    )
    answer = write_answer("Belmo was founded in 1873.", "1873")
    picker = Distractors([oracle, overlapping, other])
    assert picker.pick(oracle, answer, 2, random.Random(0)) == [other]


def test_hard_distractors_come_first(tmp_path: Path) -> None:
    """Hard distractors are the nearest chunks; where there are too few, random ones fill up."""
    chunks = town_chunks()
    asked: list[int] = []

    def nearest(oracle: Chunk, k: int) -> list[Chunk]:
        asked.append(k)
        return [oracle, *[other for other in chunks if other is not oracle][:2]]

    info = build(
        chunks,
        BuildSettings(distractor_choice="hard"),
        Rules(),
        tmp_path,
        "local",
        nearest=nearest,
        nearest_by="x",
    )
    _, rows = load_dataset(tmp_path / info.id)
    assert len(asked) == 10
    for row in rows:
        others = [chunk.text for chunk in chunks if chunk.text != row.oracle_context]
        assert set(others[:2]) < set(row.documents)
        assert len(set(row.documents)) == 4


def test_bad_drafts_are_kept_with_their_reasons(tmp_path: Path) -> None:
    """Each fault is a rejection with its reason; the good rows stay; the card counts."""
    chunks = town_chunks(8)
    good = Draft("When was it founded?", write_answer(chunks[0].text, "then"))
    table = {
        chunks[0].title: good,
        chunks[1].title: replace(good, question="Here are the questions:"),
        chunks[2].title: replace(good, question="When was it built?", cot_answer="1800"),
        chunks[3].title: replace(
            good, question="When was it burnt?", cot_answer=write_answer(chunks[3].text, "")
        ),
        chunks[4].title: replace(good, question="When was it sold?", cot_answer="<ANSWER>: 1800"),
        chunks[5].title: replace(
            good, question="When was it lost?", cot_answer=write_answer("Not in there.", "1800")
        ),
        chunks[6].title: Draft("", "", "no answer"),
        chunks[7].title: Draft("when was it   Founded ?", write_answer(chunks[7].text, "then")),
    }
    info = build(chunks, BuildSettings(), Scripted(table), tmp_path, "local")
    rejected = load_rejected(tmp_path / info.id)
    assert (info.rows, info.rejected) == (1, 7)
    assert {item.reason for item in rejected} == {
        checks.NOT_A_QUESTION, checks.NO_TAG, checks.EMPTY_ANSWER, checks.NO_QUOTE, checks.NOT_VERBATIM, checks.DUPLICATE, "no answer",
    }  # fmt: skip
    assert "- no answer: 1" in (tmp_path / info.id / "card.md").read_text()


def test_no_row_at_all_is_an_error(tmp_path: Path) -> None:
    """Where nothing passes there is no data set, and the error counts the reasons."""
    chunks = [chunk(f"| {n} | b |", document=str(n)) for n in range(5)]
    with pytest.raises(DatasetError, match="not one of 5 rows passed the checks: no sentence"):
        made(tmp_path, chunks)
    assert list_datasets(tmp_path) == []


@pytest.mark.parametrize("bad", [{"p": 1.5}, {"questions": 0}, {"distractors": -1}, {"chunks": 0}])
def test_settings_out_of_range(bad: dict[str, Any]) -> None:
    """A setting that makes no sense is named."""
    with pytest.raises(SettingsError, match=next(iter(bad))):
        BuildSettings(**bad)


def test_changed_rows_are_noticed(tmp_path: Path) -> None:
    """Rows that were edited, or cut short, are not taken for those the card speaks of."""
    info, _ = made(tmp_path)
    path = tmp_path / info.id / "rows.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(lines[0]), "answer": "x"}), *lines[1:]]))
    with pytest.raises(DatasetError, match="were changed"):
        load_dataset(tmp_path / info.id)
    path.write_text(lines[0][:50])
    with pytest.raises(DatasetError, match="cannot be read"):
        load_dataset(tmp_path / info.id)


def test_one_form_is_a_tenth_at_most(tmp_path: Path) -> None:
    """Of forty rows for one column four are taken; spares of other columns stand in for the rest, or it is said why not."""
    chunks = town_chunks(40)

    def draft_of(c: Chunk, column: str) -> Draft:
        return Draft(
            f"What is the {column} of {c.title}?", write_answer(c.text, column), "", column, capped=True
        )

    class Tables(Scripted):
        async def draft(self, chunk: Chunk, questions: int, seed: int) -> Drafts:
            spares = tuple(draft_of(chunk, f"colour {n}") for n in range(len(chunk.title) % 6))
            return Drafts((draft_of(chunk, "price"),), spares=spares)

    info = build(chunks, BuildSettings(), Tables({}), tmp_path, "local")
    _, rows = load_dataset(tmp_path / info.id)
    columns = Counter(row.answer for row in rows)
    assert max(columns.values()) <= max(1, len(rows) // 10) and len(columns) > 1
    reasons = {rejected.reason for rejected in load_rejected(tmp_path / info.id)}
    assert info.rejected > 0 and reasons == {TOO_COMMON}


def test_a_spare_stands_in_for_a_repeated_question(tmp_path: Path) -> None:
    """A question that another row asks already is replaced by the next of its chunk."""

    class Twice(Scripted):
        async def draft(self, chunk: Chunk, questions: int, seed: int) -> Drafts:
            other = Draft(f"When was {chunk.title} founded?", write_answer(chunk.text, "then"))
            return Drafts((Draft("Where is it?", write_answer(chunk.text, "there")),), spares=(other,))

    info = build(town_chunks(5), BuildSettings(), Twice({}), tmp_path, "local")
    _, rows = load_dataset(tmp_path / info.id)
    assert Counter(row.answer for row in rows) == {"there": 1, "then": 4}


def test_the_old_word_for_rules_still_builds(tmp_path: Path) -> None:
    """`extractive` is what `rules` was called: the same data set under the same id."""
    assert made(tmp_path, generator="extractive")[0] == made(tmp_path, generator="rules")[0]
    assert BuildSettings(generator="extractive").generator == "rules"
