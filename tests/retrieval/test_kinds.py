from pathlib import Path

import pytest

from kg.terms import expand, iri_term, literal_term
from retrieval.kinds import relation_kinds
from retrieval.neighbours import Neighbours
from tests.encoders import NgramEncoder
from tests.toy_graph import relation_of, toy_retriever, write_toy


@pytest.mark.parametrize(
    ("relation", "kind"),
    [
        ("dbo:birthPlace", "city"),
        ("^dbo:birthPlace", "person"),
        ("dbo:capital", "city"),
        ("^dbo:capital", "country"),
        ("dbo:country", "country"),
        ("^dbo:director", "film"),
        ("dbo:birthDate", "date"),
        ("dbo:populationTotal", "number"),
        ("rdf:type", ""),
    ],
)
def test_a_relation_leads_to_the_class_of_most_of_its_targets(neighbours: Neighbours, relation: str, kind: str) -> None:
    assert relation_kinds(neighbours)[relation_of(neighbours, relation)] == kind


def test_the_most_specific_class_that_half_the_targets_have_wins(tmp_path: Path) -> None:
    near, typed = iri_term(expand("dbo:near")), iri_term(expand("rdf:type"))
    thing = [iri_term(expand(f"dbr:Thing_{i}")) for i in range(6)]
    place, lake, pond = (iri_term(expand(f"dbo:{name}")) for name in ("Place", "Lake", "Pond"))
    triples = [(iri_term(expand("dbr:Town")), near, thing[0]), (iri_term(expand("dbr:Home")), near, thing[1])]
    triples += [(item, typed, place) for item in thing]
    triples += [(thing[0], typed, lake), (thing[1], typed, lake), (thing[2], typed, lake), (thing[0], typed, pond)]
    triples += [(thing[3], iri_term(expand("dbo:depth")), literal_term("3", datatype="http://dbpedia.org/datatype/m"))]
    triples += [(thing[3], iri_term(expand("dbo:motto")), literal_term("deep", language="en"))]
    neighbours = toy_retriever(write_toy(tmp_path, NgramEncoder(), triples)).neighbours
    kinds = relation_kinds(neighbours)
    assert kinds[relation_of(neighbours, "dbo:near")] == "pond"
    assert kinds[relation_of(neighbours, "dbo:depth")] == "number"
    assert kinds[relation_of(neighbours, "dbo:motto")] == "name"
