import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.statements import Collector, Statements, concat, count_distinct, keys, rename
from kg.triples import Triples

_TERMS = st.sampled_from(["<http://a/a>", "<http://a/é>", "<http://a/b>", '"x"', "_:b"])
_ROWS = st.lists(st.tuples(_TERMS, _TERMS, _TERMS), max_size=12)


def frame(rows: list[tuple[str, str, str]]) -> pl.DataFrame:
    schema = {"s": pl.String, "p": pl.String, "o": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_row_index("record")


def rows_of(statements: Statements) -> list[tuple[str, str, str]]:
    return statements.frame().select("s", "p", "o").rows()


@given(st.lists(_ROWS, max_size=3))
def test_what_is_collected_in_pieces_comes_back_in_its_order(pieces: list[list[tuple[str, str, str]]]) -> None:
    collector = Collector()
    for piece in pieces:
        collector.add(frame(piece))
    statements = collector.statements()
    everything = [row for piece in pieces for row in piece]
    assert rows_of(statements) == everything
    assert statements.terms.to_list() == sorted({term for row in everything for term in row}, key=str.encode)
    assert statements.distinct() == len(set(everything))


@given(_ROWS, _ROWS)
def test_joined_statements_follow_one_another(one: list[tuple[str, str, str]], two: list[tuple[str, str, str]]) -> None:
    together = concat([Statements.of(frame(one)), Statements.of(frame(two))])
    assert rows_of(together) == one + two
    assert together.terms.to_list() == sorted({term for row in one + two for term in row}, key=str.encode)


@given(_ROWS)
def test_keys_order_triples_as_their_terms_do(rows: list[tuple[str, str, str]]) -> None:
    statements = Statements.of(frame(rows))
    key = keys(*(statements.rows[name].to_numpy() for name in ("s", "p", "o")))
    assert count_distinct(key) == len(set(rows))
    ordered = [rows[place] for place in np.argsort(key, kind="stable")]
    assert ordered == sorted(rows, key=lambda row: [term.encode() for term in row])


def test_keys_that_do_not_fit_are_refused() -> None:
    large = np.array([2**31], np.uint32)
    with pytest.raises(OverflowError, match="64-bit"):
        keys(np.array([2**32 - 1], np.uint32), np.array([0], np.uint32), np.array([2**33], np.uint64))
    assert keys(large, np.array([7], np.uint32), large).tolist() == [2**63 + 2**31]


def test_terms_that_become_equal_are_one_term() -> None:
    statements = Statements.of(
        frame([("<http://a/b>", "<http://a/a>", '"x"'), ("<http://a/a>", "<http://a/a>", '"x"')])
    )
    same = rename(statements, statements.terms.replace({"<http://a/b>": "<http://a/a>"}))
    assert rows_of(same) == [("<http://a/a>", "<http://a/a>", '"x"')] * 2
    assert same.distinct() == 1


@given(_ROWS.filter(bool))
def test_lines_of_triples_are_sorted_and_distinct(rows: list[tuple[str, str, str]]) -> None:
    triples = Triples.of(Statements.of(frame(rows)))
    lines = b"".join(triples.lines()).decode().splitlines()
    assert lines == [" ".join(row) + " ." for row in sorted(set(rows), key=lambda row: [term.encode() for term in row])]


def test_positions_leave_out_what_is_not_there() -> None:
    statements = Statements.of(frame([("<http://a/b>", "<http://a/a>", '"x"')]))
    assert statements.positions(["<http://a/b>", "<http://a/z>", '"x"', "!"]).tolist() == [2, 0]
    assert Statements.of(frame([])).positions(["<http://a/b>"]).tolist() == []
