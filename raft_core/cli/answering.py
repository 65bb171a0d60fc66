"""`raftbot ask`: one question, every model's answer beside the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raft_core.answering.listener import Listener
from raft_core.cli.common import Guild, Json, command, emit, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

    from raft_core.records import Answer, Comparison, Quote, Source


@command
def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    *,
    models: Annotated[
        str, typer.Option(metavar="NAME,…", help="Who answers: base, and ids of adapters.")
    ] = "base",
    context: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answer from this text, not from the guild's documents."),
    ] = None,
    prompt: Annotated[str | None, typer.Option(metavar="rag|raft", help="Which prompt asks.")] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="How many chunks are shown to the models.")] = None,
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Ask the base and tuned models the same question over the same sources, side by side."""
    from contextlib import ExitStack

    from rich.console import Console

    from raft_core.jobs import ask as job

    if prompt not in {None, "rag", "raft"}:
        raise typer.BadParameter("use rag or raft", param_hint="--prompt")
    if not question.strip():
        raise typer.BadParameter("it is empty", param_hint="QUESTION")
    names = split_models(models)
    text = job.read_context(context) if context else None
    console = Console(highlight=False)
    with ExitStack() as stack:
        live = not as_json and console.is_terminal
        comparison = job.ask(
            settings(),
            guild,
            question,
            names,
            context=text,
            context_title=context.name if context else "",
            prompt=prompt,
            top_k=top_k,
            listener=stack.enter_context(_Columns(console)) if live else None,
        )
    emit(comparison, as_json=as_json, human=lambda out: _show(out, comparison))


def split_models(models: str) -> list[str]:
    """Return the names in a comma-separated list.

    Raises:
        typer.BadParameter: there is none, or one twice.
    """
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not names or len(set(names)) != len(names):
        raise typer.BadParameter("name at least one model, each once", param_hint="--models")
    return names


class _Columns(Listener):
    """The answers as they are written, one column a model; gone when all are finished."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._texts: dict[str, str] = {}
        self._live: Live

    def __enter__(self) -> _Columns:
        from rich.live import Live

        self._live = Live(console=self._console, transient=True, refresh_per_second=12)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def piece(self, model: str, text: str) -> None:
        """Show the next piece of an answer."""
        self._texts[model] = self._texts.get(model, "") + text
        self._refresh()

    def taken_back(self, model: str) -> None:
        """Forget what a model has thought aloud."""
        self._texts[model] = ""
        self._refresh()

    def _refresh(self) -> None:
        from rich.text import Text

        from raft_core.markup import without_marks

        lines = max(self._console.height - 6, 3)  # older lines scroll off the top of their column
        width = max(self._console.width // len(self._texts) - 4, 10)
        columns = []
        for written in self._texts.values():
            wrapped = Text(without_marks(written)).wrap(self._console, width)
            columns.append(Text("\n").join(wrapped[-lines:]))
        self._live.update(_side_by_side(list(self._texts), columns))


def _side_by_side(models: Sequence[str], bodies: Sequence[RenderableType]) -> RenderableType:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(expand=True)
    for _ in models:
        grid.add_column(ratio=1)
    grid.add_row(
        *(
            Panel(body, title=Text(model), title_align="left")
            for model, body in zip(models, bodies, strict=True)
        )
    )
    return grid


def _show(console: Console, comparison: Comparison) -> None:
    from rich.text import Text

    answers = comparison.answers
    if console.is_terminal:
        bodies = [Text("\n").join(_lines(answer)) for answer in answers]
        console.print(_side_by_side([answer.model for answer in answers], bodies))
    else:
        for answer in answers:
            console.print(Text(f"== {answer.model}"), soft_wrap=True)
            for line in _lines(answer):
                console.print(line, soft_wrap=True)
            console.print()
    console.print(Text("Sources"), style="bold")
    for source in answers[0].sources:
        console.print(Text(f"  [{source.number}] {_place(source)}"), soft_wrap=True)


def _lines(answer: Answer) -> list[Text]:
    """Return an answer in lines, the short answer first; Text, so that no model's markup is obeyed."""
    from rich.text import Text

    from raft_core.markup import without_marks

    lines = [Text(without_marks(answer.answer) or "(no answer)", style="bold")]
    if not answer.tagged:
        lines.append(Text("no answer tag: the whole text counts as the answer", style="yellow"))
    if answer.truncated:
        lines.append(Text("cut off at the token limit", style="yellow"))
    if answer.repeated:
        lines.append(Text("ended: it repeated itself", style="yellow"))
    lines.append(Text())
    if answer.text.strip() != answer.answer:
        lines += [Text(without_marks(answer.text.strip()), style="dim"), Text()]
    lines += [_quote_line(quote) for quote in answer.quotes]
    if not any(quote.verified for quote in answer.quotes):
        lines.append(Text("no source used", style="yellow"))
    lines.append(Text(f"{answer.tokens} tokens, {answer.seconds:.1f} s", style="dim"))
    return lines


def _quote_line(quote: Quote) -> Text:
    from rich.text import Text

    from raft_core.markup import without_marks

    words = without_marks(quote.text)
    if quote.verified:
        return Text(f"✓ “{words}” [{quote.source}]", style="green")
    if quote.source is not None:
        return Text(f"• “{words}” is too short to show where it is from", style="yellow")
    return Text(f"✗ “{words}” stands in no source", style="red")


def _place(source: Source) -> str:
    page = f", page {source.page}" if source.page is not None else ""
    chunk = f", chunk {source.chunk_id}" if source.chunk_id else ""
    return f"{source.title}{page}{chunk}"
