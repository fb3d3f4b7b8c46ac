import math
from pathlib import Path

import numpy as np
import pytest

from kg.terms import expand
from retrieval.entry import NEAREST, Entry
from retrieval.retriever import Retriever
from retrieval.seeds import SeedFinder
from tests.encoders import NgramEncoder
from tests.toy_graph import toy_retriever, write_toy

QUESTION = "something with a director"


@pytest.fixture
def entry(retriever: Retriever) -> Entry:
    assert isinstance(retriever.find_seeds, SeedFinder)
    return retriever.find_seeds.entry


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_questions_that_name_nothing_start_at_the_nearest_descriptions(
    retriever: Retriever, entry: Entry, mode: str
) -> None:
    (seeds,) = entry([QUESTION], mode)
    graph = retriever.neighbours.graph
    films = {expand("dbr:Radioactive_(film)"), expand("dbr:Persepolis_(film)")}
    assert films <= {graph.iri_of(seed.entity) for seed in seeds[:3]}
    assert 0 < len(seeds) <= NEAREST
    assert sum(math.exp(seed.log_p) for seed in seeds) == pytest.approx(1.0)
    assert [seed.log_p for seed in seeds] == sorted((seed.log_p for seed in seeds), reverse=True)
    assert {(seed.start, seed.end) for seed in seeds} == {(-1, -1)}


def test_dense_seeds_are_the_nearest_by_cosine(entry: Entry) -> None:
    question = "a city with a population"
    (seeds,) = entry([question], "dense")
    ids, scores = entry.vectors.nearest(NgramEncoder().encode([question]), NEAREST)
    assert [seed.entity for seed in seeds] == ids[0].tolist()
    p = np.exp(20 * scores[0])
    assert [math.exp(seed.log_p) for seed in seeds] == pytest.approx((p / p.sum()).tolist(), rel=1e-4)


def test_fused_seeds_are_weighted_by_reciprocal_rank_the_vectors_twice(entry: Entry) -> None:
    (rankings,) = entry.rankings([QUESTION])
    assert all(rankings[name] for name in ("dense", "bm25", "tfidf"))
    weight: dict[int, float] = {}
    for name, times in (("dense", 2), ("bm25", 1), ("tfidf", 1)):
        for place, entity in enumerate(rankings[name], start=1):
            weight[entity] = weight.get(entity, 0) + times / (10 + place)
    best = sorted(weight, key=lambda entity: (-weight[entity], entity))[:NEAREST]
    (seeds,) = entry([QUESTION], "hybrid")
    assert [seed.entity for seed in seeds] == best
    total = sum(weight[entity] for entity in best)
    assert [math.exp(seed.log_p) for seed in seeds] == pytest.approx([weight[e] / total for e in best])


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_no_question_and_no_triples_give_no_seeds(entry: Entry, tmp_path: Path, mode: str) -> None:
    assert entry([], mode) == []
    finder = toy_retriever(write_toy(tmp_path, NgramEncoder(), [])).find_seeds
    assert isinstance(finder, SeedFinder)
    assert finder.entry([QUESTION, ""], mode) == [[], []]
