"""Texts: JSON Lines, plain text, HTML and PDF, single files or a folder of them, its sub-folders too.

A line of JSON Lines is one document, an object with `id` and `text`; other keys are left alone. Any other file is one
document, and its id is its path below the source. The text of a document is what was extracted from it; it is stored
with the snapshot, and spans are character offsets in it.
"""

import codecs
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kg.errors import ParseError
from kg.progress import progress, short_name
from kg.snapshot import file_sha256
from kg.sources.compressed import line_chunks, open_file
from kg.sources.ntriples import check_utf8
from kg.sources.options import SourceOptions, plain_name, text_files
from kg.sources.quarantine import Malformed, Quarantine, Tally
from kg.types import Document

DOCUMENT_BYTES = 256 << 20
"""The largest file taken as one document, once decompressed."""
_EXPECTED = 'one JSON object with "id" and "text", both strings'


def read_texts(options: SourceOptions, *, quarantine: Path | None = None) -> tuple[list[Document], dict[str, Any]]:
    """(documents in the order of the files, details for the manifest); raises ParseError, SourceError.

    Malformed lines of JSON Lines, and files of a folder that cannot be read as text, are set aside as those of a dump
    are: see `kg.sources.dump.read_dump`.
    """
    place = Path(options.location)
    files = text_files(place)
    documents: list[Document] = []
    described: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    refused: list[ParseError] = []
    with (
        Quarantine(quarantine, options.max_malformed) as kept,
        progress(f"read {short_name(options.label)}") as advance,
    ):
        for path in files:
            name = path.relative_to(place).as_posix() if place.is_dir() else path.name
            tally = Tally(kept, place=f"{path}, line", file=name, expected=_EXPECTED)
            before = len(documents)
            try:
                for document, where in _read(path, name, tally):
                    _check_new(document.id, where, seen)
                    documents.append(document)
            except _UnreadableError as error:
                refused.append(error.error)
                kept.add(name, [Malformed(0, str(error.error), "")])
            advance(len(documents) - before)
            described.append(
                {"file": name, "sha256": file_sha256(path), "bytes": path.stat().st_size}
                | {"documents": len(documents) - before}
                | tally.listed()
            )
    if len(refused) > math.floor(options.max_malformed * len(files)):
        raise refused[0]
    details = {"documents": len(documents), "empty": sum(not document.text.strip() for document in documents)}
    return documents, details | kept.details() | {"files": described}


def read_documents(path: Path) -> list[Document]:
    """The documents of a JSONL file; raises ParseError for a line that is no document, or an id that comes twice."""
    seen: dict[str, str] = {}
    documents: list[Document] = []
    tally = Tally(Quarantine(None, 0), place=f"{path}, line", file=path.name, expected=_EXPECTED)
    for document, where in _lines(path, tally):
        _check_new(document.id, where, seen)
        documents.append(document)
    return documents


class _UnreadableError(Exception):
    """A whole file that is no text."""

    def __init__(self, error: ParseError) -> None:
        super().__init__(str(error))
        self.error = error


def _read(path: Path, name: str, tally: Tally) -> Iterator[tuple[Document, str]]:
    """The documents of a file, each with the words for its place."""
    suffix = Path(plain_name(name)).suffix
    if suffix == ".jsonl":
        yield from _lines(path, tally)
        return
    with open_file(path) as stream:
        data = stream.read(DOCUMENT_BYTES + 1)
    try:
        if len(data) > DOCUMENT_BYTES:
            raise ParseError(f"{path} is larger than {DOCUMENT_BYTES >> 20} MiB, the most for one document. Split it.")
        text = _extracted(data, suffix, path)
    except ParseError as error:
        raise _UnreadableError(error) from error
    yield Document(name, text), str(path)


def _extracted(data: bytes, suffix: str, path: Path) -> str:
    if suffix == ".pdf":
        from kg.sources.pdf import pdf_text

        return pdf_text(data, path=path)
    if suffix in (".html", ".htm"):
        from kg.sources.html import html_text

        return html_text(data, path=path)
    return check_utf8(data.removeprefix(codecs.BOM_UTF8), path=path)


def _lines(path: Path, tally: Tally) -> Iterator[tuple[Document, str]]:
    number = 0
    with open_file(path) as stream:
        for chunk in line_chunks(stream, path=path):
            for line in chunk.removesuffix(b"\n").split(b"\n"):
                number += 1
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if not line.strip():
                    continue
                try:
                    document = _document(line)
                except ValueError as error:
                    shown = line.decode("utf-8", "backslashreplace")
                    tally.take([Malformed(number, str(error), shown)], 1)
                    continue
                tally.take([], 1)
                yield document, f"{path}, line {number}"
    tally.finish()


def _document(line: bytes) -> Document:
    """The document of a line; raises ValueError with what is wrong."""
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: the byte 0x{line[error.start]:02x}") from error
    except RecursionError as error:
        raise ValueError("too many brackets within brackets") from error
    if not isinstance(value, dict):
        raise ValueError(f"not an object, but {type(value).__name__}")
    for key in ("id", "text"):
        if not isinstance(value.get(key), str):
            raise ValueError(f"{key} = {json.dumps(value.get(key))[:100]}")
        try:
            value[key].encode()
        except UnicodeEncodeError as error:
            half = json.dumps(value[key][error.start])
            raise ValueError(
                f"{key} is no Unicode text: {half}, half of a surrogate pair, at character {error.start}"
            ) from error
    return Document(id=value["id"], text=value["text"])


def _check_new(name: str, where: str, seen: dict[str, str]) -> None:
    if name in seen:
        raise ParseError(
            f"{where}: the id {name!r} is already that of {seen[name]}. Give each document an id of its own."
        )
    seen[name] = where
