"""Training p(z|x) on the toy's questions, without gold paths."""

from dataclasses import replace
from pathlib import Path as File

import numpy as np
import pytest
import torch

from kg.terms import expand, value_of
from retrieval.asked import mask, sure_spans
from retrieval.encoder import SentenceEncoder
from retrieval.evidence import gather
from retrieval.open import open_retriever
from retrieval.options import RetrievalOptions
from retrieval.question import Answer, Question, form_hints
from retrieval.retriever import Retriever
from retrieval.scorer import PathScorer
from retrieval.training import (
    Example,
    ScorerOptions,
    gold_seeds,
    make_examples,
    refresh_examples,
    score_batch,
    scorer_loss,
    train_scorer,
)
from tests.scorers import shaken
from tests.toy_graph import relation_of, toy_retriever, write_toy
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


NOWHERE = Question(
    "nowhere", "What colour is the flag of Warsaw?", (Answer("literal", "red"),), (expand("dbr:Warsaw"),)
)
EVERY = [*toy_questions(), YES, COUNT, NOWHERE]
LONG = ScorerOptions(epochs=20, batch_size=4, rates=(3e-3,), plain_rate=0.02, pull=0.003)


@pytest.fixture(scope="module")
def trained(toy_folder: File) -> tuple[Retriever, list[Example], list[float]]:
    retriever = toy_retriever(toy_folder)
    examples = make_examples(EVERY, retriever)
    return retriever, examples, train_scorer(retriever, examples, LONG)


def test_the_loss_falls(trained: tuple[Retriever, list[Example], list[float]]) -> None:
    _, examples, losses = trained
    assert (len(examples), len(losses)) == (len(EVERY), LONG.epochs * LONG.rounds)
    assert losses[-1] < 0.3 * losses[0]


def test_what_is_right_ranks_first_after_training(trained: tuple[Retriever, list[Example], list[float]]) -> None:
    """An exact path, or, where none leads to an answer, that the graph does not say; and the form."""
    retriever, examples, _ = trained
    for example in examples:
        with torch.no_grad():
            scores, nothing, _ = score_batch(retriever, [example])
            forms = retriever.scorer.form_log_probs(
                torch.from_numpy(example.prepared.whole)[None], torch.tensor([form_hints(example.question.question)])
            )
        assert int(forms.argmax()) == example.form
        best = int(scores.argmax())
        if example.question is NOWHERE:
            assert example.quality.max() == 0.0 and nothing[0] > scores[0, best]
        else:
            assert example.quality[best] == example.quality.max() == 1.0, example.question.question
            assert nothing[0] < scores[0, best] or example.question.form == "ask"


def test_the_graph_is_said_not_to_say_where_it_does_not(
    trained: tuple[Retriever, list[Example], list[float]],
) -> None:
    retriever, _, _ = trained
    said = {question.id: retriever.retrieve(question.question).nothing for question in EVERY}
    assert said.pop("nowhere") > 0.5 > max(said.values())


def test_the_trained_retriever_answers_from_the_question_alone(
    trained: tuple[Retriever, list[Example], list[float]],
) -> None:
    retriever, _, _ = trained
    for question in toy_questions():
        best = retriever.retrieve(question.question).evidence[0]
        assert {value_of(value) for value in best.values} == set(question.values)


def test_quality_is_the_f1_of_what_a_path_gathers_or_right_or_wrong(retriever: Retriever) -> None:
    for example in make_examples(EVERY, retriever):
        gold = set(example.question.values)
        for path, quality in zip(example.paths, example.quality, strict=True):
            form = example.question.form
            piece = gather(replace(path, form=form), retriever.neighbours)
            found = {value_of(value) for value in piece.values} if piece else set()
            common = len(found & gold)
            assert (path.form == "ask") == (form == "ask")
            assert quality == pytest.approx(2 * common / (len(found) + len(gold)) if common else 0.0)


def test_examples_learn_from_answers_and_know_no_gold_path(retriever: Retriever) -> None:
    question = toy_questions()[0]
    (example,) = make_examples([question], retriever)
    (other,) = make_examples([replace(question, answers=(Answer("uri", expand("dbr:United_Kingdom")),))], retriever)
    birth, country = (relation_of(retriever.neighbours, name) for name in ("dbo:birthPlace", "dbo:country"))
    best = [{each.paths[i].relations for i in np.flatnonzero(each.quality == 1.0)} for each in (example, other)]
    assert (birth,) in best[0]
    assert (birth, country) in best[1]
    assert not best[0] & best[1]


def test_paths_that_reach_the_answers_are_candidates_even_where_the_search_leaves_them_out(toy_folder: File) -> None:
    narrow = toy_retriever(toy_folder, RetrievalOptions(beam=1, sample=1))
    narrow.scorer.cosine.data.neg_()
    for question in toy_questions():
        (example,) = make_examples([question], narrow)
        assert example.quality.max() == 1.0, question.question


