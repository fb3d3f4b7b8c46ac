"""Held to a brute-force walk over the toy's triples."""

from pathlib import Path

import numpy as np
import pytest

from kg.terms import RDF_TYPE, expand
from retrieval.neighbours import HIDDEN, Neighbours
from tests.toy import CLEAN
from tests.toy_graph import fact, neighbours_of, relation_of, spelt, steps, write_toy


def test_relations_and_what_they_lead_to_are_those_of_the_triples(neighbours: Neighbours) -> None:
    graph = neighbours.graph
    found = {
        graph.terms[term]: {
            spelt(neighbours, [int(relation)]): {
                graph.terms[int(end)] for end in neighbours.follow(term, int(relation))
            }
            for relation in neighbours.relations_of(term)
        }
        for term in range(len(graph.terms))
    }
    assert {term: relations for term, relations in found.items() if relations} == steps()


def test_relations_and_neighbours_are_ascending_and_distinct(neighbours: Neighbours) -> None:
    for term in range(len(neighbours.graph.terms)):
        relations = neighbours.relations_of(term).tolist()
        assert relations == sorted(set(relations))
        for relation in relations:
            ends = neighbours.follow(term, relation).tolist()
            assert ends == sorted(set(ends))


def test_a_relation_that_is_not_there_leads_nowhere(neighbours: Neighbours) -> None:
    paris = neighbours.graph.id_of(expand("dbr:Paris"))
    assert neighbours.follow(paris, relation_of(neighbours, "dbo:birthPlace")).tolist() == []
    assert neighbours.follow(paris, 2 * len(neighbours.graph.predicates)).tolist() == []
    assert neighbours.follow_all(np.zeros(0, np.int32), 0).tolist() == []
    assert neighbours.relations_around(np.zeros(0, np.int32)).tolist() == []


def test_many_entities_give_the_union_of_what_each_gives(neighbours: Neighbours) -> None:
    graph = neighbours.graph
    people = np.array([graph.id_of(expand(f"dbr:{name}")) for name in ("Ada_Lovelace", "Pierre_Curie")], np.int32)
    around = {int(r) for entity in people for r in neighbours.relations_of(int(entity))}
    assert neighbours.relations_around(people).tolist() == sorted(around)
    reached = neighbours.follow_all(people, relation_of(neighbours, "dbo:birthPlace"))
    assert [graph.label_of(int(term)) for term in reached] == ["London", "Paris"]


def test_names_are_no_steps_and_a_class_leads_to_what_is_of_it(neighbours: Neighbours) -> None:
    graph = neighbours.graph
    hidden = {graph.terms.find(name) for name in HIDDEN}
    used = {int(graph.predicates[relation // 2]) for relation in np.unique(neighbours.relation)}
    assert not used & hidden
    assert graph.terms.find(RDF_TYPE) in used
    assert neighbours.relations_of(graph.id_of(expand("dbo:Person"))).tolist() == [relation_of(neighbours, "^rdf:type")]


def test_a_hub_costs_its_relations_and_not_its_degree(tmp_path: Path) -> None:
    triples = [fact(f"dbr:Part_{i:04}", "dbo:part", "dbr:Hub") for i in range(2000)]
    triples += [fact(f"dbr:Part_{i:04}", "dbo:owner", "dbr:Hub") for i in range(0, 2000, 2)]
    triples += [fact("dbr:Hub", "dbo:country", "dbr:Home"), fact("dbr:Hub", "rdfs:label", '"Hub"@en')]
    found = neighbours_of(tmp_path, triples)
    hub = found.graph.id_of(expand("dbr:Hub"))
    expected = sorted(relation_of(found, name) for name in ("dbo:country", "^dbo:owner", "^dbo:part"))
    assert found.relations_of(hub).tolist() == expected
    assert len(found.follow(hub, relation_of(found, "^dbo:part"))) == 2000
    assert len(found.follow(hub, relation_of(found, "^dbo:owner"))) == 1000


def test_inverse_names_read_as_english(tmp_path: Path) -> None:
    found = neighbours_of(tmp_path, [fact("dbr:A", "dbo:birthPlace", "dbr:B"), fact("dbr:A", "dbo:basedOn", "dbr:C")])
    assert found.names == ["based on", "things based on it", "birth place", "birth place of"]


def test_a_graph_without_triples_has_no_relations(tmp_path: Path) -> None:
    found = neighbours_of(tmp_path, [])
    assert (found.names, len(found.relation), found.pointer.tolist()) == ([], 0, [0])


def test_opening_again_gives_the_same(tmp_path: Path, neighbours: Neighbours) -> None:
    from tests.encoders import NgramEncoder

    again = Neighbours.open(write_toy(tmp_path, NgramEncoder(), sorted(CLEAN)) / "neighbours", neighbours.graph)
    for name in ("pointer", "relation", "start", "end"):
        assert getattr(again, name) == pytest.approx(getattr(neighbours, name))


def test_what_many_entities_lead_to_is_what_each_does(neighbours: Neighbours) -> None:
    draw = np.random.default_rng(0)
    for size in (0, 2, 5, len(neighbours.graph.terms)):
        entities = np.sort(draw.permutation(len(neighbours.graph.terms))[:size]).astype(np.int32)
        for relation in range(len(neighbours.names)):
            each = {int(end) for entity in entities for end in neighbours.follow(int(entity), relation)}
            assert neighbours.follow_all(entities, relation).tolist() == sorted(each)
