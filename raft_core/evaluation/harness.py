"""Runs our HotpotQA task of lm-evaluation-harness against a served model."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.errors import EvaluationError
from raft_core.evaluation.contexts import CLOSED, gold_shown
from raft_core.evaluation.groups import is_refusal, kind_of
from raft_core.evaluation.questions import read_questions
from raft_core.markup import short_answer
from raft_core.progress import Progress, Report, silent
from raft_core.records import Question

if TYPE_CHECKING:
    from raft_core.evaluation.answers import Answers
    from raft_core.evaluation.endpoint import Endpoint

TASKS = Path(__file__).parent / "tasks"
"""The folder for `lm_eval --include_path`."""
CONCURRENT = 16
"""Requests under way at a time where nobody knows what the server takes: it gathers them into batches."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One question as one model answered it; `prediction` is the short answer that was scored.

    `type` is bridge, comparison, yes/no, single, or whatever the data says. `gold_shown` tells whether
    all paragraphs that the answer rests on were shown; None where the data does not name them.
    """

    id: str
    question: str
    gold: str
    prediction: str
    text: str
    f1: float
    em: float
    prec: float
    recall: float
    truncated: bool
    tagged: bool
    tokens: int
    seconds: float
    type: str = ""
    refused: bool = False
    gold_shown: bool | None = None
    cached: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """All answers of one model under one prompt, in the questions' order; `seconds` from first to last.

    `memory_mb` is what the server told of itself afterwards.
    """

    model: str
    prompt: str
    samples: tuple[Sample, ...]
    seconds: float
    engine: str = ""
    memory_mb: dict[str, float] = field(default_factory=dict)


def run(
    questions: Path,
    model: str,
    prompt: str,
    *,
    url: str,
    key: str | None = None,
    max_new_tokens: int,
    seed: int = 0,
    concurrent: int = CONCURRENT,
    answers: Answers | None = None,
    report: Report = silent,
) -> Run:
    """Ask `model`, served at `url`, every question of a file in the official format, greedily.

    What is among `answers` is not asked again; whatever comes is kept there at once.

    Raises:
        EndpointError: a request failed for good; no score is made of half an evaluation.
        EvaluationError: answers are missing.
    """
    from lm_eval.evaluator import evaluate

    from raft_core.evaluation.endpoint import Endpoint

    with _quiet():
        task = _load(prompt, questions, max_new_tokens)
        total, done = len(task.eval_docs), 0

        def count() -> None:
            nonlocal done
            done += 1
            report(Progress(f"{model} · {prompt}", done, total))

        started = time.perf_counter()
        endpoint = Endpoint(
            url, model, key=key, concurrent=concurrent, seed=seed, answers=answers, on_reply=count
        )
        results = evaluate(
            lm=endpoint,
            task_dict={"tasks": {task.config.task: task}},
            bootstrap_iters=0,  # significance.py makes the intervals, paired ones among them
            apply_chat_template=True,
            fewshot_as_multiturn=True,
        )
    seconds = round(time.perf_counter() - started, 3)
    logged = sorted(results["samples"][task.config.task], key=lambda sample: int(sample["doc_id"]))
    if len(logged) != total:
        raise EvaluationError(f"{model} answered {len(logged)} of {total} questions")
    asked = read_questions(questions)
    samples = tuple(_sample(*pair, prompt, endpoint) for pair in zip(logged, asked, strict=True))
    return Run(model, prompt, samples, seconds)


def _load(prompt: str, questions: Path, max_new_tokens: int) -> Any:
    from lm_eval.tasks import TaskManager

    name = f"hotpotqa_{prompt}"
    manager = TaskManager(
        include_path=str(TASKS), include_defaults=False, metadata={"data": str(questions.absolute())}
    )
    if name not in manager.all_tasks:
        raise EvaluationError(f"no evaluation task for prompt {prompt!r}", remedy="use rag or raft")
    task = manager.load([name])["tasks"][name]
    task.set_config(key="generation_kwargs", value={"max_gen_toks": max_new_tokens}, update=True)
    return task


def _sample(logged: dict[str, Any], question: Question, prompt: str, endpoint: Endpoint) -> Sample:
    text = logged["resps"][0][0]
    prediction, tagged = short_answer(text)
    asked = logged["arguments"][0][0]
    reply = endpoint.replies[asked]
    closed = prompt in CLOSED.values()
    return Sample(
        id=logged["doc"]["id"],
        question=logged["doc"]["question"],
        gold=logged["doc"]["answer"],
        prediction=prediction,
        text=text,
        f1=logged["f1"],
        em=logged["em"],
        prec=logged["prec"],
        recall=logged["recall"],
        truncated=reply.truncated,
        tagged=tagged,
        tokens=reply.tokens,
        seconds=reply.seconds,
        type=kind_of(question),
        refused=is_refusal(prediction),
        gold_shown=gold_shown(replace(question, context=()) if closed else question),
        cached=asked in endpoint.cached,
        repeated=reply.repeated,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence lm-eval's and datasets' logs and bars: progress is told by `report`."""
    import datasets
    from lm_eval.api import task
    from tqdm import tqdm

    logger = logging.getLogger("lm_eval")
    level, bar, bars = logger.level, task.tqdm, datasets.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    task.tqdm = partial(tqdm, disable=True)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        task.tqdm = bar
        if bars:
            datasets.enable_progress_bars()


def versions() -> dict[str, str]:
    """Return the versions of what took part, kept beside every score."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    names: Sequence[str] = ("raftbot", "lm-eval", "torch", "transformers", "peft", "vllm", "scipy")
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
