import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from kg.terms import expand, iri_term, literal_term
from retrieval.features import TRAITS
from retrieval.mentioned import LEAST, MOST_SEEDS, MOST_SPANS, mentioned
from retrieval.retriever import Retriever
from retrieval.seeds import SeedFinder
from tests.encoders import NgramEncoder
from tests.toy import QUESTIONS
from tests.toy_graph import toy_retriever, write_toy


def named(folder: Path, sizes: dict[str, tuple[str, int]]) -> Retriever:
    """A retriever over entities with these labels and numbers of links."""
    label, country = iri_term(expand("rdfs:label")), iri_term(expand("dbo:country"))
    triples = []
    for name, (text, size) in sizes.items():
        triples.append((iri_term(expand(f"dbr:{name}")), label, literal_term(text, language="en")))
        triples += [
            (iri_term(expand(f"dbr:Part_{name}_{j}")), country, iri_term(expand(f"dbr:{name}"))) for j in range(size)
        ]
    return toy_retriever(write_toy(folder, NgramEncoder(), triples))


def found(retriever: Retriever, question: str) -> list[tuple[str, str, float]]:
    """(span, name, log of the probability) of the seeds of a question."""
    assert isinstance(retriever.find_seeds, SeedFinder)
    graph = retriever.neighbours.graph
    return [
        (question[seed.start : seed.end], graph.iri_of(seed.entity).rsplit("/", 1)[-1], seed.log_p)
        for seed in mentioned(question, retriever.find_seeds.aliases)
    ]


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_the_entities_that_a_question_names_are_the_first_seeds(retriever: Retriever, number: int) -> None:
    question, entities, _ = QUESTIONS[number]
    graph = retriever.neighbours.graph
    (seeds,) = retriever.find_seeds([question], "graph")
    assert {graph.iri_of(seed.entity) for seed in seeds[: len(entities)]} == {expand(name) for name in entities}
    for seed in seeds[: len(entities)]:
        name = graph.label_of(seed.entity).split(" (")[0]
        assert question[seed.start : seed.end].lower() in name.lower()


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_lower_case_changes_the_belief_and_not_the_entities(retriever: Retriever, number: int) -> None:
    question, entities, _ = QUESTIONS[number]
    graph = retriever.neighbours.graph
    (seeds,) = retriever.find_seeds([question.lower()], "graph")
    assert {expand(name) for name in entities} <= {graph.iri_of(seed.entity) for seed in seeds[:5]}


def test_only_beside_other_capitals_a_missing_one_speaks_against_a_name(tmp_path: Path) -> None:
    retriever = named(tmp_path, {"Quartz_Lake": ("Quartz Lake", 5), "Zanzibar": ("Zanzibar", 5)})
    assert isinstance(retriever.find_seeds, SeedFinder)
    beliefs = {}
    for question in ("is zanzibar at quartz lake", "Is Zanzibar at quartz lake"):
        seeds = mentioned(question, retriever.find_seeds.aliases)
        (lake,) = (seed for seed in seeds if question[seed.start : seed.end] == "quartz lake")
        assert len(lake.traits) == len(TRAITS)
        assert lake.traits[TRAITS.index("small")] == float("Z" in question)
        beliefs[question] = lake.log_p
    assert beliefs["is zanzibar at quartz lake"] > beliefs["Is Zanzibar at quartz lake"]


def test_namesakes_come_at_the_same_place_by_their_links(tmp_path: Path) -> None:
    sizes = {f"Springfield_{i}": ("Springfield", 10 * i + 10) for i in range(6)}
    seeds = found(named(tmp_path, sizes), "Where is Springfield?")
    assert [name for _, name, _ in seeds] == [f"Springfield_{i}" for i in range(6)[::-1]]
    assert {span for span, _, _ in seeds} == {"Springfield"}


def test_seeds_are_likeliest_first_each_entity_once_and_few(tmp_path: Path) -> None:
    words = [f"{a}{b}la" for a in "bcdfghklm" for b in "aeiou"]
    sizes = {f"{word.title()}_{i}": (f"{word.title()}", 50) for word in words for i in range(5)}
    retriever = named(tmp_path, sizes)
    seeds = found(retriever, "Who is " + " and ".join(word.title() for word in words) + "?")
    assert len(seeds) == len({name for _, name, _ in seeds}) == MOST_SEEDS
    assert 1 < len({span for span, _, _ in seeds}) <= MOST_SPANS
    beliefs = [log_p for _, _, log_p in seeds]
    assert beliefs == sorted(beliefs, reverse=True)
    assert all(LEAST <= log_p < 0 for log_p in beliefs)


def test_overlapping_names_are_all_seeds(tmp_path: Path) -> None:
    sizes = {
        "Mayor_of_New_York_City": ("Mayor of New York City", 5),
        "New_York_City": ("New York City", 5),
        "York": ("York", 5),
    }
    seeds = found(named(tmp_path, sizes), "Who is mayor of New York City?")
    assert {(span, name) for span, name, _ in seeds[:3]} == {
        ("mayor of New York City", "Mayor_of_New_York_City"),
        ("New York City", "New_York_City"),
        ("York", "York"),
    }


def test_an_everyday_word_is_believed_when_it_is_capitalised(tmp_path: Path) -> None:
    retriever = named(tmp_path, {"Film": ("Film", 5), "Persepolis": ("Persepolis", 5)})
    belief = {
        question: {name: log_p for _, name, log_p in found(retriever, question)}
        for question in ("Who made the film Persepolis?", "Who made the Film Persepolis?")
    }
    lower, upper = belief.values()
    assert lower.get("Film", LEAST) < upper["Film"] - 1
    assert max(lower, key=lambda name: lower[name]) == "Persepolis"


@pytest.mark.parametrize(
    ("question", "span"),
    [
        ("Who sang Turn Me On (album) first?", "Turn Me On (album)"),
        ("Is John Doe Jr. F. here?", "John Doe Jr. F."),
        ("Who knows Ada's mother?", "Ada"),
    ],
)
def test_spans_have_their_closing_bracket_and_the_stop_of_an_initial(tmp_path: Path, question: str, span: str) -> None:
    sizes = {"Turn": ("Turn Me On (album)", 3), "John": ("John Doe Jr. F.", 3), "Ada": ("Ada", 3)}
    assert found(named(tmp_path, sizes), question)[0][0] == span


@pytest.mark.parametrize("questions", [["", "?", "who is it?"], ["who was Ada Lovelace?", "", "ada lovelace " * 500]])
def test_many_questions_have_the_seeds_of_each(retriever: Retriever, questions: Sequence[str]) -> None:
    assert isinstance(retriever.find_seeds, SeedFinder)
    together = retriever.find_seeds.mentioned(questions)
    assert together == [retriever.find_seeds.mentioned([question])[0] for question in questions]
    assert all(math.isfinite(seed.log_p) for seeds in together for seed in seeds)
