"""Evidence beside paths: the entities whose descriptions are like the question, and passages of texts.

Paths come first where they are good. Where a question names no entity, what it asks for may be the entity that it
describes ("the river that flows through three capitals"); where the best path is improbable, a text may say it. So the
probability is shared out:

    p(z|x) = (1 - d - t) p(path) + d p(description) + t p(passage),

d = `DESCRIBED` where seeds were found by descriptions and nothing in the question is written like a name (a name that
the graph does not know is no description), t = `TOLD` where passages were, both 0 where a path is good, and
what one kind does not use goes to the others.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from retrieval.entry import SHARPNESS
from retrieval.evidence import Evidence, Path, Seed
from retrieval.neighbours import Neighbours
from retrieval.passages import PassageHit, Passages

GOOD = 0.25
"""In `hybrid`, the probability of the best path from which on nothing is looked for beside paths."""
DESCRIBED, TOLD = 0.3, 0.3
MOST_PASSAGES = 3
_NAME = re.compile(r"(?<=[\w,;:'’] )[A-Z]")
"""A word that is written like a name, inside a sentence."""
_SHOWN_FACTS = 8
"""Triples that a description cites."""


class Beside:
    """What a snapshot has beside paths. passages: None where it was built without texts."""

    def __init__(self, neighbours: Neighbours, passages: Passages | None) -> None:
        self.neighbours = neighbours
        self.passages = passages

    def __call__(
        self,
        question: str,
        vector: NDArray[np.float32],
        seeds: Sequence[Seed],
        paths: Sequence[Evidence],
        *,
        mode: str,
        k: int,
    ) -> list[Evidence]:
        """The `k` best of paths, descriptions and passages, best first. vector: the question's, shape (dimension,)."""
        best = max((math.exp(path.log_p) for path in paths), default=0.0)
        unnamed = bool(seeds) and all(seed.start < 0 for seed in seeds)
        described = unnamed and not _NAME.search(question)
        if mode == "graph" or (mode == "hybrid" and not unnamed and best >= GOOD):
            return list(paths)
        hits = self.passages.search([question], vector[None], MOST_PASSAGES, mode)[0] if self.passages else []
        kinds = [
            (1 - DESCRIBED - TOLD, list(paths)),
            (DESCRIBED, self.descriptions(seeds) if described else []),
            (TOLD, self.told(hits, mode)),
        ]
        total = sum(share for share, pieces in kinds if pieces)
        shared = [
            replace(piece, log_p=piece.log_p + math.log(share / total)) for share, pieces in kinds for piece in pieces
        ]
        return sorted(shared, key=lambda piece: -piece.log_p)[:k]

    def descriptions(self, seeds: Sequence[Seed]) -> list[Evidence]:
        """The seeds themselves as answers, shown by their most important triples."""
        graph = self.neighbours.graph
        found = []
        for seed in seeds:
            rows, label = _best_rows(self.neighbours, seed.entity), graph.label_of(seed.entity)
            text = f"{label} | {'; '.join(_fact(graph, row, seed.entity) for row in rows)}"
            found.append(Evidence(Path(seed, ()), (graph.terms[seed.entity],), (label,), tuple(rows), text, seed.log_p))
        return found

    def told(self, hits: Sequence[PassageHit], mode: str) -> list[Evidence]:
        """Passages; their answers are the entities linked in them, so one without any is no evidence."""
        graph = self.neighbours.graph
        hits = [hit for hit in hits if hit.entities]
        scores = np.array([hit.score for hit in hits], np.float64)
        weights = np.log(scores) if mode == "hybrid" else scores * (SHARPNESS if mode == "dense" else 1.0)
        return [
            Evidence(
                Path(Seed(-1, -1, -1, 0.0), ()),
                tuple(graph.terms[entity] for entity in hit.entities),
                tuple(graph.label_of(entity) for entity in hit.entities),
                (),
                hit.text,
                float(log_p),
                f"document {hit.document}, characters {hit.start} to {hit.end}",
            )
            for hit, log_p in zip(hits, weights - np.logaddexp.reduce(weights), strict=True)
        ]


def _best_rows(neighbours: Neighbours, entity: int) -> list[int]:
    """The most important rows around an entity, at most one of a relation, the best first."""
    graph = neighbours.graph
    span = slice(int(neighbours.pointer[entity]), int(neighbours.pointer[entity + 1]))
    turned = np.asarray(neighbours.relation[span]) & 1
    starts = np.asarray(neighbours.start[span])
    rows = np.where(turned == 1, np.asarray(graph.in_order[np.where(turned == 1, starts, 0)]), starts)
    order = np.argsort(-np.asarray(graph.importance)[rows], kind="stable")
    found: list[int] = rows[order][:_SHOWN_FACTS].tolist()
    return found


def _fact(graph: Graph, row: int, entity: int) -> str:
    """A triple as it is said of an entity: "capital: Paris", "is capital of: France"."""
    s, p, o = (int(column[row]) for column in (graph.s, graph.p, graph.o))
    name = graph.label_of(p)
    return f"{name}: {graph.label_of(o)}" if s == entity else f"is {name} of: {graph.label_of(s)}"
