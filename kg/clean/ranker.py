"""What makes a triple worth a place in a summary of its entity: a few features, and weights for them.

`UNTRAINED` holds weights that need no training. `train_ranker` learns others from human summaries: ridge regression on
the share of summaries that hold a triple, over the same features and, as one more, the share that its predicate had
with other entities. The weights are read and written as JSON.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.clean.importance import FOREIGN, HOST, NAMESPACE, PROMINENCE, USAGE, Floats, informativeness_of, prominence
from kg.errors import UsageError
from kg.graph import Graph
from kg.terms import RDF_TYPE

FEATURES = ("inverse", "specificity", "foreign", "type", "literal", "usage", "surprise", "prominence")
"""inverse: the triple arrives at the entity. specificity: 1 / number of triples with its predicate and direction.
usage, surprise, prominence: as `kg.clean.importance` has them, 0 where there is no graph. The rest is 0 or 1."""
RIDGE = 30.0
"""The strength of the ridge, in triples, on features of unit variance."""
PRIOR = 2.0
"""Entities with the mean share that are added to those that have a predicate."""

Triple = tuple[str, str, str]
Example = tuple[str, Sequence[Triple], Sequence[float]]
"""An entity, its triples, and for each the share of human summaries that hold it, 0 to 1."""

TYPE = RDF_TYPE[1:-1]
_IRI = re.compile(r"[a-z]+://[^\s\"<>]+\Z")


@dataclass(frozen=True)
class Ranker:
    """weights: by feature. predicates: by IRI, for those that arrive with ^ before it, how much more a triple of it is
    worth. repeated: what a triple loses for each pick before it that it repeats."""

    weights: Mapping[str, float]
    repeated: float
    predicates: Mapping[str, float] = field(default_factory=dict)

    def score(self, triples: Sequence[Triple], entity: str, graph: Graph | None) -> Floats:
        """How much each triple is worth, higher is better."""
        own = np.array([self.predicates.get(name, 0.0) for name in _sides(triples, entity)])
        weights = [self.weights.get(name, 0.0) for name in FEATURES]
        return np.asarray(features(triples, entity, graph) @ weights + own, np.float64)

    def save(self, path: Path) -> None:
        """Writes the ranker as JSON."""
        told = {"weights": self.weights, "repeated": self.repeated, "predicates": dict(sorted(self.predicates.items()))}
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def open(cls, path: Path) -> "Ranker":
        """The ranker that `save` wrote. Raises UsageError."""
        try:
            told: dict[str, Any] = json.loads(path.read_text("utf-8"))
            weights, predicates = (
                {str(k): float(v) for k, v in told[name].items()} for name in ("weights", "predicates")
            )
            return cls(weights, float(told["repeated"]), predicates)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path} holds no ranker of triples: {error}. `limbeck eval importance` writes one."
            ) from error


UNTRAINED = Ranker(
    {
        "inverse": -0.5,
        "specificity": 1.0,
        "foreign": -FOREIGN,
        "usage": USAGE,
        "surprise": 1.0,
        "prominence": PROMINENCE,
    },
    repeated=0.3,
)


def features(triples: Sequence[Triple], entity: str, graph: Graph | None) -> Floats:
    """The features of one entity's triples (bare IRIs and texts), shape (n, len(FEATURES))."""
    sides = _sides(triples, entity)
    count = Counter(sides)
    columns = [
        [side.startswith("^") for side in sides],
        [1.0 / count[side] for side in sides],
        _foreign(triples),
        [p == TYPE for _, p, _ in triples],
        [_IRI.match(o) is None for _, _, o in triples],
        *_told(triples, graph),
    ]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def train_ranker(examples: Sequence[Example], *, graph: Graph | None = None) -> Ranker:
    """The ranker that fits human summaries best. An entity's own summaries tell it nothing of its predicates.

    graph: where usage, surprise and prominence come from; best the one in which triples will be ranked. Raises
    UsageError where there is no triple.
    """
    examples = [example for example in examples if example[1]]
    if not examples:
        raise UsageError("there is nothing to train on: no entity has triples.")
    mean = float(np.mean(np.concatenate([shares for _, _, shares in examples])))
    own = [_share_by_side(example, mean) for example in examples]
    total: Counter[str] = Counter()
    entities: Counter[str] = Counter()
    for shares in own:
        total.update(shares)
        entities.update(shares.keys())
    blocks = []
    for (entity, triples, _), shares in zip(examples, own, strict=True):
        others = [(total[x] - shares[x]) / (entities[x] - 1 + PRIOR) for x in _sides(triples, entity)]
        blocks.append(np.column_stack([features(triples, entity, graph), others]))
    x, y = np.concatenate(blocks), np.concatenate([shares for _, _, shares in examples])
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    z = (x - x.mean(axis=0)) / scale
    weights = np.linalg.solve(z.T @ z + RIDGE * np.eye(z.shape[1]), z.T @ (y - y.mean())) / scale
    predicates = {side: float(weights[-1]) * total[side] / (entities[side] + PRIOR) for side in total}
    return Ranker(dict(zip(FEATURES, weights.tolist(), strict=False)), 0.03, predicates)


def _share_by_side(example: Example, mean: float) -> dict[str, float]:
    """For each predicate and direction of an entity, the mean share of its triples above the mean of all."""
    entity, triples, shares = example
    found: dict[str, list[float]] = {}
    for side, share in zip(_sides(triples, entity), shares, strict=True):
        found.setdefault(side, []).append(share)
    return {side: float(np.mean(values)) - mean for side, values in found.items()}


def _sides(triples: Sequence[Triple], entity: str) -> list[str]:
    return [p if s == entity else f"^{p}" for s, p, _ in triples]


def _told(triples: Sequence[Triple], graph: Graph | None) -> tuple[NDArray[Any], ...]:
    """Usage, surprise and prominence of each triple in the graph; zeros without a graph."""
    if graph is None or not len(graph):
        return (np.zeros(len(triples)),) * 3
    p = np.array([graph.id_of(p) for _, p, _ in triples], dtype=np.int32)
    o = np.array([graph.id_of(o) for _, _, o in triples], dtype=np.int32)
    p_count = _predicate_counts(graph)[p] * (p >= 0)
    both = np.array([len(graph.subjects(x, y)) if min(x, y) >= 0 else 0 for x, y in zip(o, p, strict=True)])
    usage, surprise = informativeness_of(p_count, both, len(graph))
    return usage, surprise, prominence(graph.rank, o) * (o >= 0)


@lru_cache(maxsize=1)
def _predicate_counts(graph: Graph) -> NDArray[np.int64]:
    return np.bincount(graph.p, minlength=len(graph.terms))


def _foreign(triples: Sequence[Triple]) -> list[bool]:
    supplying = {_found(NAMESPACE, p) for _, p, _ in triples if p != TYPE}
    return [
        _IRI.match(o) is not None
        and (_found(NAMESPACE, o) not in supplying if p == TYPE else _found(HOST, o) != _found(HOST, s) != "")
        for s, p, o in triples
    ]


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""
