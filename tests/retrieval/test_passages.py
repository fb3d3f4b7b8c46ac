import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.graph import Graph
from kg.linking.english import blank_english
from kg.linking.sentences import mark_sentences
from kg.provenance import write_provenance
from kg.statements import SCHEMA
from kg.terms import expand
from kg.types import Document, Mention, SourceInfo
from retrieval.cache import CachedEncoder
from retrieval.passages import TOKENS, PassageHit, Passages, windows, write_passages
from tests.encoders import NgramEncoder

ADA = "Ada Lovelace wrote the first program. It was for a machine of brass. "
CURIE = "Marie Curie was born in Warsaw. She found radium in Paris."
DOCUMENTS = [
    Document("machines", ADA + "The wheels were many and turned slowly in the dusty light of the hall. " * 9),
    Document(expand("dbr:Marie_Curie"), CURIE),
    Document("blank", " \n"),
]


def mention(text: str, name: str, iri: str | None) -> Mention:
    start = text.index(name)
    return Mention(start, start + len(name), iri and expand(iri), 1.0)


MENTIONS = [
    [mention(ADA, "Ada Lovelace", "dbr:Ada_Lovelace"), mention(ADA, "program", None)],
    [
        mention(CURIE, "Marie Curie", "dbr:Marie_Curie"),
        mention(CURIE, "Warsaw", "dbr:Warsaw"),
        mention(CURIE, "radium", "dbr:Pruned_away"),
        mention(CURIE, "Paris", "dbr:Paris"),
    ],
    [],
]
ENCODER = CachedEncoder(NgramEncoder())
Search = Callable[[str, str], list[PassageHit]]


@pytest.fixture(scope="module")
def folder(toy_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passages")
    shutil.copytree(toy_folder / "graph", folder / "graph")
    import polars as pl

    nothing = pl.DataFrame(schema={"triple": pl.Int64, **SCHEMA})
    write_provenance(folder / "provenance", nothing, [SourceInfo("texts", "text")], DOCUMENTS)
    facts = write_passages(folder, DOCUMENTS, MENTIONS, Graph.open(folder / "graph"), ENCODER)
    assert facts["vectors"] == 3
    return folder


@pytest.fixture(scope="module")
def search(folder: Path) -> Search:
    passages = Passages.open(folder, ENCODER)
    assert passages is not None

    def one(question: str, mode: str) -> list[PassageHit]:
        return passages.search([question], ENCODER.encode([question]), 3, mode)[0]

    return one


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_passage_is_cited_by_document_and_offsets_with_the_entities_of_the_graph_in_it(
    folder: Path, search: Search, mode: str
) -> None:
    hits = search("Who found radium?", mode)
    best = hits[0]
    assert (best.document, best.start, best.end, best.text) == (expand("dbr:Marie_Curie"), 0, len(CURIE), CURIE)
    graph = Graph.open(folder / "graph")
    assert [graph.iri_of(entity) for entity in best.entities] == [
        expand(name) for name in ("dbr:Marie_Curie", "dbr:Warsaw", "dbr:Paris")
    ]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    texts = {document.id: document.text for document in DOCUMENTS}
    assert all(texts[hit.document][hit.start : hit.end] == hit.text for hit in hits)


def test_a_mention_belongs_to_the_passage_that_holds_it(folder: Path, search: Search) -> None:
    ada = Graph.open(folder / "graph").id_of(expand("dbr:Ada_Lovelace"))
    hits = search("the first program of Ada Lovelace for a machine, wheels", "dense")
    assert next((ada in hit.entities, hit.start) for hit in hits if hit.document == "machines") == (True, 0)
    assert [ada in hit.entities for hit in hits if hit.start] == [False]


def test_dense_scores_are_cosines_and_lexical_needs_a_word(search: Search) -> None:
    question = "Who found radium?"
    hit = search(question, "dense")[0]
    first, second = ENCODER.encode([question, hit.text])
    assert hit.score == pytest.approx(float(first @ second), abs=1e-2)
    assert search("xylophone", "lexical") == []


def test_without_texts_there_are_no_passages(toy_folder: Path, tmp_path: Path) -> None:
    graph = Graph.open(toy_folder / "graph")
    assert write_passages(tmp_path, [], [], graph, ENCODER) == {}
    assert write_passages(tmp_path, [DOCUMENTS[2]], [[]], graph, ENCODER) == {}
    assert list(tmp_path.iterdir()) == []
    assert Passages.open(tmp_path, ENCODER) is None


def test_equal_texts_give_equal_bytes(folder: Path, tmp_path: Path) -> None:
    write_passages(tmp_path, DOCUMENTS, MENTIONS, Graph.open(folder / "graph"), ENCODER)
    for path in (tmp_path / "passages").rglob("*.*"):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes(), path.name


@given(st.lists(st.integers(1, 130), max_size=8), st.sampled_from([" ", "\n\n", "  "]))
def test_windows_hold_whole_sentences_and_every_word_once(lengths: list[int], gap: str) -> None:
    sentences = ["W" + "word " * n + "end." for n in lengths]
    text = gap + gap.join(sentences)
    spans = windows(mark_sentences(blank_english().make_doc(text)))
    parts = [text[start:end] for start, end in spans]
    assert all(part == part.strip() and part for part in parts)
    assert " ".join(parts).split() == text.split()
    assert all(len(part.split()) <= TOKENS for part in parts)
    assert spans == sorted(spans) and all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    whole = [sentence for sentence in sentences if len(sentence.split()) < TOKENS - 1]
    assert all(any(sentence in part for part in parts) for sentence in whole)
    neighbours = itertools.pairwise(parts)
    assert all(len(a.split()) + len(b.split()) > TOKENS // 2 for a, b in neighbours)
    assert np.all(np.diff([0, *(end for _, end in spans)]) > 0)
