"""What the commands of /jobs ask for. All of it blocks: it runs in a thread, by `services.run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.replies.cards import already_text
from bot.replies.jobs_list import redact
from bot.replies.text import inline
from raft_core.errors import JobError

if TYPE_CHECKING:
    from pathlib import Path

    from bot.services import Services
    from raft_core.settings import Settings

MOST = 200
"""Jobs that a list goes back to."""


def cancel(services: Services, guild: str, job_id: str) -> str:
    """Stop a job, and return what to say of it; once more is no error.

    Raises:
        UnknownJob: the guild has no such job.
    """
    try:
        job = services.queue.cancel(guild, job_id)
    except JobError:
        job = services.queue.find(guild, job_id)
        if not job.is_over:
            raise
        return already_text(job)
    return f"⏹️ {inline(job.id)} is cancelled; finished work is kept."


def read_log(services: Services, guild: str, job_id: str, limit_bytes: int) -> str:
    """Return what a job's processes wrote, its newest end where it is larger than `limit_bytes`; without secrets.

    Raises:
        UnknownJob: the guild has no such job.
        StorageError: the logs of other machines cannot be fetched.
    """
    files = services.queue.logs(guild, job_id)
    share = limit_bytes // 2 // max(len(files), 1)  # half: redaction may make it longer
    parts = [_end(file, share) for file in files]
    if len(files) > 1:
        parts = [f"==> {file.name} <==\n{part}" for file, part in zip(files, parts, strict=True)]
    return redact("\n".join(parts), secrets_of(services.settings), str(services.settings.home.absolute()))


def secrets_of(settings: Settings) -> list[str]:
    """Return all that the settings hold and nobody else may see."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def _end(file: Path, limit: int) -> str:
    with file.open("rb") as log:
        log.seek(max(file.stat().st_size - limit, 0))
        return log.read().decode("utf-8", errors="replace")
