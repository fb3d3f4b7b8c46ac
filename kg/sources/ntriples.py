"""N-Triples and N-Quads (W3C, 2014), read as columns.

Most lines of a real dump are already in the canonical form: one expression recognises them, for a whole column at once.
All others go one by one through pyoxigraph's strict parser, whose writing of a term is the canonical form. The
expression takes only what that parser would give back unchanged, so both ways give the same terms.

Left out: the graph of a quad; triple terms (RDF 1.2), which are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
import pyoxigraph as ox

from kg.errors import ParseError
from kg.sources.compressed import line_chunks

_UCS = r"\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}\x{10000}-\x{1FFFD}\x{20000}-\x{2FFFD}\x{30000}-\x{3FFFD}"
_PATH = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@/\-{_UCS}]|%[0-9A-Fa-f]{{2}})*"
_IRI = rf"<[a-z]+://[A-Za-z0-9.\-]+(?:/{_PATH})?(?:\?{_PATH})?(?:\#{_PATH})?>"
_BLANK = r"_:[A-Za-z][A-Za-z0-9]*"
_TEXT = r'"(?:[^"\\\x00-\x1F\x7F\x{FFFE}\x{FFFF}]|\\[tbnrf"\\])*"'
_LANGUAGE = r"@[a-z]{2,8}(?:-[a-z0-9]{1,8})?"
_DATATYPE = rf"\^\^(?:<http://www\.w3\.org/2001/XMLSchema#[a-rt-z][A-Za-z]*>|<http://dbpedia\.org/datatype/{_PATH}>)"
_LINE = rf"^(?:{_IRI}|{_BLANK}) {_IRI} (?:{_IRI}|{_BLANK}|{_TEXT}(?:{_LANGUAGE}|{_DATATYPE})?) \.\r?\n?$"
SHOWN = 20
"""Skipped lines that a manifest lists in full."""


@dataclass(frozen=True)
class Skipped:
    """A statement left out: its record and why."""

    record: int
    reason: str


def read_stream(
    stream: IO[bytes], *, path: Path, quads: bool = False, blank: str = "", skip: bool = False
) -> Iterator[tuple[pl.DataFrame, list[Skipped], int]]:
    """(triples, skipped lines, lines read) for each piece of a file, in order.

    The triples have columns s, p, o (N-Triples terms) and record (the line, from 1), in the order of the lines. blank
    stands before the label of each blank node. Raises ParseError at the first malformed line unless `skip`.
    """
    before = 0
    for chunk in line_chunks(stream, path=path):
        lines = split_lines(chunk, path=path, first=before + 1)
        frame = pl.DataFrame({"line": lines}).with_row_index("record", before + 1).cast({"record": pl.Int64})
        yield *read_lines(frame, where=f"{path}, line", quads=quads, blank=blank, skip=skip), len(lines)
        before += len(lines)


def split_lines(chunk: bytes, *, path: Path, first: int) -> pl.Series:
    """The lines of a piece of UTF-8 text, with their ends; `first` is the number of the first. Raises ParseError."""
    import pyarrow as pa

    ends = np.flatnonzero(np.frombuffer(chunk, dtype=np.uint8) == ord("\n")) + 1
    last = [] if len(ends) and ends[-1] == len(chunk) else [len(chunk)]
    offsets = np.concatenate([[0], ends, last]).astype(np.int64)
    lines = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(chunk))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        check_utf8(chunk, path=path, first=first)
        raise
    return pl.Series(lines, dtype=pl.String)


def check_utf8(chunk: bytes, *, path: Path, first: int) -> str:
    """The text of the bytes; raises ParseError with the line of the first byte that is not UTF-8."""
    try:
        return chunk.decode()
    except UnicodeDecodeError as error:
        line = first + chunk.count(b"\n", 0, error.start)
        raise ParseError(
            f"{path}, line {line}: expected UTF-8 text, got the byte 0x{chunk[error.start]:02x}. "
            "Convert the file to UTF-8."
        ) from error


def read_lines(
    lines: pl.DataFrame, *, where: str, quads: bool = False, blank: str = "", skip: bool = False
) -> tuple[pl.DataFrame, list[Skipped]]:
    """(triples, skipped lines) of a frame with columns line and record, in the order given; see `read_stream`.

    where: stands before the record in an error.
    """
    canonical = lines["line"].str.contains(_LINE)
    other = lines.filter(~canonical)
    quick = split_triples(lines.filter(canonical)["line"]).with_columns(lines.filter(canonical)["record"])
    skipped: list[Skipped] = []
    if len(other):
        strict, skipped = _read_strictly(other, where=where, quads=quads, skip=skip)
        quick = pl.concat([quick, strict]).sort("record", maintain_order=True)
    if blank:
        quick = quick.with_columns(
            pl.when(pl.col(name).str.starts_with("_:"))
            .then(pl.concat_str(pl.lit("_:" + blank), pl.col(name).str.slice(2)))
            .otherwise(pl.col(name))
            .alias(name)
            for name in ("s", "o")
        )
    return quick, skipped


def split_triples(lines: pl.Series) -> pl.DataFrame:
    """Columns s, p, o of lines that are known to be canonical N-Triples."""
    parts = lines.str.splitn(" ", 3).struct
    return pl.DataFrame(
        {
            "s": parts.field("field_0"),
            "p": parts.field("field_1"),
            "o": parts.field("field_2").str.strip_chars_end(" .\r\n"),
        }
    )


def _read_strictly(lines: pl.DataFrame, *, where: str, quads: bool, skip: bool) -> tuple[pl.DataFrame, list[Skipped]]:
    syntax = ox.RdfFormat.N_QUADS if quads else ox.RdfFormat.N_TRIPLES
    rows: list[tuple[str, str, str, int]] = []
    skipped: list[Skipped] = []
    for text, record in lines.select("line", "record").iter_rows():
        line = text.rstrip("\r\n")
        try:
            for quad in list(ox.parse(line.encode(), format=syntax)):
                if isinstance(quad.object, ox.Triple):
                    raise ValueError("a triple as the object of a triple (RDF 1.2) is not taken")
                rows.append((str(quad.subject), str(quad.predicate), str(quad.object), record))
        except (SyntaxError, ValueError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            shown = line if len(line) <= 200 else line[:200] + "…"
            if not skip:
                raise ParseError(
                    f"{where} {record}: expected `subject predicate object .`, got {shown!r}: {reason}. "
                    'Correct it, or set on_error = "skip" for this source to leave such lines out.'
                ) from error
            skipped.append(Skipped(record, f"{reason}: {shown}"))
    schema = {"s": pl.String, "p": pl.String, "o": pl.String, "record": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row"), skipped
