import networkx as nx
import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kg.clean import CleanOptions, merge
from kg.clean.merge import components, sinks
from kg.terms import OWL_SAME_AS, RDFS_LABEL, REDIRECTS, SKOS_ALT_LABEL
from tests.toy import statements_of

P = "<http://a/p>"
EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=15)


def dbr(name: str) -> str:
    return f"<http://dbpedia.org/resource/{name}>"


def merged_to(*triples: tuple[str, str, str]) -> dict[str, str]:
    return dict(merge(statements_of(triples), CleanOptions()).merges.select("from", "to").iter_rows())


def left(*triples: tuple[str, str, str]) -> set[tuple[str, ...]]:
    return set(merge(statements_of(triples), CleanOptions()).statements.frame().select("s", "p", "o").iter_rows())


def ids(edges: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    array = np.array(edges, dtype=np.int32).reshape(-1, 2)
    return array[:, 0], array[:, 1]


@given(EDGES)
def test_components_are_those_of_networkx(edges: list[tuple[int, int]]) -> None:
    graph = nx.Graph(edges)
    graph.add_nodes_from(range(10))
    found = components(10, *ids(edges))
    expected = {frozenset(part) for part in nx.connected_components(graph)}
    assert {frozenset(np.flatnonzero(found == label).tolist()) for label in set(found.tolist())} == expected


@given(EDGES)
def test_sinks_are_the_ends_of_all_chains(edges: list[tuple[int, int]]) -> None:
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(range(10))
    ends = {}
    for part in nx.strongly_connected_components(graph):
        if all(target in part for node in part for target in graph.successors(node)):
            ends[min(part)] = part
    expected = {(node, end) for node in range(10) for end in ends if node != end and end in nx.descendants(graph, node)}
    nodes, targets = sinks(10, *ids(edges))
    assert set(zip(nodes.tolist(), targets.tolist(), strict=True)) == expected


def test_a_long_chain_of_redirects_ends_at_its_last_page() -> None:
    chain = [(dbr(f"{i:04}"), REDIRECTS, dbr(f"{i + 1:04}")) for i in range(300)]
    assert set(merged_to(*chain).values()) == {dbr("0300")}


def test_a_cycle_of_redirects_ends_at_its_first_iri() -> None:
    cycle = [(dbr("B"), REDIRECTS, dbr("C")), (dbr("C"), REDIRECTS, dbr("B")), (dbr("A"), REDIRECTS, dbr("C"))]
    assert merged_to(*cycle) == {dbr("A"): dbr("B"), dbr("C"): dbr("B")}


def test_direct_and_transitive_redirects_together_are_no_contradiction() -> None:
    triples = [(dbr("A"), REDIRECTS, dbr("B")), (dbr("A"), REDIRECTS, dbr("C")), (dbr("B"), REDIRECTS, dbr("C"))]
    assert merged_to(*triples) == {dbr("A"): dbr("C"), dbr("B"): dbr("C")}


def test_a_redirect_to_two_pages_merges_nothing() -> None:
    result = merge(
        statements_of([(dbr("A"), REDIRECTS, dbr("B")), (dbr("A"), REDIRECTS, dbr("C")), (dbr("A"), P, dbr("D"))]),
        CleanOptions(),
    )
    assert result.merges.is_empty()
    assert result.dropped == {"ambiguous redirect": 2}
    assert result.statements.frame()["s"].to_list() == [dbr("A")]


def test_the_canonical_iri_is_preferred_then_most_used_then_first() -> None:
    x, y = "<http://x/1>", "<http://y/1>"
    assert merged_to((y, OWL_SAME_AS, x)) == {y: x}
    assert merged_to((y, OWL_SAME_AS, x), (y, P, '"1"')) == {x: y}
    assert merged_to((y, OWL_SAME_AS, x), (y, P, '"1"'), (dbr("A"), OWL_SAME_AS, x)) == {x: dbr("A"), y: dbr("A")}
    assert merged_to((dbr("A"), OWL_SAME_AS, dbr("B")), (P, P, dbr("B"))) == {dbr("A"): dbr("B")}
    assert merged_to((dbr("A"), REDIRECTS, x)) == {dbr("A"): x}


def test_labels_of_merged_entities_become_alternative_labels() -> None:
    q = "<http://www.wikidata.org/entity/Q90>"
    triples = [(dbr("Paris"), RDFS_LABEL, '"Paris"@en'), (q, OWL_SAME_AS, dbr("Paris")), (q, RDFS_LABEL, '"Paree"@en')]
    assert left(*triples, (q, RDFS_LABEL, '"Paris"@en')) == {
        (dbr("Paris"), RDFS_LABEL, '"Paris"@en'),
        (dbr("Paris"), SKOS_ALT_LABEL, '"Paree"@en'),
    }


def test_a_canonical_entity_without_a_label_takes_its_twins_label() -> None:
    q = "<http://www.wikidata.org/entity/Q90>"
    assert left((q, OWL_SAME_AS, dbr("Paris")), (q, RDFS_LABEL, '"Paris"@en')) == {
        (dbr("Paris"), RDFS_LABEL, '"Paris"@en')
    }


def test_a_redirect_without_a_label_gives_its_name_with_its_own_place() -> None:
    triples = [
        (dbr("United_Kingdom"), RDFS_LABEL, '"United Kingdom"@en'),
        (dbr("UK"), REDIRECTS, dbr("United_Kingdom")),
    ]
    result = merge(statements_of(triples), CleanOptions())
    alias = result.statements.frame().filter(pl.col("p") == SKOS_ALT_LABEL)
    assert alias.select("s", "o", "record", "confidence").rows() == [(dbr("United_Kingdom"), '"UK"@en', 2, 1.0)]
    assert result.added == 1


def test_only_loops_that_merging_makes_are_dropped() -> None:
    triples = [(dbr("A"), REDIRECTS, dbr("B")), (dbr("B"), P, dbr("A")), (dbr("C"), P, dbr("C"))]
    result = merge(statements_of(triples), CleanOptions())
    assert result.dropped == {"redirect": 1, "self loop after merge": 1}
    assert (dbr("C"), P, dbr("C")) in set(result.statements.frame().select("s", "p", "o").iter_rows())


def test_a_predicate_is_never_merged_away() -> None:
    q, r = "<http://a/q>", "<http://a/r>"
    triples = [(P, OWL_SAME_AS, q), (r, REDIRECTS, P), (dbr("A"), P, dbr("B")), (P, RDFS_LABEL, '"p"'), (q, q, P)]
    result = merge(statements_of(triples), CleanOptions())
    assert result.merges.is_empty()
    assert result.statements.frame().select("s", "p", "o").rows() == triples[2:]
    assert result.dropped == {"link of a predicate": 2}


def test_a_link_to_a_literal_is_invalid_and_names_nothing() -> None:
    triples = [
        (dbr("A"), OWL_SAME_AS, '"Q90"'),
        (dbr("A"), REDIRECTS, '"B"'),
        (dbr("A"), REDIRECTS, dbr("C")),
        (dbr("C"), RDFS_LABEL, '"C"@en'),
    ]
    result = merge(statements_of(triples), CleanOptions())
    assert result.dropped == {"invalid term": 2, "redirect": 1}
    assert result.statements.frame().filter(pl.col("p") == SKOS_ALT_LABEL)["record"].to_list() == [3]
