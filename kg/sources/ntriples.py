"""N-Triples and N-Quads (W3C, 2014), read as columns.

Most lines of a real dump are already in the canonical form: one expression recognises them, for a whole column at once.
Of the others, those that only have other spaces or capitals in a language tag are tidied by columns. The rest goes
through pyoxigraph's strict parser, whose writing of a term is the canonical form, many lines at a time; where it finds
an error, the lines around it are judged one by one. The expression takes only what that parser would give back
unchanged, so all ways give the same terms.

Left out: the graph of a quad; triple terms (RDF 1.2), which count as malformed.
"""

import codecs
import io
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import polars as pl
import pyoxigraph as ox

from kg.errors import ParseError
from kg.sources.compressed import line_chunks
from kg.sources.quarantine import Malformed, reason_of

_UCS = r"\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}\x{10000}-\x{1FFFD}\x{20000}-\x{2FFFD}\x{30000}-\x{3FFFD}"
_PATH = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@/\-{_UCS}]|%[0-9A-Fa-f]{{2}})*"
_IRI = rf"<[a-z]+://[A-Za-z0-9.\-]+(?:/{_PATH})?(?:\?{_PATH})?(?:\#{_PATH})?>"
_BLANK = r"_:[A-Za-z][A-Za-z0-9]*"
_TEXT = r'"(?:[^"\\\x00-\x1F\x7F\x{FFFE}\x{FFFF}]|\\[tbnrf"\\])*"'
_LANGUAGE = r"@[a-z]{2,8}(?:-[a-z0-9]{1,8})?"
_DATATYPE = rf"\^\^(?:<http://www\.w3\.org/2001/XMLSchema#[a-rt-z][A-Za-z]*>|<http://dbpedia\.org/datatype/{_PATH}>)"
_TRIPLE = rf"(?:{_IRI}|{_BLANK}) {_IRI} (?:{_IRI}|{_BLANK}|{_TEXT}(?:{_LANGUAGE}|{_DATATYPE})?)"
_LINE = rf"^{_TRIPLE} ?\.\r?\n?$"
_QUAD_LINE = rf"^{_TRIPLE}(?: (?:{_IRI}|{_BLANK}))? ?\.\r?\n?$"
_GRAPH = r' (?:<[^<>" ]*>|_:[^<>" ]*)$'
"""The graph at the end of `object graph`: nothing that ends a literal looks so."""
_NOTHING = r"^[ \t]*(?:#[^\r]*)?[\r\n]*$"
_BATCH = 2000
"""Lines that the strict parser gets at once: more are slower, as their terms leave the processor's cache."""
_BOM = codecs.BOM_UTF8


class Piece(NamedTuple):
    """A part of a file. triples: columns s, p, o (N-Triples terms) and record, in the order of the file. malformed:
    what was left out. read: how many records the part has; they are lines, or statements numbered by the parser."""

    triples: pl.DataFrame
    malformed: list[Malformed]
    read: int
    unit: str = "line"


Limit = Callable[[int], float]
"""How many of so many lines may be malformed; once there are more, the rest is left unread, so the caller must stop."""


def read_stream(
    stream: IO[bytes], *, path: Path, quads: bool = False, blank: str = "", limit: Limit | None = None
) -> Iterator[Piece]:
    """The pieces of a file, whose records are the lines, from 1.

    blank stands before the label of each blank node. Raises ParseError for a line too long.
    """
    before = 0
    for chunk in line_chunks(stream, path=path):
        text = chunk.removeprefix(_BOM) if not before else chunk
        yield read_chunk(text, first=before + 1, quads=quads, blank=blank, limit=limit)
        before += text.count(b"\n")


def read_chunk(chunk: bytes, *, first: int, quads: bool = False, blank: str = "", limit: Limit | None = None) -> Piece:
    """The statements of whole lines of text, the first of which has the number `first`; see `read_stream`."""
    try:
        lines, undecoded = split_lines(chunk), list[Malformed]()
    except UnicodeDecodeError:
        mended, undecoded = _blank_undecodable(chunk, first)
        lines = split_lines(mended)
    frame = pl.DataFrame({"line": lines}).with_row_index("record", first).cast({"record": pl.Int64})
    most = limit(len(lines)) - len(undecoded) if limit else math.inf
    triples, malformed = read_lines(frame, quads=quads, blank=blank, most=most)
    return Piece(triples, sorted([*undecoded, *malformed], key=lambda line: line.record), len(lines))


