"""The search against an enumeration of all paths, and its scores against those of the network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kg.terms import RDF_TYPE, expand
from retrieval.asked import Asked, prepare
from retrieval.features import NAMES, OF_PATHS, PLACE, TRAITS
from retrieval.meeting import apart, linked, meetings
from retrieval.options import RetrievalOptions
from retrieval.path import Seed
from retrieval.retriever import Retriever
from retrieval.search import path_features, search, spread
from tests.scorers import said_of, shaken
from tests.toy_graph import every_path, relation_of, seed_of, spelt

QUESTION = "Was Marie Curie born in Poland?"
WIDE = RetrievalOptions(hops=3, beam=1000, sample=1000)


def seeds_in(retriever: Retriever, question: str, **named: float) -> list[Seed]:
    """Seeds where the question names them, each with its log probability."""
    graph = retriever.neighbours.graph
    found = []
    for name, log_p in named.items():
        entity = graph.id_of(expand(f"dbr:{name}"))
        start = question.index(graph.label_of(entity))
        found.append(Seed(entity, start, start + len(graph.label_of(entity)), log_p))
    return found


def asked_of(retriever: Retriever, seeds: list[Seed], question: str = QUESTION) -> Asked:
    return retriever.asked(prepare([question], [seeds], retriever.encoder, retriever.classes)[0])


@pytest.fixture
def asked(retriever: Retriever) -> Asked:
    return asked_of(retriever, seeds_in(retriever, QUESTION, Marie_Curie=-0.1, Poland=-0.4))


def test_a_wide_search_finds_every_path_once_best_first(retriever: Retriever, asked: Asked) -> None:
    neighbours, graph = retriever.neighbours, retriever.neighbours.graph
    found = search(asked, neighbours, WIDE, explore=True)
    paths = [found.path(row, asked.seeds) for row in range(len(found))]
    expected = {
        (seed.entity, "/".join(path))
        for seed in asked.seeds
        for path, reached in every_path(graph.terms[seed.entity], 3)
        if reached and RDF_TYPE not in path
    }
    plain = [path for path in paths if path.meets is None and path.form == "select"]
    single = [(path.seed.entity, spelt(neighbours, path.relations)) for path in plain]
    assert len(single) == len(set(single))
    assert set(single) >= expected
    for entity, relations in set(single) - expected:  # those that only lead back to the seed
        assert relations not in {"/".join(path) for path, reached in every_path(graph.terms[entity], 3) if reached}
    tops = [
        np.array([path.relations[0] for path in plain if path.seed == seed and len(path.relations) == 1])
        for seed in asked.seeds
    ]
    free = apart(asked.seeds)
    met = [
        (asked.seeds.index(path.seed), *path.relations, asked.seeds.index(path.meets.seed), *path.meets.relations)
        for path in paths
        if path.meets
    ]
    assert met and sorted(met) == sorted(map(tuple, meetings(asked.seeds, tops, free, neighbours).tolist()))
    links = [
        (asked.seeds.index(path.seed), *path.relations, [seed.entity for seed in asked.seeds].index(path.target))
        for path in paths
        if path.form == "ask"
    ]
    assert links and sorted(links) == sorted(map(tuple, linked(asked.seeds, tops, free, neighbours).tolist()))
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)


@pytest.mark.parametrize("by", [0.0, 0.3, 1.0])
def test_every_candidate_scores_what_the_network_says(retriever: Retriever, by: float) -> None:
    shaken(retriever.scorer, by=by)
    draw = torch.Generator().manual_seed(1)
    retriever.relation_vectors = torch.randn(retriever.relation_vectors.shape, generator=draw) / 16.0
    asked = asked_of(retriever, seeds_in(retriever, QUESTION, Marie_Curie=-0.1, Poland=-0.4))
    found = search(asked, retriever.neighbours, RetrievalOptions(beam=8), explore=True)
    assert set(found.shape.tolist()) == {0, 1, 2, 3, 4}
    assert len(asked.prepared.masked) == 2
    features = np.zeros((len(found), len(NAMES)), np.float32)
    features[:, :OF_PATHS] = path_features(asked, found.seeds, found.relations)
    assert found.score == pytest.approx(said_of(retriever, asked.prepared, found, features), abs=2e-3, rel=1e-4)


def test_longer_paths_go_on_from_the_best_of_the_beam_only(retriever: Retriever) -> None:
    neighbours = retriever.neighbours
    asked = asked_of(retriever, [seed_of(neighbours.graph, "dbr:Paris")])
    found = search(asked, neighbours, replace(WIDE, beam=3), explore=True)
    paths = [found.path(row, asked.seeds).relations for row in range(len(found))]
    best = {length: [path for path in paths if len(path) == length][:3] for length in (1, 2)}
    every = {path for path, _ in every_path(neighbours.graph.terms[asked.seeds[0].entity], 3)}
    for length in (1, 2):
        going_on = {spelt(neighbours, path) for path in best[length]}
        longer = {path for path in every if len(path) == length + 1 and RDF_TYPE not in path}
        expected = {path for path in longer if "/".join(path[:-1]) in going_on}
        assert {spelt(neighbours, path) for path in paths if len(path) == length + 1} == set(map("/".join, expected))
        assert expected
    one = search(asked, neighbours, RetrievalOptions(hops=1), explore=True)
    assert one.relations[:, 0, 0].tolist() == [path[0] for path in paths if len(path) == 1]
    assert set(one.shape.tolist()) == {0}


@pytest.mark.parametrize(("likely", "longest"), [((0, -8, -9), 1), ((0, -6, -8), 2), ((0, -8, -6), 3)])
def test_it_goes_as_far_as_the_question_may_ask_for(
    retriever: Retriever, asked: Asked, likely: tuple[int, ...], longest: int
) -> None:
    asked = replace(asked, steps=replace(asked.steps, hops=np.array(likely, np.float32)))
    for explore, hops in ((False, longest), (True, 3)):
        found = search(asked, retriever.neighbours, WIDE, explore=explore)
        assert (found.relations[:, 0] >= 0).sum(1).max() == hops


def test_seeds_without_relations_give_no_candidates(retriever: Retriever) -> None:
    label = retriever.neighbours.graph.terms.find('"Paris"@en')
    assert len(search(asked_of(retriever, [Seed(label, -1, -1, 0.0)]), retriever.neighbours, WIDE)) == 0


def test_features_of_a_path_are_those_reckoned_by_hand(retriever: Retriever) -> None:
    question = "What is the capital of Marie Curie or the country Poland?"
    traits = {name: np.arange(len(TRAITS)) * scale for name, scale in (("Marie_Curie", 1.0), ("Poland", -3.0))}
    named = seeds_in(retriever, question, Marie_Curie=-0.1, Poland=-0.4)
    named = [replace(seed, traits=tuple(own)) for seed, own in zip(named, traits.values(), strict=True)]
    seeds = [Seed(0, -1, -1, -2.0), *named]
    asked = asked_of(retriever, seeds, question)
    capital, birth = (relation_of(retriever.neighbours, name) for name in ("dbo:capital", "^dbo:birthPlace"))
    columns = [
        ((1, -1), ((capital, -1, -1), (-1, -1, -1))),
        ((1, 2), ((birth, -1, -1), (capital, -1, -1))),
        ((0, -1), ((capital, birth, -1), (-1, -1, -1))),
        ((1, -1), ((birth ^ 1, birth, -1), (-1, -1, -1))),
    ]
    found = path_features(asked, np.array([seeds for seeds, _ in columns]), np.array([r for _, r in columns]))
    frequency = {capital: np.log10(3), birth: np.log10(3)}  # three countries; people were born in three cities
    both = float(asked.frequency[[birth, birth ^ 1]].mean())
    expected = [
        {"seed": -0.1, "unused": np.exp(-0.4), "overlap": 1.0, "frequency": frequency[capital]},
        {"seed": -0.5, "unused": 0.0, "overlap": 0.5, "frequency": (frequency[birth] + frequency[capital]) / 2},
        {"seed": -2.0, "unused": np.exp(-0.1) + np.exp(-0.4), "overlap": 0.5, "frequency": np.log10(3)},
        {"seed": -0.1, "unused": np.exp(-0.4), "overlap": 0.0, "back": 1.0, "frequency": both},
    ]
    expected[1]["apposed"] = 1.0
    for row, scale in enumerate((1.0, -2.0, 0.0, 1.0)):
        expected[row] |= {f"seed {name}": place * scale for place, name in enumerate(TRAITS)}
    for row, values in enumerate(expected):
        assert found[row] == pytest.approx([values.get(name, 0.0) for name in NAMES[:OF_PATHS]], abs=1e-5)
    assert sorted({PLACE[name] for values in expected for name in values}) == list(range(OF_PATHS))


def test_spread_keeps_both_ends() -> None:
    items = np.arange(10, dtype=np.int32)
    assert spread(items, 4).tolist() == [0, 3, 6, 9]
    assert spread(items, 10).tolist() == items.tolist()
