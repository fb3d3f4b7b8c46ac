from pathlib import Path

import pytest

from kg.errors import EncoderMismatch
from retrieval.open import open_retriever
from retrieval.retriever import Retriever
from retrieval.seeds import UNSURE, SeedFinder
from tests.encoders import NgramEncoder
from tests.toy_graph import toy_retriever, write_toy


@pytest.fixture
def finder(retriever: Retriever) -> SeedFinder:
    assert isinstance(retriever.find_seeds, SeedFinder)
    return retriever.find_seeds


def test_hybrid_searches_only_for_questions_without_a_mention(finder: SeedFinder) -> None:
    named, unnamed = "Where was Ada Lovelace born?", "something with a director"
    both = finder([named, unnamed], "hybrid")
    assert both[0] == finder([named], "graph")[0]
    assert both[1] == finder.entry([unnamed], "hybrid")[0]
    assert finder([unnamed], "graph") == [[]]


def test_hybrid_also_searches_where_the_likeliest_mention_is_unlikely(finder: SeedFinder) -> None:
    question = "a charles with a director"
    (mentions,), (nearest,) = finder([question], "graph"), finder.entry([question], "hybrid")
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
