import math

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kg.clean import prune
from kg.terms import RDF_TYPE, RDFS_LABEL

NODES = st.integers(0, 5).map(lambda i: f"<http://a/{i}>")
PREDICATES = st.sampled_from([RDF_TYPE, RDFS_LABEL, "<http://a/p>", "<http://a/q>"])
TRIPLES = st.lists(st.tuples(NODES, PREDICATES, NODES), min_size=1, max_size=25, unique=True)


def frame(triples: list[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(triples, schema=["s", "p", "o"], orient="row")


@given(TRIPLES, st.floats(0.01, 1), st.data())
def test_pruning_keeps_the_share_and_depends_on_no_order(
    triples: list[tuple[str, str, str]], budget: float, data: st.DataObject
) -> None:
    importance = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(triples), max_size=len(triples))))
    kept = prune(frame(triples), importance, budget)
    assert kept.sum() == max(1, math.ceil(budget * len(triples) - 1e-9))
    order = np.array(data.draw(st.permutations(range(len(triples)))))
    again = prune(frame([triples[i] for i in order]), importance[order], budget)
    assert (again == kept[order]).all()


def test_labels_and_types_outlive_what_is_more_important() -> None:
    triples = [
        ("<http://a/1>", RDFS_LABEL, '"one"'),
        ("<http://a/1>", "<http://a/p>", '"x"'),
        ("<http://a/1>", RDF_TYPE, "<http://a/C>"),
        ("<http://a/1>", "<http://a/q>", '"y"'),
    ]
    assert prune(frame(triples), np.array([0, 9, 0, 8]), 0.5).tolist() == [True, False, True, False]
    assert prune(frame(triples), np.array([0, 9, 0, 8]), 0.75).tolist() == [True, True, True, False]


def test_every_resource_keeps_its_best_triple_where_there_is_room() -> None:
    triples = [
        ("<http://a/1>", "<http://a/p>", '"x"'),
        ("<http://a/1>", "<http://a/q>", '"y"'),
        ("<http://a/2>", "<http://a/p>", '"z"'),
        ("<http://a/2>", "<http://a/q>", '"z"'),
    ]
    assert prune(frame(triples), np.array([9, 8, 1, 2]), 0.5).tolist() == [True, False, False, True]
