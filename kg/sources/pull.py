"""All sources of a build, one after the other: statements for each, and one list of documents."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kg.errors import EmptyGraph, UsageError
from kg.snapshot import file_sha256
from kg.sources.dump import read_dump
from kg.sources.endpoint import count_endpoint, read_endpoint
from kg.sources.lines import estimate_documents, estimate_dump
from kg.sources.options import SourceOptions, dump_files, kind_of, text_files, without_credentials
from kg.sources.select import select_triples
from kg.sources.text import read_texts
from kg.statements import Collector, Statements, concat
from kg.types import Document, SourceInfo


@dataclass(frozen=True)
class Pulled:
    """What the sources gave. statements: in the order of the sources, nothing merged. document_source: for each
    document the index of its source, ascending. infos: one for each source."""

    statements: Statements
    documents: list[Document]
    document_source: list[int]
    infos: list[SourceInfo]


def pull(
    sources: Sequence[SourceOptions],
    *,
    folder: Path | None = None,
    quarantine: Path | None = None,
    skip_text: bool = False,
    known: Mapping[SourceOptions, tuple[Statements, SourceInfo]] = MappingProxyType({}),
) -> Pulled:
    """Everything that the sources select. folder: where an endpoint's finished slices are kept for another run.

    quarantine: a folder for what is malformed in dumps and texts, a file for each source; None only counts it.
    skip_text: leave text sources unread. known: what sources gave before; a dump whose files are the same is not read
    again. Raises UsageError, SourceError, and EmptyGraph if no source gave a triple.
    """
    kinds = [_checked_kind(options) for options in sources]
    collector, whole = Collector(), list[Statements]()
    documents, document_source, infos = list[Document](), list[int](), list[SourceInfo]()
    for index, (options, kind) in enumerate(zip(sources, kinds, strict=True)):
        if kind == "dump" and options in known and unchanged(options, known[options][1]):
            whole.append(known[options][0].of_source(index))
            infos.append(known[options][1])
            continue
        details: dict[str, Any] = {"skipped_text": True}
        aside = quarantine / f"source-{index}.jsonl" if quarantine else None
        if kind == "endpoint":
            details = read_endpoint(options, blank=_blank(options), take=collector.source(index), folder=folder)
        elif kind == "dump":
            own = collector if options.select == "whole" else Collector()
            details = read_dump(options, blank=_blank(options), take=own.source(index), quarantine=aside)
            if own is not collector:
                whole.append(select_triples(own.statements(), options))
                details["selected"] = len(whole[-1])
        elif not skip_text:
            found, details = read_texts(options, quarantine=aside)
            found = [document for document in found if document.id not in options.without]
            details["documents"] = len(found)
            documents += found
            document_source += [index] * len(found)
        location = without_credentials(options.location)
        infos.append(SourceInfo(options.label, kind, {"location": location, **details}))
    statements = concat([collector.statements(), *whole])
    if whole:
        statements = Statements(statements.terms, statements.rows.sort("source", maintain_order=True))
    if not len(statements):
        read = ", ".join(f"{info.name} ({info.kind})" for info in infos) or "none"
        raise EmptyGraph(f"the sources gave no triple at all; read were: {read}. Check what they hold and select.")
    return Pulled(statements, documents, document_source, infos)


def estimate(sources: Sequence[SourceOptions]) -> list[dict[str, Any]]:
    """What a pull would take, one row for each source: name, kind, location, and `triples` (an endpoint's own count,
    None if only pulling tells) or `bytes` with `lines` (of texts: documents), told from samples unless `exact`."""
    rows = []
    for options in sources:
        kind = _checked_kind(options)
        row: dict[str, Any] = {"name": options.label, "kind": kind, "location": without_credentials(options.location)}
        if kind == "endpoint":
            count = count_endpoint(options)
            row |= {"triples": count, "exact": count is not None}
        else:
            files = (dump_files if kind == "dump" else text_files)(Path(options.location))
            found = [(estimate_dump if kind == "dump" else estimate_documents)(path) for path in files]
            row |= {"files": len(files), "bytes": sum(path.stat().st_size for path in files)}
            row |= {"lines": sum(lines for lines, _ in found), "exact": all(exact for _, exact in found)}
        rows.append(row)
    return rows


def unchanged(options: SourceOptions, info: SourceInfo) -> bool:
    """Whether the files of a dump are, byte by byte, those that were read before."""
    files = dump_files(Path(options.location))
    before = {row["file"]: row for row in info.details.get("files", [])}  # a Turtle file may have two parts
    return len(files) == len(before) and all(
        path.stat().st_size == row["bytes"] and file_sha256(path) == row["sha256"]
        for path, row in zip(files, before.values(), strict=True)
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
        raise UsageError(f"source {options.label}: texts are read whole; leave select out.")
    return kind
