"""How much a file holds, told from samples, so that a build can be estimated before it reads anything.

A plain file is sampled in several places, and so is bzip2, whose blocks stand alone. Other compressed files can only be
read from their start: what the first part gives is scaled by how much of the file that part takes, or, where it is
near, by the size that the file's own header or trailer names (gzip, RFC 1952, modulo 4 GiB; Zstandard, RFC 8878).
"""

import bz2
import itertools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyoxigraph as ox

from kg.sources.compressed import open_file
from kg.sources.options import plain_name, rdf_format

HEAD_BYTES = 1 << 20
"""Bytes at the start of a file that are looked at."""
_PLACES, _PLACE_BYTES = 32, 1 << 16
_BLOCKS, _BLOCK_BYTES = 12, 1 << 20
_BLOCK, _END = bytes.fromhex("314159265359"), bytes.fromhex("177245385090")
"""What stands before a block of bzip2, and at the end of its stream."""
_STEP_BYTES = 1 << 14
_MOST_BYTES = 64 << 20
"""Where looking ends, in a file that is compressed more than usual."""
_NEAR = 0.3
"""How far the size that a file names for itself may be from the one that its head suggests."""


class _Sample(NamedTuple):
    """head: the first bytes, decompressed, at most HEAD_BYTES. lines: line ends among `seen` bytes. size: of the whole
    file, decompressed. whole: everything was seen."""

    head: bytes
    lines: int
    seen: int
    size: float
    whole: bool


def estimate_dump(path: Path) -> tuple[int, bool]:
    """(statements of an RDF file, whether they were counted). For N-Triples and N-Quads these are the lines, comments
    among them. Raises ParseError for a damaged file, SourceError for one that cannot be read."""
    sample = _sample(path)
    syntax = rdf_format(path.name)
    lines, counted = _scaled(sample)
    if syntax not in ("Turtle", "RDF/XML"):
        return lines, counted
    count, complete = _statements(sample.head, ox.RdfFormat.TURTLE if syntax == "Turtle" else ox.RdfFormat.RDF_XML)
    if complete and counted and sample.seen == len(sample.head):
        return count, True
    return round(count * lines / max(sample.head.count(b"\n"), 1)), False


def estimate_documents(path: Path) -> tuple[int, bool]:
    """(documents of a file of texts, whether they were counted): the lines of JSON Lines, else one."""
    return _scaled(_sample(path)) if plain_name(path.name).endswith(".jsonl") else (1, True)


def _scaled(sample: _Sample) -> tuple[int, bool]:
    if sample.whole:
        return sample.lines + (
            bool(sample.head) and not sample.head.endswith(b"\n") and sample.seen <= HEAD_BYTES
        ), True
    return round(sample.lines * sample.size / max(sample.seen, 1)), False


def _statements(text: bytes, syntax: ox.RdfFormat) -> tuple[int, bool]:
    """(statements up to the first error, which may be the end of a part, whether there was none)."""
    count = 0
    try:
        for _ in ox.parse(text, format=syntax):
            count += 1
    except (SyntaxError, ValueError):
        return count, False
    return count, True


def _sample(path: Path) -> _Sample:
    with open_file(path) as stream:
        head = stream.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            return _Sample(head, head.count(b"\n"), len(head), len(head), True)
    suffix = path.suffix.lower()
    if suffix == ".bz2" and path.stat().st_size > _BLOCK_BYTES and (sample := _blocks(path, head)):
        return sample
    return _compressed(path, head, _DECOMPRESSORS[suffix]) if suffix in _DECOMPRESSORS else _plain(path, head)


def _plain(path: Path, head: bytes) -> _Sample:
    size, lines, seen = path.stat().st_size, 0, 0
    with path.open("rb") as stream:
        for place in np.linspace(0, max(size - _PLACE_BYTES, 0), _PLACES).astype(int):
            stream.seek(int(place))
            part = stream.read(_PLACE_BYTES)
            lines, seen = lines + part.count(b"\n"), seen + len(part)
    return _Sample(head, lines, seen, size, False)


def _blocks(path: Path, head: bytes) -> _Sample | None:
    """What blocks of a bzip2 file in several places give; None if there are none to be found."""
    size, lines, seen, taken = path.stat().st_size, 0, 0, 0.0
    with path.open("rb") as stream:
        for number in range(_BLOCKS):
            stream.seek((2 * number + 1) * size // (2 * _BLOCKS))
            found = _first_block(stream.read(_BLOCK_BYTES))
            if found:
                lines, seen, taken = lines + found[0].count(b"\n"), seen + len(found[0]), taken + found[1]
    return _Sample(head, lines, seen, seen * size / taken, False) if taken else None


def _first_block(data: bytes) -> tuple[bytes, float] | None:
    """(text, bytes it takes) of the first whole block in a part of a bzip2 file; blocks begin at any bit."""
    octets = np.frombuffer(data, np.uint8)
    marks = []
    for bit in range(8):
        shifted = ((octets[:-1] << bit) | (octets[1:] >> (8 - bit)) if bit else octets).astype(np.uint8).tobytes()
        at = min((found for mark in (_BLOCK, _END) if (found := shifted.find(mark)) >= 0), default=-1)
        while at >= 0:
            marks.append((8 * at + bit, shifted[at:].startswith(_BLOCK)))
            later = [found for mark in (_BLOCK, _END) if (found := shifted.find(mark, at + 1)) >= 0]
            at = min(later, default=-1)
    marks.sort()
    for (start, is_block), (end, _) in itertools.pairwise(marks):
        if is_block:
            bits = np.unpackbits(octets[start // 8 : end // 8 + 1])[start % 8 :][: end - start]
            closing = np.concatenate([np.unpackbits(np.frombuffer(_END, np.uint8)), bits[48:80]])
            stream = b"BZh9" + np.packbits(np.concatenate([bits, closing])).tobytes()
            try:
                return bz2.decompress(stream), (end - start) / 8
            except (OSError, ValueError, EOFError):  # not a block after all
                continue
    return None


def _zstandard() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: zlib.decompressobj(31),
    ".bz2": bz2.BZ2Decompressor,
    ".zst": _zstandard,
}


def _compressed(path: Path, head: bytes, start: Callable[[], Any]) -> _Sample:
    """What the first part of the file gives. Blocks come out at once, so only where some did is the share known."""
    size = path.stat().st_size
    lines = seen = taken = at = 0
    frame = start()
    with path.open("rb") as stream:
        while at < HEAD_BYTES and seen < _MOST_BYTES and (data := stream.read(_STEP_BYTES)):
            at += len(data)
            while data:
                text = frame.decompress(data)
                data = frame.unused_data if frame.eof else b""
                frame = start() if frame.eof else frame
                lines, seen = lines + text.count(b"\n"), seen + len(text)
                taken = at - len(data) if text else taken
    guess = seen * size / max(taken, 1)
    return _Sample(head, lines, seen, _named_size(path, guess), taken == size)


def _named_size(path: Path, guess: float) -> float:
    """The size that the file names, if that is near the guess; else the guess."""
    named = 0.0
    with path.open("rb") as stream:
        if path.suffix.lower() == ".gz":
            stream.seek(-4, 2)
            least = int.from_bytes(stream.read(4), "little")
            named = least + round((guess - least) / 2**32) * 2**32
        elif path.suffix.lower() == ".zst":
            import zstandard

            named = max(zstandard.frame_content_size(stream.read(18)), 0)
    return named if abs(named - guess) <= _NEAR * guess else guess
