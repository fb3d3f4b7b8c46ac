"""How plausible words are by their letters, as the words themselves tell."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

_ORDER = 5
"""Letters in a row that are looked at."""

Floats = NDArray[np.float64]


def surprise_of(words: pl.Series) -> Floats:
    """Minus the natural logarithm of the probability of each of distinct words, shape (n_words,).

    A word is as likely as its letters, each after up to four before it, backed off as Witten and Bell (1991) do. It is
    left out of the counts that it is judged by.
    """
    if not len(words):
        return np.zeros(0)
    text = "".join(f"\x02{word}\x03" for word in words)
    _, inverse = np.unique(np.frombuffer(text.encode("utf-32-le"), np.uint32), return_inverse=True)
    letter = inverse.astype(np.int64)
    size = int(letter.max()) + 1
    length = words.str.len_chars().to_numpy().astype(np.int64) + 2
    begin = np.cumsum(length) - length
    at = np.arange(len(letter)) - np.repeat(begin, length)
    probability = np.full(len(letter), 1.0 / size)
    history = np.zeros(len(letter), np.int64)
    for order in range(_ORDER):
        known = at > order - 1
        _, first, run, count = np.unique(
            history * size + letter, return_index=True, return_inverse=True, return_counts=True
        )
        here = history[first]
        kinds = np.bincount(here)[history]
        seen = np.bincount(history)[history]
        followed = count[run]
        # the word's own letter is taken out: of the count, and of the kinds if it is the only one of its kind
        others = np.maximum(kinds - (followed == 1), 1)
        better = (followed - 1 + others * probability) / np.maximum(seen - 1 + others, 1)
        probability = np.where(known, better, probability)
        # histories are numbered anew at each order, so no number outgrows 64 bits
        history = np.concatenate([[0], run[:-1] + 1])
        history[at == 0] = 0
    probability[at == 0] = 1.0
    return -np.add.reduceat(np.log(probability), begin)
