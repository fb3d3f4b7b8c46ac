import io
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pyoxigraph as ox
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg.errors import ParseError
from kg.sources.compressed import line_chunks, open_file
from kg.sources.ntriples import read_chunk, read_stream

PATH = Path("toy.nt")
GOOD = b"<http://a/b> <http://a/b> <http://a/b> .\n"
TERMS = st.sampled_from(
    [
        "<http://a/b>",
        "<http://a/%C3%A9?q=1#f>",
        "<http://a/%zz>",
        "<http://a/é(x),'y'>",
        "<urn:x:y>",
        "<HTTP://A:80/>",
        "<a>",
        "<http://a/[>",
        "<http://a/\\u00E9>",
        "<http://a/b c>",
        "_:b0",
        "_:B.c-d",
        "_:0",
        '"plain"',
        '""',
        '"a\\"b\\\\c\\n\\t"',
        '"\\u0041\\U0001F600"',
        '"tab\there"',
        '"\x7f"',
        '"\ufffe"',
        '"é\u2028😀"',
        '"x"@en',
        '"x"@EN-gb',
        '"x"@en-latn-x-abc',
        '"x"@123',
        '"x"@abcdefghijk',
        '"5"^^<http://www.w3.org/2001/XMLSchema#integer>',
        '"s"^^<http://www.w3.org/2001/XMLSchema#string>',
        '"s"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>',
        '"m"^^<http://dbpedia.org/datatype/squareKilometre>',
        '"unclosed',
        "'single'",
        "# comment",
        "",
    ]
)
SPACES = st.sampled_from([" ", "  ", "\t", ""])
ENDS = st.sampled_from([" .", ".", " . ", "\t.", " . # comment", "", " . ."])


SUBJECTS = st.sampled_from(["<http://a/b>", "<urn:x:y>", "<http://a/\\u00E9>", "_:b0", "_:B.c-d"])
OBJECTS = st.sampled_from(
    [
        "<http://a/b>",
        "<http://dmcdewas.org:89/index.php?a=?>",
        "_:b",
        '"<http://g/>"',
        '"a _:b"',
        '"x <http://g/"@en-GB',
        '"5"^^<http://www.w3.org/2001/XMLSchema#integer>',
        '"\\u0041 \\U0001F600\\t"',
        '"x"@zh-Hans',
        '"x"@EN',
        '"tab\there"',
    ]
)
GRAPHS = st.sampled_from(["", "<http://g/x>", "_:g", "<urn:g>", "<http://\\u00E9/>"])


@st.composite
def lines(draw: st.DrawFn) -> str:
    return "".join(draw(part) for part in (SPACES, TERMS, SPACES, TERMS, SPACES, TERMS, ENDS))


@st.composite
def statements(draw: st.DrawFn, *, graphs: bool = False) -> str:
    parts = [draw(SUBJECTS), "<http://a/p>", draw(OBJECTS), *([draw(GRAPHS)] if graphs else [])]
    return "".join(part + draw(st.sampled_from([" ", " ", " ", "\t", "  "])) for part in parts) + draw(
        st.sampled_from([".", ".", ". # comment", ". "])
    )


MIXED = st.lists(st.one_of(statements(), statements(), lines()), max_size=14)
MIXED_QUADS = st.lists(
    st.one_of(statements(graphs=True), statements(graphs=True), lines().map(lambda line: line[:-2] + " <http://g/> .")),
    max_size=14,
)


def reference(line: str, syntax: ox.RdfFormat = ox.RdfFormat.N_TRIPLES) -> list[tuple[str, str, str]] | None:
    try:
        quads = list(ox.parse(line.encode(), format=syntax))
    except (SyntaxError, ValueError):
        return None
    return [(str(quad.subject), str(quad.predicate), str(quad.object)) for quad in quads]


def read(data: bytes, **options: object) -> tuple[list[tuple[str, str, str, int]], list[int]]:
    pieces = list(read_stream(io.BytesIO(data), path=PATH, **options))  # type: ignore[arg-type]
    rows = [row for piece in pieces for row in piece.triples.rows()]
    return rows, [bad.record for piece in pieces for bad in piece.malformed]


@given(MIXED, st.sampled_from(["\n", "\r\n"]), st.integers(1, 5))
@example(["<http://a/b> <http://a/b> <http://a/b> ."], "\n", 2)
@example(["<http://a/b>\t<http://a/b> <http://a/b> .\r<http://a/b> <http://a/b> <http://a/b> ."] * 2, "\n", 1)
@example(['VERSION "1.2"', "<http://a/b>\t<http://a/b> <http://a/b> .", "<http://a/b>", "# x\ry"], "\n", 9)
def test_lines_read_equal_those_of_the_strict_parser(text: list[str], end: str, batch: int) -> None:
    expected = [(*triple, n) for n, line in enumerate(text, 1) for triple in reference(line) or []]
    malformed = [n for n, line in enumerate(text, 1) if reference(line) is None]
    with patch("kg.sources.ntriples._BATCH", batch):
        assert read(end.join(text).encode()) == (expected, malformed)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\n\r"\\')), st.integers(0, 0x10FFFF))
