import bz2
import gzip
import json
from pathlib import Path

import pytest

from kg.errors import ParseError, UsageError
from kg.sources.options import SourceOptions, kind_of
from kg.sources.text import read_documents, read_texts
from kg.types import Document
from tests.kg.sources.pdfs import encrypted_pdf, pdf


def test_documents_come_in_order_and_other_keys_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    rows = [{"id": "1", "text": "Ænima\u2028", "mentions": []}, {"id": "2", "text": ""}]
    path.write_bytes(gzip.compress("\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()))
    assert read_documents(path) == [Document("1", "Ænima\u2028"), Document("2", "")]


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_a_document(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "1", "text": "x"}\r\n\r\n{"id": "2", "text": "y"}\r\n')
    assert read_documents(path) == [Document("1", "x"), Document("2", "y")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", 'expected one JSON object with "id" and "text"'),
        ("[1]", r"got '\[1\]': not an object, but list"),
        ('{"id": "x"}', "text = null"),
        ('{"id": 7, "text": "x"}', "id = 7"),
        ('{"id": "2", "text": "cut \\ud83d emoji"}', r'text is no Unicode text: "\\ud83d", .* character 4'),
        ('{"id": "\\ud83d", "text": "x"}', "id is no Unicode text"),
        ('{"id": "1", "text": "x"}', "the id '1' is already that of .*a.jsonl, line 1"),
        ("[" * 100_000, "too many brackets within brackets"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "text": "x"}\n' + line + "\n")
    with pytest.raises(ParseError, match=rf"a\.jsonl, line 2: .*{words}"):
        read_documents(path)


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "1", "text": "\xff"}\n')
    with pytest.raises(ParseError, match=r"a\.jsonl, line 1: .*not UTF-8: the byte 0xff"):
        read_documents(path)


PAGE = """\
<html><head><title>Lovelace</title><style>p {}</style></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<article><p>Ada Lovelace was born in London in 1815. She worked with Charles Babbage &amp; wrote notes.</p>
<p>Her father was Lord Byron, who left when she was one month old; her mother taught her mathematics.</p></article>
<footer>Copyright. All rights reserved.</footer></body></html>
"""


def test_a_folder_of_texts_gives_one_document_a_file_with_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes("\ufeffZürich\r\nis a city.".encode())
    (folder / "b.MD.bz2").write_bytes(bz2.compress(b"# Bern"))
    (folder / "sub" / "c.pdf").write_bytes(pdf("Bern is a city.", "", "It lies on the Aare."))
    (folder / "d.html").write_text(PAGE)
    (folder / "e.jsonl").write_text('{"id": "x", "text": "y"}\n')
    (folder / ".hidden.txt").write_text("no")
    (folder / "image.png").write_text("no")
    assert kind_of(str(folder)) == "text"
    documents, details = read_texts(SourceOptions(str(folder)))
    found = {document.id: document.text for document in documents}
    assert list(found) == ["a.txt", "b.MD.bz2", "d.html", "x", "sub/c.pdf"]
    assert found["a.txt"] == "Zürich\r\nis a city."
    assert found["b.MD.bz2"] == "# Bern"
    assert found["sub/c.pdf"] == "Bern is a city.\n\nIt lies on the Aare."
    assert "London in 1815. She worked with Charles Babbage & wrote" in found["d.html"]
    assert "Home" not in found["d.html"]
    assert "rights" not in found["d.html"]
    assert [(file["file"], file["documents"]) for file in details["files"]][-1] == ("sub/c.pdf", 1)
    assert (details["documents"], details["empty"], details["malformed"]) == (5, 0, 0)


@pytest.mark.parametrize(("name", "id_"), [("a.txt", "a.txt"), ("a.htm", "a.htm"), ("a.pdf", "a.pdf")])
def test_a_single_file_is_one_document(tmp_path: Path, name: str, id_: str) -> None:
    (tmp_path / name).write_bytes(pdf("Bern") if name.endswith("pdf") else b"Bern")
    (document,), _ = read_texts(SourceOptions(str(tmp_path / name)))
    assert document == Document(id_, "Bern")


def test_a_folder_with_rdf_is_a_dump_whatever_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Dump")
    with_text = kind_of(str(tmp_path))
    (tmp_path / "a.nt").write_text("")
    assert (with_text, kind_of(str(tmp_path))) == ("text", "dump")
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="holds no file of RDF or text"):
        kind_of(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.pdf", encrypted_pdf(), "is encrypted"),
        ("a.pdf", b"%PDF-1.4\n%broken", "is no PDF file"),
        ("a.pdf", b"", "is no PDF file"),
        ("a.txt", b"a\nb\xff", "line 2: expected UTF-8 text, got the byte 0xff"),
        ("a.html", b"<p>\xff", "UTF-8, as the page declares nothing else"),
        ("a.html", b'<meta charset="no-such"><p>x', "as the page declares, no-such"),
    ],
)
def test_a_file_that_is_no_text_is_named(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ParseError, match=rf"{name}.*{words}"):
        read_texts(SourceOptions(str(tmp_path / name)))


