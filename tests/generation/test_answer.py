"""Marginals and the mass of sets, reckoned by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.answer import NO_ANSWER, Paths, Teacher, answer_text, rank, shown_labels, to_read
from generation.rag import Rag
from generation.reader import Reader
from kg.terms import iri_term
from kg.types import ScoredAnswer
from retrieval.evidence import SHOWN
from tests.evidence import piece


def logs(*p: float) -> NDArray[np.float32]:
    return np.log(np.array(p, np.float32))


def test_pieces_with_the_same_answers_add_up() -> None:
    """London: 0.3 x 0.8 + 0.3 x 0.9 = 0.51 beats Paris: 0.4 x 0.9 = 0.36, though Paris has the likeliest piece."""
    evidence = [piece("c", ("Paris",), 0.4), piece("a", ("London",), 0.3), piece("b", ("London",), 0.3)]
    found = rank(evidence, [logs(0.9), logs(0.8), logs(0.9)])
    assert found.text == "London"
    assert found.answers == (ScoredAnswer("London", "London", pytest.approx(0.51)),)
    assert [item.text for item in found.evidence] == ["a", "b", "c"]


def test_a_superset_does_not_win_by_being_larger() -> None:
    """Each of the superset's answers is likely only in the other piece: 0.5 x (0.3 + 0.1) against 0.5 x 0.9."""
    narrow, wide = piece("n", ("Ada",), 0.5), piece("w", ("Ada", "Alan"), 0.5)
    assert rank([wide, narrow], [logs(0.3, 0.1), logs(0.9)]).text == "Ada"
    assert rank([wide, narrow], [logs(0.6, 0.35), logs(0.9)]).text == "Ada and Alan"


def test_the_mass_of_a_piece_is_at_most_its_probability() -> None:
    """Candidates' probabilities may sum to more than 1, where one is the beginning of another."""
    found = rank([piece("w", ("a", "b"), 0.4), piece("n", ("c",), 0.6)], [logs(0.9, 0.8), logs(0.99)])
    assert found.text == "c"
    assert found.answers[0].score == pytest.approx(0.594)


def test_the_answers_of_a_passage_compete_one_by_one() -> None:
    """Ada: 0.5 x 0.4 = 0.2, Alan: 0.5 x 0.3 + 0.1 x 0.9 = 0.24, Bob: 0.4 x 0.55 = 0.22. Together Ada and Alan would
    have 0.35."""
    passage = replace(piece("told", ("Ada", "Alan"), 0.5), source="document d, characters 0 to 4")
    evidence = [passage, piece("one", ("Alan",), 0.1), piece("bob", ("Bob",), 0.4)]
    found = rank(evidence, [logs(0.4, 0.3), logs(0.9), logs(0.55)])
    assert found.answers == (ScoredAnswer("Alan", "Alan", pytest.approx(0.24)),)
    assert found.evidence == (passage, evidence[1], evidence[2])


def test_inside_the_winning_set_the_marginal_orders() -> None:
    """Alan: 0.6 x 0.2 + 0.4 x 0.9 = 0.48; Ada: 0.6 x 0.7 = 0.42."""
    evidence = [piece("both", ("Ada", "Alan"), 0.6), piece("one", ("Alan",), 0.4)]
    found = rank(evidence, [logs(0.7, 0.2), logs(0.9)])
    assert [answer.label for answer in found.answers] == ["Alan", "Ada"]
    mass = 0.6 * (0.7 + 0.2)
    assert [answer.score for answer in found.answers] == pytest.approx([mass, mass * 0.42 / 0.48])
    assert found.mass == pytest.approx(mass)


def test_answers_beyond_those_shown_come_last_and_two_of_one_name_are_both_given() -> None:
    labels = tuple(f"n{i:02}" for i in range(SHOWN + 2))
    many = piece("many", labels, 1.0)
    assert shown_labels(many) == list(labels[:SHOWN])
    p = np.full(SHOWN, 0.05)
    p[3] = 0.2
    found = rank([many], [logs(*p)])
    assert [answer.label for answer in found.answers] == ["n03", "n00", "n01", "n02", *labels[4:]]
    assert found.text.endswith(" and 2 more")
    twins = piece("t", ("Springfield", "Springfield"), 1.0, values=(iri_term("http://x/1"), iri_term("http://x/2")))
    found = rank([twins], [logs(0.5)])
    assert [(answer.value, answer.score) for answer in found.answers] == [
        ("http://x/1", pytest.approx(0.5)),
        ("http://x/2", pytest.approx(0.5)),
    ]
    assert found.text == "Springfield"


