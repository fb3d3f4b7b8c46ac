import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.clean import CleanOptions, finish, page_rank, rank_triples
from kg.clean.importance import entity_rank, informativeness, prominence
from kg.graph import ENTITY, LITERAL, write_graph
from tests.toy import CLEAN, statements_of

DBO = "http://dbpedia.org/ontology/"
DBR = "http://dbpedia.org/resource/"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40))
def test_page_rank_is_that_of_networkx(edges: list[tuple[int, int]]) -> None:
    graph = nx.MultiDiGraph(edges)
    graph.add_nodes_from(range(12))
    expected = nx.pagerank(graph, alpha=0.85, tol=1e-12, max_iter=500)
    array = np.array(edges, dtype=np.int32).reshape(-1, 2)
    found = page_rank(array[:, 0], array[:, 1], 12, iterations=500, tolerance=1e-12)
    assert found == pytest.approx([expected[node] for node in range(12)], abs=1e-8)


def test_page_rank_of_nothing_is_empty() -> None:
    none = np.zeros(0, np.int32)
    assert len(page_rank(none, none, 0)) == 0
    assert page_rank(none, none, 2).tolist() == [0.5, 0.5]


def test_literals_have_no_rank() -> None:
    kind = np.array([ENTITY, LITERAL, ENTITY], np.uint8)
    rank = entity_rank(np.array([0, 0], np.int32), np.array([1, 2], np.int32), kind)
    assert rank[1] == 0
    assert rank[2] > rank[0]
    assert rank.sum() == pytest.approx(1)


def test_a_rare_value_surprises_more_than_a_common_one() -> None:
    p = np.array([0, 0, 0, 1], np.int32)
    o = np.array([5, 5, 6, 7], np.int32)
    usage, surprise = informativeness(p, o)
    assert usage == pytest.approx(np.log([4, 4, 4, 2]) / np.log(5))
    assert surprise == pytest.approx(np.log([4 / 3, 4 / 3, 2, 1]) / np.log(5))


def test_prominence_runs_from_nought_to_one() -> None:
    rank = np.array([0.0, 0.01, 0.1, 1.0])
    assert prominence(rank, np.arange(4, dtype=np.int32)) == pytest.approx([0, 0, 0.5, 1])


def test_a_summary_says_different_things_before_it_repeats_itself() -> None:
    about = f"{DBR}Iain_Banks"
    triples = [
        (about, TYPE, "http://schema.org/Person"),
        (about, TYPE, f"{DBO}Writer"),
        (about, TYPE, "http://dbpedia.org/class/yago/Writer110794014"),
        (about, f"{DBO}birthDate", "1954-02-16"),
        (about, f"{DBO}genre", f"{DBR}Science_fiction"),
        (about, f"{DBO}genre", f"{DBR}Literary_fiction"),
        (f"{DBR}Whit", f"{DBO}author", about),
    ]
    assert rank_triples(triples) == [3, 4, 6, 1, 5, 0, 2]


def test_an_empty_description_has_no_order() -> None:
    assert rank_triples([]) == []


def test_the_graph_tells_the_usual_from_the_telling(tmp_path) -> None:  # type: ignore[no-untyped-def]
    made = finish(statements_of(sorted(CLEAN)), CleanOptions())
    graph = write_graph(tmp_path, made.triples, rank=made.rank)
    triples = [
        (f"{DBR}Charles_Babbage", TYPE, f"{DBO}Person"),
        (f"{DBR}Charles_Babbage", f"{DBO}birthPlace", f"{DBR}London"),
        (f"{DBR}Charles_Babbage", f"{DBO}nationality", f"{DBR}United_Kingdom"),
    ]
    assert rank_triples(triples, graph=graph)[0] == 1
    assert np.asarray(graph.rank).sum() == pytest.approx(1, abs=1e-5)
    expected = nx.pagerank(
        nx.MultiDiGraph([(graph.s[i], graph.o[i]) for i in range(len(graph)) if graph.kind[graph.o[i]] == ENTITY]),
        tol=1e-10,
        max_iter=500,
    )
    assert {int(i): float(graph.rank[i]) for i in graph.entities} == pytest.approx(expected, abs=1e-4)
