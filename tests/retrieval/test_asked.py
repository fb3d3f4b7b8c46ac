"""What stands in the texts that the encoder reads, and what a question brings to its search."""

import numpy as np
import pytest

from kg.terms import expand
from retrieval.asked import MASK, OTHER, mask, prepare, sure_spans
from retrieval.path import Seed
from retrieval.question import form_hints
from retrieval.retriever import Retriever

TEXT = "Is Marie Curie the spouse of Pierre Curie?"
MARIE, PIERRE = Seed(1, 3, 14, -0.1), Seed(2, 29, 41, -0.7)
CURIE, UNSURE = Seed(3, 9, 14, -0.5), Seed(4, 19, 25, -2.0)
IMPROBABLE = Seed(6, 9, 14, -4.0)


def test_the_likeliest_of_overlapping_mentions_is_taken() -> None:
    spans = sure_spans([UNSURE, CURIE, PIERRE, MARIE, Seed(5, -1, -1, 0.0)])
    expected = [(3, 14, np.exp(-0.1)), (29, 41, np.exp(-0.7)), (19, 25, np.exp(-2.0))]
    assert [span[:2] for span in spans] == [span[:2] for span in expected]
    assert [p for _, _, p in spans] == pytest.approx([p for _, _, p in expected])
    assert sure_spans([Seed(1, 0, 2, 0.5)]) == [(0, 2, 1.0)]
    assert sure_spans([]) == []


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        (MARIE, f"Is {MASK} the spouse of {OTHER}?"),
        (PIERRE, f"Is {OTHER} the spouse of {MASK}?"),
        (CURIE, f"Is Marie {MASK} the spouse of {OTHER}?"),
        (UNSURE, f"Is {OTHER} the {MASK} of {OTHER}?"),
        (Seed(5, -1, -1, 0.0), f"Is {OTHER} the spouse of {OTHER}?"),
        (IMPROBABLE, f"Is {OTHER} the spouse of {OTHER}?"),
    ],
)
@pytest.mark.parametrize("turned", [True, False])
def test_a_mention_is_masked_where_it_stands_and_so_are_the_other_sure_ones(
    seed: Seed, text: str, turned: bool
) -> None:
    """Only yes or no may be asked the other way round, so only there the others have a word of their own."""
    question = TEXT if turned else f"So{TEXT[2:]}"
    expected = text if turned else f"So{text[2:]}".replace(OTHER, MASK)
    assert mask(question, seed, sure_spans([MARIE, PIERRE, CURIE, UNSURE])) == expected


def test_each_seed_has_the_vector_of_its_own_mask(retriever: Retriever) -> None:
    namesake = Seed(9, MARIE.start, MARIE.end, -0.3)
    seeds = [MARIE, namesake, PIERRE]
    (ready,) = prepare([TEXT], [seeds], retriever.encoder, retriever.classes)
    assert ready.place.tolist() == [0, 0, 1]
    expected = [mask(TEXT, seed, sure_spans(seeds)) for seed in (MARIE, PIERRE)]
    assert np.allclose(ready.masked, retriever.encoder.encode(expected))
    assert np.allclose(ready.whole, retriever.encoder.encode([TEXT])[0])


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who directed the film Persepolis?", True),
        ('Who directed the film called "Persepolis"?', True),
        ("who directed persepolis film", True),
        ("Which film has the director of Persepolis?", False),
        ("Is Persepolis the film?", False),
        ("In which country is Persepolis?", False),
        ("Which country Persepolis is of?", False),
    ],
)
def test_a_class_named_just_beside_a_mention_speaks_for_its_entities(
    retriever: Retriever, question: str, expected: bool
) -> None:
    graph, start = retriever.neighbours.graph, question.lower().index("persepolis")
    entities = [graph.id_of(expand(name)) for name in ("dbr:Persepolis_(film)", "dbr:Paris")]
    seeds = [Seed(entity, start, start + len("persepolis"), -0.1) for entity in entities]
    (ready,) = prepare([question], [[*seeds, Seed(entities[0], -1, -1, -1.0)]], retriever.encoder, retriever.classes)
    assert ready.apposed.tolist() == [float(expected), 0.0, 0.0]


def test_many_questions_are_made_ready_as_each_alone(retriever: Retriever) -> None:
    questions, seeds = [TEXT, "", "Why?", TEXT], [[MARIE], [], [Seed(5, -1, -1, 0.0)], [PIERRE]]
    together = prepare(questions, seeds, retriever.encoder, retriever.classes)
    for question, own, ready in zip(questions, seeds, together, strict=True):
        (alone,) = prepare([question], [own], retriever.encoder, retriever.classes)
        assert (ready.question, ready.seeds, ready.spans) == (question, tuple(own), alone.spans)
        assert np.allclose(ready.masked, alone.masked) and np.allclose(ready.whole, alone.whole)
    assert prepare([], [], retriever.encoder, retriever.classes) == []


@pytest.mark.parametrize(("log_p", "classes"), [(-2.0, ["City"]), (-1.0, [])])
def test_without_a_sure_mention_a_question_may_begin_at_the_class_that_it_names(
    retriever: Retriever, log_p: float, classes: list[str]
) -> None:
    question = "Which cities are in this place?"
    unsure = Seed(retriever.neighbours.graph.id_of(expand("dbr:Paris")), 25, 30, log_p)
    (ready,) = prepare([question], [[unsure]], retriever.encoder, retriever.classes)
    assert ready.seeds[0] == unsure
    assert [retriever.neighbours.graph.iri_of(seed.entity) for seed in ready.seeds[1:]] == [
        expand(f"dbo:{name}") for name in classes
    ]
    assert [question[seed.start : seed.end] for seed in ready.seeds[1:]] == ["cities"] * len(classes)


def test_words_of_mentions_do_not_count_as_words_of_relations(retriever: Retriever) -> None:
    question = "Is the spouse of Birth Place in a country?"
    seeds = [Seed(0, 17, 28, -0.1), Seed(1, 17, 22, -0.5), Seed(2, 36, 41, -0.4)]
    asked = retriever.asked(prepare([question], [seeds], retriever.encoder, retriever.classes)[0])
    shares = dict(zip(retriever.neighbours.names, asked.overlap.tolist(), strict=True))
    assert (shares["spouse"], shares["spouse of"], shares["birth place"], shares["country"]) == (1.0, 1.0, 0.0, 0.0)
    assert asked.covers.tolist() == [[True, False], [True, False], [False, True]]
    assert asked.sure == pytest.approx([np.exp(-0.1), np.exp(-0.4)])
    assert asked.steps.forms.argmax() == int(np.argmax(form_hints(question))) == 2