def test_what_is_left_unread_changes_nothing() -> None:
    """Against reading all, over random evidence: paths whose answers overlap, and passages."""
    draw = np.random.default_rng(0)
    reads = []
    for _ in range(200):
        evidence, log_p = [], []
        for number, share in enumerate(draw.dirichlet([0.5] * 6).tolist()):
            made = piece(str(number), tuple(draw.permutation(list("abcd"))[: draw.integers(1, 4)]), share)
            evidence.append(replace(made, source="a document") if draw.random() < 0.2 else made)
            log_p.append(logs(*draw.uniform(0.01, 1.0, len(made.labels))))
        read: dict[int, NDArray[np.float32]] = {}
        while places := to_read(evidence, read):
            read.update((place, log_p[place]) for place in places)
        unread = np.full(4, -np.inf, np.float32)
        some = rank(evidence, [read.get(i, unread[: len(scores)]) for i, scores in enumerate(log_p)])
        every = rank(evidence, log_p)
        assert some == replace(every, answers=some.answers)
        assert [answer.label for answer in some.answers] == [answer.label for answer in every.answers]
        assert [a.score for a in some.answers] == pytest.approx([a.score for a in every.answers])
        reads.append(len(read))
    assert np.mean(reads) < 5 and set(reads) > {1, 6}


def test_without_a_generator_each_piece_says_its_own_answers() -> None:
    """London: 0.3 + 0.3 beats Paris: 0.4."""
    evidence = [piece("c", ("Paris",), 0.4), piece("a", ("London",), 0.3), piece("b", ("London",), 0.3)]
    found, nothing = Paths().predict(["where?", "what?"], [evidence, []])
    assert (found.text, nothing.text) == ("London", NO_ANSWER)
    assert found.mass == pytest.approx(0.6)


def test_without_evidence_there_is_no_answer() -> None:
    found = rank([], [])
    assert (found.text, found.answers, found.evidence) == (NO_ANSWER, (), ())


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (["yes"], "Yes"),
        (["no"], "No"),
        (["3"], "3"),
        (["Germany", "Austria", "Hungary"], "Germany, Austria and Hungary"),
        (["Germany", "Austria"], "Germany and Austria"),
        (["yes", "no"], "yes and no"),
        ([], NO_ANSWER),
    ],
)
def test_answers_read_as_one_line(labels: list[str], text: str) -> None:
    assert answer_text([ScoredAnswer(label, label, 1.0) for label in labels]) == text


@pytest.fixture(scope="module")
def reader(encoder_folder: Path) -> Reader:
    return Reader.from_encoder(encoder_folder)


QUESTION = "where was ada born?"
PIECES = [
    piece("ada | birth place | london; maida vale", ("london", "maida vale"), 0.5),
    piece("ada lovelace | birth place | maida vale; london", ("maida vale", "london"), 0.3),
    piece("ada | field | logic; analysis", ("logic", "analysis"), 0.2),
]


def test_the_teacher_gives_the_marginal_of_rag_sequence(reader: Reader) -> None:
    (found,) = Teacher(reader).predict([QUESTION], [PIECES])
    marginal: dict[str, float] = {}
    mass = []
    for group in (PIECES[:2], PIECES[2:]):
        labels = list(group[0].labels)
        log_p = np.array([[each.log_p for each in group]])
        (scores,) = Rag(reader).score([QUESTION], [[each.text for each in group]], log_p, [labels])
        marginal |= dict(zip(labels, np.exp(scores).tolist(), strict=True))
        mass.append(float(np.exp(scores).sum()))
    best = int(np.argmax(mass))
    winners = sorted(PIECES[2 * best].labels, key=lambda label: -marginal[label])
    assert [answer.label for answer in found.answers] == winners
    top = marginal[winners[0]]
    assert [answer.score for answer in found.answers] == pytest.approx(
        [mass[best] * marginal[label] / top for label in winners], rel=1e-3
    )


def test_many_questions_give_what_each_gives_alone(reader: Reader) -> None:
    together = Teacher(reader).predict([QUESTION, "what?", "who?"], [PIECES, [], PIECES[::-1]])
    assert together[1].text == NO_ANSWER
    for question, pieces, found in zip([QUESTION, "who?"], [PIECES, PIECES[::-1]], together[::2], strict=True):
        (alone,) = Teacher(reader).predict([question], [pieces])
        assert [answer.value for answer in alone.answers] == [answer.value for answer in found.answers]
        assert [a.score for a in alone.answers] == pytest.approx([a.score for a in found.answers], rel=1e-4)
