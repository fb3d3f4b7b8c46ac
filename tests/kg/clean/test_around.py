from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.clean.around import around, pair_keys
from kg.graph import write_graph
from tests.toy import ranked

ends = st.integers(0, 5)


@settings(max_examples=30, deadline=None)
@given(st.sets(st.tuples(ends, st.integers(0, 2), ends), min_size=1, max_size=30), ends, ends, st.integers(0, 2))
def test_counts_and_paths_are_those_of_a_search_without_the_pairs_own_statements(
    numbers: set[tuple[int, int, int]], a: int, b: int, p: int
) -> None:
    triples = sorted((f"<e:{s}>", f"<p:{r}>", f"<e:{o}>") for s, r, o in numbers)
    with TemporaryDirectory() as folder:
        frame = pl.DataFrame(triples, schema=["s", "p", "o"], orient="row")
        graph = write_graph(Path(folder), ranked(frame))
        seen = around(graph, np.zeros(0, np.int64))
        one, other = (seen.places(np.array([graph.terms.find(f"<e:{end}>")])) for end in (a, b))
        relation = seen.places(np.array([-1]))
        found = np.flatnonzero(seen.predicates == graph.terms.find(f"<p:{p}>"))
        relation = found if len(found) else relation
    steps = [(s, (r, 0), o) for s, r, o in numbers] + [(o, (r, 1), s) for s, r, o in numbers]
    around_a = [step for step in steps if step[0] == a and step[2] != b]
    assert seen.degree(one, other).tolist() == [len(around_a)]
    values = sum(step[1] == (p, 0) for step in around_a)
    assert seen.values(one, relation, other).tolist() == [values]
    over = [(x, y) for x in around_a for y in steps if y[0] == b and x[2] == y[2] and x[2] not in (a, b)]
    rows, kinds, weights = seen.paths(one, other)
    assert len(rows) == (len(over) if a != b else 0)
    if a != b:
        degrees = [sum(step[0] == x[2] for step in steps) for x, _ in over]
        assert weights.sum() == pytest.approx(sum(1 / np.log(1 + d) for d in degrees), rel=1e-5)
        assert len(np.unique(kinds)) == len({(x[1], y[1]) for x, y in over})


def test_hidden_pairs_are_hidden_both_ways(tmp_path: Path) -> None:
    triples = [("<e:a>", "<p:1>", "<e:b>"), ("<e:b>", "<p:2>", "<e:a>"), ("<e:a>", "<p:1>", "<e:c>")]
    frame = pl.DataFrame(triples, schema=["s", "p", "o"], orient="row")
    graph = write_graph(tmp_path, ranked(frame))
    a, b = graph.id_of("e:a"), graph.id_of("e:b")
    seen = around(graph, pair_keys(np.array([b]), np.array([a]), len(graph.terms)))
    assert [graph.terms[int(node)] for node in seen.nodes] == ["<e:a>", "<e:c>"]
    assert seen.places(np.array([a, b, -1])).tolist() == [0, -1, -1]
