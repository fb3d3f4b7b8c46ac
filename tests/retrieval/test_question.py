from pathlib import Path

import pytest

from kg.errors import ParseError
from retrieval.question import Answer, Question, read_questions

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
