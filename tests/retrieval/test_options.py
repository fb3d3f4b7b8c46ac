from pathlib import Path

import pytest
import torch

from kg.errors import ConfigError
from retrieval.options import MOST_HOPS, RetrievalOptions
from tests.toy_graph import toy_retriever


@pytest.mark.parametrize(
    ("name", "value"), [("hops", 0), ("hops", MOST_HOPS + 1), ("beam", 0), ("finalists", 0), ("k", -1)]
)
def test_options_out_of_range_are_refused_by_name(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"retrieval\.{name} must be .* not {value}"):
        RetrievalOptions(**{name: value})


def test_the_longest_path_allowed_can_be_scored(toy_folder: Path) -> None:
    longest = toy_retriever(toy_folder, RetrievalOptions(hops=MOST_HOPS, finalists=500, k=500))
    with torch.no_grad():
        longest.scorer.shape.bias += torch.tensor([0.0, 4.0, 12.0, 0.0, 0.0])  # as if it had learnt to look so far
    evidence = longest.retrieve("Where was Ada Lovelace born?").evidence
    assert {len(piece.path.relations) for piece in evidence} == set(range(1, MOST_HOPS + 1))
