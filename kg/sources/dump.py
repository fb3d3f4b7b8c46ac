"""RDF dumps: a file, or a folder of files, its sub-folders too, in the order of their names.

N-Triples and N-Quads are read line by line as columns, and so is a Turtle file as long as its lines are N-Triples (as
those of DBpedia are); what is malformed there goes to a `Quarantine`. The rest of a Turtle file from its first line
that only Turtle explains, and RDF/XML, are parsed by pyoxigraph in batches; their records are running numbers of
statements, and a syntax error in them stops, since nobody knows where the next statement begins.

Blank nodes are renamed so that two files never share one: N-Triples labels get the source in front, those of Turtle and
RDF/XML, which are partly made up by the parser, are numbered as they come.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, cast

import polars as pl

from kg.progress import progress, short_name
from kg.snapshot import file_sha256
from kg.sources.ahead import ahead
from kg.sources.compressed import open_file
from kg.sources.entities import EntityGuard
from kg.sources.ntriples import Limit, Piece, read_stream
from kg.sources.options import SourceOptions, dump_files, rdf_format, text_files
from kg.sources.parsed import BlankNames, read_statements, read_turtle
from kg.sources.quarantine import Quarantine, Tally


def read_dump(
    options: SourceOptions, *, blank: str, take: Callable[[pl.DataFrame], None], quarantine: Path | None = None
) -> dict[str, Any]:
    """Details for the manifest of a file or folder, whose triples go to `take` piece by piece, in their order: frames
    with columns s, p, o (N-Triples terms) and record, of bounded size.

    blank: stands before the label of each blank node. quarantine: the JSONL file for malformed lines; None only counts
    them. In a folder the records run on from file to file, and the details tell where each file begins, and
    whether its records are lines or statements; texts in it are left alone. Raises ParseError, SourceError.
    """
    files = dump_files(Path(options.location))
    described, before, rows = list[dict[str, Any]](), 0, 0
    with (
        Quarantine(quarantine, options.max_malformed) as kept,
        progress(f"read {short_name(options.label)}") as advance,
    ):
        for number, path in enumerate(files):
            scope = blank if len(files) == 1 else f"{blank}{number}x"
            tally = Tally(kept, place=f"{path}, line", file=_name(path, options))
            parts = list[dict[str, Any]]()
            with closing(ahead(_judged(read_file(path, blank=scope, limit=tally.most), tally))) as pieces:
                for piece in pieces:
                    if not parts or parts[-1]["unit"] != piece.unit:
                        parts.append(_part(before, piece.unit))
                    parts[-1]["rows"] += len(piece.triples)
                    parts[-1]["lines"] += piece.read
                    take(piece.triples.with_columns(pl.col("record") + (parts[-1]["first_record"] - 1)))
                    before += piece.read
                    rows += len(piece.triples)
                    advance(len(piece.triples))
            whole = {"file": _name(path, options), "sha256": file_sha256(path), "bytes": path.stat().st_size}
            described += [whole | part for part in parts or [_part(before)]]
            described[-1] |= tally.listed()
    left = len(text_files(Path(options.location))) if Path(options.location).is_dir() else 0
    return {"rows": rows, **kept.details(), "files": described} | ({"texts_not_read": left} if left else {})


def _part(before: int, unit: str = "line") -> dict[str, Any]:
    """What the manifest says of a file, or of a part of it: its records are so many `lines`, or statements."""
    return {"unit": unit, "first_record": before + 1, "rows": 0, "lines": 0}


def _judged(pieces: Iterator[Piece], tally: Tally) -> Iterator[Piece]:
    """The pieces, whose malformed lines have been let pass."""
    for piece in pieces:
        tally.take(piece.malformed, piece.read)
        yield piece
    tally.finish()


def read_file(path: Path, *, blank: str, limit: Limit | None = None) -> Iterator[Piece]:
    """The pieces of a file, in order; where the unit changes, the records begin at 1 again. limit: how many of so many
    lines may be malformed, before the caller stops."""
    syntax = rdf_format(path.name)
    with open_file(path) as stream:
        if syntax in ("N-Triples", "N-Quads"):
            yield from read_stream(stream, path=path, quads=syntax == "N-Quads", blank=blank, limit=limit)
        elif syntax == "Turtle":
            yield from read_turtle(stream, path=path, blank=blank, limit=limit)
        else:
            yield from read_statements(guarded(stream, path), path=path, syntax="RDF/XML", names=BlankNames(blank))


def guarded(stream: IO[bytes], path: Path) -> IO[bytes]:
    """The stream of a file, behind an `EntityGuard` if it is RDF/XML: something to `read`."""
    return cast(IO[bytes], EntityGuard(stream, path)) if rdf_format(path.name) == "RDF/XML" else stream


def _name(path: Path, options: SourceOptions) -> str:
    """The file's path below the source's folder, or its name."""
    place = Path(options.location)
    return path.relative_to(place).as_posix() if place.is_dir() else path.name
