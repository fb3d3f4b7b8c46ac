"""Texts: JSON Lines, one object a line with `id` and `text`; other keys are left alone."""

import json
from pathlib import Path
from typing import Any

from kg.errors import ParseError
from kg.snapshot import file_sha256
from kg.sources.compressed import open_file
from kg.sources.ntriples import check_utf8
from kg.sources.options import SourceOptions
from kg.types import Document


def read_texts(options: SourceOptions) -> tuple[list[Document], dict[str, Any]]:
    """(documents in the order of the file, details for the manifest); raises ParseError, SourceError."""
    path = Path(options.location)
    documents = read_documents(path)
    return documents, {"documents": len(documents), "sha256": file_sha256(path), "bytes": path.stat().st_size}


def read_documents(path: Path) -> list[Document]:
    """The documents of a JSONL file; raises ParseError for a line that is no document, or an id that comes twice."""
    with open_file(path) as stream:
        text = check_utf8(stream.read(), path=path, first=1)
    documents: list[Document] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        document = _document(line, where=f"{path}, line {number}")
        if document.id in lines:
            raise ParseError(
                f"{path}, line {number}: the id {document.id!r} is already that of line {lines[document.id]}. "
                "Give each document an id of its own."
            )
        lines[document.id] = number
        documents.append(document)
    return documents


def _document(line: str, *, where: str) -> Document:
    expected = 'expected one JSON object with "id" and "text", both strings'
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ParseError(f"{where}: {expected}, got {line[:100]!r}: {error}.") from error
    if not isinstance(value, dict):
        raise ParseError(f"{where}: {expected}, got {line[:100]!r}.")
    for key in ("id", "text"):
        if not isinstance(value.get(key), str):
            raise ParseError(f"{where}: {expected}, got {key} = {json.dumps(value.get(key))[:100]}.")
        try:
            value[key].encode()
        except UnicodeEncodeError as error:
            half = json.dumps(value[key][error.start])
            raise ParseError(
                f"{where}: expected {key} to be Unicode text, got {half}, half of a surrogate pair, at character "
                f"{error.start}. Take it out, or give both halves."
            ) from error
    return Document(id=value["id"], text=value["text"])
