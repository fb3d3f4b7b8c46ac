import io
from pathlib import Path

import polars as pl
import pyoxigraph as ox
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg.errors import ParseError
from kg.sources.compressed import line_chunks, open_file
from kg.sources.ntriples import read_stream

PATH = Path("toy.nt")
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


@st.composite
def lines(draw: st.DrawFn) -> str:
    return "".join(draw(part) for part in (SPACES, TERMS, SPACES, TERMS, SPACES, TERMS, ENDS))


def reference(line: str, syntax: ox.RdfFormat = ox.RdfFormat.N_TRIPLES) -> list[tuple[str, str, str]] | None:
    try:
        quads = list(ox.parse(line.encode(), format=syntax))
    except (SyntaxError, ValueError):
        return None
    return [(str(quad.subject), str(quad.predicate), str(quad.object)) for quad in quads]


def read(data: bytes, **options: object) -> tuple[list[tuple[str, str, str, int]], list[int]]:
    pieces = list(read_stream(io.BytesIO(data), path=PATH, **options))  # type: ignore[arg-type]
    rows = [row for frame, _, _ in pieces for row in frame.rows()]
    return rows, [bad.record for _, skipped, _ in pieces for bad in skipped]


@given(st.lists(lines(), max_size=8), st.sampled_from(["\n", "\r\n"]))
@example(["<http://a/b> <http://a/b> <http://a/b> ."], "\n")
def test_lines_read_equal_those_of_the_strict_parser(text: list[str], end: str) -> None:
    expected = [(*triple, n) for n, line in enumerate(text, 1) for triple in reference(line) or []]
    malformed = [n for n, line in enumerate(text, 1) if reference(line) is None]
    assert read(end.join(text).encode(), skip=True) == (expected, malformed)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\n\r"\\')), st.integers(0, 0x10FFFF))
def test_any_character_in_a_literal_or_iri_reads_as_the_strict_parser_reads_it(text: str, code: int) -> None:
    char = "x" if 0xD800 <= code < 0xE000 or code in (10, 13) else chr(code)
    for line in (f'<http://a/{char}> <http://a/p> "{text}{char}"@en .', f'_:a <http://a/p> "{text}" .'):
        expected = reference(line)
        assert [row[:3] for row in read(line.encode(), skip=True)[0]] == (expected or [])


@given(st.lists(lines(), max_size=4))
def test_quads_read_as_the_strict_parser_reads_them(text: list[str]) -> None:
    text = [line.removesuffix(" .") + " <http://g/> ." for line in text]
    expected = [
        (*triple, n) for n, line in enumerate(text, 1) for triple in reference(line, ox.RdfFormat.N_QUADS) or []
    ]
    assert read("\n".join(text).encode(), skip=True, quads=True)[0] == expected


def test_malformed_line_stops_with_file_line_and_way_out() -> None:
    with pytest.raises(ParseError, match=r"toy\.nt, line 3: .*<http://a/b.*on_error = \"skip\""):
        read(b"<http://a/b> <http://a/b> <http://a/b> .\n\n<http://a/b <x> .\n")


def test_bytes_that_are_not_utf8_stop_with_their_line() -> None:
    with pytest.raises(ParseError, match=r"toy\.nt, line 2: expected UTF-8 text, got the byte 0xff"):
        read(b'<http://a/b> <http://a/b> "a" .\n<http://a/b> <http://a/b> "\xff" .\n')


def test_triple_terms_are_refused() -> None:
    line = b"<http://a/b> <http://a/b> <<( <http://a/b> <http://a/b> <http://a/b> )>> .\n"
    with pytest.raises(ParseError, match=r"RDF 1\.2"):
        read(line)


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
        frames = [frame for frame, _, _ in read_stream(stream, path=path)]
    with open_file(path) as stream:
        expected = [
            (str(quad.subject), str(quad.predicate), str(quad.object))
            for quad in ox.parse(stream, format=ox.RdfFormat.N_TRIPLES)
        ]
    assert pl.concat(frames).select("s", "p", "o").rows() == expected
