from pathlib import Path

import pytest

from kg.errors import ParseError
from retrieval.question import FORMS, Answer, Question, form_hints, read_questions

GOOD = (
    '{"id":"q1","question":"How many?","answers":[{"type":"literal","value":"16"}],'
    '"entities":["http://dbpedia.org/resource/Stanley_Kubrick"],"form":"count","hops":1}\n'
    '{"id":"q2","question":"Who?","answers":[]}\n'
)


def read(folder: Path, text: str) -> list[Question]:
    path = folder / "questions.jsonl"
    path.write_text(text, "utf-8")
    return read_questions(path)


def test_read_questions_gives_every_field_and_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD) == [
        Question(
            "q1", "How many?", (Answer("literal", "16"),), ("http://dbpedia.org/resource/Stanley_Kubrick",), "count", 1
        ),
        Question("q2", "Who?", (), (), "select", None),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"id":"q","answers":[]}', "line 3: 'question' is missing"),
        ('{"id":"q","question":"?","answers":["Paris"]}', "line 3: 'answers' must hold objects"),
        ('{"id":"q","question":"?","answers":[{"type":"iri","value":"x"}]}', "line 3: 'answers' must hold objects"),
        ('{"id":"q","question":"?","answers":[],"form":"list"}', "line 3: 'form' must be one of select, count, ask"),
        ('{"id":"q","question":"?","answers":[],"hops":"two"}', "line 3: 'hops' must be a whole number"),
    ],
)
def test_a_malformed_question_is_named(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(ParseError, match=problem):
        read(tmp_path, GOOD + line)


@pytest.mark.parametrize(
    ("question", "form"),
    [
        (" is Paris in France?", "ask"),
        ("Didn't Ada meet Charles?", "ask"),
        ("Has it how many?", "ask"),
        ("How many films are there?", "count"),
        ("What is the total of it?", "count"),
        ("In which country was Ada born?", "select"),
        ("Isabel Allende wrote which books?", "select"),
        ("Which country is it?", "select"),
        ("", "select"),
    ],
)
def test_the_words_of_a_question_hint_at_its_form(question: str, form: str) -> None:
    hints = form_hints(question)
    assert max(hints) == hints[FORMS.index(form)] == 1.0
    assert hints.count(1.0) == 1