def test_any_character_in_a_literal_or_iri_reads_as_the_strict_parser_reads_it(text: str, code: int) -> None:
    char = "x" if 0xD800 <= code < 0xE000 or code in (10, 13) else chr(code)
    for line in (f'<http://a/{char}> <http://a/p> "{text}{char}"@en .', f'_:a <http://a/p> "{text}" .'):
        expected = reference(line)
        assert [row[:3] for row in read(line.encode())[0]] == (expected or [])


@given(MIXED_QUADS, st.integers(1, 5))
def test_quads_read_as_the_strict_parser_reads_them(text: list[str], batch: int) -> None:
    found = [(n, reference(line, ox.RdfFormat.N_QUADS)) for n, line in enumerate(text, 1)]
    expected = [(*triple, n) for n, triples in found for triple in triples or []]
    with patch("kg.sources.ntriples._BATCH", batch):
        assert read("\n".join(text).encode(), quads=True) == (expected, [n for n, triples in found if triples is None])


def test_a_malformed_line_comes_with_its_number_reason_and_text() -> None:
    (piece,) = read_stream(io.BytesIO(b"<http://a/b> <http://a/b> <http://a/b> .\n\n<http://a/b <x> .\n"), path=PATH)
    (bad,) = piece.malformed
    assert (bad.record, bad.text, len(piece.triples), piece.read) == (3, "<http://a/b <x> .", 1, 3)
    assert "IRI" in bad.reason


@pytest.mark.parametrize("line", [b'<http://a/b> <http://a/b> "\xff\xe9" .', b"\xc3"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_that_is_not_utf8_is_malformed_alone(line: bytes, end: bytes) -> None:
    good = '<http://a/b> <http://a/b> "é" .'.encode()
    data = end.join([good, line, good, line, line, b"nonsense", good, line])
    piece = read_chunk(data, first=1)
    assert piece.triples["record"].to_list() == [1, 3, 7]
    assert [bad.record for bad in piece.malformed] == [2, 4, 5, 6, 8]
    assert piece.malformed[0].reason == f"not UTF-8: the byte 0x{'ff' if b'<' in line else 'c3'}"
    assert piece.malformed[0].text == line.decode("utf-8", "backslashreplace")


def test_triple_terms_are_malformed() -> None:
    line = b"<http://a/b> <http://a/b> <<( <http://a/b> <http://a/b> <http://a/b> )>> .\n"
    (piece,) = read_stream(io.BytesIO(line + GOOD + line), path=PATH)
    assert [(bad.record, "RDF 1.2" in bad.reason) for bad in piece.malformed] == [(1, True), (3, True)]
    assert len(piece.triples) == 1


def test_a_piece_ends_early_once_more_are_malformed_than_the_limit() -> None:
    seen: list[int] = []

    def limit(lines: int) -> float:
        seen.append(lines)
        return 2

    (piece,) = read_stream(io.BytesIO(b"x\n" * 50 + GOOD), path=PATH, limit=limit)
    assert seen == [51]
    assert 2 < len(piece.malformed) < 10


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert read(b"\xef\xbb\xbf" + GOOD + GOOD)[0] == [(*["<http://a/b>"] * 3, 1), (*["<http://a/b>"] * 3, 2)]


def test_blank_nodes_get_the_name_of_their_source() -> None:
    rows, _ = read(b'_:b <http://a/b> _:c .\n_:b.1 <http://a/b> "_:b" .\n', blank="s3x")
    assert [(s, o) for s, _, o, _ in rows] == [("_:s3xb", "_:s3xc"), ("_:s3xb.1", '"_:b"')]


@given(st.binary(max_size=60), st.integers(1, 7))
def test_chunks_join_to_the_input_and_end_at_line_ends(data: bytes, size: int) -> None:
    chunks = list(line_chunks(io.BytesIO(data), path=PATH, chunk_bytes=size))
    assert b"".join(chunks) == data
    assert all(chunk.endswith(b"\n") for chunk in chunks[:-1])


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    data = b"short\n" + b"x" * 20 + b"\n"
    with pytest.raises(ParseError, match=r"toy\.nt: a line is longer than 19 bytes"):
        list(line_chunks(io.BytesIO(data), path=PATH, chunk_bytes=4, line_bytes=19))
    assert b"".join(line_chunks(io.BytesIO(data), path=PATH, chunk_bytes=4, line_bytes=20)) == data


def test_real_dump_reads_as_the_strict_parser_reads_it(shared: Path) -> None:
    path = shared / "dbpedia" / "abstracts.nt.gz"
    with open_file(path) as stream:
        frames = [piece.triples for piece in read_stream(stream, path=path)]
    with open_file(path) as stream:
        expected = [
            (str(quad.subject), str(quad.predicate), str(quad.object))
            for quad in ox.parse(stream, format=ox.RdfFormat.N_TRIPLES)
        ]
    assert pl.concat(frames).select("s", "p", "o").rows() == expected
