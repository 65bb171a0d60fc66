"""Where questions come from, as a list of JSON-like records: files, data sets of the hub, the sample exam.

questions.json      one list of records, one record a line, or SQuAD's articles
questions.parquet   told by its first bytes, not by its name
hotpotqa/hotpot_qa:distractor:validation    the hub's, with a configuration and a split where it has several
sample, sample-development                  the halves of the sample exam
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raft_core.errors import BadRecord, EvaluationError, MissingExtra
from raft_core.sample import question_file

PARQUET = b"PAR1"
MOST_BYTES = 1 << 30
"""Of a Parquet file's values in memory: a few kilobytes can stand for any amount."""
ROWS_AT_ONCE = 64
_HUB_ID = re.compile(r"(?P<name>\w[\w.-]*/\w[\w.-]*)(:(?P<config>[\w.-]+))?(:(?P<split>[\w.-]+))?", re.ASCII)
_FILE_ENDINGS = {".json", ".jsonl", ".ndjson", ".parquet", ".txt"}
_CONFIG = "distractor"
_SPLITS = ("validation", "dev", "test", "train")


class Titles:
    """Makes the titles of whole paragraphs unique: an article's second one is "Normans (2)" everywhere."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, int]] = {}

    def one(self, title: str, text: str) -> str:
        """Return the title of a paragraph, the same one for the same text."""
        texts = self._known.setdefault(title, {})
        number = texts.setdefault(text, len(texts) + 1)
        return title if number == 1 else f"{title} ({number})"


def open_records(source: Path | str) -> tuple[str, list[Any]]:
    """Return a source's name, for errors, and its records as they stand.

    Raises:
        BadRecord: a SQuAD article is malformed.
        EvaluationError: the file cannot be read or holds no records, or the hub's data set cannot be had.
    """
    name = str(source)
    path = question_file(name)
    if is_hub_id(name):
        return name, _from_hub(name)
    value = load(path)
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = list(_squad(name, value["data"]))
    elif isinstance(value, dict) and value.keys() & {"_id", "id", "question"}:
        value = [value]  # a file of one line
    if not isinstance(value, list) or not value:
        what = "an empty list" if value == [] else kind(value)
        raise EvaluationError(
            f"{path} is no file of questions: it holds {what}, not a list of records",
            remedy="give HotpotQA's, the hub's, MuSiQue's, 2WikiMultihopQA's or SQuAD's layout",
        )
    return name, value


def is_hub_id(source: str) -> bool:
    """Tell whether a source names a data set of the hub: no file is there, and it looks like owner/name."""
    if not _HUB_ID.fullmatch(source) or Path(source).suffix.lower() in _FILE_ENDINGS:
        return False
    return not Path(source).exists()


def load(path: Path) -> Any:
    """Return the value of a file of JSON, of JSON lines or of Parquet.

    Raises:
        EvaluationError: it cannot be read, or is none of these.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror}", remedy="check the path") from error
    if data.startswith(PARQUET):
        return _rows(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path} is no JSON in UTF-8: {error}") from error
    if not text.strip():
        raise EvaluationError(f"{path} is empty")
    try:
        return _parse(path, text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return _lines(path, text)
        raise _no_json(path, error, error.lineno) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a list in a list in …
        raise EvaluationError(f"{path} is no JSON that can be read: {str(error)[:100]}") from error


def kind(value: object) -> str:
    """Return what a JSON value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
    return "an object"


def _squad(name: str, articles: list[Any]) -> Iterator[Any]:
    """Yield the questions of SQuAD's articles in the hub's columns; records of another layout as they are."""
    for number, article in enumerate(articles, 1):
        if not (
            isinstance(article, dict) and isinstance(article.get("paragraphs"), list) and "id" not in article
        ):
            yield article
            continue
        for paragraph in article["paragraphs"]:
            if not (isinstance(paragraph, dict) and isinstance(paragraph.get("qas"), list)):
                raise BadRecord(name, f"article {number}", "paragraphs", "one has no list of questions: qas")
            shared = {"title": article.get("title", ""), "context": paragraph.get("context")}
            for asked in paragraph["qas"]:
                yield {**asked, **shared} if isinstance(asked, dict) else asked


def _rows(path: Path) -> list[Any]:
    """Return the rows of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[Any] = []
    size = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE):
                size += batch.nbytes
                if size > MOST_BYTES:
                    raise EvaluationError(f"{path} holds more than {MOST_BYTES >> 20:,} MB of values")
                rows += batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: text that is no UTF-8
        reason = str(error).splitlines()[0][:200]
        raise EvaluationError(f"{path} is no Parquet file that can be read: {reason}") from error
    return rows


def _from_hub(source: str) -> list[Any]:
    """Return the rows of a split of a data set of the hub."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("worker", "datasets") from error
    found = _HUB_ID.fullmatch(source)
    assert found is not None  # noqa: S101  # is_hub_id said so
    name, config, split = found["name"], found["config"], found["split"]
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        configs = datasets.get_dataset_config_names(name)
        if config is None and _CONFIG in configs:
            config = _CONFIG
        splits = datasets.get_dataset_split_names(name, config)
        split = split or next((each for each in _SPLITS if each in splits), splits[0])
        return list(datasets.load_dataset(name, config, split=split))
    except Exception as error:  # its own errors, the network's and the hub client's share no root
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise EvaluationError(
            f"there is no file {source}, and the hub's data set of this name cannot be had: {reason}",
            remedy="check the path; without a network give the data set's JSON, JSON Lines or Parquet file",
        ) from error
    finally:
        if bars:
            datasets.enable_progress_bars()


def _lines(path: Path, text: str) -> list[Any]:
    """Return the values of a file with one JSON value a line; blank lines are none."""
    values = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            values += [_parse(path, line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise _no_json(path, error, number) from error
    return values


def _parse(path: Path, text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise EvaluationError(f"{path} has {twice!r} twice in one object: which one counts?")
        return value

    return json.loads(text, object_pairs_hook=once)


def _no_json(path: Path, error: json.JSONDecodeError, line: int) -> EvaluationError:
    return EvaluationError(
        f"{path} is no JSON: {error.msg} in line {line}, column {error.colno}",
        remedy="the file may be cut off: fetch it again",
    )
