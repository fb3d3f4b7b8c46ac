"""BM25 over texts (Robertson and Zaragoza 2009), by bm25s: sparse scores computed at indexing, memory-mapped."""

import logging
from pathlib import Path

import bm25s
import numpy as np
from numpy.typing import NDArray

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets DEBUG when it is imported
_STOPWORDS = "english"


class LexicalIndex:
    """Texts by their words. Positions are those of the texts that were indexed. No words, no `index`."""

    def __init__(self, index: "bm25s.BM25 | None", size: int) -> None:
        self._index = index
        self._size = size

    @classmethod
    def open(cls, folder: Path) -> "LexicalIndex":
        """The index written by `write_lexical`."""
        size = int(np.load(folder / "size.npy"))
        return cls(bm25s.BM25.load(folder, mmap=True, show_progress=False) if size else None, size)

    def search(self, query: str, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Positions and scores of the best texts, best first; only those that share a word with the query."""
        tokens = bm25s.tokenize([query], stopwords=_STOPWORDS, return_ids=False, show_progress=False)
        if self._index is None or not any(token in self._index.vocab_dict for token in tokens[0]):
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        found, scores = self._index.retrieve(tokens, k=min(k, self._size), show_progress=False)
        kept = scores[0] > 0
        return found[0][kept].astype(np.int64), scores[0][kept]


def rank_texts(query: str, texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Positions and scores of the texts that share a word with the query, best first, indexed on the spot."""
    tokens = bm25s.tokenize(texts, stopwords=_STOPWORDS, return_ids=False, show_progress=False) if texts else []
    if not any(tokens):
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    index = bm25s.BM25()
    index.index(tokens, show_progress=False)
    return LexicalIndex(index, len(texts)).search(query, len(texts))


def write_lexical(folder: Path, texts: list[str]) -> None:
    """Indexes texts; none at all is fine, and so are texts without words."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = bm25s.tokenize(texts, stopwords=_STOPWORDS, show_progress=False) if texts else None
    has_words = tokens is not None and any(tokens.ids)
    np.save(folder / "size.npy", len(texts) if has_words else 0)
    if has_words:
        index = bm25s.BM25()
        index.index(tokens, show_progress=False)
        index.save(folder, show_progress=False)


def fuse(rankings: list[list[int]], *, k: int = 60) -> list[tuple[int, float]]:
    """Items with their reciprocal rank fusion scores (Cormack et al. 2009), best first, ties by item.

    >>> fuse([[7, 8], [8, 9]])[0][0]
    8
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for place, item in enumerate(ranking):
            scores[item] = scores.get(item, 0.0) + 1 / (k + place + 1)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
