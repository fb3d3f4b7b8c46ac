from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.strings import StringColumn, write_strings

TEXTS = st.lists(st.text(max_size=6), max_size=20)


def column(folder: Path, texts: list[str | None]) -> StringColumn:
    write_strings(folder, "column", pl.Series(texts, dtype=pl.String))
    return StringColumn.open(folder, "column")


@given(TEXTS, st.data())
def test_strings_come_back_by_position(texts: list[str], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        read = column(Path(folder), texts)
        assert list(read) == texts
        assert read.to_series().to_list() == texts
        cut = data.draw(st.slices(len(texts)))
        assert read[cut] == texts[cut]


@given(st.sets(st.text(max_size=3)), st.text(max_size=3))
def test_find_gives_the_position_in_byte_order(texts: set[str], other: str) -> None:
    ordered = sorted(texts, key=str.encode)
    with TemporaryDirectory() as folder:
        read = column(Path(folder), ordered)
        assert [read.find(text) for text in ordered] == list(range(len(ordered)))
        assert read.find(other) == (ordered.index(other) if other in texts else -1)


def test_a_part_of_a_longer_series_is_written_alone(tmp_path: Path) -> None:
    write_strings(tmp_path, "part", pl.Series(["a", "bb", "ccc", "é"]).slice(1, 2))
    assert list(StringColumn.open(tmp_path, "part")) == ["bb", "ccc"]


def test_nulls_become_empty_strings(tmp_path: Path) -> None:
    assert list(column(tmp_path, ["a", None])) == ["a", ""]


def test_a_position_outside_is_an_error(tmp_path: Path) -> None:
    read = column(tmp_path, ["a"])
    for position in (-1, 1):
        with pytest.raises(IndexError, match="1 strings"):
            read[position]


@given(st.lists(st.text(), max_size=200), st.data())
def test_many_strings_are_those_taken_one_by_one(texts: list[str], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        read = column(Path(folder), texts)
        places = data.draw(st.lists(st.integers(0, max(len(texts) - 1, 0)), max_size=300 if texts else 0))
        assert read.take(np.array(places, np.int32)) == [texts[place] for place in places]
