import math
from pathlib import Path

import pytest

from kg.errors import EncoderMismatch
from kg.linking.aliases import Aliases
from kg.terms import expand, iri_term, literal_term
from retrieval.open import open_retriever
from retrieval.retriever import Retriever
from retrieval.seeds import PER_MENTION, SeedFinder
from tests.encoders import NgramEncoder
from tests.toy import QUESTIONS
from tests.toy_graph import toy_retriever, write_toy


@pytest.fixture
def finder(retriever: Retriever) -> SeedFinder:
    assert isinstance(retriever.find_seeds, SeedFinder)
    return retriever.find_seeds


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_the_entities_that_a_question_names_are_seeds_at_their_place(
    retriever: Retriever, finder: SeedFinder, number: int
) -> None:
    question, entities, _ = QUESTIONS[number]
    (seeds,) = finder([question], "graph")
    graph = retriever.neighbours.graph
    assert {graph.iri_of(seed.entity) for seed in seeds} >= {expand(name) for name in entities}
    for seed in seeds:
        name = graph.label_of(seed.entity).split(" (")[0]
        assert question[seed.start : seed.end] in name or name in question[seed.start : seed.end]


def test_a_name_of_several_entities_gives_the_likeliest_with_their_priors(tmp_path: Path) -> None:
    label, country = iri_term(expand("rdfs:label")), iri_term(expand("dbo:country"))
    names = [f"dbr:Springfield_{i}" for i in range(PER_MENTION + 2)]
    triples = [(iri_term(expand(name)), label, literal_term("Springfield", language="en")) for name in names]
    for i, name in enumerate(names):
        triples += [(iri_term(expand(f"dbr:Part_{i}_{j}")), country, iri_term(expand(name))) for j in range(10 * i + 1)]
    folder = write_toy(tmp_path, NgramEncoder(), triples)
    retriever = toy_retriever(folder)
    text = "Where is Springfield?"
    (seeds,) = retriever.find_seeds([text], "graph")
    graph = retriever.neighbours.graph
    assert [graph.iri_of(seed.entity) for seed in seeds] == [expand(name) for name in names[::-1][:PER_MENTION]]
    candidates = dict(Aliases.open(folder / "aliases").candidates("Springfield"))
    assert len(candidates) == len(names)
    assert [math.exp(seed.log_p) for seed in seeds] == pytest.approx([candidates[seed.entity] for seed in seeds])
    assert {(seed.start, seed.end) for seed in seeds} == {(text.index("Spring"), text.index("?"))}


def test_hybrid_searches_only_for_questions_without_a_mention(finder: SeedFinder) -> None:
    named, unnamed = "Where was Ada Lovelace born?", "something with a director"
    both = finder([named, unnamed], "hybrid")
    assert both[0] == finder([named], "graph")[0]
    assert both[1] == finder.entry([unnamed], "hybrid")[0]
    assert finder([unnamed], "graph") == [[]]


@pytest.mark.parametrize("mode", ["graph", "dense", "lexical", "hybrid"])
def test_no_questions_and_empty_ones_are_fine(finder: SeedFinder, mode: str) -> None:
    assert finder([], mode) == []
    (found,) = finder([""], mode)
    assert mode in ("dense", "hybrid") or found == []


@pytest.mark.parametrize("mode", ["graph", "dense", "lexical", "hybrid"])
def test_a_graph_without_triples_gives_no_seeds(tmp_path: Path, mode: str) -> None:
    retriever = toy_retriever(write_toy(tmp_path, NgramEncoder(), []))
    assert retriever.find_seeds(["Where was Ada Lovelace born?"], mode) == [[]]
    assert retriever.retrieve("Where was Ada Lovelace born?", mode=mode).evidence == []


def test_a_snapshot_made_by_another_encoder_is_refused(toy_folder: Path) -> None:
    with pytest.raises(EncoderMismatch, match="ngrams-256"):
        open_retriever(toy_folder, NgramEncoder(64))
