"""Sparse scores by word: which texts a word is in, and what it adds to their score. Memory-mapped columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.arrays import map_array

_COLUMNS = ("pointer", "texts", "weights")


@dataclass(frozen=True)
class Postings:
    """`texts[pointer[w]:pointer[w + 1]]` are the places of the texts with word w, `weights` what it adds to each;
    `size` texts in all."""

    pointer: NDArray[Any]
    texts: NDArray[Any]
    weights: NDArray[Any]
    size: int

    @classmethod
    def open(cls, folder: Path) -> "Postings":
        """The postings written by `save`."""
        pointer, texts, weights = (map_array(folder / f"{name}.npy") for name in _COLUMNS)
        return cls(pointer, texts, weights, int(np.load(folder / "size.npy")))

    def save(self, folder: Path) -> None:
        """Writes the columns into a folder, ids in 4 bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        columns: tuple[NDArray[Any], ...] = (self.pointer.astype(np.int64), self.texts.astype(np.int32), self.weights)
        for name, column in zip(_COLUMNS, columns, strict=True):
            np.save(folder / f"{name}.npy", column)
        np.save(folder / "size.npy", self.size)

    def search(self, words: Sequence[int], factors: Sequence[float], k: int) -> tuple[NDArray[np.int64], Any]:
        """(places, scores) of the `k` texts with the highest sum of factor x weight, best first, ties by place; only
        those above 0. A word may come twice."""
        spans = [slice(int(self.pointer[word]), int(self.pointer[word + 1])) for word in words]
        if not any(span.stop > span.start for span in spans):
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        places = np.concatenate([self.texts[span] for span in spans])
        pairs = zip(spans, factors, strict=True)
        weights = np.concatenate([np.asarray(self.weights[span], np.float64) * factor for span, factor in pairs])
        scores = np.bincount(places, weights, self.size).astype(np.float32)
        found = np.flatnonzero(scores > 0)
        if len(found) > k:
            found = found[scores[found] >= np.partition(scores[found], -k)[-k]]
        order = np.lexsort((found, -scores[found]))[:k]
        return found[order], scores[found[order]]


def occurrences(
    words: NDArray[np.int64], texts: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(word, text, count) of each word in each of `size` texts, by word and then by text."""
    both, counts = np.unique(words * max(size, 1) + texts, return_counts=True)
    word, text = np.divmod(both, max(size, 1))
    return word, text, counts


def pointer_of(words: NDArray[np.int64], n_words: int) -> NDArray[np.int64]:
    """Where the postings of each of `n_words` words begin, shape (n_words + 1,). words: ascending."""
    return np.searchsorted(words, np.arange(n_words + 1)).astype(np.int64)
