"""A limit on XML entities, which pyoxigraph expands without one.

An entity may refer to others, so that a few lines of a DTD stand for gigabytes ("billion laughs"). In RDF/XML entities
abbreviate namespaces; so one that is longer than `LONGEST`, once those it refers to are put in, is refused.
"""

import re
from pathlib import Path
from typing import IO

from kg.errors import ParseError

LONGEST = 1000
"""Characters that an entity may stand for."""

_START = b"<!ENTITY"
_DECLARATION = re.compile(r'<!ENTITY\s*+%?\s*+([^ \t\n\r\f]++)\s+"([^"]*)"')
_REFERENCE = re.compile(r"&([^;]*);")


class EntityGuard:
    """The bytes of a stream of XML; `read` raises ParseError once an entity is declared that is too long.

    It goes by the text alone, as pyoxigraph's parser does within a DTD, so it sees what is written in comments too.
    """

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream = stream
        self._path = path
        self._lengths: dict[str, int] = {}
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`."""
        data = self._stream.read(size)
        text = self._rest + data
        start = text.find(_START)
        while start >= 0:
            end = text.find(b"<", start + 1)
            declaration = _DECLARATION.match(text[start : end if end >= 0 else None].decode(errors="replace"))
            if declaration:
                self._declare(*declaration.groups())
            elif end < 0:
                break
            start = text.find(_START, start + 1)
        self._rest = text[start:] if start >= 0 else text[1 - len(_START) :]
        if len(self._rest) > len(data) + 8 * LONGEST:
            raise self._refused("A declaration in it")
        return data

    def _declare(self, name: str, value: str) -> None:
        parts = [len(_REFERENCE.sub("", value)), *(self._lengths.get(part, 1) for part in _REFERENCE.findall(value))]
        if sum(parts) > LONGEST:
            raise self._refused(f"The entity {name[:100]}")
        self._lengths[name] = max(sum(parts), self._lengths.get(name, 0))

    def _refused(self, what: str) -> ParseError:
        return ParseError(
            f"{self._path}: {what} is longer than {LONGEST} characters once the entities that it refers to are put in. "
            "Write it out where it is used, or convert the file to N-Triples."
        )
