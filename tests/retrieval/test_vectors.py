"""Held to an exact search by NumPy."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.errors import EncoderMismatch
from retrieval import vectors as module
from retrieval.vectors import EntityIndex, write_vectors
from tests.encoders import NgramEncoder

QUERIES = ["stone bridge 17", "the old mill", "river 90"]


def texts(count: int) -> list[str]:
    draw = np.random.default_rng(4)
    nouns, kinds = (
        ("bridge", "mill", "river", "tower", "garden", "harbour"),
        ("stone", "old", "red", "northern", "lost"),
    )
    return [f"the {draw.choice(kinds)} {draw.choice(nouns)} {i} of {draw.choice(nouns)}" for i in range(count)]


def exact(encoder: NgramEncoder, described: list[str], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    scores = encoder.encode(QUERIES) @ encoder.encode(described).T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, 1)


def test_a_small_index_is_exact(tmp_path: Path) -> None:
    encoder, described = NgramEncoder(64), texts(500)
    entities = np.arange(1000, 1500, dtype=np.int32)
    write_vectors(tmp_path, entities, described, encoder)
    ids, scores = EntityIndex.open(tmp_path, encoder).nearest(encoder.encode(QUERIES), 10)
    wanted, wanted_scores = exact(encoder, described, 10)
    assert ids.dtype == np.int32
    assert scores == pytest.approx(wanted_scores, abs=2e-3)
    every = encoder.encode(QUERIES) @ encoder.encode(described).T
    assert np.take_along_axis(every, ids - 1000, 1) == pytest.approx(wanted_scores, abs=2e-3)
    assert ids[0, 0] == 1000 + wanted[0, 0]


def test_a_large_index_finds_nine_of_the_ten_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLAT", 1000)
    encoder, described = NgramEncoder(64), texts(3000)
    write_vectors(tmp_path, np.arange(3000, dtype=np.int32), described, encoder)
    queries = texts(3100)[3000:]
    found, _ = EntityIndex.open(tmp_path, encoder).nearest(encoder.encode(queries), 10)
    every = encoder.encode(queries) @ encoder.encode(described).T
    tenth = np.sort(every, axis=1)[:, -10]
    hits = np.take_along_axis(every, found, 1) >= tenth[:, None] - 1e-6  # any of those that tie for the tenth place
    assert hits.mean() >= 0.9
    assert (tmp_path / "entities.faiss").stat().st_size < 3000 * 64 * 2


def test_fewer_entities_than_asked_for_are_filled_up(tmp_path: Path) -> None:
    encoder = NgramEncoder(16)
    write_vectors(tmp_path, np.array([7, 9], np.int32), ["mill", "river"], encoder)
    ids, _ = EntityIndex.open(tmp_path, encoder).nearest(encoder.encode(["a river"]), 4)
    assert ids.tolist() == [[9, 7, -1, -1]]


def test_no_entities_is_fine(tmp_path: Path) -> None:
    encoder = NgramEncoder(16)
    write_vectors(tmp_path, np.zeros(0, np.int32), [], encoder)
    ids, scores = EntityIndex.open(tmp_path, encoder).nearest(encoder.encode(["a", "b"]), 3)
    assert (ids.tolist(), scores.shape) == ([[-1] * 3] * 2, (2, 3))


def test_another_encoder_is_refused_by_name(tmp_path: Path) -> None:
    write_vectors(tmp_path, np.array([1], np.int32), ["mill"], NgramEncoder(16))
    with pytest.raises(EncoderMismatch, match=r"made by ngrams-16 .* encoder is ngrams-32 "):
        EntityIndex.open(tmp_path, NgramEncoder(32))
