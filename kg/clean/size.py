"""How many bytes a published graph takes on disk, reckoned before it is written, and sizes as options write them.

The columns of `graph/` and `provenance/` are counted, with local names for labels. The store holds each triple in three
indexes of 16-byte hashes; RocksDB's prefixes and LZ4 save what a row shares with its neighbours, so its size is linear
in the triples and in what is new in them. The constants were fitted to what `bulk_load` wrote of nine graphs of 1
thousand to 1.4 million triples, within 3.5 %, and then raised above each. A store that RocksDB compacts grows by up to
a third, so whoever must never exceed a limit measures what was written, and writes less if need be.
"""

import re
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.errors import ConfigError
from kg.graph import Ids
from kg.labels import LABELS

UNITS = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("kMGT", 1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", 1)},
}

FIXED = 220_000
"""Bytes of a store and of headers, however few the triples."""
ROW = 28
"""A triple in `graph/` (s, p, o, in_order, importance) and its pointer in `provenance/`."""
STATEMENT = 22
"""A statement in `provenance/`."""
TERM = 37
"""A term in `graph/` besides its text: the offsets of term and label, two pointers, kind, rank."""
STORED_ROW, STORED_VALUE, STORED_LINK, STORED_TEXT = 12, 20, 92, 0.86
"""In the store: a triple, a new pair of predicate and object, a new pair of subject and object, a byte of a term."""

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*\Z")


def parse_size(text: str) -> int:
    """The bytes in a text: a number and a unit, decimal (kB, MB, GB, TB) or binary (KiB, MiB, GiB, TiB), in any case.

    Raises ConfigError.

    >>> parse_size("200 MB"), parse_size("1.5GiB")
    (200000000, 1610612736)
    """
    match = _SIZE.match(text)
    units = {unit.casefold(): size for unit, size in UNITS.items()}
    if match is None or match[2].casefold() not in units:
        raise ConfigError(f"{text!r} is no size; write a number and one of {', '.join(UNITS)}, as in '200 MB'.")
    return int(float(match[1]) * units[match[2].casefold()])


def disk_bytes(
    terms: pl.Series, s: Ids, p: Ids, o: Ids, *, statements: NDArray[Any] | None = None, documents: int = 0
) -> int:
    """The estimated bytes on disk of a graph with these distinct triples (positions in `terms`).

    statements: by triple, how many statements support it, by default one each. documents: what the texts and the list
    of sources take in `provenance/`.
    """
    return FIXED + documents + int(running_bytes(terms, s, p, o, statements=statements).max(initial=0))


def running_bytes(
    terms: pl.Series, s: Ids, p: Ids, o: Ids, *, statements: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """The bytes of the first 1, 2, … n rows, without FIXED and documents; each row pays for what is new in it."""
    n = len(s)
    cost = np.full(n, ROW + STATEMENT + STORED_ROW, np.float64)
    if statements is not None:
        cost += (statements.astype(np.float64) - 1) * STATEMENT
    cost[_first_rows(p, o)] += STORED_VALUE
    cost[_first_rows(s, o)] += STORED_LINK
    text = terms.str.len_bytes().to_numpy().astype(np.int64)
    name = terms.str.extract(r"([^/#<>]*)>$").str.len_bytes().fill_null(0).to_numpy().astype(np.int64)
    name = np.where(terms.str.starts_with('"').to_numpy(), text, name)
    label = np.flatnonzero(terms.is_in(LABELS).to_numpy()[p])
    cost[label] += np.maximum(name[o[label]] - name[s[label]], 0)
    first = np.full(len(terms), n, np.int64)
    place = np.arange(n)
    for column in (s, p, o):
        np.minimum.at(first, column, place)
    used = first < n
    np.add.at(cost, first[used], (TERM + name + (1 + STORED_TEXT) * text)[used])
    return np.cumsum(cost)


def _first_rows(one: Ids, other: Ids) -> NDArray[np.int64]:
    """The first row of each distinct pair."""
    key = (one.astype(np.uint64) << np.uint64(32)) | other.astype(np.uint64)
    order = np.argsort(key, kind="stable")
    return order[np.flatnonzero(np.diff(key[order], prepend=~key[order[:1]]))]
