import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from kg.graph import Graph
from kg.strings import write_strings
from kg.terms import expand, iri_term
from kg.types import Document, Mention
from retrieval.beside import DESCRIBED, GOOD, TOLD, Beside
from retrieval.cache import CachedEncoder
from retrieval.evidence import Evidence, Seed
from retrieval.evidence import Path as Way
from retrieval.passages import write_passages
from retrieval.retriever import Retriever
from tests.encoders import NgramEncoder
from tests.toy_graph import seed_of, toy_retriever

TEXT = "Radium was found in a cold shed by Marie Curie and Pierre Curie."
QUESTION = "who found radium in a cold shed"


@pytest.fixture(scope="module")
def told(toy_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """A retriever over the toy graph and one document."""
    import polars as pl

    folder = tmp_path_factory.mktemp("told") / "snapshot"
    shutil.copytree(toy_folder, folder)
    document = Document("notes", TEXT)
    (folder / "provenance").mkdir()
    write_strings(folder / "provenance", "document_ids", pl.Series([document.id]))
    write_strings(folder / "provenance", "document_texts", pl.Series([document.text]))
    names = (("Marie Curie", "dbr:Marie_Curie"), ("Pierre Curie", "dbr:Pierre_Curie"))
    mentions = [Mention(TEXT.index(name), TEXT.index(name) + len(name), expand(iri), 1.0) for name, iri in names]
    write_passages(folder, [document], [mentions], Graph.open(folder / "graph"), CachedEncoder(NgramEncoder()))
    return toy_retriever(folder)


def path(probability: float, seed: Seed) -> Evidence:
    return Evidence(Way(seed, (0,)), ("<x>",), ("x",), (), "x", math.log(probability))


def pieces(retriever: Retriever, paths: list[Evidence], seeds: list[Seed], mode: str = "hybrid") -> list[Evidence]:
    assert retriever.beside is not None
    vector = NgramEncoder().encode([QUESTION])[0]
    return retriever.beside(QUESTION, vector, seeds, paths, mode=mode, k=10)


def test_a_passage_is_evidence_with_its_place_and_its_entities_as_answers(told: Retriever) -> None:
    (found,) = pieces(told, [], [])
    assert (found.text, found.rows) == (TEXT, ())
    assert found.source == f"document notes, characters 0 to {len(TEXT)}"
    assert found.labels == ("Marie Curie", "Pierre Curie")
    assert found.values == tuple(iri_term(expand(f"dbr:{name}_Curie")) for name in ("Marie", "Pierre"))
    assert found.log_p == pytest.approx(0.0)


def test_a_good_path_stays_alone_and_a_poor_one_gets_company(told: Retriever) -> None:
    graph = told.neighbours.graph
    seed = Seed(seed_of(graph, "dbr:Marie_Curie").entity, 0, 5, 0.0)
    good, poor = path(GOOD + 0.01, seed), path(GOOD - 0.01, seed)
    assert pieces(told, [good], [seed]) == [good]
    assert pieces(told, [poor], [seed], "graph") == [poor]
    found = {piece.source != "": math.exp(piece.log_p) for piece in pieces(told, [poor], [seed])}
    rest = 1 - DESCRIBED
    assert found == pytest.approx({True: TOLD / rest, False: (GOOD - 0.01) * (1 - DESCRIBED - TOLD) / rest})
    for mode in ("dense", "lexical"):
        assert {piece.source != "" for piece in pieces(told, [good], [seed], mode)} == {True, False}


def test_what_a_question_describes_may_be_its_answer(retriever: Retriever, neighbours_of: Beside) -> None:
    graph = retriever.neighbours.graph
    poland = seed_of(graph, "dbr:Poland")
    (found,) = neighbours_of.descriptions([poland])
    assert (found.values, found.labels) == ((iri_term(expand("dbr:Poland")),), ("Poland",))
    assert found.text.startswith("Poland | ") and "capital: Warsaw" in found.text
    assert {graph.triple(row) for row in found.rows} >= {
        tuple(iri_term(expand(name)) for name in ("dbr:Poland", "dbo:capital", "dbr:Warsaw"))
    }
    assert all(poland.entity in (graph.s[row], graph.o[row]) for row in found.rows)
    evidence = retriever.retrieve("something with a director", k=10).evidence
    described = [piece for piece in evidence if not piece.path.relations]
    assert {iri_term(expand("dbr:Persepolis_(film)"))} <= {value for piece in described for value in piece.values}
    assert 0 < sum(math.exp(piece.log_p) for piece in evidence) <= 1 + 1e-6


def test_a_name_that_the_graph_does_not_know_is_no_description(retriever: Retriever) -> None:
    def described(question: str) -> bool:
        found = retriever.retrieve(question, k=20).evidence
        assert any(piece.path.relations for piece in found)
        return any(not piece.path.relations for piece in found)

    assert described("Something with a director") and not described("Something with a director in Xyzzy")


@pytest.fixture
def neighbours_of(retriever: Retriever) -> Beside:
    assert retriever.beside is not None
    return retriever.beside


def test_seeds_that_are_given_get_no_company(told: Retriever) -> None:
    seed = seed_of(told.neighbours.graph, "dbr:Marie_Curie")
    for mode in ("hybrid", "dense"):
        found = told.retrieve(QUESTION, seeds=[seed], mode=mode).evidence
        assert found and all(piece.path.relations and not piece.source for piece in found)


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_the_retriever_gives_passages_in_these_modes_best_first(told: Retriever, mode: str) -> None:
    evidence = told.retrieve(QUESTION, mode=mode, k=20).evidence
    assert any(piece.source for piece in evidence)
    assert not any(piece.source for piece in told.retrieve(QUESTION, mode="graph", k=20).evidence)
    log_p = [piece.log_p for piece in evidence]
    assert log_p == sorted(log_p, reverse=True)
    assert np.exp(log_p).sum() <= 1 + 1e-6
