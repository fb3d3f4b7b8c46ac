"""Training p(z|x) on the toy's questions, without gold paths."""

from dataclasses import replace
from pathlib import Path as File

import numpy as np
import pytest
import torch

from kg.terms import expand, value_of
from retrieval.encoder import SentenceEncoder
from retrieval.evidence import Path, Seed, gather
from retrieval.open import open_retriever
from retrieval.question import Answer, Question
from retrieval.retriever import Retriever, mask
from retrieval.training import (
    Example,
    ScorerOptions,
    gold_seeds,
    make_examples,
    score_batch,
    scorer_loss,
    train_scorer,
)
from tests.toy_graph import relation_of, seed_of, toy_retriever, write_toy
from tests.workspaces import toy_questions

YES = Question(
    "yes",
    "Is Marie Curie the spouse of Pierre Curie?",
    (Answer("literal", "true"),),
    tuple(expand(name) for name in ("dbr:Marie_Curie", "dbr:Pierre_Curie")),
    "ask",
)
COUNT = Question(
    "count",
    "How many films did Marjane Satrapi direct?",
    (Answer("literal", "2"),),
    (expand("dbr:Marjane_Satrapi"),),
    "count",
)


@pytest.fixture(scope="module")
def trained(toy_folder: File) -> tuple[Retriever, list[Example], list[float]]:
    retriever = toy_retriever(toy_folder)
    examples = make_examples([*toy_questions(), YES, COUNT], retriever)
    return retriever, examples, train_scorer(retriever, examples, ScorerOptions(epochs=40, batch_size=4))


def test_the_loss_falls(trained: tuple[Retriever, list[Example], list[float]]) -> None:
    _, examples, losses = trained
    assert (len(examples), len(losses)) == (10, 40)
    assert losses[-1] < 0.3 * losses[0]


def test_a_path_to_the_exact_answers_ranks_first_after_training(
    trained: tuple[Retriever, list[Example], list[float]],
) -> None:
    retriever, examples, _ = trained
    for example in examples:
        with torch.no_grad():
            best = int(score_batch(retriever, [example])[0].argmax())
        assert example.quality[best] == example.quality.max() == 1.0, example.question.question
        forms = retriever.scorer.form_log_probs(torch.from_numpy(example.whole)[None])
        assert int(forms.argmax()) == example.form


def test_the_trained_retriever_answers_from_the_question_alone(
    trained: tuple[Retriever, list[Example], list[float]],
) -> None:
    retriever, _, _ = trained
    for question in toy_questions():
        best = retriever.retrieve(question.question).evidence[0]
        assert {value_of(value) for value in best.values} == set(question.values)


def test_quality_is_the_f1_of_what_a_path_gathers(retriever: Retriever) -> None:
    for example in make_examples(toy_questions(), retriever):
        gold = set(example.question.values)
        for path, quality in zip(example.paths, example.quality, strict=True):
            piece = gather(path, retriever.neighbours)
            found = {value_of(value) for value in piece.values} if piece else set()
            common = len(found & gold)
            assert quality == pytest.approx(2 * common / (len(found) + len(gold)) if common else 0.0)


def test_examples_learn_from_answers_and_know_no_gold_path(retriever: Retriever) -> None:
    question = toy_questions()[0]
    (example,) = make_examples([question], retriever)
    (other,) = make_examples([replace(question, answers=(Answer("uri", expand("dbr:United_Kingdom")),))], retriever)
    named = [{path.relations for path in each.paths} for each in (example, other)]
    assert named[0] == named[1]
    birth, country = (relation_of(retriever.neighbours, name) for name in ("dbo:birthPlace", "dbo:country"))
    best = [{each.paths[i].relations for i in np.flatnonzero(each.quality == 1.0)} for each in (example, other)]
    assert (birth,) in best[0]
    assert (birth, country) in best[1]
    assert not best[0] & best[1]


