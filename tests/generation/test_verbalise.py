from hypothesis import given
from hypothesis import strategies as st

from generation.verbalise import verbalise
from kg.terms import expand

R, DBO = "http://dbpedia.org/resource/", "http://dbpedia.org/ontology/"


def triple(s: str, p: str, o: str) -> tuple[str, str, str]:
    return expand(s), expand(p), expand(o)


def test_objects_of_one_predicate_are_listed_and_the_subject_is_named_once() -> None:
    triples = [
        triple("dbr:Ada_Lovelace", "dbo:field", "mathematics"),
        triple("dbr:Ada_Lovelace", "dbo:birthPlace", "dbr:London"),
        triple("dbr:Ada_Lovelace", "dbo:field", "computing"),
    ]
    said = "The fields of Ada Lovelace are mathematics and computing and the birth place is London."
    assert verbalise(triples) == said


def test_how_a_predicate_reads_follows_from_its_label() -> None:
    assert verbalise([triple("dbr:Paris", "dbo:locatedIn", "dbr:France")]) == "Paris is located in France."
    assert verbalise([triple("dbr:Paris", "dbo:isPartOf", "dbr:France")]) == "Paris is part of France."
    assert verbalise([triple("dbr:Paris", "rdf:type", "city")]) == "Paris is a city."


def test_an_object_that_is_told_of_gets_a_relative_clause() -> None:
    triples = [
        triple("dbr:Ada_Lovelace", "dbo:birthPlace", "dbr:London"),
        triple("dbr:London", "dbo:locatedIn", "dbr:England"),
        triple("dbr:London", "dbo:mayor", "X"),
    ]
    assert verbalise(triples) == (
        "The birth place of Ada Lovelace is London, which is located in England. The mayor of London is X."
    )


def test_labels_of_the_graph_are_used() -> None:
    assert verbalise([(R + "Q1", DBO + "capital", R + "Q2")], lambda iri: iri[-2:]) == "The al of Q1 is Q2."


@given(st.lists(st.tuples(*(st.sampled_from([R + name for name in "ABCD"]) for _ in range(3))), max_size=12))
def test_every_name_is_said_and_circles_end(triples: list[tuple[str, str, str]]) -> None:
    text = verbalise(triples)
    assert all(term.rsplit("/", 1)[1] in text for triple in triples for term in triple)
    assert bool(text) == bool(triples)
