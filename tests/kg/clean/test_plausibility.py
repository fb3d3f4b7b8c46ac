from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from kg.clean.plausibility import plausibility
from kg.graph import Graph, write_graph
from kg.terms import expand, value_of
from tests.toy import CLEAN, ranked, triples_of

Build = Callable[[list[tuple[str, str, str]]], Graph]


@pytest.fixture
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    def build(triples: list[tuple[str, str, str]]) -> Graph:
        frame = pl.DataFrame(triples, schema=["s", "p", "o"], orient="row")
        return write_graph(tmp_path_factory.mktemp("plausibility"), ranked(frame))

    return build


def bare(text: str) -> list[tuple[str, str, str]]:
    return [(value_of(s), value_of(p), value_of(o)) for s, p, o in triples_of(text)]


def test_what_fits_the_predicate_scores_above_what_does_not(build: Build) -> None:
    graph = build(sorted(CLEAN))
    fits, wrong_object, wrong_subject = plausibility(
        graph,
        bare(
            "dbr:Marjane_Satrapi|dbo:birthPlace|dbr:Paris\n"
            "dbr:Marjane_Satrapi|dbo:birthPlace|dbr:Persepolis_(film)\n"
            "dbr:Poland|dbo:birthPlace|dbr:Paris"
        ),
    )
    assert fits > max(wrong_object, wrong_subject)


@pytest.mark.parametrize(
    "line",
    [
        "dbr:Marie_Curie|dbo:birthPlace|dbr:Warsaw",
        "dbr:Poland|dbo:capital|dbr:Warsaw",
        "dbr:Persepolis_(film)|dbo:director|dbr:Marjane_Satrapi",
        "dbr:London|dbo:country|dbr:United_Kingdom",
    ],
)
def test_whether_the_graph_holds_the_triple_makes_no_difference(build: Build, line: str) -> None:
    held = plausibility(build(sorted(CLEAN)), bare(line))
    removed = plausibility(build(sorted(CLEAN - set(triples_of(line)))), bare(line))
    assert held == pytest.approx(removed, abs=1e-6)


def test_shared_neighbours_speak_for_a_triple(build: Build) -> None:
    more = triples_of("dbr:Marie_Curie|dbo:knows|dbr:Ada_Lovelace\ndbr:Charles_Babbage|dbo:knows|dbr:Ada_Lovelace")
    asked = bare("dbr:Marie_Curie|dbo:parent|dbr:Charles_Babbage")
    alone = plausibility(build(sorted(CLEAN | {more[0]})), asked)
    both = plausibility(build(sorted(CLEAN | set(more))), asked)
    assert both[0] > alone[0]


def test_what_the_graph_does_not_know_scores_nothing(build: Build) -> None:
    graph = build(sorted(CLEAN))
    unknown = [("x:a", expand("dbo:birthPlace"), "x:b"), ("x:a", "x:p", expand("dbr:Paris"))]
    assert plausibility(graph, unknown).tolist() == [0.0, 0.0]
    assert plausibility(graph, []).shape == (0,)
    assert np.isfinite(plausibility(graph, [tuple(map(value_of, t)) for t in sorted(CLEAN)])).all()  # type: ignore[misc]
