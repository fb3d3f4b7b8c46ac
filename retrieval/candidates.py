"""Candidate paths of one question as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.arrays import take_rows
from retrieval.options import MOST_HOPS
from retrieval.path import Path, Seed


@dataclass(frozen=True)
class Candidates:
    """N candidates. seeds: (N, 2), places in the list of seeds, -1 for no second one; relations: (N, 2, H), -1 after
    the end (for yes or no the second path has no relation); shape: (N,), of `SHAPES`; score: (N,)."""

    seeds: NDArray[np.int64]
    relations: NDArray[np.int64]
    shape: NDArray[np.int64]
    score: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.shape)

    def take(self, rows: NDArray[np.int64]) -> "Candidates":
        """Some of the candidates, in this order."""
        return take_rows(self, rows)

    def best(self, most: int) -> "Candidates":
        """The candidates with the best scores, best first."""
        return self.take(np.argsort(-self.score, kind="stable")[:most])

    def path(self, row: int, seeds: Sequence[Seed]) -> Path:
        """One candidate as a path."""
        first, second = self.seeds[row].tolist()
        one, other = (tuple(r for r in branch if r >= 0) for branch in self.relations[row].tolist())
        if second < 0:
            return Path(seeds[first], one)
        if not other:
            return Path(seeds[first], one, "ask", seeds[second].entity)
        return Path(seeds[first], one, meets=Path(seeds[second], other))


def single(seeds: NDArray[np.int64], relations: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns for paths of one branch; relations: (N, h)."""
    both = np.full((len(seeds), 2, MOST_HOPS), -1, np.int64)
    both[:, 0, : relations.shape[1]] = relations
    return np.stack([seeds, np.full(len(seeds), -1)], axis=1), both


def distinct(candidates: Candidates) -> Candidates:
    """Each candidate once, where it comes first."""
    columns = np.concatenate([candidates.seeds, candidates.relations.reshape(-1, 2 * MOST_HOPS)], axis=1)
    _, first = np.unique(columns, axis=0, return_index=True)
    return candidates.take(np.sort(first))
