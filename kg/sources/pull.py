"""All sources of a build, one after the other: statements for each, and one list of documents."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.errors import EmptyGraph, UsageError
from kg.snapshot import file_sha256
from kg.sources.compressed import compressed_size, open_file
from kg.sources.dump import read_dump
from kg.sources.endpoint import count_endpoint, read_endpoint
from kg.sources.options import SourceOptions, dump_files, kind_of, rdf_format, without_credentials
from kg.sources.select import select_triples
from kg.sources.text import read_texts
from kg.statements import Collector, Statements, concat
from kg.types import Document, SourceInfo

_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True)
class Pulled:
    """What the sources gave. parts: the statements of each source, nothing merged. document_source: for each document
    the index of its source, ascending. infos: one for each source."""

    parts: list[Statements]
    documents: list[Document]
    document_source: list[int]
    infos: list[SourceInfo]

    def statements(self) -> Statements:
        """The statements of all sources, in their order. Raises EmptyGraph if there are none."""
        if not any(map(len, self.parts)):
            read = ", ".join(f"{info.name} ({info.kind})" for info in self.infos) or "none"
            raise EmptyGraph(f"the sources gave no triple at all; read were: {read}. Check what they hold and select.")
        return concat([part.of_source(index) for index, part in enumerate(self.parts)])


def pull(
    sources: Sequence[SourceOptions],
    *,
    folder: Path | None = None,
    skip_text: bool = False,
    known: Mapping[SourceOptions, tuple[Statements, SourceInfo]] | None = None,
) -> Pulled:
    """Everything that the sources select. folder: where an endpoint's finished slices are kept for another run.

    skip_text: leave text sources unread. known: what sources gave before; a dump whose files are the same is not read
    again. Raises UsageError, SourceError.
    """
    kinds = [_checked_kind(options) for options in sources]
    pulled = Pulled([], [], [], [])
    for index, (options, kind) in enumerate(zip(sources, kinds, strict=True)):
        before = (known or {}).get(options)
        if before and kind == "dump" and unchanged(options, before[1]):
            pulled.parts.append(before[0])
            pulled.infos.append(before[1])
            continue
        collector = Collector()
        details: dict[str, Any] = {"skipped_text": True}
        if kind == "endpoint":
            details = read_endpoint(options, blank=_blank(options), take=collector.add, folder=folder)
        elif kind == "dump":
            details = read_dump(options, blank=_blank(options), take=collector.add)
        elif not skip_text:
            found, details = read_texts(options)
            found = [document for document in found if document.id not in options.without]
            details["documents"] = len(found)
            pulled.documents.extend(found)
            pulled.document_source.extend([index] * len(found))
        statements = collector.statements()
        if kind == "dump" and options.select != "whole":
            statements = select_triples(statements, options)
            details["selected"] = len(statements)
        pulled.parts.append(statements)
        location = without_credentials(options.location)
        pulled.infos.append(SourceInfo(options.label, kind, {"location": location, **details}))
    return pulled


def estimate(sources: Sequence[SourceOptions]) -> list[dict[str, Any]]:
    """What a pull would take, one row for each source: name, kind, location, and `triples` (an endpoint's own count,
    None if only pulling tells) or `bytes` with `lines`, reckoned from the first MB of each file unless `exact`."""
    rows = []
    for options in sources:
        kind = _checked_kind(options)
        row: dict[str, Any] = {"name": options.label, "kind": kind, "location": without_credentials(options.location)}
        if kind == "endpoint":
            count = count_endpoint(options)
            row |= {"triples": count, "exact": count is not None}
        else:
            files = dump_files(Path(options.location))
            found = [_estimate_lines(path) for path in files]
            row |= {"files": len(files), "bytes": sum(path.stat().st_size for path in files)}
            row |= {"lines": sum(lines for lines, _ in found), "exact": all(exact for _, exact in found)}
        rows.append(row)
    return rows


def unchanged(options: SourceOptions, info: SourceInfo) -> bool:
    """Whether the files of a dump are, byte by byte, those that were read before."""
    files = dump_files(Path(options.location))
    before = info.details.get("files", [])
    return len(files) == len(before) and all(
        path.stat().st_size == row["bytes"] and file_sha256(path) == row["sha256"]
        for path, row in zip(files, before, strict=True)
    )


def _blank(options: SourceOptions) -> str:
    """What stands before the label of each blank node of a source: the same in every build, whatever other sources
    there are."""
    return f"s{hashlib.sha256(options.label.encode()).hexdigest()[:8]}x"


def _checked_kind(options: SourceOptions) -> str:
    kind = kind_of(options.location)
    if options.graph and kind != "endpoint":
        raise UsageError(f"source {options.label}: graph names a graph of an endpoint, but this is a {kind}.")
    if options.select != "whole" and kind == "text":
        raise UsageError(f"source {options.label}: a text file is read whole; leave select out.")
    return kind


def _estimate_lines(path: Path) -> tuple[int, bool]:
    """(lines, whether they were counted): the lines of the first MB, over the part of the file that it takes up."""
    with open_file(path) as stream:
        sample = stream.read(_SAMPLE_BYTES)
    lines = sample.count(b"\n")
    if len(sample) < _SAMPLE_BYTES:
        return lines + (not sample.endswith(b"\n") and bool(sample)), not _is_free(path)
    return round(lines * path.stat().st_size / compressed_size(path, sample)), False


def _is_free(path: Path) -> bool:
    """Whether a line of the file is no statement: Turtle and RDF/XML."""
    return rdf_format(path.name) in ("Turtle", "RDF/XML")
