from pathlib import Path

import numpy as np
import pytest

from kg.clean.ontology import DOMAIN, RANGE, Ontology, read_ontology, stated
from kg.clean.violations import REASONS, violations
from tests.toy import statements_of, triples_of

ONTOLOGY = triples_of(
    "dbo:Person|rdfs:subClassOf|dbo:Agent\n"
    "dbo:Writer|rdfs:subClassOf|dbo:Person\n"
    "dbo:Organisation|rdfs:subClassOf|dbo:Agent\n"
    "dbo:City|rdfs:subClassOf|dbo:Place\n"
    "dbo:Country|rdfs:subClassOf|dbo:Place\n"
    "dbo:Film|rdfs:subClassOf|dbo:Work\n"
    "dbo:Human|owl:equivalentClass|dbo:Person\n"
    "dbo:Agent|rdfs:subClassOf|owl:Thing\n"
    "dbo:Person|owl:disjointWith|dbo:Place\n"
    "dbo:birthPlace|rdfs:domain|dbo:Person\n"
    "dbo:birthPlace|rdfs:range|dbo:Place\n"
    "dbo:villageOfBirth|rdfs:subPropertyOf|dbo:birthPlace\n"
    "dbo:author|rdfs:domain|dbo:Work\n"
    "dbo:author|rdfs:range|dbo:Agent\n"
    "dbo:birthDate|rdfs:range|xsd:date\n"
    "dbo:height|rdfs:range|xsd:double\n"
    "dbo:nickname|rdfs:range|xsd:string"
)
SOUND = triples_of(
    "\n".join(
        f"dbr:P{i}|rdf:type|dbo:Writer\n"
        f"dbr:P{i}|dbo:birthPlace|dbr:C{i}\n"
        f"dbr:C{i}|rdf:type|dbo:City\n"
        f"dbr:F{i}|dbo:author|dbr:P{i}\n"
        f"dbr:F{i}|rdf:type|dbo:Film\n"
        f'dbr:P{i}|dbo:birthDate|"1815-12-{10 + i}"^^xsd:date\n'
        f'dbr:P{i}|dbo:height|"1.8"^^xsd:double\n'
        f"dbr:P{i}|dbo:villageOfBirth|dbr:C{i}\n"
        f'dbr:P{i}|dbo:nickname|"Nick"'
        for i in range(20)
    )
)


def found(lines: str) -> dict[tuple[str, str, str], str]:
    """The reasons found for the lines among sound triples."""
    extra = triples_of(lines)
    statements = statements_of([*SOUND, *extra, *ONTOLOGY])
    rows = statements.rows.select("s", "p", "o").unique(maintain_order=True)
    s, p, o = (rows[name].to_numpy() for name in "spo")
    ontology = Ontology.of(stated(statements.terms, s, p, o))
    reasons = violations(statements.terms, s, p, o, ontology)
    terms = statements.terms
    named = zip(terms.gather(s), terms.gather(p), terms.gather(o), reasons, strict=True)
    wrong = {(a, b, c): reason for a, b, c, reason in named if reason is not None}
    assert set(wrong) <= set(extra)
    return wrong


def only(line: str, reason: str, more: str = "") -> bool:
    return found("\n".join(filter(None, [line, more]))) == {triples_of(line)[0]: reason}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("dbr:C1|dbo:birthPlace|dbr:C2", "outside domain"),
        ("dbr:P1|dbo:birthPlace|dbr:F1", "outside range"),
        ("dbr:P1|dbo:villageOfBirth|dbr:F1", "outside range"),
        ('dbr:P1|dbo:birthPlace|"London"', "outside range"),
        ("dbr:P1|dbo:birthDate|dbr:C1", "outside range"),
        ('dbr:P1|dbo:birthDate|"1.5"^^xsd:double', "outside range"),
        ('dbr:P1|dbo:height|"tall"@en', "outside range"),
        ('dbr:P1|dbo:birthDate|"1815-02-30"^^xsd:date', "ill-typed literal"),
        ("dbr:P1|rdf:type|dbo:Film", "type against use"),
    ],
)
def test_a_triple_that_everything_else_speaks_against_is_found(line: str, reason: str) -> None:
    assert only(line, reason, "dbr:F1|rdf:type|dbo:Work\ndbr:C1|rdf:type|dbo:Place\ndbr:P1|rdf:type|dbo:Human")


