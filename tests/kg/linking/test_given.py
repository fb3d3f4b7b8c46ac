from pathlib import Path

import polars as pl
import pytest

from kg.graph import Graph, write_graph
from kg.linking.aliases import Aliases, write_aliases
from kg.linking.given import is_question, link_given
from kg.terms import expand
from tests.encoders import NgramEncoder
from tests.toy import CLEAN, ranked


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, Aliases]:
    folder: Path = tmp_path_factory.mktemp("given")
    frame = pl.DataFrame(sorted(CLEAN), schema=["s", "p", "o"], orient="row")
    graph = write_graph(folder / "graph", ranked(frame))
    return graph, write_aliases(folder / "aliases", graph)


def spans(text: str, *names: str) -> list[tuple[int, int]]:
    return [(text.index(name), text.index(name) + len(name)) for name in names]


def test_each_given_span_gets_its_entity_or_none_in_order(linked: tuple[Graph, Aliases]) -> None:
    text = "In the United Kingdom Madame Curie met somebody in paris."
    places = spans(text, "paris", "somebody", "the United Kingdom", "Madame Curie")
    wanted = [expand("dbr:Paris"), None, expand("dbr:United_Kingdom"), expand("dbr:Marie_Curie")]
    assert link_given([text, "nothing"], [places, []], *linked, NgramEncoder()) == [wanted, []]


def test_a_last_name_means_whom_the_text_names_in_full(linked: tuple[Graph, Aliases]) -> None:
    text = "Pierre Curie was a physicist. Later Curie taught."
    places = [*spans(text, "Pierre Curie"), (36, 41)]
    assert text[36:41] == "Curie"
    assert link_given([text], [places], *linked) == [[expand("dbr:Pierre_Curie")] * 2]


def test_a_question_ends_in_a_question_mark() -> None:
    assert is_question("who was ada lovelace? ")
    assert not is_question("Who? Nobody.")
