"""The registry's shelves: what one guild has, where it came from, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from raft_core.errors import DocumentError, EvaluationError, UnknownDataset, UnknownDocument, UnknownModel
from raft_core.records import AdapterInfo, DatasetInfo, DocumentInfo
from raft_core.registry.costs import Spending
from raft_core.registry.documents import LearntFrom, Provenance
from raft_core.registry.registry import Holdings, Registry

NORWAY = DocumentInfo(
    "aa11", "Norway", "norway.txt", "text/plain", "aa11ff", 1, 2, 30, "2026-01-01T00:00:00+00:00"
)
SWEDEN = replace(NORWAY, id="aa22", title="Sweden", added_at="2026-01-02T00:00:00+00:00")
DATASET = DatasetInfo(
    id="ds-11112222",
    guild="one",
    rows=4,
    rejected=1,
    content_hash="abcd",
    tokens=70,
    cost_usd=0.25,
    generator="rules",
    settings={"p": 1.0, "chunks": None},
    documents=("aa22", "aa11"),
    created_at="2026-01-03T00:00:00+00:00",
)
ADAPTER = AdapterInfo(
    id="raft-11112222",
    guild="one",
    base="org/base",
    dataset="ds-11112222",
    loss=0.5,
    tokens=900,
    seconds=12.5,
    cost_usd=0.75,
    path="",
    rank=8,
    dataset_hash="abcd",
    created_at="2026-01-04T00:00:00+00:00",
    rows=4,
    left_out=1,
)
RESULT: dict[str, Any] = {
    "id": "eval-11112222",
    "guild": "one",
    "data": "sample",
    "n": 2,
    "seed": 0,
    "models": {"base": {"f1": 0.25}},
    "created_at": "2026-01-05T00:00:00+00:00",
}


def sample(question: str, f1: float, prompt: str = "rag") -> dict[str, Any]:
    """One line of samples.jsonl."""
    said = {"model": "base", "prompt": prompt, "id": question, "question": f"{question}?", "gold": "Oslo"}
    scores = {"f1": f1, "em": 0.0, "prec": 1.0, "recall": 0.5, "truncated": False, "tagged": True}
    return said | {"prediction": "in Oslo", **scores, "tokens": 7, "seconds": 0.5, "text": "long"}


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    with Registry(url) as opened:
        yield opened


@pytest.fixture
def full(registry: Registry) -> Registry:
    registry.documents.add("one", [NORWAY, SWEDEN], by="ada", consent=True)
    registry.datasets.add(DATASET)
    registry.adapters.add(ADAPTER)
    registry.evaluations.add(RESULT, [sample("q2", 0.5), sample("q1", 0.0), sample("q2", 1.0, "raft")])
    return registry


def test_what_was_added_comes_back(full: Registry) -> None:
    """All records whole, the oldest first; a data set's documents in their order."""
    assert full.documents.list("one") == [NORWAY, SWEDEN]
    assert full.documents.provenance("one", "aa11") == Provenance("ada", True, "ready")
    assert full.datasets.list("one") == [DATASET]
    assert full.adapters.list("one") == [ADAPTER]
    assert full.evaluations.list("one") == [RESULT]


def test_adding_again_changes_nothing(full: Registry) -> None:
    """Nor who added a document first."""
    assert full.documents.add("one", [NORWAY, SWEDEN], by="bob", consent=None) == set()
    full.datasets.add(DATASET)
    full.adapters.add(ADAPTER)
    test_what_was_added_comes_back(full)
    assert full.datasets.forgotten("one") == {}


def test_samples_keep_the_order_of_questions(full: Registry) -> None:
    """By model and prompt, without the whole text; the same evaluation made again replaces them."""
    kept = [{key: value for key, value in sample("q2", 0.5).items() if key != "text"}]
    assert full.evaluations.samples("one", "eval-11112222")[1:2] == kept
    pairs = [(row["prompt"], row["id"]) for row in full.evaluations.samples("one", "eval-11112222")]
    assert pairs == [("raft", "q2"), ("rag", "q2"), ("rag", "q1")]
    full.evaluations.add(RESULT | {"seed": 1}, [sample("q9", 1.0)])
    assert [row["id"] for row in full.evaluations.samples("one", "eval-11112222")] == ["q9"]
    assert [result["seed"] for result in full.evaluations.list("one")] == [1]


