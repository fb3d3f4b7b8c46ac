"""Held to the sets of nodes that each relation leads to, in random graphs."""

from itertools import combinations, permutations
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.terms import expand
from retrieval import meeting
from retrieval.meeting import apart, linked, meetings
from retrieval.neighbours import Neighbours
from retrieval.path import Seed
from tests.random_graph import CLASSES, GRAPHS, NODES, opened
from tests.toy_graph import Triple, fact, neighbours_of

SPANS = st.sampled_from([(-1, -1), (0, 4), (2, 6), (4, 9), (20, 25)])


def seeds_of(drawn: list[tuple[str, tuple[int, int]]], neighbours: Neighbours) -> list[Seed]:
    named = [(neighbours.graph.id_of(expand(name)), start, end) for name, (start, end) in drawn]
    return [Seed(entity, start, end, 0.0) for entity, start, end in named if entity >= 0]


def may_both_be_meant(one: Seed, other: Seed) -> bool:
    shared = set(range(one.start, one.end)) & set(range(other.start, other.end))
    return one.entity != other.entity and not shared


def ends(seed: Seed, relation: int, neighbours: Neighbours) -> set[int]:
    return set(neighbours.follow(seed.entity, relation).tolist())


@given(
    GRAPHS,
    st.lists(st.tuples(st.sampled_from([*NODES, *CLASSES]), SPANS), min_size=1, max_size=5),
    st.sampled_from([0, 1, 2, meeting.LONG]),
    st.integers(1, 20),
)
@settings(max_examples=100)
def test_meetings_and_links_are_all_there_are(
    triples: frozenset[Triple], drawn: list[tuple[str, tuple[int, int]]], long: int, most: int
) -> None:
    with opened(triples) as neighbours:
        seeds = seeds_of(drawn, neighbours)
        free = apart(seeds)
        assert free.tolist() == [[may_both_be_meant(one, other) for other in seeds] for one in seeds]
        tops = [neighbours.relations_of(seed.entity)[::-1][:most].astype(np.int64) for seed in seeds]
        met = {
            (one, r, other, q)
            for one, other in combinations(range(len(seeds)), 2)
            if may_both_be_meant(seeds[one], seeds[other])
            for r in tops[one].tolist()
            for q in tops[other].tolist()
            if ends(seeds[one], r, neighbours) & ends(seeds[other], q, neighbours)
        }
        with patch.object(meeting, "LONG", long):
            found = [tuple(row) for row in meetings(seeds, tops, free, neighbours).tolist()]
        assert len(found) == len(set(found))
        assert set(found) == met
        joined = {
            (one, r, other)
            for one, other in permutations(range(len(seeds)), 2)
            if may_both_be_meant(seeds[one], seeds[other])
            for r in range(len(neighbours.names))
            if r in tops[one][:2] or seeds[other].entity in ends(seeds[one], r, neighbours)
        }
        links = [tuple(row) for row in linked(seeds, tops, free, neighbours).tolist()]
        assert len(links) == len(set(links))
        assert set(links) == joined


@pytest.mark.parametrize("count", [2, 12])
def test_a_node_that_many_paths_lead_to_joins_each_of_them(tmp_path: Path, count: int) -> None:
    names = [f"dbr:Seed_{number}" for number in range(count)]
    neighbours = neighbours_of(tmp_path, [fact(name, "dbo:near", "dbr:Hub") for name in names])
    seeds = seeds_of([(name, (-1, -1)) for name in names], neighbours)
    tops = [np.array([0]) for _ in seeds]
    found = meetings(seeds, tops, apart(seeds), neighbours)
    assert found.tolist() == [[one, 0, other, 0] for one, other in combinations(range(count), 2)]


@pytest.mark.parametrize(
    ("one", "other", "free"),
    [
        (Seed(1, 0, 4, 0.0), Seed(2, 4, 9, 0.0), True),
        (Seed(1, 0, 4, 0.0), Seed(2, 3, 9, 0.0), False),
        (Seed(1, 0, 9, 0.0), Seed(2, 3, 5, 0.0), False),
        (Seed(1, 0, 4, 0.0), Seed(1, 6, 9, 0.0), False),
        (Seed(1, -1, -1, 0.0), Seed(2, 0, 4, 0.0), True),
        (Seed(1, -1, -1, 0.0), Seed(2, -1, -1, 0.0), True),
    ],
)
def test_other_entities_of_mentions_apart_may_both_be_meant(one: Seed, other: Seed, free: bool) -> None:
    assert apart([one, other]).tolist() == [[False, free], [free, False]]


def test_no_seeds_do_not_meet(neighbours: Neighbours) -> None:
    free = apart([])
    assert meetings([], [], free, neighbours).shape == (0, 4)
    assert linked([], [], free, neighbours).shape == (0, 3)
