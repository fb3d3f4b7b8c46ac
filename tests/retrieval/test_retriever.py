import math

import numpy as np
import pytest
import torch

from kg.errors import UsageError
from kg.terms import expand
from retrieval.evidence import Path, Seed, gather
from retrieval.options import RetrievalOptions
from retrieval.question import FORMS
from retrieval.retriever import MASK, OTHER, Retriever, mask, masked_texts, pairs
from retrieval.search import score_paths, search
from tests.toy_graph import seed_of

QUESTION = "Is Marie Curie the spouse of Pierre Curie?"


def seeds_in(retriever: Retriever, question: str, *names: str) -> list[Seed]:
    found = []
    for name in names:
        entity = retriever.neighbours.graph.id_of(expand(name))
        label = retriever.neighbours.graph.label_of(entity)
        found.append(Seed(entity, question.index(label), question.index(label) + len(label), -0.1 * len(found)))
    return found


def log_softmax(scores: np.ndarray) -> np.ndarray:
    return scores - np.log(np.exp(scores.astype(np.float64)).sum())


def test_probability_is_that_of_the_form_times_that_of_the_path(retriever: Retriever) -> None:
    """p(z|x) by hand: three softmaxes, over forms, over paths, over yes/no paths."""
    encoder, scorer, neighbours = retriever.encoder, retriever.scorer, retriever.neighbours
    seeds = seeds_in(retriever, QUESTION, "dbr:Marie_Curie", "dbr:Pierre_Curie")
    forms = scorer.form_log_probs(torch.from_numpy(encoder.encode([QUESTION])))[0].tolist()
    masked = encoder.encode([mask(QUESTION, seed) for seed in seeds])
    found = search(seeds, masked, neighbours, scorer, retriever.relation_vectors, retriever.options)
    expected = {}
    for path, log_p in zip(found.paths, log_softmax(found.scores), strict=True):
        for form in ("select", "count"):
            expected[(path.seed.entity, path.relations, form)] = log_p + forms[FORMS.index(form)]
    both = encoder.encode([mask(QUESTION, *seeds), mask(QUESTION, *seeds[::-1])])
    asked = [
        Path(Seed(one.entity, -1, -1, one.log_p + other.log_p), (int(r),), "ask", other.entity)
        for one, other in (seeds, seeds[::-1])
        for r in neighbours.relations_of(one.entity)
    ]
    place = [int(path.seed.entity != seeds[0].entity) for path in asked]
    scores = score_paths(asked, both, place, scorer, retriever.relation_vectors)
    for path, log_p in zip(asked, log_softmax(scores), strict=True):
        expected[(path.seed.entity, path.relations, "ask")] = log_p + forms[FORMS.index("ask")]

    result = retriever.retrieve(QUESTION, k=500, seeds=seeds)
    got = {(piece.path.seed.entity, piece.path.relations, piece.path.form): piece.log_p for piece in result.evidence}
    assert len(got) == len(result.evidence)
    assert got == pytest.approx({key: expected[key] for key in got}, abs=1e-4)
    missing = expected.keys() - got.keys()
    by_id = {seed.entity: seed for seed in seeds}
    assert all(gather(Path(by_id[entity], relations, form), neighbours) is None for entity, relations, form in missing)
    assert sum(math.exp(piece.log_p) for piece in result.evidence) <= 1 + 1e-6


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


def test_a_mention_is_masked_where_it_stands(retriever: Retriever) -> None:
    seeds = seeds_in(retriever, QUESTION, "dbr:Marie_Curie", "dbr:Pierre_Curie")
    assert mask(QUESTION, *seeds) == f"Is {MASK} the spouse of {OTHER}?"
    assert mask(QUESTION, *seeds[::-1]) == f"Is {OTHER} the spouse of {MASK}?"
    assert mask(QUESTION, Seed(1, -1, -1, 0.0)) == QUESTION
    assert masked_texts(QUESTION, seeds) == [
        QUESTION,
        f"Is {MASK} the spouse of Pierre Curie?",
        f"Is Marie Curie the spouse of {MASK}?",
        f"Is {MASK} the spouse of {OTHER}?",
        f"Is {OTHER} the spouse of {MASK}?",
    ]


@pytest.mark.parametrize("k", [0, -1])
def test_no_evidence_is_not_asked_for(retriever: Retriever, k: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        retriever.retrieve(QUESTION, k=k)


def test_pairs_join_different_entities_of_mentions_apart_the_likeliest_first() -> None:
    first, namesake, second = Seed(1, 0, 4, -0.5), Seed(2, 0, 4, -1.0), Seed(3, 9, 12, -0.1)
    nowhere, again = Seed(4, -1, -1, 0.0), Seed(1, 9, 12, -3.0)
    assert pairs([first, namesake, second, nowhere]) == [
        (first, second), (second, first), (namesake, second), (second, namesake)
    ]  # fmt: skip
    assert pairs([first, again]) == []
    inside = Seed(5, 1, 3, -2.0)
    assert pairs([first, inside, second])[::2] == [(first, second), (inside, second)]
    many = [Seed(i, 5 * i, 5 * i + 1, -float(i)) for i in range(8)]
    assert len(pairs(many)) == 12
    assert pairs(many)[0] == (many[0], many[1])
