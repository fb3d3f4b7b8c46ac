"""Spans of a question that match the name of an entity, as columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Found:
    """first, last: int, words of the question, last exclusive. row: int, of `Aliases`. coverage: float, the share of
    the name's words, by weight, that the question has, less where they differ. weight: float, what the matched words
    weigh, where 1 is a word of one name alone. gaps: float, what the words in the span weigh that match nothing."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    row: NDArray[np.int64]
    coverage: NDArray[np.float64]
    weight: NDArray[np.float64]
    gaps: NDArray[np.float64]
