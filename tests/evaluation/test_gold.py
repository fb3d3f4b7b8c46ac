import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.gold import (
    Claim,
    Description,
    LinkedText,
    RelatedText,
    VerbalizedTriples,
    read_generation,
    read_importance,
    read_mentions,
    read_relations,
    read_truth,
)
from kg.errors import ParseError
from kg.types import Mention

TRIPLE = ["http://a/s", "http://a/p", "o"]
GOOD: list[tuple[Callable[[Path], list[Any]], dict[str, Any], Any]] = [
    (
        read_mentions,
        {
            "id": "1",
            "text": "Ada in X",
            "mentions": [{"start": 0, "end": 3, "iri": "a"}, {"start": 7, "end": 8, "iri": None}],
        },
        LinkedText("1", "Ada in X", (Mention(0, 3, "a", 1.0), Mention(7, 8, None, 1.0))),
    ),
    (read_relations, {"id": "1", "text": "t", "triples": [TRIPLE]}, RelatedText("1", "t", (tuple(TRIPLE),), None)),
    (
        read_relations,
        {"id": "1", "text": "t", "triples": [], "split_type": "unseen"},
        RelatedText("1", "t", (), "unseen"),
    ),
    (
        read_generation,
        {"id": "1", "category": "x", "triples": [TRIPLE], "texts": ["one", "two"]},
        VerbalizedTriples("1", (tuple(TRIPLE),), ("one", "two")),
    ),
    (
        read_importance,
        {"entity": "e", "triples": [TRIPLE, TRIPLE], "gold_top5": [[0]], "gold_top10": [[0, 1], [1]]},
        Description("e", (tuple(TRIPLE), tuple(TRIPLE)), (frozenset({0}),), (frozenset({0, 1}), frozenset({1}))),
    ),
    (read_truth, {"triple": TRIPLE, "true": False}, Claim(tuple(TRIPLE), False)),
]
BAD: list[tuple[Callable[[Path], list[Any]], dict[str, Any], str]] = [
    (read_mentions, {"id": "1", "text": "Ada", "mentions": [{"start": 0, "end": 3}]}, "'start', 'end' and 'iri'"),
    (
        read_mentions,
        {"id": "1", "text": "Ada", "mentions": [{"start": 2, "end": 4, "iri": "a"}]},
        "from 2 to 4 is no span",
    ),
    (read_mentions, {"id": "1", "text": "Ada"}, "'mentions' is missing"),
    (read_relations, {"id": "1", "text": "t", "triples": [["s", "p"]]}, "three strings"),
    (read_generation, {"id": "1", "triples": [TRIPLE], "texts": []}, "must not be empty"),
    (
        read_importance,
        {"entity": "e", "triples": [TRIPLE], "gold_top5": [[1]], "gold_top10": [[0]]},
        "positions in 'triples', 0 to 0",
    ),
    (
        read_importance,
        {"entity": "e", "triples": [TRIPLE], "gold_top5": [], "gold_top10": [[0]]},
        "at least one summary",
    ),
    (read_truth, {"triple": TRIPLE, "true": "yes"}, "'true' must be true or false, not \"yes\""),
]


@pytest.mark.parametrize(("read", "row", "expected"), GOOD)
def test_a_reader_gives_every_field(
    tmp_path: Path, read: Callable[[Path], list[Any]], row: dict[str, Any], expected: Any
) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(json.dumps(row) + "\n", "utf-8")
    assert read(path) == [expected]


@pytest.mark.parametrize(("read", "row", "problem"), BAD)
def test_a_malformed_line_is_named(
    tmp_path: Path, read: Callable[[Path], list[Any]], row: dict[str, Any], problem: str
) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text("\n" + json.dumps(row) + "\n", "utf-8")
    with pytest.raises(ParseError, match=rf"gold\.jsonl, line 2: .*{problem}"):
        read(path)
