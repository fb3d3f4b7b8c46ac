"""A retriever over a whole snapshot, built by the real steps with the real encoder."""

import shutil
from pathlib import Path

import pytest
import torch

from kg.errors import EncoderMismatch
from kg.snapshot import open_snapshot
from kg.terms import expand
from retrieval.encoder import SentenceEncoder
from retrieval.open import open_retriever
from retrieval.options import RetrievalOptions
from retrieval.scorer import PathScorer
from tests.encoders import NgramEncoder


@pytest.fixture(scope="module")
def folder(small_workspace: Path) -> Path:
    return open_snapshot(small_workspace).folder


def test_a_snapshot_gives_evidence_for_a_question(folder: Path) -> None:
    retriever = open_retriever(folder, SentenceEncoder(device="cpu"), RetrievalOptions(k=10))
    found = retriever.retrieve("Where was Ada Lovelace born?").evidence
    london = f"<{expand('dbr:London')}>"
    assert 0 < len(found) <= 10
    assert any(piece.values == (london,) for piece in found)
    graph = retriever.neighbours.graph
    assert all(len(graph.triple(row)) == 3 for piece in found for row in piece.rows)


def test_names_that_were_merged_away_lead_to_what_stands_for_them(folder: Path) -> None:
    retriever = open_retriever(folder, SentenceEncoder(device="cpu"))
    assert retriever.resolve(expand("dbr:Madame_Curie")) == expand("dbr:Marie_Curie")
    assert retriever.resolve(expand("dbr:Paris")) == expand("dbr:Paris")
    (seeds,) = retriever.find_seeds(["Where was Madame Curie born?"], "graph")
    assert retriever.neighbours.graph.iri_of(seeds[0].entity) == expand("dbr:Marie_Curie")


def test_the_trained_scorer_is_the_one_that_was_saved(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    scorer = PathScorer.open(tmp_path / "copy" / "models" / "scorer")
    torch.nn.init.normal_(scorer.question.weight)
    scorer.save(tmp_path / "copy" / "models" / "scorer")
    opened = open_retriever(tmp_path / "copy", SentenceEncoder(device="cpu")).scorer.state_dict()
    saved = scorer.state_dict()
    assert all(torch.equal(opened[name], saved[name]) for name in saved)


def test_another_encoder_is_refused(folder: Path) -> None:
    with pytest.raises(EncoderMismatch, match=r"made by all-MiniLM-L6-v2"):
        open_retriever(folder, NgramEncoder())
