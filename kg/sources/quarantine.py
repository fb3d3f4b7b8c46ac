"""Malformed statements and texts, set aside: each goes with its place and reason to a file of JSON lines, and once they
are more than a share of what was read, the reading stops.

The share is judged by file, at its end and, from `JUDGED` lines on, on the way: a wrong file in a large folder does not
hide behind the others, and there is no absolute allowance, so a short file may hold no malformed line at all.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kg.errors import ParseError

MAX_MALFORMED = 0.001
"""The share that is let pass where none is given."""
JUDGED = 100_000
"""Up to so many lines, as many may be malformed as among so many, before the end of the file is seen."""
SHOWN = 20
"""Malformed lines of a file that a manifest lists."""
LONGEST = 1000
"""Characters of a malformed line that are kept."""
STATEMENT = "`subject predicate object .`"
_LINE_NUMBER = re.compile(r"^Parser error at line \d+ ")


@dataclass(frozen=True)
class Malformed:
    """What is left out: its record (the line of a file, the page of an endpoint; 0 is a whole file), why, its text."""

    record: int
    reason: str
    text: str

    @property
    def shown(self) -> str:
        """The reason and the text, cut for a message."""
        return f"got {self.text[:200]!r}{'…' if len(self.text) > 200 else ''}: {self.reason}"


def reason_of(error: SyntaxError | ValueError) -> str:
    """What pyoxigraph's parser says is wrong, without the number of the line, which its caller knows better."""
    return _LINE_NUMBER.sub("", error.msg) if isinstance(error, SyntaxError) else str(error)


class Quarantine:
    """What one source sets aside, until the end of a `with` block.

    path: the file that it goes to; it is there only if something is malformed. None only counts. max_malformed: the
    share that is let pass, 0 to 1.
    """

    def __init__(self, path: Path | None = None, max_malformed: float = MAX_MALFORMED) -> None:
        self.path = path
        self.max_malformed = max_malformed
        self.count = 0
        self._stream: IO[str] | None = None

    def __enter__(self) -> "Quarantine":
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def add(self, file: str, malformed: Sequence[Malformed]) -> None:
        """Sets lines of a file aside."""
        self.count += len(malformed)
        if self.path is None or not malformed:
            return
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("w", encoding="utf-8")
        for line in malformed:
            row = {"file": file, "line": line.record or None, "reason": line.reason, "text": line.text[:LONGEST]}
            self._stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._stream.flush()

    def details(self) -> dict[str, Any]:
        """What the manifest says: how many, and the name of the file that lists them."""
        return {"malformed": self.count} | ({"quarantine": self.path.name} if self.path and self.count else {})


class Tally:
    """The malformed lines among those read of one file (or endpoint), which a `Quarantine` keeps.

    place: what stands before the record in an error, such as "/data/a.nt, line". file: how the quarantine calls it.
    expected: what each line should be.
    """

    def __init__(self, quarantine: Quarantine, *, place: str, file: str, expected: str = STATEMENT) -> None:
        self._quarantine = quarantine
        self._place, self._file, self._expected = place, file, expected
        self.read = 0
        self.count = 0
        self.first: list[Malformed] = []
        """The first `SHOWN`."""

    def most(self, coming: int) -> int:
        """How many of the next `coming` lines may be malformed before `take` refuses them."""
        return self._allowed(max(self.read + coming, JUDGED)) - self.count

    def take(self, malformed: Sequence[Malformed], read: int) -> None:
        """Counts `read` more lines and those malformed among them. Raises ParseError once there are too many."""
        refused = len(malformed) > self.most(read)
        self._quarantine.add(self._file, malformed)
        self.first += malformed[: SHOWN - len(self.first)]
        self.read, self.count = self.read + read, self.count + len(malformed)
        if refused:
            raise ParseError(self._refusal())

    def finish(self) -> None:
        """Raises ParseError if too many of all lines were malformed."""
        if self.count > self._allowed(self.read):
            raise ParseError(self._refusal())

    def listed(self) -> dict[str, list[str]]:
        """What the manifest lists of the file: the first malformed lines, if there are any."""
        return {"malformed": [f"{line.record}: {line.shown}" for line in self.first]} if self.first else {}

    def _allowed(self, read: int) -> int:
        return math.floor(self._quarantine.max_malformed * read)

    def _refusal(self) -> str:
        first, most = self.first[0], self._quarantine.max_malformed
        said = f"{self._place} {first.record}: expected {self._expected}, {first.shown}."
        if self.count > 1:
            said += f" {self.count:,} are malformed among the first {self.read:,}."
        kept = f" They are listed in {self._quarantine.path}." if self._quarantine.path else ""
        return f"{said}{kept} Correct them, or let a larger share pass: max_malformed is {most:g} for this source."
