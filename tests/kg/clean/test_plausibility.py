from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.clean.plausibility import plausibility
from kg.graph import Graph, write_graph
from kg.terms import iri_term
from tests.toy import ranked

Triples = set[tuple[str, str, str]]
Build = Callable[[Triples], Graph]

LANDS, CITIES, PEOPLE = 4, 12, 120
"""City i lies in land i % LANDS, person i is born in city i % CITIES and a citizen of its land, and made film i."""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    def build(triples: Triples) -> Graph:
        terms = [tuple(iri_term(term) for term in triple) for triple in sorted(triples)]
        frame = pl.DataFrame(terms, schema=["s", "p", "o"], orient="row")
        return write_graph(tmp_path_factory.mktemp("plausibility"), ranked(frame))

    return build


def world() -> Triples:
    triples = {(f"e:city{i}", "p:country", f"e:land{i % LANDS}") for i in range(CITIES)}
    for i in range(PEOPLE):
        city = i % CITIES
        triples |= {
            (f"e:person{i}", "p:born", f"e:city{city}"),
            (f"e:person{i}", "p:citizen", f"e:land{city % LANDS}"),
            (f"e:film{i}", "p:director", f"e:person{i}"),
        }
    return triples


def toy_encode(texts: list[str]) -> np.ndarray:
    """A name's letters and nothing else: city, land, person or film."""
    kinds = ["city", "land", "person", "film"]
    return np.array([[float(kind in text) for kind in kinds] for text in texts], np.float32)


def test_the_right_thing_scores_above_another_of_its_kind_and_one_of_the_wrong_kind(build: Build) -> None:
    right, wrong_city, wrong_kind = plausibility(
        build(world() - {("e:person5", "p:born", "e:city5")}),
        [("e:person5", "p:born", f"e:{end}") for end in ("city5", "city6", "film6")],
    )
    assert right > 0 > max(wrong_city, wrong_kind)


@pytest.mark.parametrize(
    "triple",
    [
        ("e:person5", "p:born", "e:city5"),
        ("e:person5", "p:born", "e:city6"),
        ("e:city3", "p:country", "e:land3"),
        ("e:film7", "p:director", "e:person7"),
        ("e:nobody", "p:citizen", "e:land1"),
    ],
)
def test_whether_the_graph_holds_the_triple_makes_no_difference(build: Build, triple: tuple[str, str, str]) -> None:
    s, _, o = triple
    restated = {triple, (s, "p:twin", o), (o, "p:inverse", s)}
    others = [("e:person9", "p:born", "e:city9"), ("e:person8", "p:citizen", "e:land1")]
    removed, held, told_thrice = (
        plausibility(build(triples), [triple, *others])[0]
        for triples in (world() - {triple}, world() | {triple}, world() | restated)
    )
    assert held == pytest.approx(removed, abs=1e-4)
    assert told_thrice == pytest.approx(removed, abs=1e-4)


ends = st.integers(0, 7)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(st.tuples(ends, st.integers(0, 1), ends), min_size=12, max_size=40),
    st.tuples(ends, st.integers(0, 1), ends),
)
def test_no_triple_of_any_graph_is_looked_up(
    build: Build, numbers: set[tuple[int, int, int]], asked: tuple[int, int, int]
) -> None:
    triples = {(f"e:{s}", f"p:{p}", f"e:{o}") for s, p, o in numbers}
    triple = (f"e:{asked[0]}", f"p:{asked[1]}", f"e:{asked[2]}")
    held, removed = (plausibility(build(own), [triple]) for own in (triples | {triple}, triples - {triple}))
    assert held == pytest.approx(removed, abs=1e-4)


def test_the_same_graph_gives_the_same_scores(build: Build) -> None:
    graph = build(world())
    asked = [("e:person5", "p:born", "e:city6"), ("e:city3", "p:country", "e:land3")]
    assert plausibility(graph, asked).tolist() == plausibility(graph, asked).tolist()


def test_what_the_graph_does_not_know_scores_nothing(build: Build) -> None:
    graph = build(world())
    unknown = [("e:x", "p:born", "e:y"), ("e:person5", "p:unheard", "e:city5")]
    assert plausibility(graph, unknown).tolist() == [0.0, 0.0]
    assert plausibility(graph, []).shape == (0,)
    assert plausibility(build({("e:a", "p:b", "e:c")}), [("e:a", "p:b", "e:c")]).tolist() == [0.0]


def test_a_name_speaks_for_what_the_graph_does_not_know(build: Build) -> None:
    asked = [("e:person999", "p:born", f"e:{end}999") for end in ("city", "film")]
    asked.append(("e:film999", "p:director", "e:person999"))
    city, film, _ = plausibility(build(world()), asked, encode=toy_encode)
    assert city > film
