"""What words ask for, and whom an order chooses; `test_reach` has random graphs."""

from dataclasses import replace

import pytest

from kg.terms import expand
from retrieval.neighbours import Neighbours
from retrieval.ordering import chosen, order_in
from tests.toy_graph import fact, neighbours_of, relation_of


@pytest.mark.parametrize(
    ("question", "cut", "than"),
    [
        ("What is the highest mountain in Nepal?", "most", 0.0),
        ("Who is the YOUNGEST player?", "most", 0.0),
        ("Which river is the shortest?", "least", 0.0),
        ("What was the first film of X?", "least", 0.0),
        ("Who is the oldest child?", "least", 0.0),
        ("Cities with more than 2,500,000 people", "above", 2.5e6),
        ("Companies worth over 3.5 billion", "above", 3.5e9),
        ("Mountains higher than 8 thousand metres", "above", 8000.0),
        ("Towns with fewer than 500 people", "below", 500.0),
        ("Which castles were built before 1400?", "below", 1400.0),
        ("Which libraries are older than 1400?", "below", 1400.0),
        ("Who was born after 1990?", "after", 1990.0),
        ("Who has lived there since 1990?", "from", 1990.0),
        ("Towns with at least 500 people", "from", 500.0),
        ("Towns with at most 500 people", "to", 500.0),
        ("Who died in 1990?", "year", 1990.0),
        ("Who died during the year 1990?", "year", 1990.0),
        ("Which of the largest towns has more than 10 schools?", "above", 10.0),
    ],
)
def test_words_ask_for_an_order(question: str, cut: str, than: float) -> None:
    order = order_in(question)
    assert order is not None
    assert (order.cut, order.than, order.relation) == (cut, than, -1)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Neighbours:
    """Ann and Bob are of one age and one year, Cid is younger; of Dan nothing is known."""
    stated = {"Ann": ("30", "1950"), "Bob": ("30", "1950-07-01"), "Cid": ("12", "1990-01-01")}
    triples = [fact("dbr:Dan", "dbo:knows", "dbr:Ann")]
    for name, (age, born) in stated.items():
        datatype = expand("xsd:date" if "-" in born else "xsd:gYear")
        triples += [fact(f"dbr:{name}", "dbo:age", f'"{age}"')]
        triples += [fact(f"dbr:{name}", "dbo:birth", f'"{born}"^^<{datatype}>')]
    return neighbours_of(tmp_path_factory.mktemp("people"), triples)


@pytest.mark.parametrize(
    ("question", "measure", "names"),
    [
        ("the highest", "dbo:age", "Ann Bob"),
        ("the lowest", "dbo:age", "Cid"),
        ("the oldest", "dbo:age", "Ann Bob"),
        ("the youngest", "dbo:age", "Cid"),
        ("the oldest", "dbo:birth", "Ann"),
        ("the youngest", "dbo:birth", "Cid"),
        ("the earliest", "dbo:birth", "Ann"),
        ("the latest", "dbo:birth", "Cid"),
        ("born in 1950", "dbo:birth", "Ann Bob"),
        ("born before 1950", "dbo:birth", ""),
        ("born after 1950", "dbo:birth", "Cid"),
        ("since 1950", "dbo:birth", "Ann Bob Cid"),
        ("aged at least 30", "dbo:age", "Ann Bob"),
        ("aged at most 12", "dbo:age", "Cid"),
        ("aged more than 12", "dbo:age", "Ann Bob"),
        ("aged less than 30", "dbo:age", "Cid"),
        ("the highest", "dbo:knows", ""),
    ],
)
def test_an_order_chooses_all_at_its_end_with_the_triples_that_show_it(
    people: Neighbours, question: str, measure: str, names: str
) -> None:
    graph, order = people.graph, order_in(question)
    assert order is not None
    relation = relation_of(people, measure)
    nodes, rows = chosen(replace(order, relation=relation), graph.entities, people.measures)
    assert [graph.label_of(int(node)) for node in nodes] == names.split()
    assert [(int(graph.s[row]), int(graph.p[row])) for row in rows] == [
        (int(node), int(graph.predicates[relation // 2])) for node in nodes
    ]


@pytest.mark.parametrize(
    "question",
    [
        "Who directed Persepolis?",
        "Where was the almost forgotten Ada born?",
        "Who came over the bridge?",
        "What was there before the war?",
        "Who lives in 12 Main Street?",
        "",
    ],
)
def test_other_words_ask_for_none(question: str) -> None:
    assert order_in(question) is None
