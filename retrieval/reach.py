"""Where a path leads: the nodes after each of its steps, and its answers.

A path never comes back to its seed: "the films of its director" are the other films.
"""

from collections.abc import Sequence

import numpy as np

from kg.arrays import is_among
from kg.graph import Graph, Ids
from retrieval.neighbours import Neighbours
from retrieval.ordering import chosen
from retrieval.path import Path, Seed


def layers_of(seed: Seed, relations: Sequence[int], neighbours: Neighbours) -> list[Ids]:
    """The nodes after each step, each ascending and distinct, the seed first; it ends with the first empty layer."""
    layers = [np.array([seed.entity], np.int32)]
    for hop, relation in enumerate(relations):
        reached = neighbours.follow_all(layers[-1], relation)
        if hop:
            reached = reached[reached != seed.entity]
        layers.append(reached)
        if not len(reached):
            break
    return layers


def answers_of(path: Path, neighbours: Neighbours) -> Ids:
    """The nodes where a path leads, ascending: of its class where it names one, where the path that it meets leads too,
    and among these those that its order chooses."""
    reached = layers_of(path.seed, path.relations, neighbours)[-1]
    if path.meets is not None and len(reached):
        reached = np.intersect1d(reached, answers_of(path.meets, neighbours), assume_unique=True)
    if path.kind >= 0 and len(reached):
        reached = reached[of_class(neighbours.graph, reached, path.kind)]
    if path.order is not None and len(reached):
        reached, _ = chosen(path.order, reached, neighbours.measures)
    return reached


def of_class(graph: Graph, nodes: Ids, kind: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether each node has the class."""
    if len(nodes) <= _FEW:
        return np.array([graph.row_of(int(node), graph.type_id, kind) >= 0 for node in nodes], bool)
    return is_among(nodes, graph.subjects(kind, graph.type_id))


_FEW = 32
"""Up to so many nodes are looked up one by one."""
