"""RDF dumps: a file, or a folder of files, its sub-folders too, in the order of their names.

N-Triples and N-Quads are read line by line as columns. Turtle and RDF/XML are parsed by pyoxigraph in batches and
written as N-Triples in its own code, so that they take the same way from there; their records are running numbers of
statements. Blank nodes are renamed so that two files never share one: N-Triples labels get the source in front, those
of Turtle and RDF/XML, which are partly made up by the parser, are numbered as they come.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import polars as pl
import pyoxigraph as ox

from kg.errors import ParseError
from kg.progress import progress, short_name
from kg.snapshot import file_sha256
from kg.sources.compressed import open_file
from kg.sources.entities import EntityGuard
from kg.sources.ntriples import SHOWN, Skipped, read_lines, read_stream, split_lines
from kg.sources.options import SourceOptions, dump_files, rdf_format

BATCH = 100_000


def read_dump(options: SourceOptions, *, blank: str, take: Callable[[pl.DataFrame], None]) -> dict[str, Any]:
    """Gives a file or folder to `take`, piece by piece (columns s, p, o, record); returns details for the manifest.

    blank: stands before the label of each blank node. In a folder the records run on from file to file, and the
    details tell where each file begins, and whether its records are lines or statements. Raises ParseError,
    SourceError.
    """
    files = dump_files(Path(options.location))
    described, skipped, before, taken = [], 0, 0, 0
    with progress(f"read {short_name(options.label)}") as advance:
        for number, path in enumerate(files):
            scope = blank if len(files) == 1 else f"{blank}{number}x"
            rows, lines, left_out = 0, 0, list[Skipped]()
            for frame, bad, read in read_file(path, blank=scope, skip=options.on_error == "skip"):
                take(frame.with_columns(pl.col("record") + before))
                rows, lines = rows + len(frame), lines + read
                left_out += bad
                advance(len(frame))
            described.append(
                {"file": _name(path, options), "sha256": file_sha256(path), "bytes": path.stat().st_size, "rows": rows}
                | {"lines": lines, "first_record": before + 1, "unit": _unit(path)}
                | ({"skipped": [f"{bad.record}: {bad.reason}" for bad in left_out[:SHOWN]]} if left_out else {})
            )
            skipped += len(left_out)
            before += lines
            taken += rows
    return {"rows": taken, "skipped": skipped, "files": described}


def read_file(path: Path, *, blank: str, skip: bool = False) -> Iterator[tuple[pl.DataFrame, list[Skipped], int]]:
    """(triples, skipped lines, records read) for each piece of a file, in order."""
    syntax = rdf_format(path.name)
    with open_file(path) as stream:
        if syntax in ("N-Triples", "N-Quads"):
            yield from read_stream(stream, path=path, quads=syntax == "N-Quads", blank=blank, skip=skip)
        else:
            yield from _parse(guarded(stream, path), path=path, syntax=str(syntax), blank=blank)


def guarded(stream: IO[bytes], path: Path) -> IO[bytes]:
    """The stream of a file, behind an `EntityGuard` if it is RDF/XML: something to `read`."""
    return cast(IO[bytes], EntityGuard(stream, path)) if rdf_format(path.name) == "RDF/XML" else stream


def _name(path: Path, options: SourceOptions) -> str:
    """The file's path below the source's folder, or its name."""
    place = Path(options.location)
    return path.relative_to(place).as_posix() if place.is_dir() else path.name


def _unit(path: Path) -> str:
    """What a record of the file is."""
    return "line" if rdf_format(path.name) in ("N-Triples", "N-Quads") else "statement"


def _parse(stream: Any, *, path: Path, syntax: str, blank: str) -> Iterator[tuple[pl.DataFrame, list[Skipped], int]]:
    names: dict[str, str] = {}
    before = 0
    quads = ox.parse(stream, format=ox.RdfFormat.TURTLE if syntax == "Turtle" else ox.RdfFormat.RDF_XML)
    while True:
        try:
            batch = list(itertools.islice(quads, BATCH))
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            raise ParseError(
                f"{path}{line}: expected {syntax}: {reason}. Correct the file; only N-Triples and N-Quads can be read "
                'past an error (on_error = "skip").'
            ) from error
        if not batch:
            return
        text = ox.serialize((quad.triple for quad in batch), format=ox.RdfFormat.N_TRIPLES)
        lines = pl.DataFrame({"line": split_lines(text or b"", path=path, first=before + 1)})
        lines = lines.with_row_index("record", before + 1).cast({"record": pl.Int64})
        triples, _ = read_lines(lines, where=f"{path}, statement")
        yield _rename(triples, names, blank), [], len(lines)
        before += len(lines)


def _rename(triples: pl.DataFrame, names: dict[str, str], blank: str) -> pl.DataFrame:
    """Blank nodes numbered in the order of their first appearance; `names` carries the numbers from batch to batch."""
    found = (
        triples.select(pl.concat_list("s", "o").explode().alias("term"))
        .filter(pl.col("term").str.starts_with("_:"))
        .to_series()
        .unique(maintain_order=True)
    )
    if found.is_empty():
        return triples
    for term in found:
        names.setdefault(term, f"_:{blank}{len(names)}")
    known = {term: names[term] for term in found}
    return triples.with_columns(pl.col("s", "o").replace(known))
