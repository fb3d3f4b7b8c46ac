"""TF-IDF over texts, with pairs of neighbouring words: where BM25 counts words, this one knows their order.

Words and pairs are hashed into a fixed number of rows, so that there is no vocabulary to load. A text's weights are
(1 + ln n) idf, its length is 1; the score is the cosine.
"""

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.postings import Postings, occurrences, pointer_of
from retrieval.words import Words

_MOST_ROWS = 1 << 20
_FEWEST_ROWS = 1 << 14
_ROWS_EACH = 4
"""Rows for each text, within those bounds."""
_MIX = 1_000_003
"""An odd factor that sets the first word of a pair apart from the second."""

Numbers = NDArray[np.int64]


class TfidfIndex:
    """Texts by their words and pairs of words. Positions are those of the texts that were indexed."""

    def __init__(self, postings: Postings) -> None:
        self._postings = postings

    @classmethod
    def open(cls, folder: Path) -> "TfidfIndex":
        """The index written by `write_tfidf`."""
        return cls(Postings.open(folder))

    def search(self, query: str, k: int) -> tuple[Numbers, NDArray[np.float32]]:
        """Positions and cosines of the best texts, best first; only those that share a word with the query."""
        pointer, size = self._postings.pointer, self._postings.size
        rows, counts = np.unique(_features(Words.of([query]), len(pointer) - 1)[0], return_counts=True)
        factors = _weights(counts, np.asarray(pointer[rows + 1] - pointer[rows]), size)
        length = max(float(np.linalg.norm(factors)), 1e-12)
        return self._postings.search(rows.tolist(), (factors / length).tolist(), k)


def write_tfidf(folder: Path, texts: Words) -> None:
    """Indexes texts; none at all is fine, and so are texts without words."""
    size = len(texts.lengths)
    n_rows = min(max(1 << (_ROWS_EACH * size).bit_length(), _FEWEST_ROWS), _MOST_ROWS)
    row, text, counts = occurrences(*_features(texts, n_rows), size)
    pointer = pointer_of(row, n_rows)
    weights = _weights(counts, np.diff(pointer)[row], size)
    length = np.sqrt(np.bincount(text, weights**2, size))
    Postings(pointer, text, (weights / length[text]).astype(np.float16), size).save(folder)


def _weights(counts: Numbers, held: Numbers, size: int) -> NDArray[np.float64]:
    """(1 + ln count) (1 + ln((1 + size) / (1 + held))), smoothed as scikit-learn does it."""
    return np.asarray((1 + np.log(counts)) * (1 + np.log((1 + size) / (1 + held))))


def _features(texts: Words, n_rows: int) -> tuple[Numbers, Numbers]:
    """(row, text) of each word and each pair of neighbours, repeated ones too. n_rows: a power of two."""
    hashes = np.fromiter((zlib.crc32(word.encode()) for word in texts.vocabulary), np.int64)[texts.numbers]
    owners = np.repeat(np.arange(len(texts.lengths)), texts.lengths)
    inside = owners[1:] == owners[:-1]
    pairs = (hashes[:-1] * _MIX + hashes[1:])[inside]
    return np.concatenate([hashes, pairs]) % n_rows, np.concatenate([owners, owners[1:][inside]])
