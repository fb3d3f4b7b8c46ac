"""Values as Python's own numbers and dates tell them."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.terms import expand
from retrieval.measures import Measures
from retrieval.neighbours import Neighbours
from tests.random_graph import opened
from tests.toy_graph import fact, neighbours_of, relation_of

XSD = expand("xsd:")


def typed(text: str, datatype: str) -> str:
    return f'"{text}"^^<{XSD}{datatype}>'


def values_of(neighbours: Neighbours) -> dict[str, float]:
    """By literal, the value of the only measure of the graph."""
    graph, measures = neighbours.graph, neighbours.measures
    predicate = relation_of(neighbours, "dbo:size") // 2
    _, values, rows = measures.of(graph.entities, predicate)
    return {graph.triple(int(row))[2]: float(value) for row, value in zip(rows, values, strict=True)}


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('"12"', 12.0),
        ('"-0.5"@en', -0.5),
        (typed("+7", "integer"), 7.0),
        (typed("3.", "decimal"), 3.0),
        (typed("1.5e3", "double"), 1500.0),
        ('"42"^^<http://dbpedia.org/datatype/metre>', 42.0),
        (typed("1815", "gYear"), 1815.0),
        (typed("1815-07", "gYearMonth"), 1815.5),
        (typed("1815-01-01", "date"), 1815.0),
        (typed("-0044-01-01", "date"), -44.0),
        (typed("2001-01-01T12:00:00Z", "dateTime"), 2001.0),
        (typed("2001-01-01+02:00", "date"), 2001.0),
        ('"12 m"', None),
        ('"1,000"', None),
        ('"twelve"@en', None),
        ('""', None),
        ('"1815-12-10"', None),
        (typed("1815-12-10", "string"), None),
        (typed("--12-10", "gMonthDay"), None),
        (typed("true", "boolean"), None),
        (typed("NaN", "double"), None),
        (typed("INF", "double"), None),
        (typed("1e999", "double"), None),
        (typed("2000-13-01", "date"), None),
        (typed("2000-00-00", "date"), None),
        (typed("2000-02-77", "date"), None),
    ],
)  # fmt: skip
def test_a_literal_has_the_value_that_it_states_or_none(tmp_path: Path, literal: str, value: float | None) -> None:
    neighbours = neighbours_of(tmp_path, [fact("dbr:A", "dbo:size", literal)])
    assert values_of(neighbours) == ({} if value is None else {literal: pytest.approx(value)})
    assert neighbours.measures.has(0) == (value is not None)


@given(st.sets(st.dates(min_value=date(1000, 1, 1)), min_size=2, max_size=20))
@settings(max_examples=15)
def test_dates_are_ordered_as_the_calendar_has_them(days: set[date]) -> None:
    with opened(frozenset(fact("dbr:A", "dbo:size", typed(day.isoformat(), "date")) for day in days)) as neighbours:
        found = values_of(neighbours)
        assert neighbours.measures.dates.tolist() == [True]
    ordered = sorted(days)
    values = [found[typed(day.isoformat(), "date")] for day in ordered]
    assert values == sorted(set(values))
    assert [int(np.floor(value)) for value in values] == [day.year for day in ordered]


@given(
    st.sets(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**12), 10**12), min_size=1, max_size=12)
)
@settings(max_examples=15)
def test_numbers_are_what_python_reads(numbers: set[float]) -> None:
    with opened(frozenset(fact("dbr:A", "dbo:size", typed(str(number), "double")) for number in numbers)) as found:
        assert values_of(found) == {typed(str(number), "double"): float(number) for number in numbers}
        assert found.measures.dates.tolist() == [False]


def test_values_are_found_by_node_with_the_triple_that_states_each(tmp_path: Path) -> None:
    triples = [
        fact("dbr:A", "dbo:size", '"2"'),
        fact("dbr:A", "dbo:size", '"1"'),
        fact("dbr:C", "dbo:size", '"1"'),
        fact("dbr:C", "dbo:born", typed("1990", "gYear")),
        fact("dbr:D", "dbo:born", typed("1991", "gYear")),
        fact("dbr:D", "dbo:born", '"70"'),
        fact("dbr:B", "dbo:near", "dbr:A"),
    ]
    neighbours = neighbours_of(tmp_path, triples)
    graph = neighbours.graph
    born, near, size = (relation_of(neighbours, f"dbo:{name}") // 2 for name in ("born", "near", "size"))
    for names, predicate, expected in (
        ("ABC", size, triples[:3]),
        ("B", size, []),
        ("C", size, triples[2:3]),
        ("CD", born, triples[3:6]),
        ("ABCD", near, []),
    ):
        nodes = np.array([graph.id_of(expand(f"dbr:{name}")) for name in names], np.int32)
        found, values, rows = neighbours.measures.of(nodes, predicate)
        assert {graph.triple(int(row)) for row in rows} == set(expected)
        assert [graph.terms[int(node)] for node in found] == [graph.triple(int(row))[0] for row in rows]
        assert [float(graph.triple(int(row))[2].split('"')[1]) for row in rows] == values.tolist()
    assert [neighbours.measures.has(predicate) for predicate in (born, near, size)] == [True, False, True]
    assert neighbours.measures.dates[[born, near, size]].tolist() == [True, False, False]
    again = Measures.open(tmp_path / "neighbours" / "measures")
    assert again.value.tolist() == neighbours.measures.value.tolist()
