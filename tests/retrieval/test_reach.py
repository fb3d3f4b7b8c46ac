"""Held to SPARQL over the toy's triples, and to set arithmetic over those of random graphs."""

from collections.abc import Callable
from dataclasses import replace

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.store import query
from kg.terms import RDF_TYPE, expand, iri_term
from retrieval import reach
from retrieval.neighbours import Neighbours
from retrieval.ordering import Order
from retrieval.path import Path, Seed
from retrieval.reach import answers_of, layers_of
from tests.random_graph import CLASSES, GRAPHS, MEASURES, NODES, VALUES, opened
from tests.toy_graph import Triple, every_path, relation_of, seed_of, spelt, steps, walk


def terms_of(path: Path, neighbours: Neighbours) -> set[str]:
    """The answers as terms, which must be ascending and distinct."""
    found = answers_of(path, neighbours).tolist()
    assert found == sorted(set(found))
    return {neighbours.graph.terms[node] for node in found}


def numbers(neighbours: Neighbours, relations: tuple[str, ...]) -> tuple[int, ...]:
    named = {spelt(neighbours, [relation]): relation for relation in range(len(neighbours.names))}
    return tuple(named[relation] for relation in relations)


def starting(neighbours: Neighbours, name: str) -> Path:
    return Path(Seed(neighbours.graph.id_of(expand(name)), -1, -1, 0.0), ())


@pytest.mark.parametrize("name", ["dbr:Marie_Curie", "dbr:Paris", "dbo:City"])
def test_paths_of_up_to_three_relations_are_those_of_sparql(store: ox.Store, neighbours: Neighbours, name: str) -> None:
    start = iri_term(expand(name))
    paths = [path for path, _ in every_path(start, 3)]
    assert {len(path) for path in paths} == {1, 2, 3}
    for path in paths[:: 1 + len(paths) // 250]:
        nodes = [start, *(f"?n{hop}" for hop in range(len(path)))]
        body = " . ".join(
            f"{nodes[hop]} {relation} {nodes[hop + 1]}"
            if relation[0] != "^"
            else f"{nodes[hop + 1]} {relation[1:]} {nodes[hop]}"
            for hop, relation in enumerate(path)
        )
        apart = "".join(f" FILTER({node} != {start})" for node in nodes[2:])
        answers = query(store, f"SELECT DISTINCT {nodes[-1]} WHERE {{ {body} {apart} }}")
        expected = {str(solution[nodes[-1][1:]]) for solution in answers}
        found = terms_of(replace(starting(neighbours, name), relations=numbers(neighbours, path)), neighbours)
        assert found == expected, path


@given(GRAPHS, st.sampled_from(NODES), st.data())
@settings(max_examples=100)
def test_answers_in_any_graph_are_those_of_set_arithmetic(
    triples: frozenset[Triple], name: str, data: st.DataObject
) -> None:
    around = steps(triples)
    start = iri_term(expand(name))
    with opened(triples) as neighbours:
        paths = list(every_path(start, 3, around))
        for path, expected in paths[:200]:
            assert terms_of(replace(starting(neighbours, name), relations=numbers(neighbours, path)), neighbours) == (
                expected
            )
        if not paths:
            return
        other = data.draw(st.sampled_from(NODES))
        others = list(every_path(iri_term(expand(other)), 2, around))
        if not others:
            return
        (one, first), (two, second) = data.draw(st.sampled_from(paths)), data.draw(st.sampled_from(others))
        meeting = replace(
            starting(neighbours, name),
            relations=numbers(neighbours, one),
            meets=replace(starting(neighbours, other), relations=numbers(neighbours, two)),
        )
        assert terms_of(meeting, neighbours) == first & second
        for kind in CLASSES:
            term = neighbours.graph.id_of(expand(kind))
            inside = {node for node in first & second if (node, RDF_TYPE, iri_term(expand(kind))) in triples}
            if term >= 0:
                assert terms_of(replace(meeting, kind=term), neighbours) == inside


def ordered(order: Order, measure: str, reached: set[str], triples: frozenset[Triple]) -> set[str]:
    """What an order leaves of the nodes, by hand."""
    predicate = iri_term(expand(measure))
    stated = [(s, o) for s, p, o in triples if p == predicate and VALUES[o] is not None]
    values = [(s, float(VALUES[o] or 0.0)) for s, o in stated if s in reached]
    if not values:
        return set()
    dates = 2 * sum("date>" in o or "gYear>" in o for _, o in stated) > len(stated)
    cut: dict[str, Callable[[float], bool]] = {
        "above": lambda value: value > order.than,
        "below": lambda value: value < order.than,
        "year": lambda value: value == order.than,
    }
    ends = {"most": max, "least": min}
    if order.by_age and not dates:
        ends = {"most": min, "least": max}
    if order.cut in ends:
        best = ends[order.cut](value for _, value in values)
        return {node for node, value in values if value == best}
    return {node for node, value in values if cut[order.cut](value)}


@given(
    GRAPHS,
    st.sampled_from(NODES),
    st.sampled_from(MEASURES),
    st.builds(
        Order,
        st.sampled_from(["most", "least", "above", "below", "year"]),
        st.sampled_from([3.0, 1812.0, 1990.0]),
        st.booleans(),
    ),
)
@settings(max_examples=100)
def test_an_order_chooses_what_the_values_say_and_keeps_ties(
    triples: frozenset[Triple], name: str, measure: str, order: Order
) -> None:
    around = steps(triples)
    if not any(p == iri_term(expand(measure)) for _, p, _ in triples):
        return
    with opened(triples) as neighbours:
        full = replace(order, relation=relation_of(neighbours, measure))
        for path, reached in list(every_path(iri_term(expand(name)), 2, around))[:80]:
            found = replace(starting(neighbours, name), relations=numbers(neighbours, path), order=full)
            assert terms_of(found, neighbours) == ordered(order, measure, reached, triples)


def test_many_nodes_have_the_classes_that_each_has(neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = neighbours.graph
    city = graph.id_of(expand("dbo:City"))
    one_by_one = reach.of_class(graph, graph.entities, city).tolist()
    assert [graph.label_of(node) for node in graph.entities[one_by_one]] == ["London", "Paris", "Warsaw"]
    monkeypatch.setattr(reach, "_FEW", 0)
    assert reach.of_class(graph, graph.entities, city).tolist() == one_by_one


def test_layers_end_with_the_first_empty_one(neighbours: Neighbours) -> None:
    seed = seed_of(neighbours.graph, "dbr:Marie_Curie")
    spouse, capital = (relation_of(neighbours, name) for name in ("dbo:spouse", "dbo:capital"))
    layers = layers_of(seed, (spouse, capital, spouse), neighbours)
    assert [layer.tolist() for layer in layers] == [
        [seed.entity], [neighbours.graph.id_of(expand("dbr:Pierre_Curie"))], []
    ]  # fmt: skip
    assert layers_of(seed, (), neighbours)[0].tolist() == [seed.entity]


def test_a_path_goes_on_from_the_others_where_it_also_comes_back(neighbours: Neighbours) -> None:
    """The other films of a film's director, and where these are from."""
    start = iri_term(expand("dbr:Persepolis_(film)"))
    director, country = iri_term(expand("dbo:director")), iri_term(expand("dbo:country"))
    path = (director, "^" + director, country)
    assert walk(steps(), start, path) == {iri_term(expand("dbr:United_Kingdom"))}
    found = replace(starting(neighbours, "dbr:Persepolis_(film)"), relations=numbers(neighbours, path))
    assert terms_of(found, neighbours) == {iri_term(expand("dbr:United_Kingdom"))}
