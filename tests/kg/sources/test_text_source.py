import gzip
import json
from pathlib import Path

import pytest

from kg.errors import ParseError
from kg.sources.text import read_documents
from kg.types import Document


def test_documents_come_in_order_and_other_keys_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    rows = [{"id": "1", "text": "Ænima\u2028", "mentions": []}, {"id": "2", "text": ""}]
    path.write_bytes(gzip.compress("\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()))
    assert read_documents(path) == [Document("1", "Ænima\u2028"), Document("2", "")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", 'expected one JSON object with "id" and "text"'),
        ("[1]", "got '\\[1\\]'"),
        ('{"id": "x"}', "got text = null"),
        ('{"id": 7, "text": "x"}', "got id = 7"),
        (
            '{"id": "2", "text": "cut \\ud83d emoji"}',
            r'expected text to be Unicode text, got "\\ud83d", .* character 4',
        ),
        ('{"id": "\\ud83d", "text": "x"}', "expected id to be Unicode text"),
        ('{"id": "1", "text": "x"}', "the id '1' is already that of line 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "text": "x"}\n' + line + "\n")
    with pytest.raises(ParseError, match=rf"a\.jsonl, line 2: .*{words}"):
        read_documents(path)
