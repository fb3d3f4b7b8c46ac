import numpy as np
import pytest

from kg.clean.likeness import WIDTH, learnt, nearest
from kg.clean.profile import unit


def vectors(n: int, seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32))


def test_a_pair_like_the_known_ones_is_nearer_than_one_that_is_not() -> None:
    axes = np.eye(4, dtype=np.float32)
    found = nearest(axes[[0, 2]], axes[[1, 3]], axes[[0]], axes[[1]])
    assert found.shape == (2, WIDTH)
    assert found[0, 2:] == pytest.approx(np.ones(WIDTH - 2), abs=1e-5)
    assert not found[1].any()


def test_what_is_learnt_of_a_fold_does_not_come_from_it() -> None:
    s, o = vectors(60, 0), vectors(60, 1)
    label = np.where(s[:, 0] > 0, 1.0, -1.0).astype(np.float32)
    weight, fold = np.ones(60, np.float32), np.arange(60) % 3
    whole = learnt(s, o, label, weight, fold)
    turned = learnt(s, o, np.where(fold == 0, -label, label), weight, fold)
    assert np.allclose(whole[fold == 0], turned[fold == 0])
    assert not np.allclose(whole[fold == 1], turned[fold == 1])
    assert (np.sign(whole) == label).mean() > 0.8


def test_what_is_scored_is_not_learnt_from() -> None:
    s, o = vectors(60, 0), vectors(60, 1)
    label, weight = np.sign(s[:, 0]), np.ones(60, np.float32)
    fold = np.where(np.arange(60) < 50, np.arange(60) % 3, -1)
    other = np.where(fold < 0, -label, label)
    assert np.allclose(learnt(s, o, label, weight, fold), learnt(s, o, other, weight, fold))
