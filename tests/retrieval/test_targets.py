"""Held to an enumeration of all paths over the toy's triples."""

from pathlib import Path as File

import numpy as np
import pytest

from kg.terms import RDF_TYPE, expand, iri_term
from retrieval.neighbours import Neighbours
from retrieval.targets import arrivals, gold_terms, paths_to
from tests.toy import QUESTIONS
from tests.toy_graph import every_path, fact, neighbours_of, seed_of, spelt, steps


def f1_by_hand(reached: set[str], gold: set[str]) -> float:
    common = len(reached & gold)
    if not common:
        return 0.0
    precision, recall = common / len(reached), common / len(gold)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_finds_every_path_that_brute_force_finds_with_its_f1(neighbours: Neighbours, number: int, hops: int) -> None:
    _, (entity,), answers = QUESTIONS[number]
    graph = neighbours.graph
    targets = gold_terms([expand(answer) for answer in answers], graph)
    gold = {graph.terms[int(term)] for term in targets}
    assert len(gold) == len(answers)
    seed = seed_of(graph, entity)
    expected = {
        "/".join(path): f1_by_hand(reached, gold)
        for path, reached in every_path(graph.terms[seed.entity], hops)
        if reached & gold
    }
    found = paths_to(seed, targets, neighbours, hops)
    assert {spelt(neighbours, path.relations): f1 for path, f1 in found} == pytest.approx(expected)
    assert len(found) == len(expected)
    assert [f1 for _, f1 in found] == sorted((f1 for _, f1 in found), reverse=True)
    if hops == 2:
        assert found[0][1] == 1.0


def test_a_third_step_is_taken_only_where_two_do_not_reach(neighbours: Neighbours) -> None:
    graph = neighbours.graph
    seed = seed_of(graph, "dbr:Charles_Babbage")
    film = gold_terms([expand("dbr:Radioactive_(film)")], graph)
    two = paths_to(seed, film, neighbours, 2)
    assert two and paths_to(seed, film, neighbours, 3) == two
    director = gold_terms([expand("dbr:Marjane_Satrapi")], graph)
    assert paths_to(seed, director, neighbours, 2) == []
    reached = {
        "/".join(path)
        for path, ends in every_path(graph.terms[seed.entity], 3)
        if graph.terms[int(director[0])] in ends
    }
    assert {spelt(neighbours, path.relations) for path, _ in paths_to(seed, director, neighbours, 3)} == reached
    assert reached


def test_a_class_can_be_the_answer(neighbours: Neighbours) -> None:
    graph = neighbours.graph
    (found,) = paths_to(seed_of(graph, "dbr:Ada_Lovelace"), gold_terms([expand("dbo:City")], graph), neighbours, 2)
    assert (spelt(neighbours, found[0].relations), found[1]) == (
        f"<{expand('dbo:birthPlace')}>/<{expand('rdf:type')}>",
        1.0,
    )


def test_what_is_reached_through_the_seed_does_not_count(tmp_path: File) -> None:
    """The country of the director's other film, not that of the film itself."""
    triples = [
        fact("dbr:Film", "dbo:director", "dbr:One"),
        fact("dbr:Other", "dbo:director", "dbr:One"),
        fact("dbr:Film", "dbo:country", "dbr:France"),
        fact("dbr:Other", "dbo:country", "dbr:Poland"),
    ]
    neighbours = neighbours_of(tmp_path, triples)
    poland = gold_terms([expand("dbr:Poland")], neighbours.graph)
    ((path, f1),) = paths_to(seed_of(neighbours.graph, "dbr:Film"), poland, neighbours, 3)
    director, country = (iri_term(expand(f"dbo:{name}")) for name in ("director", "country"))
    assert (spelt(neighbours, path.relations), f1) == (f"{director}/^{director}/{country}", 1.0)


def test_no_target_gives_no_path(neighbours: Neighbours) -> None:
    assert paths_to(seed_of(neighbours.graph, "dbr:Paris"), np.zeros(0, np.int32), neighbours, 2) == []


def test_arrivals_at_a_term_are_the_steps_that_end_there(neighbours: Neighbours) -> None:
    graph = neighbours.graph
    entering: dict[str, dict[str, set[str]]] = {}
    for start, relations in steps().items():
        for relation, ends in relations.items():
            for end in ends if relation != "^" + RDF_TYPE else ():  # nobody goes there by way of a class
                entering.setdefault(end, {}).setdefault(relation, set()).add(start)
    for name in ("dbr:London", "dbr:Marie_Curie", "dbo:City", "8799800", "1815-12-10"):
        (term,) = gold_terms([expand(name)], graph)
        found = {
            spelt(neighbours, [relation]): {graph.terms[int(source)] for source in sources}
            for relation, sources in arrivals(int(term), neighbours)
        }
        assert found == entering[graph.terms[int(term)]]


def test_gold_literals_match_by_value_under_any_datatype_and_what_is_unknown_is_left_out(
    neighbours: Neighbours,
) -> None:
    graph = neighbours.graph
    values = ["8799800", "8799800.0", "1815-12-10", "London", expand("dbr:Atlantis"), "no such text"]
    found = {graph.terms[int(term)] for term in gold_terms(values, graph)}
    assert found == {
        f'"8799800"^^<{expand("xsd:integer")}>',
        f'"1815-12-10"^^<{expand("xsd:date")}>',
        '"London"@en',
    }
    assert gold_terms([], graph).tolist() == []
