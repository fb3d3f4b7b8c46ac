"""Each made question's answers, held to SPARQL over the store; the words held to the graph's labels."""

from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.store import query
from kg.terms import RDF_TYPE, expand, iri_term, value_of
from retrieval.neighbours import Neighbours
from retrieval.question import Question
from retrieval.synthetic import SyntheticOptions, make_questions
from tests.encoders import NgramEncoder
from tests.toy import CLEAN
from tests.toy_graph import every_path, relation_of, steps, toy_retriever, write_toy


@pytest.fixture(scope="module")
def questions(neighbours: Neighbours) -> list[Question]:
    return make_questions(neighbours, SyntheticOptions(count=150, seed=3))


def reachable(question: Question) -> list[set[str]]:
    """What each path of the question's hops from its first entity reaches, as bare values."""
    assert question.hops
    start = iri_term(question.entities[0])
    return [
        {value_of(term) for term in reached}
        for path, reached in every_path(start, question.hops)
        if len(path) == question.hops
    ]


def test_answers_are_all_that_some_path_of_the_question_reaches(questions: list[Question]) -> None:
    for question in questions:
        if question.form == "select":
            assert set(question.values) in reachable(question)
            assert len(set(question.values)) == len(question.values)
        elif question.form == "count":
            assert int(question.values[0]) in map(len, reachable(question))


def test_one_step_questions_say_the_relation_that_gives_their_answers(
    questions: list[Question], store: ox.Store, neighbours: Neighbours
) -> None:
    """The predicate's name stands in the text; SPARQL over it, one way or the other, gives the answers."""
    names = dict(zip(neighbours.names[::2], neighbours.graph.predicates.tolist(), strict=True))
    checked = 0
    for question in questions:
        if question.form == "ask" or question.hops != 1:
            continue
        start = iri_term(question.entities[0])
        found = []
        for name, predicate in names.items():
            if name in question.question:
                p = iri_term(neighbours.graph.iri_of(predicate))
                for way in (p, f"^{p}"):
                    solutions = query(store, f"SELECT DISTINCT ?x WHERE {{ {start} {way} ?x }}")
                    found.append({value_of(str(solution["x"])) for solution in solutions})
        if question.form == "count":
            assert int(question.values[0]) in map(len, found)
        else:
            assert set(question.values) in found
        checked += 1
    assert checked > 50


def test_yes_and_no_are_what_the_graph_holds(questions: list[Question], neighbours: Neighbours) -> None:
    asked = [question for question in questions if question.form == "ask"]
    around = steps()
    for question in asked:
        s, o = map(iri_term, question.entities)
        holding = {
            neighbours.names[relation_of(neighbours, value_of(relation))]
            for relation, ends in around[s].items()
            if not relation.startswith("^") and o in ends
        }
        said = any(name in question.question for name in holding)
        assert question.values == (str(said).lower(),)
    assert {question.values[0] for question in asked} == {"true", "false"}


def test_all_kinds_are_made(questions: list[Question]) -> None:
    assert {(question.form, question.hops) for question in questions} == {
        ("select", 1), ("select", 2), ("count", 1), ("ask", 1)
    }  # fmt: skip
    assert {answer.type for question in questions for answer in question.answers} == {"uri", "literal"}


def test_the_text_names_the_entities(questions: list[Question], neighbours: Neighbours) -> None:
    graph = neighbours.graph
    for question in questions:
        for iri in question.entities:
            assert graph.label_of(graph.id_of(iri)).split(" (")[0] in question.question
        assert "{" not in question.question


def test_questions_are_distinct_and_a_fixed_seed_gives_the_same(
    questions: list[Question], neighbours: Neighbours
) -> None:
    assert len({question.question for question in questions}) == len({q.id for q in questions}) == len(questions)
    assert make_questions(neighbours, SyntheticOptions(count=150, seed=3)) == questions
    assert make_questions(neighbours, SyntheticOptions(count=150, seed=4)) != questions


def test_a_small_graph_gives_fewer_and_an_empty_one_none(neighbours: Neighbours, tmp_path: Path) -> None:
    assert len(make_questions(neighbours, SyntheticOptions(count=5))) == 5
    assert make_questions(neighbours, SyntheticOptions(count=0)) == []
    empty = toy_retriever(write_toy(tmp_path, NgramEncoder(), [])).neighbours
    assert make_questions(empty, SyntheticOptions(count=5)) == []


def test_the_asking_word_fits_the_answer_and_nobody_asks_for_a_class(neighbours: Neighbours) -> None:
    person = iri_term(expand("dbo:Person"))
    people = {value_of(s) for s, p, o in CLEAN if p == RDF_TYPE and o == person}
    asked: dict[str, list[Question]] = {"when ": [], "how many ": [], "who ": []}
    for question in make_questions(neighbours, SyntheticOptions(count=400, seed=5)):
        if question.form == "select":
            assert not any(value.startswith(expand("dbo:")) for value in question.values)
            for word, questions in asked.items():
                if question.question.startswith(word):
                    questions.append(question)
    assert all(questions for questions in asked.values())
    assert {q.values for q in asked["when "]} == {("1815-12-10",)}
    assert all(value.isdigit() for q in asked["how many "] for value in q.values)
    assert all(q.values[0] in people for q in asked["who "])


def test_things_are_counted_and_seldom_one(neighbours: Neighbours) -> None:
    made = make_questions(neighbours, SyntheticOptions(count=600, seed=6))
    counts = [question for question in made if question.form == "count"]
    literals = {name for name in ("birth date", "population total") if name in neighbours.names}
    assert len(literals) == 2
    assert not [q for q in counts for name in literals if name in q.question]
    assert sum(q.values != ("1",) for q in counts) >= 0.25 * len(counts) > 0


def test_some_false_questions_are_true_ones_turned_round(neighbours: Neighbours) -> None:
    around = steps()
    turned = 0
    for question in make_questions(neighbours, SyntheticOptions(count=600, seed=7)):
        if question.values == ("false",):
            s, o = map(iri_term, question.entities)
            turned += any(s in ends for relation, ends in around[o].items() if not relation.startswith("^"))
    assert turned > 5
