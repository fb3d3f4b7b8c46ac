"""Each feature of a candidate's answers by a case made by hand."""

from pathlib import Path as File

import numpy as np
import pytest
import torch

from kg.terms import expand
from retrieval.asked import prepare
from retrieval.features import FIRST_WEIGHTS, NAMES, OF_PATHS, PLACE
from retrieval.finalists import Finalists
from retrieval.options import RetrievalOptions
from retrieval.path import Path, Seed
from retrieval.reach import answers_of
from retrieval.retriever import Retriever
from retrieval.search import path_features
from tests.encoders import NgramEncoder
from tests.scorers import said_of, shaken
from tests.toy_graph import fact, relation_of, toy_retriever, write_toy

_DATE, _NUMBER = (f"^^<{expand(f'xsd:{name}')}>" for name in ("date", "integer"))
PEAKS = {"Alp": ("8000", "1950-05-05"), "Ben": ("8000", "1960-01-01"), "Crag": ("300", "1960-07-07"), "Dune": ("", "")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> File:
    """Four peaks of a land, three of them mountains, with heights and first ascents; a town."""
    triples = [fact("dbr:Land", "dbo:capital", "dbr:Town"), fact("dbr:Town", "rdf:type", "dbo:Town")]
    triples += [fact("dbr:Land", "dbp:peak", "dbr:Alp"), fact("dbr:Land", "dbo:founded", f'"1800-01-01"{_DATE}')]
    triples += [fact("dbr:Land", "dbo:area", f'"42"{_NUMBER}'), fact("dbr:Land", "dbo:anthem", '"O Land"@en')]
    for name, (height, ascent) in PEAKS.items():
        triples += [fact("dbr:Land", "dbo:range", f"dbr:{name}")] if name in ("Alp", "Ben") else []
        triples += [fact("dbr:Land", "dbo:peak", f"dbr:{name}"), fact(f"dbr:{name}", "dbo:location", "dbr:Town")]
        if height:
            triples += [
                fact(f"dbr:{name}", "dbo:height", f'"{height}"{_NUMBER}'),
                fact(f"dbr:{name}", "dbo:firstAscent", f'"{ascent}"{_DATE}'),
                fact(f"dbr:{name}", "rdf:type", "dbo:Mountain"),
            ]
    made = tmp_path_factory.mktemp("peaks")
    write_toy(made, NgramEncoder(), sorted(triples))
    return made


@pytest.fixture
def peaks(folder: File) -> Retriever:
    return toy_retriever(folder, RetrievalOptions(finalists=1000))


def found_for(retriever: Retriever, question: str, **named: float) -> Finalists:
    """The finalists of a question that begins at these entities, which it may name."""
    seeds = []
    for name, log_p in named.items():
        start = question.find(name)
        entity = retriever.neighbours.graph.id_of(expand(f"dbr:{name}"))
        seeds.append(Seed(entity, start, start + len(name) if start >= 0 else -1, log_p))
    (ready,) = prepare([question], [seeds], retriever.encoder, retriever.classes)
    return retriever.finalists(ready)


def rows_of(found: Finalists, retriever: Retriever, *relations: str, **given: object) -> list[dict[str, float]]:
    """The features of the finalists of one seed and these relations whose path has what is given."""
    wanted = tuple(relation_of(retriever.neighbours, name) for name in relations)
    return [
        dict(zip(NAMES, values.tolist(), strict=True))
        for path, values in zip(found.paths, found.features, strict=True)
        if path.relations == wanted and path.meets is None
        if all(getattr(path, name) == value for name, value in given.items())
    ]


def test_a_class_that_the_question_names_is_told_and_cuts_the_answers_down(peaks: Retriever) -> None:
    found = found_for(peaks, "Which mountains are in Land?", Land=-0.1)
    (plain,) = rows_of(found, peaks, "dbo:peak", kind=-1)
    mountain = peaks.neighbours.graph.id_of(expand("dbo:Mountain"))
    (cut,) = rows_of(found, peaks, "dbo:peak", kind=mountain)
    assert [plain[name] for name in ("named", "not_named", "restricted")] == [1.0, 0.0, 0.0]
    assert [cut[name] for name in ("named", "not_named", "restricted")] == [1.0, 0.0, 1.0]
    assert plain["size"] == cut["size"] == pytest.approx(np.log(4))
    (all_of_it,) = rows_of(found, peaks, "dbo:range")
    assert [all_of_it[name] for name in ("named", "not_named", "restricted")] == [1.0, 0.0, 0.0]
    (other,) = rows_of(found, peaks, "dbo:capital")
    assert [other[name] for name in ("named", "not_named", "restricted")] == [0.0, 1.0, 0.0]
    for row in found_for(peaks, "What is in Land?", Land=-0.1).features:
        assert row[PLACE["named"]] == row[PLACE["not_named"]] == row[PLACE["restricted"]] == 0.0


def test_of_classes_of_one_name_the_share_tells_which_has_more_of_the_answers(tmp_path: File) -> None:
    triples = [fact("dbr:Land", "dbo:place", f"dbr:Site_{i}") for i in range(9)]
    triples += [fact(f"dbr:Site_{i}", "rdf:type", "dbo:Castle") for i in range(8)]
    triples += [fact(f"dbr:Site_{i}", "rdf:type", "dbp:Castle") for i in range(2)]
    write_toy(tmp_path, NgramEncoder(), sorted(triples))
    found = found_for(toy_retriever(tmp_path, RetrievalOptions()), "Which castles are in Land?", Land=-0.1)
    shares = {
        len(own): float(values[PLACE["share"]])
        for path, own, values in zip(found.paths, found.answers, found.features, strict=True)
        if path.kind >= 0
    }
    assert shares == pytest.approx({8: 0.0, 2: np.log(2 / 8)})


def test_a_class_that_only_one_of_many_answers_has_is_found(tmp_path: File) -> None:
    triples = [fact("dbr:Land", "dbo:place", f"dbr:Site_{i:03}") for i in range(200)]
    triples += [fact(f"dbr:Site_{i:03}", "rdf:type", "dbo:Castle" if i == 101 else "dbo:Barn") for i in range(200)]
    write_toy(tmp_path, NgramEncoder(), sorted(triples))
    land = toy_retriever(tmp_path, RetrievalOptions())
    found = found_for(land, "Which castles are in Land?", Land=-0.1)
    (one,) = (own for path, own in zip(found.paths, found.answers, strict=True) if path.kind >= 0)
    assert [land.neighbours.graph.iri_of(int(node)) for node in one] == [expand("dbr:Site_101")]


@pytest.mark.parametrize(
    ("question", "suits"),
    [
        ("When was Land founded?", {"dbo:founded"}),
        ("How large is Land?", {"dbo:area"}),
        ("Who is it in Land?", {"dbo:capital", "dbo:peak", "dbo:anthem"}),
        ("What of Land?", None),
    ],
)
def test_answers_are_of_the_kind_that_the_question_word_asks_for_or_not(
    peaks: Retriever, question: str, suits: set[str] | None
) -> None:
    found = found_for(peaks, question, Land=-0.1)
    for name in ("dbo:founded", "dbo:area", "dbo:capital", "dbo:peak", "dbo:anthem"):
        (row,) = rows_of(found, peaks, name)
        expected = (0.0, 0.0) if suits is None else (float(name in suits), float(name not in suits))
        assert (row["asked"], row["not_asked"]) == expected, name


def test_of_relations_of_one_name_the_share_tells_which_has_more(peaks: Retriever) -> None:
    found = found_for(peaks, "What peak has Land?", Land=-0.1)
    assert peaks.neighbours.names.count("peak") == 2
    shares = [rows_of(found, peaks, name)[0]["share"] for name in ("dbo:peak", "dbp:peak", "dbo:capital")]
    assert shares == pytest.approx([0.0, np.log(1 / 4), 0.0])


@pytest.mark.parametrize(("log_p", "mentioned"), [(-0.1, 1.0), (-3.0, 0.0)])
def test_an_answer_that_is_itself_a_likely_mention_is_told(peaks: Retriever, log_p: float, mentioned: float) -> None:
    found = found_for(peaks, "Is Town in Land?", Land=-0.1, Town=log_p)
    (row,) = rows_of(found, peaks, "dbo:capital", form="select")
    assert row["mentioned"] == mentioned
    assert row["named"] == 1.0 - mentioned  # what is a mention names no class
    assert [row["mentioned"] for row in rows_of(found, peaks, "dbo:area", form="select")] == [0.0]


@pytest.mark.parametrize(
    ("question", "measure", "answers"),
    [
        ("What is the highest peak of Land?", "dbo:height", {"Alp", "Ben"}),
        ("Which peaks of Land are lower than 500 in height?", "dbo:height", {"Crag"}),
        ("Which peaks of Land had their first ascent in 1960?", "dbo:firstAscent", {"Ben", "Crag"}),
        ("Which peaks of Land had an ascent before 1955?", "dbo:firstAscent", {"Alp"}),
    ],
)
def test_answers_are_chosen_by_the_measures_that_suit(
    peaks: Retriever, question: str, measure: str, answers: set[str]
) -> None:
    found = found_for(peaks, question, Land=-0.1)
    relation = relation_of(peaks.neighbours, measure)
    plain = [row for row in rows_of(found, peaks, "dbo:peak") if not row["ordered"]]
    assert [(row["measure"], row["not_ordered"]) for row in plain] == [(0.0, 1.0)]
    peak = (relation_of(peaks.neighbours, "dbo:peak"),)
    (place,) = [
        place
        for place, path in enumerate(found.paths)
        if path.relations == peak and path.order and path.order.relation == relation
    ]
    graph = peaks.neighbours.graph
    assert {graph.label_of(int(node)) for node in found.answers[place]} == answers
    values = dict(zip(NAMES, found.features[place].tolist(), strict=True))
    assert (values["ordered"], values["not_ordered"]) == (1.0, 0.0)
    asked = peaks.encoder.encode([question.replace("Land", "this")])[0]
    assert values["measure"] == pytest.approx(asked @ peaks.relation_vectors[relation, 0].numpy(), abs=1e-5)
    if " in 1960" in question:
        assert {path.order.relation for path in found.paths if path.order} == {relation}


def test_a_question_that_asks_for_no_order_gets_none(peaks: Retriever) -> None:
    found = found_for(peaks, "Which peaks are in Land?", Land=-0.1)
    assert not any(path.order for path in found.paths)
    assert not found.features[:, [PLACE[name] for name in ("ordered", "measure", "not_ordered")]].any()


def test_every_finalist_without_an_order_lacks_it_where_one_is_asked_for(peaks: Retriever) -> None:
    found = found_for(peaks, "What is the highest peak of Land?", Land=-0.1, Town=-0.2, Alp=-0.3, Ben=-0.4, Crag=-0.5)
    assert len(found.paths) > 40
    for path, values in zip(found.paths, found.features, strict=True):
        if path.form != "ask":
            assert values[PLACE["not_ordered"]] == float(path.order is None)


def test_yes_and_no_are_told_apart(peaks: Retriever) -> None:
    found = found_for(peaks, "Is Town the capital of Land?", Land=-0.1, Town=-0.1)
    asks = [(path, values) for path, values in zip(found.paths, found.features, strict=True) if path.form == "ask"]
    said = {(path.relations[0], path.target): values[PLACE["holds"]] for path, values in asks}
    graph = peaks.neighbours.graph
    land, town = (graph.id_of(expand(f"dbr:{name}")) for name in ("Land", "Town"))
    capital = relation_of(peaks.neighbours, "dbo:capital")
    assert (said[capital, town], said[capital + 1, land]) == (1.0, 1.0)
    assert set(said.values()) == {0.0, 1.0}
    assert all(said[key] == float(key in {(capital, town), (capital + 1, land)}) for key in said)
    assert not any(values[PLACE[name]] for _, values in asks for name in ("size", "asked", "mentioned", "named"))
    plain = [values for path, values in zip(found.paths, found.features, strict=True) if path.form == "select"]
    assert not any(values[PLACE["holds"]] for values in plain)


@pytest.mark.parametrize("by", [0.0, 0.3])
def test_scores_are_those_of_the_network_with_all_features_and_answers_those_of_the_path(
    peaks: Retriever, by: float
) -> None:
    shaken(peaks.scorer, by=by)
    torch.nn.init.zeros_(peaks.scorer.form.weight)  # so that yes or no may be asked for
    question = "Is Town the capital, and which mountains in Land are higher than 400?"
    graph = peaks.neighbours.graph
    seeds = [
        Seed(graph.id_of(expand(f"dbr:{name}")), question.index(name), question.index(name) + 4, -0.1)
        for name in ("Land", "Town")
    ]
    (ready,) = prepare([question], [seeds], peaks.encoder, peaks.classes)
    found = peaks.finalists(ready)
    assert set(found.shape.tolist()) >= {0, 3, 4}
    assert found.score == pytest.approx(said_of(peaks, ready, found.columns, found.features), abs=2e-3, rel=1e-4)
    plain = path_features(peaks.asked(ready), found.columns.seeds, found.columns.relations)
    assert np.array_equal(found.features[:, :OF_PATHS], plain)
    for place, path in enumerate(found.paths):
        assert len(found.answers[place])
        assert np.array_equal(found.answers[place], answers_of(path, peaks.neighbours))
        row = found.columns.path(place, seeds)
        meets = path.meets
        assert Path(path.seed, path.relations, path.form, path.target, meets) == row
    assert {path.kind >= 0 for path in found.paths} == {path.order is None for path in found.paths} == {True, False}


def test_only_so_many_candidates_are_looked_at(folder: File) -> None:
    few = toy_retriever(folder, RetrievalOptions(finalists=2))
    assert 0 < len(found_for(few, "What of Land?", Land=-0.1).paths) <= 2


def test_a_seed_that_leads_nowhere_gives_no_finalists(peaks: Retriever) -> None:
    (ready,) = prepare(["What?"], [[Seed(0, -1, -1, 0.0)]], peaks.encoder, peaks.classes)
    found = peaks.finalists(ready)
    assert (found.paths, len(found.score), found.features.shape) == ([], 0, (0, len(FIRST_WEIGHTS)))
