"""Pairs of names that may stand for one thing, without comparing all with all.

Two passes. Names one edit apart (a letter lost, added, replaced, or two swapped) meet under a hash of the name less one
letter, its deletion neighbourhood (Mor and Fraenkel 1982), which misses none. Names two edits apart meet in the sorted
neighbourhood (Hernández and Stolfo 1995), once by their beginnings and once by their ends, which finds most. Names that
differ in a number are never one, and meet in neither.

The time grows with the letters of all names, times their logarithm, and no name meets more than a fixed number of
others in a block: in a larger one each meets those that come next by their letters, so that a block is cut, not left
out.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import distinct
from kg.graph import Ids

_MOST = 16
"""Names with the same hash that a name meets after it."""
_WINDOW = 5
"""Names in sorted order that a name meets after it."""
_LONG = 8
"""Letters from which on a name is looked for with two edits."""
_HASHES = 8_000_000
"""Hashes that are held at a time."""
_NAMES = 200_000
"""Names whose letters are held at a time."""

Hashes = NDArray[np.uint64]


def pairs_of(packed: pl.Series) -> tuple[Ids, Ids]:
    """(a, b): positions of names at most two edits apart, a < b, each pair once, sorted. Pairs of one edit or none are
    all found but for the cut of large blocks; those of two if both names are long, and near in sorted order."""
    numbers = packed.str.replace_all(r"\P{N}+", " ").str.strip_chars().hash(1).to_numpy()
    forward, backward = _order(packed), _order(packed.str.reverse())
    both = distinct(
        np.concatenate(
            [_one_edit(packed, numbers, forward), *(_two_edits(packed, numbers, by) for by in (forward, backward))]
        )
    )
    a, b = (both >> np.uint64(32)).astype(np.int32), (both & np.uint64(0xFFFFFFFF)).astype(np.int32)
    slips = edits(packed, a, b)
    length = packed.str.len_chars().to_numpy()
    near = (slips <= 1) | ((slips == 2) & (np.minimum(length[a], length[b]) >= _LONG))
    return a[near], b[near]


def edits(texts: pl.Series, a: Ids, b: Ids) -> NDArray[np.int64]:
    """The edits between two texts of each pair (optimal string alignment); 3 stands for more than 2."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cpdist

    found = np.empty(len(a), np.int64)
    for start in range(0, len(a), _NAMES):
        part = slice(start, start + _NAMES)
        left, right = texts.gather(a[part]).to_list(), texts.gather(b[part]).to_list()
        found[part] = cpdist(left, right, scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
    return found


def _one_edit(packed: pl.Series, numbers: Hashes, order: NDArray[np.uint32]) -> Hashes:
    rank = np.empty(len(order), np.uint32)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    length = packed.str.len_chars().to_numpy().astype(np.int64)
    parts = max(1, -(-int((length + 1).sum()) // _HASHES))
    kept = [np.zeros(0, np.uint64)]
    for part in range(parts):
        hash_, name = _deletions(packed, numbers, length, part=part, parts=parts)
        by = np.argsort(hash_)
        several = np.zeros(len(by), bool)
        equal = hash_[by[1:]] == hash_[by[:-1]]
        several[1:] |= equal
        several[:-1] |= equal
        by = by[several]
        by = by[np.lexsort((rank[name[by]], hash_[by]))]
        hash_, name = hash_[by], name[by]
        for step in range(1, _MOST + 1):
            same = np.flatnonzero(hash_[step:] == hash_[:-step])
            if not len(same):
                break
            kept.append(_pairs(name[same], name[same + step]))
    return distinct(np.concatenate(kept))


def _deletions(
    packed: pl.Series, numbers: Hashes, length: NDArray[np.int64], *, part: int, parts: int
) -> tuple[Hashes, Ids]:
    """(hash, name) of each name as it is, and less each of its letters, for the hashes that are `part` of `parts`.

    A hash is a sum of letters times powers of a constant, so that a letter less is a difference of running sums.
    """
    power = np.full(int(length.max(initial=0)) + 2, 0x9E3779B97F4A7C15, np.uint64)
    power[0] = 1
    power = np.multiply.accumulate(power)
    found: list[tuple[Hashes, Ids]] = [(np.zeros(0, np.uint64), np.zeros(0, np.int32))]
    for start in range(0, len(packed), _NAMES):
        size = length[start : start + _NAMES]
        letters = _letters(packed[start : start + _NAMES])
        value = (letters.astype(np.uint64) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(29)
        end = np.cumsum(size)
        begin = end - size
        owner = np.repeat(np.arange(len(size), dtype=np.int32), size)
        at = np.arange(len(value)) - begin[owner]
        here = _running(value * power[at])
        # the letters behind one that is left out move up by one place
        moved = _running(np.where(at > 0, value * power[np.maximum(at, 1) - 1], np.uint64(0)))
        # of a run of one letter, any is the same to leave out
        place = np.flatnonzero((at == 0) | (letters != np.roll(letters, 1)))
        of = owner[place]
        less = (here[place] - here[begin[of]]) + (moved[end[of]] - moved[place + 1])
        name = np.concatenate([np.arange(len(size), dtype=np.int32), of]) + np.int32(start)
        hash_ = np.concatenate([here[end] - here[begin], less]) ^ numbers[name]
        mine = (hash_ >> np.uint64(40)) % np.uint64(parts) == part
        found.append((hash_[mine], name[mine]) if parts > 1 else (hash_, name))
    return np.concatenate([hash_ for hash_, _ in found]), np.concatenate([name for _, name in found])


def _two_edits(packed: pl.Series, numbers: Hashes, order: NDArray[np.uint32]) -> Hashes:
    length = packed.str.len_chars().to_numpy().astype(np.int64)
    letters = _letter_sets(packed, length)
    order = order[length[order] >= _LONG]
    kept = [np.zeros(0, np.uint64)]
    for step in range(1, _WINDOW + 1):
        a, b = order[:-step], order[step:]
        # two edits change at most four of the letters that a name has
        near = (np.abs(length[a] - length[b]) <= 2) & (np.bitwise_count(letters[a] ^ letters[b]) <= 4)
        near &= numbers[a] == numbers[b]
        kept.append(_pairs(a[near], b[near]))
    return distinct(np.concatenate(kept))


def _letter_sets(packed: pl.Series, length: NDArray[np.int64]) -> Hashes:
    """The letters of each name as a set of bits, one for each letter modulo 64."""
    sets = np.zeros(len(packed), np.uint64)
    for start in range(0, len(packed), _NAMES):
        part = slice(start, start + _NAMES)
        bits = np.left_shift(np.uint64(1), (_letters(packed[part]) & 63).astype(np.uint64))
        sets[part] = np.bitwise_or.reduceat(bits, np.cumsum(length[part]) - length[part])
    return sets


def _letters(packed: pl.Series) -> NDArray[np.uint32]:
    return np.frombuffer("".join(packed.to_list()).encode("utf-32-le"), np.uint32)


def _order(texts: pl.Series) -> NDArray[np.uint32]:
    """The positions of the texts in sorted order, equal ones as they stand."""
    frame = pl.DataFrame({"text": texts, "at": np.arange(len(texts), dtype=np.uint32)})
    return frame.sort("text", "at")["at"].to_numpy()


def _running(values: Hashes) -> Hashes:
    return np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])


def _pairs(a: NDArray[Any], b: NDArray[Any]) -> Hashes:
    """Pairs as single numbers, the lower position first."""
    low, high = np.minimum(a, b).astype(np.uint64), np.maximum(a, b).astype(np.uint64)
    return np.asarray((low << np.uint64(32)) | high, np.uint64)
