from pathlib import Path

import pytest

from kg.terms import expand
from retrieval.classes import Classes
from tests.toy_graph import fact, neighbours_of


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Classes:
    typed = ["dbo:Film", "dbo:Film", "dbo:FilmFestival", "dbo:City", "dbo:CapitalOfRegion", "dbr:Town"]
    triples = [fact(f"dbr:N{number}", "rdf:type", name) for number, name in enumerate(typed)]
    triples += [
        fact("dbo:FilmFestival", "rdfs:label", '"film festival"@en'),
        fact("dbr:Town", "rdfs:label", '"City"@en'),
        fact("dbr:N0", "rdf:type", '"film"'),
        fact("dbr:N0", "dbo:near", "dbo:Lake"),
    ]
    return Classes(neighbours_of(tmp_path_factory.mktemp("classes"), triples).graph)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Which films are long?", [("dbo:Film", 6, 11)]),
        ("Which film festivals show a film?", [("dbo:Film", 28, 32), ("dbo:FilmFestival", 6, 20)]),
        ("FILMS at festivals", [("dbo:Film", 0, 5)]),
        ("Which city?", [("dbo:City", 6, 10), ("dbr:Town", 6, 10)]),
        ("Which lakes are deep?", []),
        ("", []),
    ],
)
def test_a_class_is_named_by_the_stems_of_its_name_and_the_longest_wins(
    classes: Classes, question: str, named: list[tuple[str, int, int]]
) -> None:
    found = [(classes.graph.iri_of(item.term), item.start, item.end) for item in classes.named(question)]
    assert sorted(found) == [(expand(name), start, end) for name, start, end in named]


@pytest.mark.parametrize(
    ("taken", "named"),
    [([(6, 10)], []), ([(8, 12)], []), ([(0, 5), (11, 20)], ["dbo:Film"]), ([(6, 6)], ["dbo:FilmFestival"])],
)
def test_words_of_a_mention_name_no_class(classes: Classes, taken: list[tuple[int, int]], named: list[str]) -> None:
    found = classes.named("Which film festivals?", taken)
    assert [classes.graph.iri_of(item.term) for item in found] == [expand(name) for name in named]


def test_the_words_of_one_name_stand_together(classes: Classes) -> None:
    found = classes.named("Which film Paris festivals?", [(11, 16)])
    assert [classes.graph.iri_of(item.term) for item in found] == [expand("dbo:Film")]


def test_a_graph_without_classes_names_none(tmp_path: Path) -> None:
    graph = neighbours_of(tmp_path, [fact("dbr:A", "dbo:near", "dbr:B")]).graph
    assert Classes(graph).named("Which films?") == []
