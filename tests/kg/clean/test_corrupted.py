import numpy as np

from kg.clean.corrupted import BOTH, OBJECT, PREDICATE, STATED, SUBJECT, corrupt


def triples() -> np.ndarray:
    draw = np.random.default_rng(0)
    rows = [(draw.integers(100, 200), p, draw.integers(200 + 20 * p, 220 + 20 * p)) for p in (0, 1) for _ in range(90)]
    return np.unique(np.array(rows, np.int64), axis=0)


def test_wrong_triples_are_not_stated_and_keep_what_was_not_replaced() -> None:
    stated = triples()
    made = corrupt(stated, np.array([0, 1]), most=30, known=10)
    known = set(map(tuple, stated.tolist()))
    for triple, kind in zip(made.triples.tolist(), made.kind.tolist(), strict=True):
        assert (tuple(triple) in known) == (kind == STATED)
        if kind in (OBJECT, SUBJECT, BOTH):
            assert 200 + 20 * triple[1] <= triple[2] < 220 + 20 * triple[1]
    swapped = made.triples[made.kind == PREDICATE]
    assert len(swapped)
    assert all((s, 1 - p, o) in known for s, p, o in swapped.tolist())


def test_what_is_compared_with_is_not_learnt_from() -> None:
    made = corrupt(triples(), np.array([0, 1, 7]), most=30, known=10)
    assert made.known.keys() == {0, 1}
    sources = set(map(tuple, made.triples[made.kind == STATED].tolist()))
    assert len(sources) == 60
    assert all(len(own) == 10 and sources.isdisjoint(map(tuple, own.tolist())) for own in made.known.values())


def test_a_seed_gives_the_same_triples_and_another_gives_others() -> None:
    one, same, other = (corrupt(triples(), np.array([0, 1]), most=30, known=10, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.triples, same.triples)
    assert not np.array_equal(one.triples[:60], other.triples[:60])
