"""What a job made, for its receipt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.replies.evaluations import verdict
from bot.replies.text import count, cut, escape, inline

if TYPE_CHECKING:
    from raft_core.records import JobInfo

Json = Mapping[str, Any]


def made_by(job: JobInfo) -> list[str]:
    """Return the lines that say what a job made, or why it made nothing."""
    if job.state == "failed":
        return [
            "",
            f"**Why:** {escape(cut(job.reason, 1500))}",
            "What was finished is kept: Retry goes on from there.",
        ]
    if job.state == "cancelled":
        return ["", "What was finished is kept: Resume goes on from there."]
    result: Json = job.result
    made = {
        "ingest": _ingest,
        "build": _dataset,
        "train": _adapter,
        "evaluate": _evaluation,
    }
    if job.kind == "pipeline":
        return [
            "",
            *_dataset(result["dataset"]),
            *_adapter(result["adapter"]),
            *_evaluation(result["evaluation"]),
        ]
    return ["", *made[job.kind](result)] if job.kind in made else []


def _ingest(result: Json) -> list[str]:
    replaced, consent = result.get("replaced", []), result.get("consent_changed", [])
    lines = [
        f"{count(len(result['added']), 'document')} added, {len(result['unchanged'])} there already, "
        f"{len(result['rejected'])} left out"
    ]
    lines += [
        f"📄 {escape(cut(info['title'], 100))}: {count(info['chunks'], 'chunk')}{_unread(info)}"
        for info in result["added"][:10]
    ]
    lines += [
        f"♻️ {escape(cut(info['title'], 100))}: there already, unchanged" for info in result["unchanged"][:10]
    ]
    lines += [
        f"🔁 {escape(cut(each['title'], 100))}: the older version is replaced{_learnt(each)}"
        for each in replaced[:10]
    ]
    if consent:
        lines.append(f"✅ Consent changed for {count(len(consent), 'document')} added before")
    lines += [
        f"⚠️ {escape(cut(each['path'], 100))}: {escape(cut(each['reason'], 200))}"
        for each in result["rejected"][:10]
    ]
    told = (result["added"], result["unchanged"], result["rejected"], replaced)
    more = sum(max(len(each) - 10, 0) for each in told)
    return [*lines, f"… and {more} more: see `/docs list`"] if more else lines


def _learnt(replaced: Json) -> str:
    """Return what still knows an older version."""
    ids = [inline(each) for each in (*replaced["datasets"], *replaced["adapters"])][:5]
    return f"; {', '.join(ids)} learnt from it" if ids else ""


def _unread(info: Json) -> str:
    unread = ", ".join(info.get("unread", ()))
    return f" ({escape(cut(unread, 200))} not read)" if unread else ""


def _dataset(result: Json) -> list[str]:
    return [
        f"📚 Data set {inline(result['id'])}: **{result['rows']} rows**, {result['rejected']} rejected by the checks"
    ]


def _adapter(result: Json) -> list[str]:
    left_out = f", {result['left_out']} too long and left out" if result.get("left_out") else ""
    return [
        f"🧠 Adapter {inline(result['id'])}: loss **{result['loss']:.3f}** in the last epoch, "
        f"{result['rows']} rows of {inline(result['dataset'])}{left_out}"
    ]


def _evaluation(result: Json) -> list[str]:
    scores = [
        f"{inline(name)} F1 **{score['f1']:.3f}** ({score['f1_low']:.3f} to {score['f1_high']:.3f})"
        for name, score in result.get("models", {}).items()
    ]
    verdicts = [verdict(difference, result["n"]) for difference in result.get("differences", ())]
    return [
        f"📊 Evaluation {inline(str(result['id']))}, {result['n']} questions",
        *scores[:10],
        *verdicts[:3],
    ]