def test_beginnings_of_ids(full: Registry) -> None:
    """A unique beginning finds; none and several are told apart from each other where they were before."""
    assert full.documents.get("one", "AA1") == NORWAY
    assert full.datasets.get("one", "ds-1") == DATASET
    assert full.adapters.get("one", "raft-1") == ADAPTER
    assert full.evaluations.get("one", "eval-1") == RESULT
    for prefix in ("", "aa3", "%", "aa11f"):
        with pytest.raises(UnknownDocument):
            full.documents.get("one", prefix)
        with pytest.raises(UnknownDataset):
            full.datasets.get("one", prefix)
        with pytest.raises(UnknownModel):
            full.adapters.get("one", prefix)
        with pytest.raises(EvaluationError, match="no evaluation"):
            full.evaluations.get("one", prefix)
    with pytest.raises(DocumentError, match="2 documents have ids that begin with 'aa'"):
        full.documents.get("one", "aa")
    full.adapters.add(replace(ADAPTER, id="raft-1111"))
    assert full.adapters.get("one", "raft-1111").id == "raft-1111"  # exact, though another begins so
    with pytest.raises(UnknownModel) as told:
        full.adapters.get("one", "raft-11")
    assert told.value.remedy == "known models: raft-1111, raft-11112222"


def test_counts(full: Registry) -> None:
    """How many of each a guild has, and another has not."""
    for shelf, many in ((full.documents, 2), (full.datasets, 1), (full.adapters, 1)):
        assert (shelf.count("one"), shelf.count("two")) == (many, 0)


def test_search(full: Registry) -> None:
    """A part of a title or an id finds, in any case, the newest first; a guild's own only, and no wildcard means any."""
    full.documents.add("two", [replace(NORWAY, title="Norwegian wood")], by="eve", consent=False)
    assert full.documents.search("one", "", 25) == [SWEDEN, NORWAY]
    assert full.documents.search("one", "", 1) == [SWEDEN]
    assert full.documents.search("one", " NORW ", 25) == [NORWAY]
    assert full.documents.search("one", "aa2", 25) == [SWEDEN]
    assert full.documents.search("one", "%", 25) == []
    assert full.documents.search("three", "", 25) == []
    assert full.datasets.search("one", "1111", 25) == [replace(DATASET, documents=())]
    assert full.datasets.search("two", "", 25) == []
    assert full.adapters.search("one", "RAFT", 25) == [ADAPTER]
    assert full.adapters.search("two", "", 25) == []


def test_guilds_are_apart(full: Registry) -> None:
    """The same ids in another guild are something else; removing there changes nothing here."""
    full.documents.add("two", [replace(NORWAY, title="Other")], by="eve", consent=False)
    full.datasets.add(replace(DATASET, guild="two", rows=9))
    full.adapters.add(replace(ADAPTER, guild="two", rank=2))
    full.evaluations.add(RESULT | {"guild": "two", "n": 9}, [sample("q9", 1.0)])
    assert [info.title for info in full.documents.list("two")] == ["Other"]
    assert full.documents.provenance("two", "aa11") == Provenance("eve", False, "ready")
    full.documents.begin_removal("two", "aa11")
    full.documents.remove("two", "aa11")
    test_what_was_added_comes_back(full)
    assert len(full.evaluations.samples("one", "eval-11112222")) == 3
    assert full.datasets.forgotten("one") == {}
    assert full.datasets.forgotten("two") == {"ds-11112222": ("aa22", "aa11")}
    for shelf in (full.documents, full.datasets, full.adapters, full.evaluations):
        assert shelf.list("three") == []
    with pytest.raises(UnknownDocument, match="in guild 'two'"):
        full.documents.get("two", "aa22")
    assert full.documents.learnt_from("three", "aa11") == LearntFrom((), ())


def test_removal_marks_what_learnt_from_it(full: Registry) -> None:
    """From the first step on; the lineage outlives the document; adding it again takes the mark away."""
    other = replace(DATASET, id="ds-3", documents=("aa22",))
    full.datasets.add(other)
    full.adapters.add(replace(ADAPTER, id="raft-3", dataset="ds-3"))
    learnt = LearntFrom(("ds-11112222",), ("raft-11112222",))
    assert full.documents.learnt_from("one", "aa11") == learnt
    assert full.documents.begin_removal("one", "aa11") == learnt
    assert full.documents.list("one") == [NORWAY, SWEDEN]  # a removal that was cut off can be run again
    assert full.documents.provenance("one", "aa11").status == "removing"
    assert full.datasets.forgotten("one") == {"ds-11112222": ("aa11",)}
    full.documents.remove("one", "aa11")
    assert full.documents.list("one") == [SWEDEN]
    assert full.documents.learnt_from("one", "aa11") == learnt
    full.datasets.add(DATASET)  # registered again: still marked, still whole
    assert full.datasets.get("one", "ds-11112222") == DATASET
    assert full.datasets.forgotten("one") == {"ds-11112222": ("aa11",)}
    full.documents.add("one", [NORWAY], by="ada", consent=True)
    assert full.datasets.forgotten("one") == {}
    assert full.documents.provenance("one", "aa11").status == "ready"