def test_each_path_is_scored_against_the_question_with_its_own_seed_masked(retriever: Retriever) -> None:
    for example in make_examples([*toy_questions(), YES], retriever):
        text = example.question.question
        for path, place in zip(example.paths, example.place, strict=True):
            seeds = [path.seed]
            if path.form == "ask":
                start = text.index(retriever.neighbours.graph.label_of(path.target))
                label = retriever.neighbours.graph.label_of(path.target)
                seeds.append(Seed(path.target, start, start + len(label), 0.0))
            assert example.masked[place] == pytest.approx(retriever.encoder.encode([mask(text, *seeds)])[0])
        assert example.whole == pytest.approx(retriever.encoder.encode([text])[0])


def test_the_marginal_loss_is_the_closed_form(retriever: Retriever) -> None:
    graph = retriever.neighbours.graph
    seed = seed_of(graph, "dbr:Ada_Lovelace")
    names = ("dbo:birthPlace", "dbo:birthDate", "rdf:type")
    paths = [Path(seed, (relation_of(retriever.neighbours, name),)) for name in names]
    vectors = retriever.encoder.encode(["Where was this born?", "Where was Ada Lovelace born?"])
    question = toy_questions()[0]
    one = Example(question, paths, np.array([1.0, 0.5, 0.0], np.float32), vectors[:1], [0, 0, 0], vectors[1], 0)
    with torch.no_grad():
        scores = score_batch(retriever, [one])[0].double().numpy()
        forms = retriever.scorer.form_log_probs(torch.from_numpy(vectors[1:]))[0].double().numpy()
        p = np.exp(scores) / np.exp(scores).sum()
        expected = -np.log(1.0 * p[0] + 0.5 * p[1]) - forms[0]
        assert scorer_loss(retriever, [one]).item() == pytest.approx(expected, abs=1e-4)
        # A question that no path answers adds its form alone; padding adds nothing.
        lost = replace(one, paths=paths[:1], quality=np.zeros(1, np.float32), place=[0], form=1)
        both = scorer_loss(retriever, [one, lost]).item()
        assert both == pytest.approx(-np.log(p[0] + 0.5 * p[1]) - (forms[0] + forms[1]) / 2, abs=1e-4)


def test_a_question_without_answers_or_paths_is_no_example(retriever: Retriever) -> None:
    for form in ("select", "count", "ask"):
        text = "Is Marie Curie the spouse of Pierre Curie?"
        assert make_examples([Question("q", text, (), YES.entities, form)], retriever) == []
    assert make_examples([Question("q", "Why?", (Answer("literal", "x"),))], retriever) == []
    assert make_examples([], retriever) == []


def test_training_twice_from_one_seed_gives_the_same_scorer(toy_folder: File) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(7)
        retriever = toy_retriever(toy_folder)
        train_scorer(retriever, make_examples(toy_questions(), retriever), ScorerOptions(epochs=2))
        states.append(retriever.scorer.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_the_direction_of_a_yes_or_no_question_is_learned(tmp_path: File) -> None:
    """The same two names the other way round are another question, for an encoder that knows the order of words."""
    names = {"Paris": "France", "London": "United Kingdom", "Warsaw": "Poland"}
    questions = []
    for city, country in names.items():
        for first, second, answer in ((city, country, "true"), (country, city, "false")):
            iris = tuple(expand(f"dbr:{name.replace(' ', '_')}") for name in (first, second))
            text = f"Is {first} the capital of {second}?"
            questions.append(Question(text, text, (Answer("literal", answer),), iris, "ask"))
    encoder = SentenceEncoder()
    retriever = open_retriever(write_toy(tmp_path, encoder), encoder)
    train_scorer(retriever, make_examples(questions, retriever), ScorerOptions(epochs=60, batch_size=3))
    said = [retriever.retrieve(question.question).evidence[0].labels[0] for question in questions]
    assert said == ["yes", "no"] * 3


@pytest.mark.parametrize(
    ("text", "start"),
    [("In der Straße: where is Paris?", 24), ("Who in Parisian France?", -1), ("İstanbul or Paris?", 12)],
)
def test_a_given_entity_is_masked_where_its_name_stands_as_a_word(retriever: Retriever, text: str, start: int) -> None:
    paris = expand("dbr:Paris")
    (seed,) = gold_seeds(Question("q", text, (), (paris, paris)), [], retriever)
    assert (seed.start, seed.end) == (start, start + 5 if start >= 0 else -1)
