import polars as pl
import pytest

from kg.describe import describe, describe_all, first_sentence
from kg.graph import write_graph
from tests.toy import ranked

R, ONTO = "http://dbpedia.org/resource/", "http://dbpedia.org/ontology/"
TYPE, LABEL = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>", "<http://www.w3.org/2000/01/rdf-schema#label>"
TRIPLES = [
    (f"<{R}Ada>", TYPE, f"<{ONTO}Scientist>", 0.0),
    (f"<{R}Ada>", TYPE, f"<{ONTO}Person>", 0.0),
    (f"<{R}Bob>", TYPE, f"<{ONTO}Person>", 0.0),
    (f"<{R}Ada>", LABEL, '"Ada Lovelace"@en', 0.0),
    (f"<{R}Ada>", f"<{ONTO}birthPlace>", f"<{R}London>", 0.9),
    (f"<{R}Ada>", f"<{ONTO}field>", f"<{R}Mathematics>", 0.5),
    (f"<{R}Ada>", f"<{ONTO}motto>", '"Poetische Wissenschaft"@de', 0.95),
    (f"<{R}Ada>", f"<{ONTO}wikiPageID>", '"974"', 0.99),
    (f"<{R}Ada>", f"<{ONTO}abstract>", '"Ada wrote on the engine of Dr. Babbage. She died young."@en', 0.0),
    (f"<{R}Bob>", f"<{ONTO}knows>", f"<{R}Ada>", 0.1),
]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    triples = pl.DataFrame(TRIPLES, schema=["s", "p", "o", "importance"], orient="row")
    return write_graph(tmp_path_factory.mktemp("graph"), ranked(triples))


def test_describe_gives_label_rarest_class_best_facts_and_first_sentence(graph):
    assert describe(graph, graph.id_of(f"{R}Ada")) == (
        "Ada Lovelace. scientist, person. birth place: London; field: Mathematics; is knows of: Bob. "
        "Ada wrote on the engine of Dr. Babbage."
    )


def test_describe_keeps_the_most_important_facts_when_few_are_asked_for(graph):
    text = describe(graph, graph.id_of(f"{R}Ada"), max_facts=1)
    assert "birth place: London" in text
    assert "Mathematics" not in text


def test_describe_all_answers_in_the_order_asked_and_repeats(graph):
    ada, london = graph.id_of(f"{R}Ada"), graph.id_of(f"{R}London")
    lines = describe_all(graph, [london, ada, london])
    assert lines == [describe(graph, london), describe(graph, ada), describe(graph, london)]
    assert lines[0] == "London. is birth place of: Ada Lovelace"


def test_describe_all_of_nothing_is_empty(graph):
    assert describe_all(graph, []) == []


def test_first_sentence_cuts_a_long_sentence_at_a_word():
    assert first_sentence("alpha beta gamma", max_length=12) == "alpha beta"
