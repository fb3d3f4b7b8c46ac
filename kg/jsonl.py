"""Lines of JSON objects (JSONL, UTF-8), read with errors that name the file, the line and what is wrong."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kg.errors import ParseError, UsageError

T = TypeVar("T")

_NAMES = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class Line:
    """One object of a JSONL file and where it stands."""

    path: Path
    number: int
    fields: dict[str, Any]

    def get(self, name: str, kind: type[T]) -> T:
        """The field of this name; raises ParseError if it is missing or of another type."""
        if name not in self.fields:
            raise self.error(f"{name!r} is missing; the line has {', '.join(map(repr, self.fields)) or 'no fields'}")
        value = self.fields[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(f"{name!r} must be {_NAMES.get(kind, kind.__name__)}, not {_shown(value)}")
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        """The field of this name, a list of strings; raises ParseError."""
        values = self.get(name, list)
        for value in values:
            if not isinstance(value, str):
                raise self.error(f"{name!r} must hold strings, not {_shown(value)}")
        return tuple(values)

    def triple(self, name: str, value: Any) -> tuple[str, str, str]:
        """A value of the field as (s, p, o); raises ParseError if it is no list of three strings."""
        if isinstance(value, list) and len(value) == 3 and all(isinstance(part, str) for part in value):
            return value[0], value[1], value[2]
        raise self.error(f"{name!r} must hold [subject, predicate, object], three strings, not {_shown(value)}")

    def triples(self, name: str) -> tuple[tuple[str, str, str], ...]:
        """The field of this name, a list of [s, p, o]; raises ParseError."""
        return tuple(self.triple(name, value) for value in self.get(name, list))

    def error(self, problem: str) -> ParseError:
        """The error to raise for this line."""
        return ParseError(f"{self.path}, line {self.number}: {problem}.")


def read_lines(path: Path) -> Iterator[Line]:
    """The objects of a JSONL file in order; empty lines are passed over.

    Raises UsageError if the file cannot be read, ParseError if a line is not UTF-8 or not a JSON object.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                fields = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
            except ValueError as error:
                raise ParseError(f"{path}, line {number}: expected one JSON object a line (UTF-8): {error}.") from error
            if not isinstance(fields, dict):
                raise ParseError(f"{path}, line {number}: expected a JSON object, not {_shown(fields)}.")
            yield Line(path, number, fields)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
