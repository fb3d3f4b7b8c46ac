import bz2
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from kg.errors import ParseError
from kg.sources.lines import estimate_documents, estimate_dump

PLAIN: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": lambda data: bz2.compress(data, 1),
    ".zst": zstandard.compress,
}


def lines(count: int, *, growing: bool = False) -> bytes:
    """Lines of random text, which hardly compresses; growing: later ones are longer."""
    sizes = [32 * (1 + growing * 4 * number // max(count, 1)) for number in range(count)]
    words = (hashlib.shake_256(str(number).encode()).hexdigest(size) for number, size in enumerate(sizes))
    return "".join(f'<http://a/{number}> <http://a/p> "{word}" .\n' for number, word in enumerate(words)).encode()


@pytest.mark.parametrize("suffix", PLAIN)
@pytest.mark.parametrize("count", [0, 1, 500])
def test_a_small_file_is_counted(tmp_path: Path, suffix: str, count: int) -> None:
    path = tmp_path / f"a.nt{suffix}"
    path.write_bytes(PLAIN[suffix](lines(count).rstrip(b"\n")))
    assert estimate_dump(path) == (count, True)


@pytest.mark.parametrize("suffix", PLAIN)
def test_a_large_file_is_estimated_within_a_twentieth(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.nt{suffix}"
    path.write_bytes(PLAIN[suffix](lines(25_000)))
    assert estimate_dump(path)[0] == pytest.approx(25_000, rel=0.05)


@pytest.mark.parametrize("suffix", ["", ".bz2"])
def test_a_file_whose_lines_grow_is_sampled_in_several_places(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.nt{suffix}"
    path.write_bytes(PLAIN[suffix](lines(25_000, growing=True)))
    assert estimate_dump(path)[0] == pytest.approx(25_000, rel=0.1)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst"])
def test_files_of_several_members_are_estimated_too(tmp_path: Path, suffix: str, parts: int) -> None:
    path = tmp_path / f"a.nt{suffix}"
    path.write_bytes(PLAIN[suffix](lines(20_000)) * parts)
    assert estimate_dump(path)[0] == pytest.approx(20_000 * parts, rel=0.05)


def test_statements_of_turtle_are_counted_not_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    head = b"@prefix : <http://a/> .\n"
    path.write_bytes(head + b":s :p 1, 2, 3 .\n" * 10)
    assert estimate_dump(path) == (30, True)
    path.write_bytes(head + b":s :p 1, 2, 3 ;\n\n  :q 4 .\n" * 90_000)
    count, exact = estimate_dump(path)
    assert (exact, count) == (False, pytest.approx(360_000, rel=0.05))


def test_documents_are_lines_of_json_or_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "x"}\n{"id": "2", "text": "x"}')
    (tmp_path / "a.txt").write_text("a\nb\nc\n")
    assert estimate_documents(tmp_path / "a.jsonl") == (2, True)
    assert estimate_documents(tmp_path / "a.txt") == (1, True)


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.nt.gz").write_bytes(b"no gzip")
    with pytest.raises(ParseError, match="damaged"):
        estimate_dump(tmp_path / "a.nt.gz")


def test_real_dumps_are_estimated_within_a_tenth(shared: Path) -> None:
    found = sum(estimate_dump(path)[0] for path in sorted((shared / "dbpedia-hi").glob("*.bz2")))
    assert found == pytest.approx(1_454_229, rel=0.1)
    for name, count in (("graph", 1_038_335), ("labels", 358_932), ("graph-100k", 101_681)):
        assert estimate_dump(shared / "dbpedia" / f"{name}.nt.gz")[0] == pytest.approx(count, rel=0.1)
