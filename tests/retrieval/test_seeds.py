import math
from pathlib import Path

import numpy as np
import pytest

from kg.errors import EncoderMismatch
from kg.terms import expand
from retrieval.open import open_retriever
from retrieval.retriever import Retriever
from retrieval.seeds import NEAREST, UNSURE, SeedFinder
from tests.encoders import NgramEncoder
from tests.toy_graph import toy_retriever, write_toy


@pytest.fixture
def finder(retriever: Retriever) -> SeedFinder:
    assert isinstance(retriever.find_seeds, SeedFinder)
    return retriever.find_seeds


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_questions_that_name_nothing_start_at_the_nearest_descriptions(
    retriever: Retriever, finder: SeedFinder, mode: str
) -> None:
    (seeds,) = finder(["something with a director"], mode)
    graph = retriever.neighbours.graph
    films = {expand("dbr:Radioactive_(film)"), expand("dbr:Persepolis_(film)")}
    assert films <= {graph.iri_of(seed.entity) for seed in seeds[:3]}
    assert 0 < len(seeds) <= NEAREST
    assert sum(math.exp(seed.log_p) for seed in seeds) == pytest.approx(1.0)
    assert [seed.log_p for seed in seeds] == sorted((seed.log_p for seed in seeds), reverse=True)
    assert {(seed.start, seed.end) for seed in seeds} == {(-1, -1)}


def test_dense_seeds_are_the_nearest_by_cosine(finder: SeedFinder) -> None:
    assert finder.vectors is not None
    question = "a city with a population"
    (seeds,) = finder.dense([question])
    ids, scores = finder.vectors.nearest(NgramEncoder().encode([question]), NEAREST)
    assert [seed.entity for seed in seeds] == ids[0].tolist()
    p = np.exp(20 * scores[0])
    assert [math.exp(seed.log_p) for seed in seeds] == pytest.approx((p / p.sum()).tolist(), rel=1e-4)


def test_fused_seeds_are_weighted_by_reciprocal_rank(finder: SeedFinder) -> None:
    question = "something with a director"
    ranks = [[seed.entity for seed in found] for found in (finder.dense([question])[0], finder.lexical_seeds(question))]
    weight = {
        entity: sum(1 / (61 + ranking.index(entity)) for ranking in ranks if entity in ranking)
        for entity in {*ranks[0], *ranks[1]}
    }
    best = sorted(weight, key=lambda entity: (-weight[entity], entity))[:NEAREST]
    (seeds,) = finder.fused([question])
    assert [seed.entity for seed in seeds] == best
    total = sum(weight[entity] for entity in best)
    assert [math.exp(seed.log_p) for seed in seeds] == pytest.approx([weight[e] / total for e in best])


def test_hybrid_searches_only_for_questions_without_a_mention(finder: SeedFinder) -> None:
    named, unnamed = "Where was Ada Lovelace born?", "something with a director"
    both = finder([named, unnamed], "hybrid")
    assert both[0] == finder([named], "graph")[0]
    assert both[1] == finder.fused([unnamed])[0]
    assert finder([unnamed], "graph") == [[]]


def test_hybrid_also_searches_where_the_likeliest_mention_is_unlikely(finder: SeedFinder) -> None:
    question = "a charles with a director"
    (mentions,), (nearest,) = finder([question], "graph"), finder.fused([question])
    assert mentions and mentions[0].log_p < UNSURE
    (seeds,) = finder([question], "hybrid")
    assert {seed.entity for seed in seeds} == {seed.entity for seed in (*mentions, *nearest)}
    assert len({seed.entity for seed in seeds}) == len(seeds)
    assert [seed.log_p for seed in seeds] == sorted((seed.log_p for seed in seeds), reverse=True)


@pytest.mark.parametrize("mode", ["graph", "dense", "lexical", "hybrid"])
def test_no_questions_and_empty_ones_are_fine(finder: SeedFinder, mode: str) -> None:
    assert finder([], mode) == []
    (found,) = finder([""], mode)
    assert mode in ("dense", "hybrid") or found == []


@pytest.mark.parametrize("mode", ["graph", "dense", "lexical", "hybrid"])
def test_a_graph_without_triples_gives_no_seeds(tmp_path: Path, mode: str) -> None:
    retriever = toy_retriever(write_toy(tmp_path, NgramEncoder(), []))
    assert retriever.find_seeds(["Where was Ada Lovelace born?"], mode) == [[]]
    assert retriever.retrieve("Where was Ada Lovelace born?", mode=mode).evidence == []


def test_a_snapshot_made_by_another_encoder_is_refused(toy_folder: Path) -> None:
    with pytest.raises(EncoderMismatch, match="ngrams-256"):
        open_retriever(toy_folder, NgramEncoder(64))
