"""Turtle and RDF/XML, parsed by pyoxigraph and written as N-Triples in its own code, batch by batch.

What ends in .ttl is often N-Triples (a part of Turtle), a statement a line, as DBpedia publishes it: that is read as
such, which is faster and can set malformed lines aside. From the first line on that only Turtle explains the rest of
the file is parsed.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyoxigraph as ox

from kg.errors import ParseError
from kg.sources.compressed import CHUNK_BYTES, line_chunks
from kg.sources.ntriples import Limit, Piece, read_canonical, read_chunk
from kg.sources.quarantine import Malformed, reason_of

BATCH = 20_000
"""Statements parsed at once."""
FIRST_BYTES = 1 << 16
LOOK_BYTES = 1 << 16
"""How far is read on to tell Turtle from a malformed line."""
_DIRECTIVE = re.compile(rb"\s*(?:@?(?:prefix|base|version)\b)", re.IGNORECASE)


class BlankNames:
    """Names for the blank nodes of a file, in the order of their first appearance: what is given, and a number."""

    def __init__(self, blank: str) -> None:
        self._blank = blank
        self._names: dict[str, str] = {}

    def rename(self, triples: pl.DataFrame) -> pl.DataFrame:
        """The triples with the new names."""
        is_blank = pl.col("s", "o").str.starts_with("_:")
        found = triples.lazy().select("s", "o").filter(pl.any_horizontal(is_blank)).collect()
        if found.is_empty():
            return triples
        for terms in found.rows():
            for term in terms:
                if term.startswith("_:"):
                    self._names.setdefault(term, f"_:{self._blank}{len(self._names)}")
        known = {term: self._names[term] for terms in found.rows() for term in terms if term.startswith("_:")}
        return triples.with_columns(pl.when(is_blank).then(pl.col("s", "o").replace(known)).otherwise(pl.col("s", "o")))


def read_turtle(stream: IO[bytes], *, path: Path, blank: str, limit: Limit | None = None) -> Iterator[Piece]:
    """The pieces of a Turtle file: lines as long as they are N-Triples, then statements. Raises ParseError.

    limit: how many of so many lines may be malformed; the caller stops after a piece with more.
    """
    names = BlankNames(blank)
    chunks = line_chunks(stream, path=path, first_bytes=FIRST_BYTES)
    before = 0
    for chunk in chunks:
        piece = read_chunk(chunk, first=before + 1, limit=limit)
        start = _turtle_start(chunk, piece.malformed, before)
        if start is None:
            yield piece._replace(triples=names.rename(piece.triples))
            before += chunk.count(b"\n")
            continue
        if start:
            whole = read_chunk(chunk[:start], first=before + 1, limit=limit)
            yield whole._replace(triples=names.rename(whole.triples))
        before += chunk.count(b"\n", 0, start)
        rest = _Joined(chunk[start:], chunks)
        yield from read_statements(rest, path=path, syntax="Turtle", names=names, lines_before=before)
        return


def read_statements(
    stream: Any, *, path: Path, syntax: str, names: BlankNames, lines_before: int = 0
) -> Iterator[Piece]:
    """The pieces of Turtle or RDF/XML, whose records are the numbers of the statements, from 1. Raises ParseError.

    stream: what has `read`. lines_before: how many lines of the file stand before it.
    """
    quads = ox.parse(stream, format=ox.RdfFormat.TURTLE if syntax == "Turtle" else ox.RdfFormat.RDF_XML)
    before = 0
    while True:
        try:
            text = ox.serialize(itertools.islice(quads, BATCH), format=ox.RdfFormat.N_QUADS) or b""
        except (SyntaxError, ValueError) as error:
            line = f", line {lines_before + error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            raise ParseError(
                f"{path}{line}: expected {syntax}: {reason_of(error)}. Correct the file; only N-Triples and "
                "N-Quads can be read past an error."
            ) from error
        if not text:
            return
        count = text.count(b"\n")
        triples = read_canonical(text, range(before + 1, before + count + 1))
        nested = triples.filter(pl.col("o").str.starts_with("<<"))
        if len(nested):
            raise ParseError(
                f"{path}, statement {nested['record'][0]}: a triple as the object of a triple (RDF 1.2) is not taken. "
                "Leave it out."
            )
        yield Piece(names.rename(triples), [], count, "statement")
        before += count


def _turtle_start(chunk: bytes, malformed: list[Malformed], before: int) -> int | None:
    """Where the first line begins that is no N-Triples, but Turtle; None if there is none."""
    at, line = 0, before + 1
    for bad in malformed:
        while line < bad.record:
            at, line = chunk.index(b"\n", at) + 1, line + 1
        if _is_turtle(chunk[at : at + LOOK_BYTES]):
            return at
    return None


def _is_turtle(text: bytes) -> bool:
    """Whether text begins like Turtle: with a directive, or so that its first two lines can be parsed. A malformed line
    of N-Triples is an error there too, at the latest where the next begins."""
    if _DIRECTIVE.match(text):
        return True
    try:
        for _ in ox.parse(text, format=ox.RdfFormat.TURTLE):
            pass
    except (SyntaxError, ValueError) as error:
        return isinstance(error, SyntaxError) and (error.lineno or 0) > 2
    return True


class _Joined:
    """A stream of a text and the pieces that follow it."""

    def __init__(self, text: bytes, more: Iterator[bytes]) -> None:
        self._text, self._at, self._more = text, 0, more

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        if self._at == len(self._text):
            self._text, self._at = next(self._more, b""), 0
        part = self._text[self._at : self._at + size]
        self._at += len(part)
        return part