def test_a_document_removed_during_the_build_is_marked(full: Registry) -> None:
    """A data set that is registered after the removal of one of its documents."""
    full.documents.begin_removal("one", "aa11")
    full.datasets.add(replace(DATASET, id="ds-late"))
    assert full.datasets.forgotten("one")["ds-late"] == ("aa11",)
    full.documents.remove("one", "aa11")
    full.datasets.add(replace(DATASET, id="ds-later"))
    assert full.datasets.forgotten("one")["ds-later"] == ("aa11",)


def test_costs_count_once_each(registry: Registry) -> None:
    """The same work told twice counts once and for its first job, made again it counts again; sums are exact, and of one guild."""
    noon, evening = "2026-01-01T12:00:00+00:00", "2026-01-01T18:00:00+00:00"
    for job in ("j1", "j1", "j3", ""):
        registry.costs.add("one", "train", "raft-1", Spending(4, 900, 10.0, 0.5), at=noon, job=job)
    registry.costs.add("one", "evaluate", "eval-1", Spending(2, 50, 4.0, 0.25), at=noon, job="j1")
    # killed before it knew that it had told it
    registry.costs.add("one", "evaluate", "eval-1", Spending(2, 50, 4.5, 0.25), at=evening, job="j1")
    registry.costs.add("one", "evaluate", "eval-1", Spending(2, 50, 2.0, 0.125), at=evening)
    registry.costs.add("two", "train", "raft-1", Spending(8, 1800, 30.0, 8.0), at=evening, job="j1")
    assert registry.costs.of_job("one", "j1") == Spending(6, 950, 14.0, 0.75)
    assert registry.costs.of_job("one", "j2") == Spending(0, 0, 0.0, 0.0)
    assert registry.costs.spent("one", noon) == 0.875
    assert registry.costs.spent("one", "2026-01-01T12:00:01+00:00") == 0.125
    assert registry.costs.spent("three", noon) == 0.0


def test_recent_costs_are_for_rates(registry: Registry) -> None:
    """The newest measured ones of a kind, of whichever guild; what nobody timed is left out."""
    for hour, seconds in ((1, 10.0), (2, 0.0), (3, 30.0), (4, 40.0)):
        at = f"2026-01-01T0{hour}:00:00+00:00"
        registry.costs.add(f"guild{hour}", "build", "ds-1", Spending(hour, 0, seconds, 0.0), at=at)
    assert registry.costs.recent("build", 2) == [Spending(4, 0, 40.0, 0.0), Spending(3, 0, 30.0, 0.0)]
    assert [each.units for each in registry.costs.recent("build", 9)] == [4, 3, 1]
    assert registry.costs.recent("train", 9) == []


def test_an_unknown_guild_brings_what_it_has(registry: Registry) -> None:
    """Once: a document gone before is marked in what learnt from it, and later meetings read nothing."""
    holdings = Holdings([SWEDEN], [DATASET], [ADAPTER], [(RESULT, [sample("q1", 0.5)])])
    registry.meet("one", lambda: holdings)
    assert registry.documents.list("one") == [SWEDEN]
    assert (registry.datasets.list("one"), registry.adapters.list("one")) == ([DATASET], [ADAPTER])
    assert registry.evaluations.list("one") == [RESULT]
    assert registry.datasets.forgotten("one") == {"ds-11112222": ("aa11",)}
    registry.meet("one", lambda: pytest.fail("looked again"))


def test_a_meeting_that_fails_is_tried_again(registry: Registry) -> None:
    """Nothing of it is kept."""
    broken = Holdings([SWEDEN], [DATASET], [], [({"guild": "one"}, [])])
    with pytest.raises(KeyError):
        registry.meet("one", lambda: broken)
    assert registry.documents.list("one") == []
    registry.meet("one", lambda: Holdings([SWEDEN], [], [], []))
    assert registry.documents.list("one") == [SWEDEN]