def test_a_few_unreadable_files_are_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.txt").write_text("x")
    (folder / "a.pdf").write_bytes(encrypted_pdf())
    documents, details = read_texts(
        SourceOptions(str(folder), max_malformed=0.1), quarantine=tmp_path / "q" / "source-2.jsonl"
    )
    assert (len(documents), details["malformed"], details["quarantine"]) == (9, 1, "source-2.jsonl")
    row = json.loads((tmp_path / "q" / "source-2.jsonl").read_text())
    assert (row["file"], row["line"]) == ("a.pdf", None)
    assert "is encrypted" in row["reason"]


def test_a_file_too_large_for_one_document_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kg.sources.text.DOCUMENT_BYTES", 1 << 20)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"x" * (5 << 20)))
    with pytest.raises(ParseError, match=r"a\.txt\.gz is larger than 1 MiB"):
        read_texts(SourceOptions(str(tmp_path / "a.txt.gz")))


def test_the_same_id_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text('\n{"id": "x", "text": "y"}\n')
    with pytest.raises(ParseError, match=r"b\.jsonl, line 2: the id 'x' is already that of .*a\.jsonl, line 2"):
        read_texts(SourceOptions(str(tmp_path)))


def page(tmp_path: Path, data: bytes) -> str:
    (tmp_path / "a.html").write_bytes(data)
    (document,), _ = read_texts(SourceOptions(str(tmp_path / "a.html")))
    return document.text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1251"])
def test_a_page_is_read_in_the_encoding_that_it_declares(tmp_path: Path, encoding: str) -> None:
    word = "Лавлейс" if encoding == "windows-1251" else "Zürich"
    assert page(tmp_path, f'<html><meta charset="{encoding}"><p>{word}</p>'.encode(encoding)) == word


def test_a_page_without_main_text_gives_what_is_visible(tmp_path: Path) -> None:
    assert (
        page(tmp_path, b"<title>t</title><p>Bern</p><script>x()</script><!-- c --><p>Aare<br>Thun")
        == "Bern\nAare\nThun"
    )
    assert page(tmp_path, b"") == page(tmp_path, b"<!-- nothing -->") == ""


def test_a_page_is_no_bomb(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    bomb = f'<!DOCTYPE html [<!ENTITY a0 "lol">{entities}]><html><body><p>&a9;</p>Bern</body></html>'
    assert "Bern" in page(tmp_path, bomb.encode())
    assert len(page(tmp_path, bomb.encode())) < 2000
    assert len(page(tmp_path, b"<div>" * 200_000 + b"Bern" + b"</div>" * 200_000)) < 10


def test_an_external_entity_of_a_page_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("geheim")
    text = page(tmp_path, f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><p>&x; Bern</p>'.encode())
    assert "geheim" not in text
