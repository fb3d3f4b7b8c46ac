"""The beam against an enumeration of all paths."""

import numpy as np
import pytest
import torch

from kg.terms import expand
from retrieval.evidence import Path, Seed
from retrieval.options import RetrievalOptions
from retrieval.retriever import Retriever
from retrieval.search import pad_paths, score_paths, search, spread
from tests.toy_graph import every_path, seed_of, spelt

WIDE = RetrievalOptions(hops=2, beam=100, sample=100)


def searched(retriever: Retriever, seeds: list[Seed], options: RetrievalOptions):  # type: ignore[no-untyped-def]
    vectors = retriever.encoder.encode([f"question {number} about a birth place" for number in range(len(seeds))])
    return search(seeds, vectors, retriever.neighbours, retriever.scorer, retriever.relation_vectors, options), vectors


def test_a_wide_beam_finds_every_path_once_best_first(retriever: Retriever) -> None:
    graph = retriever.neighbours.graph
    seeds = [seed_of(graph, "dbr:Marie_Curie"), Seed(graph.id_of(expand("dbr:Poland")), -1, -1, -1.5)]
    found, vectors = searched(retriever, seeds, WIDE)
    expected = {
        (graph.iri_of(seed.entity), "/".join(path))
        for seed in seeds
        for path, _ in every_path(graph.terms[seed.entity], 2)
    }
    named = [(graph.iri_of(path.seed.entity), spelt(retriever.neighbours, path.relations)) for path in found.paths]
    assert len(named) == len(set(named))
    assert set(named) == expected
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    places = [seeds.index(path.seed) for path in found.paths]
    again = score_paths(found.paths, vectors, places, retriever.scorer, retriever.relation_vectors)
    assert found.scores == pytest.approx(again, abs=1e-5)


def test_a_narrow_beam_goes_on_from_the_best_first_steps_only(retriever: Retriever) -> None:
    seeds = [seed_of(retriever.neighbours.graph, "dbr:Paris")]
    wide, _ = searched(retriever, seeds, WIDE)
    narrow, _ = searched(retriever, seeds, RetrievalOptions(hops=2, beam=1, sample=100))
    single = [path.relations for path in wide.paths if len(path.relations) == 1]
    assert [path.relations for path in narrow.paths if len(path.relations) == 1] == single
    assert {path.relations[0] for path in narrow.paths if len(path.relations) == 2} == {single[0][0]}
    one, _ = searched(retriever, seeds, RetrievalOptions(hops=1))
    assert [path.relations for path in one.paths] == single


def test_seeds_without_relations_give_no_paths(retriever: Retriever) -> None:
    alone = [seed_of(retriever.neighbours.graph, "dbo:Person")]
    found, _ = searched(retriever, alone, WIDE)
    assert (found.paths, len(found.scores)) == ([], 0)


def test_paths_are_padded_to_the_longest() -> None:
    seed = Seed(0, -1, -1, 0.0)
    padded = pad_paths([Path(seed, (4,)), Path(seed, (1, 2, 3))])
    assert torch.equal(padded, torch.tensor([[4, -1, -1], [1, 2, 3]]))


def test_spread_keeps_both_ends() -> None:
    items = np.arange(10, dtype=np.int32)
    assert spread(items, 4).tolist() == [0, 3, 6, 9]
    assert spread(items, 10).tolist() == items.tolist()
