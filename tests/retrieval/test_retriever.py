import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from kg.errors import UsageError
from kg.terms import expand
from retrieval.asked import prepare
from retrieval.evidence import SHOWN, Seed, gather
from retrieval.options import RetrievalOptions
from retrieval.question import FORMS
from retrieval.retriever import Retriever
from retrieval.scorer import ASKED, PathScorer
from tests.scorers import shaken
from tests.toy import CLEAN
from tests.toy_graph import seed_of, spelt, steps, walk

CLEAN_TERMS = {term for triple in CLEAN for term in triple}
QUESTION = "Is Marie Curie the spouse of Pierre Curie?"


def seeds_in(retriever: Retriever, question: str, *names: str) -> list[Seed]:
    found = []
    for name in names:
        entity = retriever.neighbours.graph.id_of(expand(name))
        label = retriever.neighbours.graph.label_of(entity)
        found.append(Seed(entity, question.index(label), question.index(label) + len(label), -0.1 * len(found)))
    return found


@pytest.mark.parametrize("by", [0.0, 0.1])
def test_probability_is_that_of_the_form_times_that_of_the_path(retriever: Retriever, by: float) -> None:
    """p(z|x) by hand: softmaxes over forms, over paths and `nothing`, over yes/no paths."""
    shaken(retriever.scorer, by=by)
    neighbours = retriever.neighbours
    seeds = seeds_in(retriever, QUESTION, "dbr:Marie_Curie", "dbr:Pierre_Curie")
    (prepared,) = prepare([QUESTION], [seeds], retriever.encoder, retriever.classes)
    best, steps = retriever.finalists(prepared), retriever.asked(prepared).steps
    p_form = dict(zip(FORMS, np.exp(steps.forms.astype(float)), strict=True))
    weights = np.exp(best.score.astype(float))
    asks = best.shape == ASKED
    rest = weights[~asks].sum() + np.exp(steps.nothing)
    assert asks.any() and not asks.all()
    expected = {}
    for path, weight in zip(best.paths, weights, strict=True):
        if path.form == "ask":
            expected[path] = p_form["ask"] * weight / weights[asks].sum()
        else:
            expected |= {replace(path, form=form): p_form[form] * weight / rest for form in ("select", "count")}

    result = retriever.retrieve(QUESTION, k=500, seeds=seeds)
    got = {piece.path: math.exp(piece.log_p) for piece in result.evidence}
    assert len(got) == len(result.evidence)
    assert got == pytest.approx({path: expected[path] for path in got}, rel=1e-3)
    assert all(gather(path, neighbours) is None for path in expected.keys() - got.keys())
    assert result.nothing == pytest.approx(np.exp(steps.nothing) / rest * (1 - p_form["ask"]), rel=1e-3)
    assert sum(got.values()) + result.nothing <= 1 + 1e-6
    assert sum(expected.values()) + result.nothing == pytest.approx(1.0)


def test_evidence_comes_best_first_and_no_more_than_k(retriever: Retriever) -> None:
    every = retriever.retrieve(QUESTION, k=100).evidence
    scores = [piece.log_p for piece in every]
    assert scores == sorted(scores, reverse=True)
    assert retriever.retrieve(QUESTION, k=3).evidence == every[:3]
    assert len(retriever.retrieve(QUESTION).evidence) == RetrievalOptions().k


def test_many_questions_give_what_each_gives_alone(retriever: Retriever) -> None:
    questions = [QUESTION, "", "Who was born in Paris?", "something with a director"]
    together = retriever.retrieve_many(questions, k=4)
    for question, found in zip(questions, together, strict=True):
        alone = retriever.retrieve(question, k=4)
        assert found.seeds == alone.seeds
        assert found.nothing == pytest.approx(alone.nothing, abs=1e-5)
        assert [piece.text for piece in found.evidence] == [piece.text for piece in alone.evidence]
        assert [p.log_p for p in found.evidence] == pytest.approx([p.log_p for p in alone.evidence], abs=1e-5)
        assert set(found.duration_ms) == {"link", "encode", "paths"}
    assert retriever.retrieve_many([]) == []


def test_given_seeds_are_taken_as_they_are(retriever: Retriever) -> None:
    paris = seed_of(retriever.neighbours.graph, "dbr:Paris")
    found = retriever.retrieve("Where was Ada Lovelace born?", seeds=[paris])
    assert found.seeds == [paris]
    assert {piece.path.seed.entity for piece in found.evidence} == {paris.entity}
    assert retriever.retrieve("Where was Ada Lovelace born?", seeds=[]).evidence == []


def test_an_unknown_mode_is_refused_with_the_known_ones(retriever: Retriever) -> None:
    with pytest.raises(UsageError, match="hybrid, graph, dense, lexical"):
        retriever.retrieve(QUESTION, mode="magic")


@pytest.mark.parametrize("k", [0, -1])
def test_no_evidence_is_not_asked_for(retriever: Retriever, k: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        retriever.retrieve(QUESTION, k=k)


@pytest.mark.parametrize("seeds", [[], [Seed(0, -1, -1, 0.0)]])
def test_a_question_that_begins_nowhere_has_no_evidence(retriever: Retriever, seeds: list[Seed]) -> None:
    found = retriever.retrieve("What is it?", seeds=seeds)
    assert (found.evidence, found.seeds) == ([], seeds)
    assert 0.9 < found.nothing <= 1.0


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("Which cities are in the country of Warsaw and Paris?", 6),
        ("Is London the birth place of Ada Lovelace?", 6),
        ("Which city with more than 3000000 people has the capital?", 6),
        ("How many people were born in Paris?", 6),
    ],
)
def test_evidence_shows_its_answers(retriever: Retriever, question: str, count: int) -> None:
    """Each cited triple is in the graph; together they lead from the seeds to the answers."""
    evidence = retriever.retrieve(question, k=count).evidence
    assert len(evidence) == count
    graph = retriever.neighbours.graph
    for piece in evidence:
        cited = {graph.triple(row) for row in piece.rows}
        assert cited and cited <= CLEAN
        around = steps(cited)
        path, reached = piece.path, set(CLEAN_TERMS)
        while path is not None:
            names = [spelt(retriever.neighbours, [relation]) for relation in path.relations]
            reached &= walk(around, graph.terms[path.seed.entity], names)
            path = path.meets
        if piece.path.form == "select":
            assert set(piece.values[:SHOWN]) <= reached
        elif piece.path.form == "ask":
            assert (graph.terms[piece.path.target] in reached) == (piece.labels == ("yes",))
        else:
            assert min(len(reached), SHOWN) == min(int(piece.labels[0]), SHOWN)


def test_a_scorer_that_has_learnt_or_is_another_scores_at_once(retriever: Retriever) -> None:
    before = retriever.projected()
    assert retriever.projected() is before
    with torch.no_grad():
        retriever.scorer.kinds.add_(0.1)
    learnt = retriever.projected()
    assert not np.array_equal(learnt.kinds, before.kinds)
    retriever.scorer = PathScorer(retriever.encoder.dimension)
    assert np.array_equal(retriever.projected().kinds, before.kinds)
