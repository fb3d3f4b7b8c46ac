"""The paths worth scoring around the seeds of a question: all of one relation, then a beam of two or more.

The first step scores every relation around a seed. From the best `beam` of them the relations around the entities
reached (a spread sample of `sample` of them) make the second step, and so on. The cost follows the distinct relations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.graph import LITERAL
from retrieval.evidence import Path, Seed
from retrieval.neighbours import Neighbours
from retrieval.options import RetrievalOptions
from retrieval.scorer import PathScorer


@dataclass(frozen=True)
class Scored:
    """Paths with their unnormalised scores, shape (n,), best first."""

    paths: list[Path]
    scores: NDArray[np.float32]


def search(
    seeds: Sequence[Seed],
    vectors: NDArray[np.float32],
    neighbours: Neighbours,
    scorer: PathScorer,
    relation_vectors: Tensor,
    options: RetrievalOptions,
) -> Scored:
    """The paths around the seeds, scored. vectors: (n_seeds, D), the question with that seed's mention masked."""
    paths: list[Path] = []
    scores: list[NDArray[np.float32]] = []
    frontier = [Path(seed, ()) for seed in seeds]
    owner = list(range(len(seeds)))
    for hop in range(options.hops):
        extended, origins = [], []
        for path, place in zip(frontier, owner, strict=True):
            for relation in _next_relations(path, neighbours, options.sample):
                extended.append(Path(path.seed, (*path.relations, int(relation))))
                origins.append(place)
        if not extended:
            break
        values = score_paths(extended, vectors, origins, scorer, relation_vectors)
        paths += extended
        scores.append(values)
        if hop + 1 < options.hops:
            kept = np.argsort(-values, kind="stable")[: options.beam]
            frontier = [extended[i] for i in kept]
            owner = [origins[i] for i in kept]
    if not paths:
        return Scored([], np.zeros(0, np.float32))
    together = np.concatenate(scores)
    order = np.argsort(-together, kind="stable")
    return Scored([paths[i] for i in order], together[order])


def score_paths(
    paths: Sequence[Path],
    vectors: NDArray[np.float32],
    place: Sequence[int],
    scorer: PathScorer,
    relation_vectors: Tensor,
) -> NDArray[np.float32]:
    """Unnormalised scores of paths, shape (n,). vectors: (m, D), the question under its masks; place: (n,), which of
    them each path is scored against."""
    with torch.inference_mode():
        scores = scorer(
            torch.from_numpy(np.ascontiguousarray(vectors)).unsqueeze(0),
            torch.tensor([list(place)]),
            relation_vectors,
            pad_paths(paths).unsqueeze(0),
            torch.tensor([[path.seed.log_p for path in paths]]),
        )
    return np.asarray(scores[0].numpy(), np.float32)


def pad_paths(paths: Sequence[Path]) -> Tensor:
    """Relation numbers, shape (n, longest), -1 after the end of a path."""
    longest = max(len(path.relations) for path in paths)
    return torch.tensor([[*path.relations, *[-1] * (longest - len(path.relations))] for path in paths])


def _next_relations(path: Path, neighbours: Neighbours, sample: int) -> NDArray[np.int32]:
    """The relations around the entities that a path reaches, ascending."""
    if not path.relations:
        return neighbours.relations_of(path.seed.entity)
    reached = np.array([path.seed.entity], np.int32)
    for relation in path.relations:
        reached = neighbours.follow_all(spread(reached, sample), relation)
    reached = spread(reached, sample)
    reached = reached[np.asarray(neighbours.graph.kind)[reached] != LITERAL]
    return neighbours.relations_around(reached) if len(reached) else np.zeros(0, np.int32)


def spread(items: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    """At most `most` items, evenly spaced, in order."""
    if len(items) <= most:
        return items
    return items[np.linspace(0, len(items) - 1, most).astype(np.int64)]