def test_each_path_is_scored_against_the_question_with_its_own_seed_masked(retriever: Retriever) -> None:
    for example in make_examples([*toy_questions(), YES], retriever):
        text, prepared = example.question.question, example.prepared
        texts = [mask(text, seed, sure_spans(prepared.seeds)) for seed in prepared.seeds]
        assert np.allclose(prepared.masked[prepared.place], retriever.encoder.encode(texts))
        assert np.allclose(prepared.whole, retriever.encoder.encode([text])[0])
        for path, (first, second) in zip(example.paths, example.columns.seeds.tolist(), strict=True):
            assert path.seed == prepared.seeds[first]
            assert (path.meets is None and path.form == "select") == (second < 0)
            if path.form == "ask":
                assert path.target == prepared.seeds[second].entity


def loss_by_hand(retriever: Retriever, examples: list[Example]) -> float:
    """The mean of -log p(right) - log p(shape) over what counts, and that of -log p(form) over all."""
    lost, counted, forms = 0.0, 0, 0.0
    for example in examples:
        with torch.no_grad():
            scores, nothing, shapes = (part[0].double().numpy() for part in score_batch(retriever, [example]))
            whole, hints = torch.from_numpy(example.prepared.whole)[None], form_hints(example.question.question)
            forms -= float(retriever.scorer.form_log_probs(whole, torch.tensor([hints]))[0, example.form])
        asks, quality = example.question.form == "ask", example.quality.astype(float)
        p = np.exp(scores) / (np.exp(scores).sum() + (0.0 if asks else np.exp(nothing)))
        if quality.any():
            right = {int(shape) for shape in example.columns.shape[quality == quality.max()]}
            p_shape = np.exp(shapes) / np.exp(shapes).sum()
            lost -= np.log(p @ quality) + np.log(sum(p_shape[shape] for shape in right))
            counted += 1
        elif not asks:
            lost -= np.log(1.0 - p.sum())
            counted += 1
    return lost / max(counted, 1) + forms / len(examples)


@pytest.mark.parametrize("by", [0.0, 0.1])
def test_the_marginal_loss_is_the_closed_form(retriever: Retriever, by: float) -> None:
    shaken(retriever.scorer, by=by).nothing.bias.data += 10.0
    examples = make_examples(EVERY, retriever)
    wrong = replace(examples[8], quality=np.zeros_like(examples[8].quality))
    assert wrong.question is YES
    for batch in (examples[:1], examples[-1:], [wrong], [*examples, wrong]):
        loss = scorer_loss(retriever, batch)
        assert loss.item() == pytest.approx(loss_by_hand(retriever, batch), abs=1e-3)
        retriever.scorer.zero_grad()
        loss.backward()
        assert all(torch.isfinite(p.grad).all() for p in retriever.scorer.parameters() if p.grad is not None)
    for name, parameter in retriever.scorer.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert reached or (by == 0 and name in ("steps", "kinds")), name


def test_candidates_are_found_anew_by_what_the_scorer_has_learnt(toy_folder: File) -> None:
    retriever = toy_retriever(toy_folder, RetrievalOptions(beam=1, sample=4))
    examples = make_examples(EVERY, retriever)
    shaken(retriever.scorer, by=1.0)
    again = refresh_examples(examples, retriever)
    assert [example.question for example in again] == [example.question for example in examples]
    assert [example.prepared is before.prepared for example, before in zip(again, examples, strict=True)]
    assert [set(example.paths) for example in again] != [set(example.paths) for example in examples]
    for example in again:
        (fresh,) = make_examples([example.question], retriever)
        assert set(fresh.paths) == set(example.paths)


def test_without_examples_nothing_is_learnt(retriever: Retriever) -> None:
    before = {name: tensor.clone() for name, tensor in retriever.scorer.state_dict().items()}
    assert train_scorer(retriever, [], ScorerOptions(epochs=1, rounds=1)) == [0.0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in retriever.scorer.state_dict().items())


def test_a_strong_pull_keeps_the_weights_of_features(toy_folder: File) -> None:
    moved = []
    for pull in (0.0, 100.0):
        retriever = toy_retriever(toy_folder)
        train_scorer(retriever, make_examples(EVERY, retriever), replace(LONG, epochs=4, rounds=1, pull=pull))
        first = PathScorer(retriever.encoder.dimension)
        moved.append(float((retriever.scorer.weights - first.weights).abs().max().detach()))
    assert moved[1] < 0.2 * moved[0]


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
    train_scorer(retriever, make_examples(questions, retriever), ScorerOptions(epochs=60, batch_size=3, rates=(3e-3,)))
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
