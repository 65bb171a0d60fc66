"""`raftbot models`: base models known by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from raft_core.cli.common import Json, command, emit, progress, settings

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(no_args_is_help=True, help="List and prepare base models.")


@app.command("list")
@command
def list_models(*, as_json: Json = False) -> None:
    """List the base models known by name; any Hugging Face folder or hub id works too."""
    from raft_core.models import KNOWN, describe

    chosen = settings()
    rows: list[dict[str, Any]] = [
        {
            "name": base.name,
            "hub_id": base.hub_id,
            "parameters": base.parameters,
            "memory_16bit_gb": round(base.memory_16bit_gb, 2),
            "memory_4bit_gb": round(base.memory_4bit_gb, 2),
            "context": base.context,
            "licence": base.licence,
            "good_for": base.good_for,
            "state": describe(base.name, chosen.home),
            "selected": chosen.base_model in {base.name, base.hub_id},
        }
        for base in KNOWN.values()
    ]
    emit(rows, as_json=as_json, human=lambda console: _show(console, rows, chosen.base_model))


@app.command("get")
@command
def get(name: str, *, as_json: Json = False) -> None:
    """Prepare a base model: convert the packaged one, or download one from the hub."""
    from raft_core.models import fetch

    with progress() as report:
        path = fetch(name, settings().home, report)
    emit(
        {"name": name, "path": path}, as_json=as_json, human=lambda console: console.print(path, markup=False)
    )


def _show(console: Console, rows: list[dict[str, Any]], selected: str) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", expand=False)
    for heading in ("name", "parameters", "16-bit", "4-bit", "licence"):
        table.add_column(heading, no_wrap=True, justify="left" if heading in {"name", "licence"} else "right")
    table.add_column("where it is; good for")
    for row in rows:
        table.add_row(
            row["name"] + (" *" if row["selected"] else ""),
            _short(row["parameters"]),
            f"{row['memory_16bit_gb']:.1f} GB",
            f"{row['memory_4bit_gb']:.1f} GB",
            row["licence"].removesuffix(" Community License"),
            f"{row['state']}; {row['good_for']}",
        )
    console.print(table)
    if any(row["selected"] for row in rows):
        console.print("* selected by RAFTBOT_BASE_MODEL", markup=False)
    else:
        console.print(f"selected by RAFTBOT_BASE_MODEL: {selected}", markup=False)


def _short(parameters: int) -> str:
    return f"{parameters / 1e9:.1f}B" if parameters >= 1e9 else f"{parameters / 1e6:.0f}M"
