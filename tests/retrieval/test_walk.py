"""Many paths at once against each of them alone, in random graphs."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.graph import CLASS, LITERAL
from retrieval.neighbours import Neighbours
from retrieval.path import Seed
from retrieval.reach import layers_of
from retrieval.search import spread
from retrieval.walk import ends_of, next_relations
from tests.random_graph import GRAPHS, opened
from tests.toy_graph import Triple


def followed(neighbours: Neighbours, entity: int, relations: tuple[int, ...], sample: int) -> list[int]:
    """The relations that go on from one path, step by step."""
    reached = np.array([entity], np.int32)
    for relation in relations:
        reached = neighbours.follow_all(spread(reached, sample), relation)
    reached = spread(reached[reached != entity], sample)
    kinds = neighbours.graph.kind[reached]
    return neighbours.relations_around(reached[(kinds != LITERAL) & (kinds != CLASS)]).tolist()


@given(GRAPHS, st.integers(1, 2), st.integers(1, 4))
@settings(max_examples=60)
def test_relations_that_go_on_are_those_around_what_each_path_reaches(
    triples: frozenset[Triple], hops: int, sample: int
) -> None:
    with opened(triples) as neighbours:
        entities = range(len(neighbours.graph.terms))
        paths = list(product(entities, *[range(len(neighbours.names))] * hops))[::7]
        found = next_relations(
            np.array([entity for entity, *_ in paths], np.int32),
            np.array([relations for _, *relations in paths], np.int64).reshape(len(paths), hops),
            neighbours,
            sample,
        )
        expected = [
            (row, relation)
            for row, (entity, *relations) in enumerate(paths)
            for relation in followed(neighbours, entity, tuple(relations), sample)
        ]
        assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


@given(GRAPHS)
@settings(max_examples=60)
def test_paths_of_several_lengths_end_where_each_ends_alone(triples: frozenset[Triple]) -> None:
    with opened(triples) as neighbours:
        entities = range(len(neighbours.graph.terms))
        relations = range(len(neighbours.names))
        paths = [path for length in (3, 1, 2) for path in list(product(entities, *[relations] * length))[::11]]
        columns = np.full((len(paths), 3), -1, np.int64)
        for row, (_, *own) in enumerate(paths):
            columns[row, : len(own)] = own
        found = ends_of(np.array([entity for entity, *_ in paths], np.int32), columns, neighbours)
        for (entity, *own), reached in zip(paths, found, strict=True):
            layers = layers_of(Seed(entity, -1, -1, 0.0), own, neighbours)
            assert reached.tolist() == (layers[-1].tolist() if len(layers) == len(own) + 1 else [])
