"""Write the sample library that ships with the project: `python -m raft_core.pocket.samples`.

126 articles about a game in seven file formats, most of them one a file, the PDFs and the slides one a
page. The same seed writes the same text; it shares no name with any other split.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from raft_core.pocket.world import Article, World

SEED = 7
FOLDER = Path(__file__).parent / "library"
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
"""Stamped into files that carry a date, so that writing them again changes nothing."""


def write_markdown(path: Path, articles: Sequence[Article]) -> None:
    """Write a heading and a paragraph for each article."""
    path.write_text("\n\n".join(f"# {a.title}\n\n{a.text}" for a in articles) + "\n", encoding="utf-8")


def write_text(path: Path, articles: Sequence[Article]) -> None:
    """Write a paragraph for each article."""
    path.write_text("\n\n".join(a.text for a in articles) + "\n", encoding="utf-8")


def write_html(path: Path, articles: Sequence[Article]) -> None:
    """Write a small page with a style sheet and a script, as pages have them."""
    body = "\n".join(f"<h1>{html.escape(a.title)}</h1>\n<p>{html.escape(a.text)}</p>" for a in articles)
    path.write_text(
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{html.escape(articles[0].title)}'
        "</title><style>p { max-width: 40em }</style></head>\n"
        f"<body>\n{body}\n<script>document.title += ' | Encyclopedia'</script>\n</body>\n</html>\n",
        encoding="utf-8",
    )


def write_json(path: Path, articles: Sequence[Article]) -> None:
    """Write a list of objects with title and text."""
    path.write_text(
        json.dumps([{"title": a.title, "text": a.text} for a in articles], indent=1) + "\n", encoding="utf-8"
    )


def write_docx(path: Path, articles: Sequence[Article]) -> None:
    """Write a heading and a paragraph for each article."""
    from docx import Document

    document = Document()
    document.core_properties.created = document.core_properties.modified = WRITTEN
    for article in articles:
        document.add_heading(article.title)
        document.add_paragraph(article.text)
    document.save(str(path))


def write_pptx(path: Path, articles: Sequence[Article]) -> None:
    """Write one slide an article."""
    from pptx import Presentation

    slides = Presentation()
    for article in articles:
        slide = slides.slides.add_slide(slides.slide_layouts[1])
        slide.shapes.title.text = article.title
        slide.placeholders[1].text = article.text
    slides.save(str(path))


def write_pdf(path: Path, articles: Sequence[Article]) -> None:
    """Write one page an article."""
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_creation_date(WRITTEN)
    for article in articles:
        pdf.add_page()
        pdf.set_font("Helvetica", "B", 16)
        pdf.cell(0, 12, article.title, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Helvetica", size=12)
        pdf.multi_cell(0, 7, article.text)
    pdf.output(str(path))


Writer = Callable[[Path, Sequence[Article]], None]
PLAN: tuple[tuple[str, Writer, int, int], ...] = (
    ("md", write_markdown, 36, 1),
    ("txt", write_text, 24, 1),
    ("html", write_html, 20, 1),
    ("docx", write_docx, 12, 1),
    ("json", write_json, 8, 1),
    ("pdf", write_pdf, 4, 5),
    ("pptx", write_pptx, 1, 6),
)
"""Suffix, writer, how many files, how many articles in each."""


def library_articles() -> Iterator[tuple[str, Writer, list[Article]]]:
    """Yield file name, writer and articles of every file of the library."""
    world = World(SEED, "library")
    for suffix, writer, files, each in PLAN:
        for number in range(1, files + 1):
            articles = [world.article() for _ in range(each)]
            name = (
                articles[0].name.removeprefix("the ").lower().replace(" ", "-")
                if each == 1
                else f"volume-{number}"
            )
            yield f"{name}.{suffix}", writer, articles


def main(out: Annotated[Path, typer.Option(help="The folder to write.")] = FOLDER) -> None:
    """Write the sample library."""
    out.mkdir(parents=True, exist_ok=True)
    for name, writer, articles in library_articles():
        writer(out / name, articles)


if __name__ == "__main__":
    typer.run(main)