def split_lines(chunk: bytes) -> pl.Series:
    """The lines of a piece of UTF-8 text, with their ends. Raises UnicodeDecodeError."""
    import pyarrow as pa

    ends = np.flatnonzero(np.frombuffer(chunk, dtype=np.uint8) == ord("\n")) + 1
    last = [] if not chunk or (len(ends) and ends[-1] == len(chunk)) else [len(chunk)]
    offsets = np.concatenate([[0], ends, last]).astype(np.int64)
    lines = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(chunk))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        chunk.decode()
        raise
    return pl.Series(lines, dtype=pl.String)


def check_utf8(text: bytes, *, path: Path) -> str:
    """The text of the bytes; raises ParseError with the line of the first byte that is not UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ParseError(
            f"{path}, line {line}: expected UTF-8 text, got the byte 0x{text[error.start]:02x}. "
            "Convert the file to UTF-8."
        ) from error


def read_lines(
    lines: pl.DataFrame, *, quads: bool = False, blank: str = "", most: float = math.inf
) -> tuple[pl.DataFrame, list[Malformed]]:
    """(triples, malformed lines) of a frame with columns line and record, in the order given.

    blank: see `read_stream`. After more than `most` malformed lines the rest may be left unread.
    """
    pattern = _QUAD_LINE if quads else _LINE
    canonical = lines["line"].str.contains(pattern)
    if canonical.all():
        triples, malformed = _columns(lines, quads=quads), list[Malformed]()
    else:
        at = np.flatnonzero(~canonical.to_numpy())
        tidied = lines[at].with_columns(_tidied().alias("line"))
        is_tidy = tidied["line"].str.contains(pattern)
        left = at[~is_tidy.to_numpy()]
        strict, rows, malformed = _read_strictly(lines[left], quads=quads, most=most)
        parts = [_columns(lines.filter(canonical), quads=quads), _columns(tidied.filter(is_tidy), quads=quads), strict]
        order = np.concatenate([np.flatnonzero(canonical.to_numpy()), at[is_tidy.to_numpy()], left[rows]])
        triples = pl.concat(parts)[order.argsort(kind="stable")]
    if blank:
        triples = triples.with_columns(
            pl.when(pl.col(name).str.starts_with("_:"))
            .then(pl.concat_str(pl.lit("_:" + blank), pl.col(name).str.slice(2)))
            .otherwise(pl.col(name))
            .alias(name)
            for name in ("s", "o")
        )
    return triples, malformed


def _tidied() -> pl.Expr:
    """Lines in canonical form but for single spaces between terms and small letters in the tag of a language, and what
    makes other lines no more canonical than they are."""
    halves = pl.col("line").str.splitn('"', 2).struct
    spaced = halves.field("field_0").str.replace_all("\t", " ", literal=True).str.replace_all("  ", " ", literal=True)
    literal = pl.when(halves.field("field_1").is_null()).then(pl.lit("")).otherwise('"' + halves.field("field_1"))
    line = (spaced + literal).str.replace(r"[ \t]*\.[ \t]*[\r\n]*$", " .")
    tag = line.str.extract(r'"@([A-Za-z0-9\-]*[A-Z][A-Za-z0-9\-]*) \.$')
    lowered = line.str.head(line.str.len_chars() - tag.str.len_chars() - 2) + tag.str.to_lowercase() + " ."
    return pl.when(tag.is_null()).then(line).otherwise(lowered)


def read_canonical(text: bytes, records: Iterable[int], *, quads: bool = False) -> pl.DataFrame:
    """The triples of canonical lines, as the parser writes them, one for each record."""
    record = pl.Series("record", np.fromiter(records, np.int64))
    return _columns(pl.DataFrame({"line": split_lines(text), "record": record}), quads=quads)


def split_triples(lines: pl.Series, *, quads: bool = False) -> pl.DataFrame:
    """Columns s, p, o of lines that are known to be canonical."""
    parts = lines.str.splitn(" ", 3).struct
    last = parts.field("field_2").str.strip_chars_end(" .\r\n")
    columns = {"s": parts.field("field_0"), "p": parts.field("field_1")}
    return pl.DataFrame({**columns, "o": last.str.replace(_GRAPH, "") if quads else last})


def _columns(lines: pl.DataFrame, *, quads: bool) -> pl.DataFrame:
    return split_triples(lines["line"], quads=quads).with_columns(lines["record"])


def _read_strictly(lines: pl.DataFrame, *, quads: bool, most: float) -> tuple[pl.DataFrame, list[int], list[Malformed]]:
    """(triples, the row of `lines` that each is from, malformed lines) by the strict parser."""
    syntax = ox.RdfFormat.N_QUADS if quads else ox.RdfFormat.N_TRIPLES
    empty = lines["line"].str.contains(_NOTHING)
    several = lines["line"].str.strip_chars_end("\r\n").str.contains("\r", literal=True)
    rows, malformed, texts = list[int](), list[Malformed](), list[bytes]()

    def judge(row: int) -> None:
        line, record = lines["line"][row].rstrip("\r\n"), lines["record"][row]
        try:
            found = [quad.triple for quad in ox.parse(line.encode(), format=syntax)]
            if any(isinstance(triple.object, ox.Triple) for triple in found):
                raise ValueError("a triple as the object of a triple (RDF 1.2) is not taken")
        except (SyntaxError, ValueError) as error:
            malformed.append(Malformed(record, reason_of(error), line))
            return
        texts.append(ox.serialize(found, format=ox.RdfFormat.N_TRIPLES) or b"")
        rows.extend([row] * len(found))

    for row in np.flatnonzero((several & ~empty).to_numpy()).tolist():
        judge(row)
    single = np.flatnonzero((~several & ~empty).to_numpy())
    for start in range(0, len(single), _BATCH):
        part = single[start : start + _BATCH]
        ends = lines["line"][part].str.strip_chars_end("\r\n") + "\n"
        done = 0
        while done < len(part) and len(malformed) <= most:
            text, whole = _parse("".join(ends[done:]).encode(), syntax)
            good = text.count(b"\n") if whole else max(0, text.count(b"\n") - 1)
            if whole and good != len(part) - done:  # not seen yet; one by one cannot be wrong
                text, good, whole = b"", 0, False
            texts.append(text if whole else _first_lines(text, good))
            rows.extend(part[done : done + good].tolist())
            done += good
            if not whole:
                for row in part[done : done + 2].tolist():
                    judge(row)
                done += 2
    triples = read_canonical(b"".join(texts), lines["record"].to_numpy()[rows], quads=quads)
    nested = triples["o"].str.starts_with("<<")
    if nested.any():
        for row in np.flatnonzero(nested.to_numpy()).tolist():
            judge(rows[row])
        kept = np.flatnonzero(~nested.to_numpy())
        triples, rows = triples[kept], [rows[row] for row in kept.tolist()]
    return triples, rows, sorted(malformed, key=lambda line: line.record)


def _parse(text: bytes, syntax: ox.RdfFormat) -> tuple[bytes, bool]:
    """(the statements up to the first error in canonical form, whether there was none)."""
    failed = False

    def until_error() -> Iterator[ox.Quad]:
        nonlocal failed
        try:
            yield from ox.parse(text, format=syntax)
        except (SyntaxError, ValueError):
            failed = True

    return ox.serialize(until_error(), format=ox.RdfFormat.N_QUADS) or b"", not failed


def _first_lines(text: bytes, count: int) -> bytes:
    return b"".join(io.BytesIO(text).readlines()[:count])


def _blank_undecodable(chunk: bytes, first: int) -> tuple[bytes, list[Malformed]]:
    """(the text with spaces for each line that is not UTF-8, those lines)."""
    mended, view, at, line = bytearray(chunk), memoryview(chunk), 0, first
    malformed: list[Malformed] = []
    while True:
        try:
            codecs.utf_8_decode(view[at:], "strict", True)
        except UnicodeDecodeError as error:
            place = at + error.start
        else:
            return bytes(mended), malformed
        start = chunk.rfind(b"\n", 0, place) + 1
        end = chunk.find(b"\n", place)
        end = len(chunk) if end < 0 else end
        line += chunk.count(b"\n", at, start)
        reason = f"not UTF-8: the byte 0x{chunk[place]:02x}"
        malformed.append(Malformed(line, reason, chunk[start:end].decode("utf-8", "backslashreplace").rstrip("\r")))
        mended[start:end] = b" " * (end - start)
        at = end
