"""Open XML packages (Word, PowerPoint, Excel): zip archives of XML parts that refer to each other.

Parts are read one by one, and nothing is unpacked to the disk. The strict variant of the standard (ISO 29500
strict) differs in the names of its namespaces alone; they are rewritten, so that a reader knows one set.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from raft_core.errors import UnreadableDocument

MAX_MEMBERS = 10_000
MAX_XML_BYTES = 32 * 2**20
"""One unpacked XML part. The text of a thousand-page book is about 10 MiB of it."""
MAX_UNPACKED_BYTES = 256 * 2**20
"""All parts together, pictures included."""

MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"

_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_GRAPHICS = {"chart": "chart", "chartex": "chart", "picture": "picture", "ole": "embedded object"}


@dataclass(frozen=True, slots=True)
class Relationship:
    """A part's reference to another; `kind` is the last word of its type, such as "image"."""

    kind: str
    target: str
    external: bool


class Package:
    """The parts of an Open XML file by name, without a leading slash.

    Raises:
        UnreadableDocument: it is encrypted, or unpacks to more than a document does.
    """

    def __init__(self, data: bytes, path: str) -> None:
        self._path = path
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        members = self._archive.infolist()
        if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
            raise UnreadableDocument(path, f"it unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB")
        if any(member.flag_bits & 1 for member in members):
            raise UnreadableDocument(path, "it is encrypted", remedy="save it without a password")
        self._members = {member.filename.replace("\\", "/").lstrip("/").lower(): member for member in members}

    def data(self, name: str) -> bytes | None:
        """Return the XML of a part, None where it is absent.

        Raises:
            UnreadableDocument: it is larger than MAX_XML_BYTES, or declares entities.
        """
        member = self._members.get(name.lower())
        if member is None:
            return None
        if member.file_size > MAX_XML_BYTES:
            raise UnreadableDocument(
                self._path, f"its part {member.filename} unpacks to more than {MAX_XML_BYTES >> 20} MiB"
            )
        data = self._archive.read(member)
        if any(doctype in data for doctype in _DOCTYPES):
            raise UnreadableDocument(self._path, "its XML declares entities, which no Office program writes")
        return _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", data)

    def xml(self, name: str) -> Any:
        """Return the root element of a part, None where it is absent."""
        data = self.data(name)
        return None if data is None else etree.fromstring(data, _parser())

    def events(self, name: str, tags: tuple[str, ...]) -> Iterator[Any]:
        """Yield the elements of a part that have one of the tags, as they end; the caller clears them."""
        data = self.data(name)
        if data is not None:
            for _, element in etree.iterparse(
                io.BytesIO(data), tag=tags, resolve_entities=False, no_network=True, remove_comments=True
            ):
                yield element

    def relationships(self, name: str = "") -> dict[str, Relationship]:
        """Return what a part refers to by id; without a name, what the package does."""
        folder, base = posixpath.split(name)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found = {}
        for element in () if root is None else root:
            if isinstance(element.tag, str):
                target = element.get("Target", "")
                external = element.get("TargetMode", "").lower() == "external"
                if not external:
                    target = posixpath.normpath(posixpath.join("/", folder, unquote(target))).lstrip("/")
                kind = element.get("Type", "").rstrip("/").rpartition("/")[2]
                found[element.get("Id", "")] = Relationship(kind, target, external)
        return found

    def related(self, name: str, *kinds: str) -> list[str]:
        """Return the names of the parts that a part refers to as one of the kinds, each once."""
        references = self.relationships(name).values()
        return list(
            dict.fromkeys(each.target for each in references if each.kind in kinds and not each.external)
        )

    def main(self) -> str:
        """Return the name of the part that is the document, the deck or the workbook; "" where it is absent."""
        known = ("word/document.xml", "ppt/presentation.xml", "xl/workbook.xml")
        named = [*self.related("", "officeDocument"), *known]
        return next((name for name in named if name.lower() in self._members), "")

    def main_type(self) -> str:
        """Return the content type that the package gives its main part, "" where it gives none."""
        types = self.xml("[Content_Types].xml")
        for element in () if types is None else types:
            if (
                isinstance(element.tag, str)
                and element.get("PartName", "").lstrip("/").lower() == self.main().lower()
            ):
                kind: str = element.get("ContentType", "")
                return kind
        return ""

    def title(self) -> str | None:
        """Return the title of the package's properties."""
        try:
            for name in self.related("", "core-properties"):
                root = self.xml(name)
                return None if root is None else root.findtext(_TITLE)
        except etree.XMLSyntaxError:
            pass  # broken properties are no reason to refuse the text
        return None


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def alternatives(element: Any) -> Iterator[Any]:
    """Yield the ways an mc:AlternateContent says the same, the newest first: a reader takes one of them."""
    yield from element.iterchildren(f"{MC}Choice")
    yield from element.iterchildren(f"{MC}Fallback")


def on(element: Any, name: str, missing: bool = False) -> bool:
    """Return an attribute that is on or off; strict files write "true" and "on" for 1."""
    value = element.get(name)
    return missing if value is None else value.lower() not in ("0", "false", "off")


def graphic(package: Package, part: str, data: Any, unread: Counter[str]) -> list[str]:
    """Return the lines of a diagram (SmartArt); count charts and other graphics that have no text."""
    kind = data.get("uri", "").rpartition("/")[2]
    if kind != "diagram":
        unread[_GRAPHICS.get(kind, "graphic")] += 1
        return []
    lines: list[str] = []
    references = package.relationships(part)
    for ids in data.iter(f"{DIAGRAM}relIds"):
        reference = references.get(ids.get(f"{R}dm", ""))
        root = package.xml(reference.target) if reference else None
        if root is None:
            unread["diagram"] += 1
            continue
        paragraphs = root.iter(f"{A}p")
        lines += ["".join(text.text or "" for text in each.iter(f"{A}t")) for each in paragraphs]
    return [line for line in lines if line.strip()]
