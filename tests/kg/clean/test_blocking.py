import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from kg.clean import blocking
from kg.clean.blocking import distinct, edits, pairs_of

NAMES = st.lists(st.text("abé1", min_size=1, max_size=6), min_size=1, max_size=12)


def numbers(name: str) -> str:
    return "".join(char if char.isdigit() else " " for char in name).strip()


@settings(max_examples=40)
@given(NAMES)
def test_all_names_one_edit_apart_meet_unless_their_numbers_differ(names: list[str]) -> None:
    expected = {
        (i, j)
        for i, one in enumerate(names)
        for j, two in enumerate(names[i + 1 :], i + 1)
        if OSA.distance(one, two) <= 1 and " ".join(numbers(one).split()) == " ".join(numbers(two).split())
    }
    a, b = pairs_of(pl.Series(names))
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == expected
    assert len(a) == len(expected)


@settings(max_examples=40)
@given(NAMES)
def test_hashes_in_several_parts_find_the_same(names: list[str]) -> None:
    whole = pairs_of(pl.Series(names))
    held, blocking._HASHES = blocking._HASHES, 5
    try:
        assert all(np.array_equal(x, y) for x, y in zip(pairs_of(pl.Series(names)), whole, strict=True))
    finally:
        blocking._HASHES = held


def test_long_names_two_edits_apart_meet_where_they_are_near_in_order() -> None:
    a, b = pairs_of(pl.Series(["abcdefghij", "abxdefghiy", "qqqqqqqqqq", "zbcdefghyj"]))
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == [(0, 1), (0, 3)]


def test_a_large_block_is_cut_and_not_left_out() -> None:
    names = pl.Series(["same"] * 200)
    a, b = pairs_of(names)
    assert set(a.tolist()) | set(b.tolist()) == set(range(200))
    assert len(a) == sum(min(16, 199 - i) for i in range(200))


def test_edits_beyond_two_are_three() -> None:
    texts = pl.Series(["abcd", "abdc", "wxyz"])
    assert edits(texts, np.array([0, 0], np.int32), np.array([1, 2], np.int32)).tolist() == [1, 3]


@given(st.lists(st.integers(0, 9)))
def test_distinct_values_are_those_of_a_set(values: list[int]) -> None:
    assert distinct(np.array(values, np.uint64)).tolist() == sorted(set(values))
