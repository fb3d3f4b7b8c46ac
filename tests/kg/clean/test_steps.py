import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.clean import CleanOptions, clean, finish
from kg.errors import EmptyGraph
from kg.graph import write_graph
from kg.statements import Statements
from kg.terms import OWL_SAME_AS, RDFS_LABEL, REDIRECTS
from tests.toy import ADDED, CLEAN, DISTINCT, DROPPED, ENTITIES, LINES, PREDICATES, RAW, frame_of, statements_of


def triples(statements: Statements) -> set[tuple[str, ...]]:
    return set(statements.frame().select("s", "p", "o").iter_rows())


def test_cleaning_the_toy_graph_gives_what_was_reckoned_by_hand() -> None:
    assert len(RAW) == LINES
    result = clean(statements_of(RAW), CleanOptions())
    assert triples(result.statements) == CLEAN
    assert result.dropped == DROPPED
    assert (result.pulled, result.added) == (DISTINCT, ADDED)


def test_cleaning_what_is_clean_changes_nothing() -> None:
    again = clean(statements_of(sorted(CLEAN)), CleanOptions())
    assert triples(again.statements) == CLEAN
    assert again.dropped == {}


_NAMES = (
    "http://dbpedia.org/resource/A",
    "http://dbpedia.org/resource/%41",
    "http://w/Q1",
    "http://w/Q2",
    "http://bad iri",
)
_NODES = st.sampled_from([f"<{name}>" for name in _NAMES])
_PREDICATES = st.sampled_from([REDIRECTS, OWL_SAME_AS, RDFS_LABEL, "<http://a/p>"])
_OBJECTS = _NODES | st.sampled_from(['"A"@en', '"A "@en', '"B"', '""', '"x"@fr'])


@given(st.lists(st.tuples(_NODES, _PREDICATES, _OBJECTS), max_size=20))
def test_every_distinct_triple_is_accounted_for(rows: list[tuple[str, str, str]]) -> None:
    result = clean(statements_of(rows), CleanOptions())
    assert result.pulled == len(set(rows))
    assert all(count > 0 for count in result.dropped.values())
    left = len(triples(result.statements))
    assert left == result.pulled - sum(result.dropped.values()) + result.added
    assert {REDIRECTS, OWL_SAME_AS}.isdisjoint(result.statements.frame()["p"])


def test_invalid_terms_are_counted_together_wherever_they_are_found() -> None:
    triples = [("<http://w/Q1>", OWL_SAME_AS, '"Q2"'), ("<http://w/Q1>", "<http://a/p>", "<http://a b>")]
    assert clean(statements_of(triples), CleanOptions()).dropped == {"invalid term": 2}


def test_the_finished_graph_is_sorted_ranked_and_supported(tmp_path) -> None:  # type: ignore[no-untyped-def]
    made = finish(clean(statements_of(RAW), CleanOptions()).statements, CleanOptions())
    rows = made.triples.frame().select("s", "p", "o").rows()
    assert rows == sorted(CLEAN, key=lambda row: [term.encode() for term in row])
    assert len(made.rank) == len(made.triples.terms)
    graph = write_graph(tmp_path, made.triples, rank=made.rank)
    assert [graph.triple(row) for row in range(len(graph))] == rows
    assert np.array_equal(graph.importance, made.triples.importance)
    assert (len(graph.entities), len(graph.predicates)) == (ENTITIES, PREDICATES)
    born = rows.index(
        (
            "<http://dbpedia.org/resource/Ada_Lovelace>",
            "<http://dbpedia.org/ontology/birthPlace>",
            "<http://dbpedia.org/resource/London>",
        )
    )
    lines = [number for number, raw in enumerate(RAW, start=1) if raw == rows[born]]
    assert made.support.filter(pl.col("triple") == born)["record"].to_list() == lines
    assert len(lines) == 2
    assert made.support["triple"].unique().sort().to_list() == list(range(len(rows)))


def test_a_triple_is_as_sure_as_its_surest_statement() -> None:
    frame = frame_of([("<http://a/s>", "<http://a/p>", "<http://a/o>")] * 2)
    frame = frame.with_columns(pl.Series("confidence", [0.25, 0.5], dtype=pl.Float32))
    assert finish(Statements.of(frame), CleanOptions()).triples.confidence.tolist() == [0.5]


def test_a_budget_prunes_and_keeps_rank_and_support_in_step() -> None:
    made = finish(statements_of(sorted(CLEAN)), CleanOptions(budget=0.6))
    assert len(made.triples) == 33
    assert made.dropped == {"budget": 21}
    assert len(made.rank) == len(made.triples.terms)
    assert made.rank.sum() == pytest.approx(1)
    rows, lines = made.triples.frame().select("s", "p", "o").rows(), sorted(CLEAN)
    assert [lines[record - 1] for record in made.support["record"]] == [rows[row] for row in made.support["triple"]]


def test_the_order_of_statements_does_not_change_the_result() -> None:
    frame = frame_of(RAW)
    one, two = (
        finish(clean(Statements.of(part), CleanOptions()).statements, CleanOptions())
        for part in (frame, frame.reverse())
    )
    assert one.triples.frame().equals(two.triples.frame())
    assert one.support.equals(two.support)
    assert np.array_equal(one.rank, two.rank)


def test_nothing_left_is_an_error_that_says_so() -> None:
    with pytest.raises(EmptyGraph, match="no triple is left"):
        finish(statements_of([]), CleanOptions())
