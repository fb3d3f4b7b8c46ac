import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import ParseError, UsageError
from kg.jsonl import read_lines


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "lines.jsonl"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.none())))
def test_read_lines_gives_back_what_json_wrote(tmp_path_factory: pytest.TempPathFactory, rows: list[dict]) -> None:
    path = write(tmp_path_factory.mktemp("jsonl"), "".join(json.dumps(row) + "\n" for row in rows))
    assert [line.fields for line in read_lines(path)] == rows


def test_lines_are_numbered_as_an_editor_does_with_empty_lines_counted(tmp_path: Path) -> None:
    assert [line.number for line in read_lines(write(tmp_path, '{}\n\n{"a": 1}'))] == [1, 3]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert [line.fields for line in read_lines(write(tmp_path, b'\xef\xbb\xbf{"a": 1}\n'))] == [{"a": 1}]


@pytest.mark.parametrize("text", ['{"a": 1}\n{"a": \n', "{}\n[1]\n", b'{}\n{"a": "\xff"}\n'])
def test_a_malformed_line_is_named(tmp_path: Path, text: str | bytes) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ParseError, match=r"lines\.jsonl, line 2: expected"):
        list(read_lines(path))


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.jsonl cannot be read: No such file"):
        list(read_lines(tmp_path / "nowhere.jsonl"))


def test_get_says_what_is_missing_and_what_has_another_type(tmp_path: Path) -> None:
    (line,) = read_lines(write(tmp_path, '{"id": 5, "flag": true, "triples": [["a", "b"]]}'))
    with pytest.raises(ParseError, match=r"line 1: 'text' is missing; the line has 'id', 'flag', 'triples'"):
        line.get("text", str)
    with pytest.raises(ParseError, match="'id' must be a string, not 5"):
        line.get("id", str)
    with pytest.raises(ParseError, match="'flag' must be a whole number, not true"):
        line.get("flag", int)
    with pytest.raises(ParseError, match=r"'triples' must hold \[subject, predicate, object\]"):
        line.triples("triples")
