"""All sources of a build, one after the other, as one table of statements and one list of documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from kg.errors import EmptyGraph, UsageError
from kg.sources.compressed import compressed_size, open_file
from kg.sources.dump import read_dump
from kg.sources.endpoint import count_endpoint, read_endpoint
from kg.sources.options import SourceOptions, dump_files, kind_of, rdf_format, without_credentials
from kg.sources.select import select_triples
from kg.sources.text import read_texts
from kg.types import STATEMENT_SCHEMA, Document, SourceInfo

_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True)
class Pulled:
    """What the sources gave. statements: columns of STATEMENT_SCHEMA, in the order of the sources, nothing merged.
    document_source: for each document the index of its source. infos: one for each source."""

    statements: pl.DataFrame
    documents: list[Document]
    document_source: list[int]
    infos: list[SourceInfo]


def pull(sources: Sequence[SourceOptions], *, folder: Path | None = None, skip_text: bool = False) -> Pulled:
    """Everything that the sources select. folder: where an endpoint's finished slices are kept for another run.

    skip_text: leave text sources unread. Raises UsageError, SourceError, and EmptyGraph if no source gave a triple.
    """
    kinds = [_checked_kind(options) for options in sources]
    frames, infos = [pl.DataFrame(schema=STATEMENT_SCHEMA)], []
    documents: list[Document] = []
    document_source: list[int] = []
    for index, (options, kind) in enumerate(zip(sources, kinds, strict=True)):
        details: dict[str, Any] = {"skipped_text": True}
        if kind == "endpoint":
            pieces = [pl.DataFrame(schema={"s": pl.String, "p": pl.String, "o": pl.String, "record": pl.Int64})]
            details = read_endpoint(options, index=index, take=pieces.append, folder=folder)
            frames.append(_statements(pl.concat(pieces), index))
        elif kind == "dump":
            triples, details = read_dump(options, index=index)
            if options.select != "whole":
                triples = select_triples(triples, options)
                details["selected"] = len(triples)
            frames.append(_statements(triples, index))
        elif not skip_text:
            found, details = read_texts(options)
            documents += found
            document_source += [index] * len(found)
        location = without_credentials(options.location)
        infos.append(SourceInfo(options.label, kind, {"location": location, **details}))
    statements = pl.concat(frames)
    if statements.is_empty():
        read = ", ".join(f"{info.name} ({info.kind})" for info in infos) or "none"
        raise EmptyGraph(f"the sources gave no triple at all; read were: {read}. Check what they hold and select.")
    return Pulled(statements, documents, document_source, infos)


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


def _checked_kind(options: SourceOptions) -> str:
    kind = kind_of(options.location)
    if options.graph and kind != "endpoint":
        raise UsageError(f"source {options.label}: graph names a graph of an endpoint, but this is a {kind}.")
    if options.select != "whole" and kind == "text":
        raise UsageError(f"source {options.label}: a text file is read whole; leave select out.")
    return kind


def _statements(triples: pl.DataFrame, index: int) -> pl.DataFrame:
    columns = triples.with_columns(source=pl.lit(index), start=pl.lit(-1), end=pl.lit(-1), confidence=pl.lit(1.0))
    return columns.select(pl.col(name).cast(dtype) for name, dtype in STATEMENT_SCHEMA.items())


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
