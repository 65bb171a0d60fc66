"""From answers to an evaluation: means with intervals, paired differences, and what it all rests on.

{"id": "eval-1c0ffee0", "n": 200, "seed": 0, "baseline": "base", "data_hash": "…", …,
 "models": {"base": {"f1": 0.29, "f1_low": 0.23, "f1_high": 0.35, "em": 0.2, …, "prompt": "rag",
                     "prompts": {"rag": {…}, "raft": {…}}},
            "raft-1a2b3c4d": {…}},
 "differences": [{"a": "base", "b": "raft-1a2b3c4d", "f1": 0.1, "low": 0.05, "high": 0.17,
                  "p": 0.0002, "significant": true}]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from raft_core.evaluation.groups import split
from raft_core.evaluation.harness import Run, Sample
from raft_core.evaluation.leaks import LeakReport
from raft_core.evaluation.significance import (
    CONFIDENCE,
    METHOD,
    RESAMPLES,
    holm,
    mean_interval,
    paired_difference,
    paired_sd,
    questions_needed,
)
from raft_core.records import BASE, Difference, Question, Score


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an evaluation rests on. `available` questions were in the data, `n` of them were asked.

    `setting` is one of contexts.SETTINGS. `distractors` is how many were shown beside the paragraphs that
    the answer rests on, None for those of the record; `fewer` records have not as many. `top_k` paragraphs
    were retrieved; `recall_at_k` is the share of gold paragraphs among the first k of them, by k as text.
    `lacks` is how many questions have no titles, no supporting facts or no gold paragraphs.
    `memory_mb` is what the server told of itself: the base's `weights`, the whole `server`, a `gpu`.
    """

    id: str
    guild: str
    data: str
    n: int
    available: int
    limit: int | None
    seed: int
    max_new_tokens: int
    base_model: str
    data_hash: str
    prompt_hashes: dict[str, str]
    model_hashes: dict[str, str]
    versions: dict[str, str]
    created_at: str
    seconds: float
    cost_usd: float
    setting: str = "distractor"
    distractors: int | None = None
    fewer: int = 0
    top_k: int | None = None
    recall_at_k: dict[str, float] = field(default_factory=dict)
    engine: str = ""
    memory_mb: dict[str, float] = field(default_factory=dict)
    base_fingerprint: str = ""
    leaks: LeakReport | None = None
    lacks: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of several models over the same questions.

    `models` holds each model's score under its better prompt, `prompts` those under all its prompts.
    """

    circumstances: Circumstances
    baseline: str
    models: dict[str, Score]
    prompts: dict[str, dict[str, Score]]
    differences: tuple[Difference, ...]
    runs: tuple[Run, ...]
    questions: tuple[Question, ...] = ()
    """As they were asked, with the paragraphs shown; a closed book shows none."""

    @property
    def id(self) -> str:
        """The evaluation's id."""
        return self.circumstances.id

    @property
    def n(self) -> int:
        """The number of questions."""
        return self.circumstances.n

    def samples(self, model: str) -> tuple[Sample, ...]:
        """Return the answers behind the model's score."""
        prompt = self.models[model].prompt
        return next(run.samples for run in self.runs if (run.model, run.prompt) == (model, prompt))

    def as_json(self) -> dict[str, Any]:
        """Return everything but the single answers, JSON-ready."""
        models = {
            name: asdict(score)
            | {"prompts": {prompt: asdict(each) for prompt, each in self.prompts[name].items()}}
            for name, score in self.models.items()
        }
        differences = [asdict(item) | {"significant": item.significant} for item in self.differences]
        method = {"name": METHOD, "confidence": CONFIDENCE, "resamples": RESAMPLES}
        return asdict(self.circumstances) | {
            "baseline": self.baseline,
            "models": models,
            "differences": differences,
            "method": method,
        }


@dataclass(frozen=True, slots=True)
class Sweep:
    """Evaluations of the same models over the same questions that differ in one thing.

    `axis` is that field of Circumstances: `distractors`, `top_k` or `setting`.
    """

    axis: str
    evaluations: tuple[Evaluation, ...]

    def as_json(self) -> dict[str, Any]:
        """Return every evaluation's result, JSON-ready."""
        return {"axis": self.axis, "evaluations": [each.as_json() for each in self.evaluations]}


def judge(
    circumstances: Circumstances, runs: Sequence[Run], questions: Sequence[Question] = ()
) -> Evaluation:
    """Score every run and compare each model with the baseline, question by question.

    A model that ran under several prompts counts with its better one; the baseline is `base`, or the
    first model where base did not take part.
    """
    seed = circumstances.seed
    prompts: dict[str, dict[str, Score]] = {}
    for run in runs:
        prompts.setdefault(run.model, {})[run.prompt] = score_run(run, seed)
    models = {name: max(scores.values(), key=lambda score: score.f1) for name, scores in prompts.items()}
    baseline = BASE if BASE in models else next(iter(models))
    f1 = {
        run.model: [sample.f1 for sample in run.samples]
        for run in runs
        if models[run.model].prompt == run.prompt
    }
    others = [name for name in models if name != baseline]
    differences = compare(baseline, f1[baseline], {name: f1[name] for name in others}, seed)
    return Evaluation(circumstances, baseline, models, prompts, differences, tuple(runs), tuple(questions))


def compare(
    a: str, base: Sequence[float], others: Mapping[str, Sequence[float]], seed: int
) -> tuple[Difference, ...]:
    """Return the paired differences of all `others` against one, the p-values corrected for their number."""
    tested = {name: paired_difference(base, scores, seed=seed) for name, scores in others.items()}
    corrected = holm([p for _, p in tested.values()])
    differences = []
    for (name, (interval, p)), p_holm in zip(tested.items(), corrected, strict=True):
        sd = paired_sd(base, others[name])
        needs = questions_needed(sd, comparisons=len(others))
        mean = (interval.mean, interval.low, interval.high)
        differences.append(Difference(a, name, *mean, p, p_holm, len(others), sd, needs))
    return tuple(differences)


def score_run(run: Run, seed: int) -> Score:
    """Return the means of a run with 95 % intervals, and what went wrong how often."""
    f1 = mean_interval([sample.f1 for sample in run.samples], seed=seed)
    em = mean_interval([sample.em for sample in run.samples], seed=seed)
    n = len(run.samples)
    answered = [sample for sample in run.samples if not sample.refused]
    return Score(
        model=run.model,
        prompt=run.prompt,
        n=n,
        f1=f1.mean,
        f1_low=f1.low,
        f1_high=f1.high,
        em=em.mean,
        em_low=em.low,
        em_high=em.high,
        truncated=sum(sample.truncated for sample in run.samples) / n,
        untagged=sum(not sample.tagged for sample in run.samples) / n,
        tokens=sum(sample.tokens for sample in run.samples),
        seconds=run.seconds,
        prec=sum(sample.prec for sample in run.samples) / n,
        recall=sum(sample.recall for sample in run.samples) / n,
        refused=1 - len(answered) / n,
        answered_f1=sum(sample.f1 for sample in answered) / len(answered) if answered else None,
        answered_em=sum(sample.em for sample in answered) / len(answered) if answered else None,
        cached=sum(sample.cached for sample in run.samples),
        repeated=sum(sample.repeated for sample in run.samples) / n,
        by=split(run.samples, seed),
    )
