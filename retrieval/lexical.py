"""BM25 over texts (Robertson and Zaragoza 2009), in Lucene's form: what a word adds to a text's score,

    ln(1 + (n - held + 0.5) / (held + 0.5)) * count / (count + k1 (1 - b + b length / mean length)),

is reckoned at indexing for all texts at once, as bm25s does it (Lù 2024, arXiv 2407.03618), and looked up at search.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.strings import StringColumn, write_strings
from retrieval.postings import Postings, occurrences, pointer_of
from retrieval.words import Words, words_of

K1, B = 1.5, 0.75


class LexicalIndex:
    """Texts by their words. Positions are those of the texts that were indexed; `vocabulary` is sorted by bytes."""

    def __init__(self, vocabulary: StringColumn, postings: Postings) -> None:
        self._vocabulary = vocabulary
        self._postings = postings

    @classmethod
    def open(cls, folder: Path) -> "LexicalIndex":
        """The index written by `write_lexical`."""
        return cls(StringColumn.open(folder, "words"), Postings.open(folder))

    def search(self, query: str, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Positions and scores of the best texts, best first; only those that share a word with the query."""
        known = [row for row in map(self._vocabulary.find, words_of(query)) if row >= 0]
        return self._postings.search(known, [1.0] * len(known), k)


def write_lexical(folder: Path, texts: Words) -> None:
    """Indexes texts; none at all is fine, and so are texts without words."""
    vocabulary = sorted(texts.vocabulary, key=str.encode)
    _postings(texts, vocabulary).save(folder)
    write_strings(folder, "words", pl.Series(vocabulary, dtype=pl.String))


def rank_texts(query: str, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Positions and scores of the texts that share a word with the query, best first, indexed on the spot."""
    words = Words.of(texts)
    known = [words.vocabulary[word] for word in words_of(query) if word in words.vocabulary]
    return _postings(words, list(words.vocabulary)).search(known, [1.0] * len(known), len(texts))


def _postings(texts: Words, vocabulary: Sequence[str]) -> Postings:
    """What each word adds to each text, the words in the order of `vocabulary`."""
    size = len(texts.lengths)
    row_of = np.empty(len(vocabulary), np.int64)
    row_of[[texts.vocabulary[word] for word in vocabulary]] = np.arange(len(vocabulary))
    owners = np.repeat(np.arange(size), texts.lengths)
    row, text, counts = occurrences(row_of[texts.numbers], owners, size)
    pointer = pointer_of(row, len(vocabulary))
    held = np.diff(pointer)
    idf = np.log1p((size - held + 0.5) / (held + 0.5))[row]
    mean = len(texts.numbers) / max(size, 1) or 1.0
    weights = idf * counts / (counts + K1 * (1 - B + B * texts.lengths[text] / mean))
    return Postings(pointer, text, weights.astype(np.float32), size)


def fuse(rankings: Sequence[Sequence[int]], *, k: int = 60) -> list[tuple[int, float]]:
    """Items with their reciprocal rank fusion scores (Cormack et al. 2009), best first, ties by item.

    >>> fuse([[7, 8], [8, 9]])[0][0]
    8
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for place, item in enumerate(ranking):
            scores[item] = scores.get(item, 0.0) + 1 / (k + place + 1)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
