from pathlib import Path

import polars as pl
import pytest

from evaluation.baselines import adjacent_pairs, label_entities, predicate_counts
from kg.graph import Graph, write_graph
from kg.types import Mention
from tests.toy import CLEAN, ranked

R = "http://dbpedia.org/resource/"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    frame = pl.DataFrame(sorted(CLEAN), schema=["s", "p", "o"], orient="row")
    return write_graph(tmp_path_factory.mktemp("graph"), ranked(frame))


def test_label_entities_names_each_entity_with_and_without_brackets(graph: Graph) -> None:
    entities = label_entities(graph)
    assert entities["ada lovelace"] == R + "Ada_Lovelace"
    assert entities["persepolis"] == entities["persepolis (film)"] == R + "Persepolis_(film)"
    assert len(set(entities.values())) == 14


def test_label_entities_takes_the_entity_that_most_triples_touch(tmp_path: Path) -> None:
    lines = ["Paris|p|France", "Paris_(Texas)|p|Texas", "Seine|p|Paris", "Paris_(Texas)|p|Paris"]
    rows = [tuple(f"<{R}{part}>" for part in line.split("|")) for line in lines]
    frame = pl.DataFrame(rows, schema=["s", "p", "o"], orient="row")
    entities = label_entities(write_graph(tmp_path, ranked(frame)))
    assert entities["paris"] == R + "Paris"
    assert entities["paris (texas)"] == R + "Paris_(Texas)"


def test_predicate_counts_are_those_of_the_triples(graph: Graph) -> None:
    expected: dict[str, int] = {}
    for _, predicate, _ in CLEAN:
        expected[predicate[1:-1]] = expected.get(predicate[1:-1], 0) + 1
    counts = predicate_counts(graph)
    assert counts == expected
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


def test_adjacent_pairs_joins_neighbours_in_the_order_of_the_text() -> None:
    mentions = [Mention(9, 10, "c", 1.0), Mention(0, 1, "a", 1.0), Mention(5, 6, None, 1.0), Mention(3, 4, "b", 1.0)]
    assert adjacent_pairs(lambda text: mentions, "p")("any") == [("a", "p", "b"), ("b", "p", "c")]