@pytest.mark.parametrize(
    "line",
    [
        "dbr:New|dbo:birthPlace|dbr:Newton",
        "dbr:F9|dbo:author|dbr:Company\ndbr:Company|rdf:type|dbo:Organisation",
        'dbr:P1|dbo:birthDate|"1815"^^xsd:gYear\ndbr:P1|dbo:birthDate|"1815-12-10"',
        'dbr:P1|dbo:height|"180"^^xsd:integer\ndbr:P1|dbo:height|"180"',
        'dbr:P1|dbo:height|"1"^^<http://dbpedia.org/datatype/metre>',
        'dbr:P1|dbo:nickname|"5"^^xsd:integer\ndbr:P1|dbo:nickname|"Nick"@en',
        "dbr:P1|dbo:unknown|dbr:F1\ndbr:F1|dbo:unknown|dbr:C1",
        "dbr:P1|rdf:type|dbo:Unheard_of",
    ],
)
def test_what_nothing_speaks_against_is_left_alone(line: str) -> None:
    assert found(line) == {}


def test_two_types_that_the_ontology_excludes_are_found() -> None:
    extra = "dbr:X|rdf:type|dbo:Writer\ndbr:X|rdf:type|dbo:City\ndbr:X|rdf:type|dbo:Unheard_of"
    assert found(extra) == dict.fromkeys(triples_of(extra)[:2], "disjoint classes")


def test_a_range_that_most_triples_contradict_is_not_believed() -> None:
    used_otherwise = "\n".join(f"dbr:P{i}|dbo:birthPlace|dbr:F{i}\ndbr:F{i}|rdf:type|dbo:Work" for i in range(20))
    assert found(used_otherwise) == {}


def test_branches_that_entities_often_share_exclude_nothing() -> None:
    shared = "\n".join(f"dbr:C{i}|rdf:type|dbo:Organisation" for i in range(4))
    assert "outside range" not in found(shared + "\ndbr:F1|dbo:author|dbr:C7\ndbr:C7|rdf:type|dbo:Country").values()


def test_the_order_of_triples_makes_no_difference() -> None:
    triples = [*SOUND, *triples_of("dbr:C1|dbo:birthPlace|dbr:C2\ndbr:C1|rdf:type|dbo:Place")]
    statements = statements_of(triples)
    ontology = Ontology.of(statements_of(ONTOLOGY).frame())
    s, p, o = (statements.rows[name].to_numpy() for name in "spo")
    back = slice(None, None, -1)
    there = violations(statements.terms, s, p, o, ontology).to_list()
    assert violations(statements.terms, s[back], p[back], o[back], ontology).to_list() == there[back]
    assert set(there) == {None, "outside domain"}


def test_without_an_ontology_only_literals_can_be_wrong() -> None:
    statements = statements_of(
        [*SOUND, *triples_of('dbr:P1|dbo:birthDate|"1815-02-30"^^xsd:date\ndbr:C1|dbo:birthPlace|dbr:C2')]
    )
    s, p, o = (statements.rows[name].to_numpy() for name in "spo")
    reasons = violations(statements.terms, s, p, o, Ontology.of())
    assert reasons.drop_nulls().to_list() == ["ill-typed literal"]
    none = np.zeros(0, np.uint32)
    assert violations(statements.terms.clear(), none, none, none, Ontology.of()).len() == 0


def test_an_ontology_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ontology.ttl"
    path.write_text(
        "@prefix : <http://a/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
        ':B rdfs:subClassOf :A, owl:Thing, [ a owl:Restriction ] ; rdfs:label "B" . :C rdfs:subClassOf :B .\n'
        ":D owl:equivalentClass :A . :p rdfs:domain :B . :q rdfs:subPropertyOf :p .\n",
        "utf-8",
    )
    ontology = read_ontology(path)
    classes = ontology.classes()
    assert classes.names.to_list() == [f"<http://a/{name}>" for name in "ABCD"]
    assert classes.above.toarray().tolist() == [[1, 0, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1], [1, 0, 0, 1]]
    assert classes.roots().toarray().tolist() == [[1]] * 4
    said = [("<http://a/p>", "<http://a/B>"), ("<http://a/q>", "<http://a/B>")]
    assert list(ontology.said_of(DOMAIN).iter_rows()) == said
    assert ontology.said_of(RANGE).is_empty()


def test_reasons_are_an_enum_in_their_order() -> None:
    statements = statements_of(SOUND)
    s, p, o = (statements.rows[name].to_numpy() for name in "spo")
    assert violations(statements.terms, s, p, o, Ontology.of()).dtype.categories.to_list() == list(REASONS)  # type: ignore[attr-defined]
