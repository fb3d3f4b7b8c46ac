"""Gold data read from JSONL. Questions are in `retrieval.question`.

    mentions     {"id", "text", "mentions": [{"start", "end", "iri"}]}
    relations    {"id", "text", "triples": [[s, p, o], …], "split_type"?}
    generation   {"id", "triples": [[s, p, o], …], "texts": [reference, …]}
    importance   {"entity", "triples": [[s, p, o], …], "gold_top5": [[index, …], …], "gold_top10": …}
    truth        {"triple": [s, p, o], "true": true or false}

IRIs are bare; a literal object is its text. Each reader raises UsageError for a file it cannot read and ParseError
(file, line, what is wrong) for a malformed line.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.jsonl import Line, read_lines
from kg.types import Mention

Triple = tuple[str, str, str]


@dataclass(frozen=True)
class LinkedText:
    """A text and its mentions; a mention without an IRI is of something that the reference graph lacks."""

    id: str
    text: str
    mentions: tuple[Mention, ...]


@dataclass(frozen=True)
class RelatedText:
    """A text and the triples that it states; `split` groups texts for separate scores."""

    id: str
    text: str
    triples: tuple[Triple, ...]
    split: str | None


@dataclass(frozen=True)
class VerbalizedTriples:
    """Triples and the reference texts that say them."""

    id: str
    triples: tuple[Triple, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Description:
    """All triples of an entity, and human summaries: for 5 and for 10 triples, sets of positions in `triples`."""

    entity: str
    triples: tuple[Triple, ...]
    top5: tuple[frozenset[int], ...]
    top10: tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Claim:
    """A triple and whether it is true."""

    triple: Triple
    true: bool


def read_mentions(path: Path) -> list[LinkedText]:
    """The texts with gold mentions of a JSONL file, in order."""
    return [_linked_text(line) for line in read_lines(path)]


def read_relations(path: Path) -> list[RelatedText]:
    """The texts with gold triples of a JSONL file, in order."""
    return [
        RelatedText(
            line.get("id", str),
            line.get("text", str),
            line.triples("triples"),
            None if line.fields.get("split_type") is None else line.get("split_type", str),
        )
        for line in read_lines(path)
    ]


def read_generation(path: Path) -> list[VerbalizedTriples]:
    """The triples with reference texts of a JSONL file, in order."""
    items = []
    for line in read_lines(path):
        item = VerbalizedTriples(line.get("id", str), line.triples("triples"), line.strings("texts"))
        if not item.texts or not item.triples:
            raise line.error("'triples' and 'texts' must not be empty")
        items.append(item)
    return items


def read_importance(path: Path) -> list[Description]:
    """The described entities with human summaries of a JSONL file, in order."""
    items = []
    for line in read_lines(path):
        triples = line.triples("triples")
        top5, top10 = (_summaries(line, name, len(triples)) for name in ("gold_top5", "gold_top10"))
        items.append(Description(line.get("entity", str), triples, top5, top10))
    return items


def read_truth(path: Path) -> list[Claim]:
    """The judged triples of a JSONL file, in order."""
    return [Claim(line.triple("triple", line.get("triple", list)), line.get("true", bool)) for line in read_lines(path)]


def _linked_text(line: Line) -> LinkedText:
    text = line.get("text", str)
    return LinkedText(
        line.get("id", str), text, tuple(_mention(line, value, len(text)) for value in line.get("mentions", list))
    )


def _mention(line: Line, value: Any, length: int) -> Mention:
    if not isinstance(value, dict) or not {"start", "end", "iri"} <= value.keys():
        raise line.error("'mentions' must hold objects with 'start', 'end' and 'iri'")
    mention = Line(line.path, line.number, value)
    start, end = mention.get("start", int), mention.get("end", int)
    if not 0 <= start < end <= length:
        raise line.error(f"a mention from {start} to {end} is no span of a text of {length} characters")
    return Mention(start, end, None if value["iri"] is None else mention.get("iri", str), 1.0)


def _summaries(line: Line, name: str, n_triples: int) -> tuple[frozenset[int], ...]:
    found = []
    for summary in line.get(name, list):
        if not isinstance(summary, list) or not all(isinstance(i, int) and 0 <= i < n_triples for i in summary):
            raise line.error(f"{name!r} must hold lists of positions in 'triples', 0 to {n_triples - 1}")
        found.append(frozenset(summary))
    if not found or not all(found):
        raise line.error(f"{name!r} must hold at least one summary, and none that is empty")
    return tuple(found)
