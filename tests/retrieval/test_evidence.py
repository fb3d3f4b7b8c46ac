"""Held to SPARQL 1.1 property paths, asked of the Oxigraph store of the same graph."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as File

import pyoxigraph as ox
import pytest

from kg.store import query
from kg.terms import expand, iri_term, literal_term
from retrieval.evidence import SHOWN, SHOWN_ROWS, Evidence, Path, Seed, gather
from retrieval.neighbours import Neighbours
from retrieval.ordering import Order
from tests.encoders import NgramEncoder
from tests.toy import CLEAN
from tests.toy_graph import Triple, fact, relation_of, seed_of, spelt, toy_retriever, write_toy


def paths(neighbours: Neighbours, hops: int) -> Iterator[Path]:
    """Every path of at most `hops` relations from every entity."""
    for entity in neighbours.graph.entities.tolist():
        seed = Seed(entity, -1, -1, 0.0)
        for first in neighbours.relations_of(entity).tolist():
            yield Path(seed, (first,))
            if hops > 1:
                nexts = neighbours.relations_around(neighbours.follow(entity, first)).tolist()
                yield from (Path(seed, (first, second)) for second in nexts)


def asked(store: ox.Store, neighbours: Neighbours, path: Path) -> set[str]:
    start = iri_term(neighbours.graph.iri_of(path.seed.entity))
    other = f"FILTER(?x != {start})" if len(path.relations) > 1 else ""
    text = f"SELECT DISTINCT ?x WHERE {{ {start} {spelt(neighbours, path.relations)} ?x {other} }}"
    return {str(solution["x"]) for solution in query(store, text)}


def test_answers_of_one_and_two_hops_are_those_of_a_property_path(store: ox.Store, neighbours: Neighbours) -> None:
    found = {path: gather(path, neighbours) for path in paths(neighbours, 2)}
    assert len(found) > 150
    for path, piece in found.items():
        expected = asked(store, neighbours, path)
        assert (set(piece.values) if piece else set()) == expected
        if piece:
            assert len(piece.values) == len(expected)
            graph = neighbours.graph
            assert piece.labels == tuple(graph.label_of(graph.terms.find(value)) for value in piece.values)


def test_counts_are_those_of_sparql(store: ox.Store, neighbours: Neighbours) -> None:
    for path in paths(neighbours, 2):
        answers = asked(store, neighbours, path)
        number = len(answers)
        piece = gather(Path(path.seed, path.relations, "count"), neighbours)
        if not number or (number == 1 and answers.pop().startswith('"')):
            assert piece is None
            continue
        assert piece is not None
        assert piece.values == (literal_term(str(number), datatype=expand("xsd:integer")),)
        assert piece.labels == (str(number),)
        assert piece.text.endswith(f" | number: {number}")


def test_yes_and_no_are_those_of_sparql(store: ox.Store, neighbours: Neighbours) -> None:
    graph = neighbours.graph
    said = set()
    for path in paths(neighbours, 1):
        for target in graph.entities.tolist():
            s, o = iri_term(graph.iri_of(path.seed.entity)), iri_term(graph.iri_of(target))
            holds = bool(query(store, f"ASK {{ {s} {spelt(neighbours, path.relations)} {o} }}"))
            piece = gather(Path(path.seed, path.relations, "ask", target), neighbours)
            assert piece is not None
            assert piece.values == (literal_term(str(holds).lower(), datatype=expand("xsd:boolean")),)
            assert piece.labels == ("yes" if holds else "no",)
            said.add(piece.labels)
    assert len(said) == 2


def on_the_path(piece: Evidence, neighbours: Neighbours) -> None:
    """Each cited triple is a step of the path, and each answer shown hangs on the seed by cited triples."""
    graph = neighbours.graph
    reached = {graph.terms[piece.path.seed.entity]}
    left = {graph.triple(row) for row in piece.rows}
    assert left <= CLEAN
    for relation in piece.path.relations:
        predicate = graph.terms[int(graph.predicates[relation // 2])]
        ends = set()
        for s, p, o in set(left):
            begin, end = (o, s) if relation & 1 else (s, o)
            if p == predicate and begin in reached:
                ends.add(end)
                left.discard((s, p, o))
        reached = ends
    assert not left, f"{piece.text} cites {left}"
    if piece.path.form == "select":
        assert set(piece.values[:SHOWN]) <= reached


@pytest.mark.parametrize("form", ["select", "count"])
def test_every_cited_triple_is_a_step_of_the_path(neighbours: Neighbours, form: str) -> None:
    for path in paths(neighbours, 2):
        piece = gather(Path(path.seed, path.relations, form), neighbours)
        if piece:
            assert piece.rows
            on_the_path(piece, neighbours)


def test_yes_cites_the_triple_and_no_what_holds_instead(neighbours: Neighbours) -> None:
    graph = neighbours.graph
    seed, relation = seed_of(graph, "dbr:Marie_Curie"), relation_of(neighbours, "dbo:birthPlace")
    stated = tuple(iri_term(expand(name)) for name in ("dbr:Marie_Curie", "dbo:birthPlace", "dbr:Warsaw"))
    for target, label in (("dbr:Warsaw", "Warsaw: yes"), ("dbr:Paris", "Paris: no")):
        piece = gather(Path(seed, (relation,), "ask", graph.id_of(expand(target))), neighbours)
        assert piece is not None
        assert [graph.triple(row) for row in piece.rows] == [stated]
        assert piece.text == f"Marie Curie | birth place | Warsaw | {label}"


def test_text_names_the_seed_the_relations_and_the_answers(neighbours: Neighbours) -> None:
    path = Path(
        seed_of(neighbours.graph, "dbr:Poland"),
        (relation_of(neighbours, "^dbo:country"), relation_of(neighbours, "^dbo:birthPlace")),
    )
    piece = gather(path, neighbours, log_p=-0.5)
    assert piece is not None
    assert (piece.text, piece.log_p) == ("Poland | country of, birth place of | Marie Curie", -0.5)


CITY, FILM = ("dbr:London", "rdf:type", "dbo:City"), ("dbr:Persepolis_(film)", "rdf:type", "dbo:Film")
FRENCH = ("dbr:Persepolis_(film)", "dbo:country", "dbr:France")
DIRECTED = ("dbr:Persepolis_(film)", "dbo:director", "dbr:Marjane_Satrapi")
POPULATION = ("dbr:London", "dbo:populationTotal", f'"8799800"^^<{expand("xsd:integer")}>')


@pytest.mark.parametrize(
    ("seed", "relation", "more", "text", "cited"),
    [
        ("dbr:France", "^dbo:country", "film", "France | country of | film | Persepolis (film)", [FRENCH, FILM]),
        (
            "dbr:Marjane_Satrapi",
            "^dbo:director",
            "meets",
            "Marjane Satrapi | director of | and France | country of | Persepolis (film)",
            [DIRECTED, FRENCH],
        ),
        ("dbo:City", "^rdf:type", "most", "city | type of | most population total | London", [CITY, POPULATION]),
        (
            "dbo:City",
            "^rdf:type",
            "above",
            "city | type of | above 3000000 population total | London",
            [CITY, POPULATION],
        ),
    ],
)
def test_what_narrows_the_answers_is_named_and_cited(
    neighbours: Neighbours, seed: str, relation: str, more: str, text: str, cited: list[Triple]
) -> None:
    graph, population = neighbours.graph, relation_of(neighbours, "dbo:populationTotal")
    narrowed = {
        "film": {"kind": graph.id_of(expand("dbo:Film"))},
        "meets": {"meets": Path(seed_of(graph, "dbr:France"), (relation_of(neighbours, "^dbo:country"),))},
        "most": {"order": Order("most", relation=population)},
        "above": {"order": Order("above", 3e6, relation=population)},
    }[more]
    path = replace(Path(seed_of(graph, seed), (relation_of(neighbours, relation),)), **narrowed)
    piece = gather(path, neighbours)
    assert piece is not None
    assert piece.text == text
    assert [graph.triple(row) for row in piece.rows] == [fact(*triple) for triple in cited]
    counted = gather(replace(path, form="count"), neighbours)
    assert counted is not None and (counted.labels, counted.rows) == (("1",), piece.rows)


def test_a_path_that_leads_nowhere_or_only_back_is_no_evidence(neighbours: Neighbours) -> None:
    seed = seed_of(neighbours.graph, "dbr:Marie_Curie")
    spouse, capital = relation_of(neighbours, "dbo:spouse"), relation_of(neighbours, "dbo:capital")
    assert gather(Path(seed, (capital,)), neighbours) is None
    assert gather(Path(seed, (spouse, spouse ^ 1)), neighbours) is None


@pytest.mark.parametrize("form", ["select", "count", "ask"])
def test_a_long_list_is_cut_in_text_and_citation_but_not_in_the_answers(tmp_path: File, form: str) -> None:
    birth, country = iri_term(expand("dbo:birthPlace")), iri_term(expand("dbo:country"))
    person, town = (lambda i: iri_term(expand(f"dbr:Person_{i:03}"))), (lambda i: iri_term(expand(f"dbr:Town_{i:02}")))
    triples = [(person(i), birth, town(i % 50)) for i in range(200)]
    triples += [(town(i), country, iri_term(expand("dbr:Land"))) for i in range(50)]
    neighbours = toy_retriever(write_toy(tmp_path, NgramEncoder(), triples)).neighbours
    path = Path(
        seed_of(neighbours.graph, "dbr:Land"),
        (relation_of(neighbours, "^dbo:country"), relation_of(neighbours, "^dbo:birthPlace")),
        form,
        neighbours.graph.id_of(expand("dbr:Person_199")),
    )
    piece = gather(path, neighbours)
    assert piece is not None
    assert 1 < len(piece.rows) <= SHOWN_ROWS
    predicates = {neighbours.graph.triple(row)[1] for row in piece.rows}
    assert predicates == {birth, country}
    if form == "select":
        assert len(piece.values) == 200
        assert piece.text.count(";") == SHOWN - 1
        cited = {neighbours.graph.triple(row) for row in piece.rows}
        for value in piece.values[: SHOWN_ROWS // 2]:
            towns = {o for s, p, o in cited if (s, p) == (value, birth)}
            assert any((place, country, iri_term(expand("dbr:Land"))) in cited for place in towns)
    elif form == "ask":
        assert piece.labels == ("yes",)
        assert len(piece.rows) == 2


def test_numbers_and_one_literal_are_not_counted(tmp_path: File) -> None:
    """How many people live there is the number that stands there, not how many such numbers there are."""
    city, number = iri_term(expand("dbr:City")), "<http://www.w3.org/2001/XMLSchema#integer>"
    triples = [
        (city, iri_term(expand("dbo:populationTotal")), f'"2700000"^^{number}'),
        (city, iri_term(expand("dbo:areaCode")), '"312"'),
        (city, iri_term(expand("dbo:areaCode")), '"773"'),
        (city, iri_term(expand("dbo:motto")), '"Urbs in Horto"'),
        (city, iri_term(expand("dbo:motto")), '"I Will"'),
        (city, iri_term(expand("dbo:country")), iri_term(expand("dbr:Land"))),
    ]
    neighbours = toy_retriever(write_toy(tmp_path, NgramEncoder(), sorted(triples))).neighbours
    seed = seed_of(neighbours.graph, "dbr:City")
    counted = {
        name: gather(Path(seed, (relation_of(neighbours, name),), "count"), neighbours)
        for name in ("dbo:populationTotal", "dbo:areaCode", "dbo:motto", "dbo:country")
    }
    assert {name: piece and piece.labels for name, piece in counted.items()} == {
        "dbo:populationTotal": None,
        "dbo:areaCode": None,
        "dbo:motto": ("2",),
        "dbo:country": ("1",),
    }
