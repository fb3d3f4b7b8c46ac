"""Questions with their gold answers, as the JSONL files of question sets hold them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.jsonl import Line, read_lines

FORMS = ("select", "count", "ask")
ANSWER_TYPES = ("uri", "literal")


@dataclass(frozen=True)
class Answer:
    """A gold answer: `type` is uri or literal, `value` a bare IRI or the literal's text."""

    type: str
    value: str


@dataclass(frozen=True)
class Question:
    """A question. `entities` are the gold resources (bare IRIs), `form` is select, count or ask, `hops` the distance
    from the answer to the farthest named resource, None where there is no such distance."""

    id: str
    question: str
    answers: tuple[Answer, ...]
    entities: tuple[str, ...] = ()
    form: str = "select"
    hops: int | None = None

    @property
    def values(self) -> tuple[str, ...]:
        """The gold values, in the file's order."""
        return tuple(answer.value for answer in self.answers)


_YES_NO = re.compile(
    r"(is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|isn't|aren't|didn't|doesn't)\b", re.IGNORECASE
)
_COUNT = re.compile(r"\b(how many|how often|count|number of|total)\b", re.IGNORECASE)


def form_hints(question: str) -> tuple[float, float, float]:
    """What the question's first words say of its form, in the order of FORMS, 0 to 1.

    >>> form_hints("Is Paris in France?"), form_hints("How many films are there?"), form_hints("Who wrote it?")
    ((0.0, 0.0, 1.0), (0.5, 1.0, 0.0), (1.0, 0.0, 0.0))
    """
    if _YES_NO.match(question.strip()):
        return 0.0, 0.0, 1.0
    return (0.5, 1.0, 0.0) if _COUNT.search(question) else (1.0, 0.0, 0.0)


def read_questions(path: Path) -> list[Question]:
    """The questions of a JSONL file, in order. `entities`, `form` and `hops` may be left out.

    Raises UsageError if the file cannot be read, ParseError (file, line, what is wrong) if a line is malformed.
    """
    return [_question(line) for line in read_lines(path)]


def _question(line: Line) -> Question:
    form = line.get("form", str) if "form" in line.fields else "select"
    if form not in FORMS:
        raise line.error(f"'form' must be one of {', '.join(FORMS)}, not {form!r}")
    return Question(
        line.get("id", str),
        line.get("question", str),
        tuple(_answer(line, value) for value in line.get("answers", list)),
        line.strings("entities") if "entities" in line.fields else (),
        form,
        line.get("hops", int) if line.fields.get("hops") is not None else None,
    )


def _answer(line: Line, value: Any) -> Answer:
    if not isinstance(value, dict) or not isinstance(value.get("value"), str) or value.get("type") not in ANSWER_TYPES:
        raise line.error('\'answers\' must hold objects like {"type": "uri" or "literal", "value": "…"}')
    return Answer(value["type"], value["value"])
