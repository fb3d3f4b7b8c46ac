import bz2
import gzip
import hashlib
import io
import json
import re
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pyoxigraph as ox
import pytest
import zstandard
from rdflib import Graph, Literal
from rdflib.compare import isomorphic
from rdflib.plugins.parsers import ntriples
from rdflib.term import Identifier

from kg.errors import ParseError, SourceError
from kg.sources.dump import read_dump
from kg.sources.options import SourceOptions

TURTLE = """\
@prefix : <http://a/> .
:s :p :o , "text"@en , 5 ; :q [ :r _:x ] , [ :r _:x ] .
_:x :p "a\\"b" .
"""
XML = """\
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://a/">
<rdf:Description rdf:about="http://a/s"><p rdf:resource="http://a/o"/><q><rdf:Description><r>é</r></rdf:Description></q>
</rdf:Description></rdf:RDF>
"""
LINES = '<http://a/s> <http://a/p> "1" .\n_:b <http://a/p> _:b .\n'


def read(
    path: Path, *, blank: str = "s0x", quarantine: Path | None = None, **options: object
) -> tuple[pl.DataFrame, dict[str, Any]]:
    pieces = [pl.DataFrame(schema={"s": pl.String, "p": pl.String, "o": pl.String, "record": pl.Int64})]
    chosen = SourceOptions(str(path), **options)  # type: ignore[arg-type]
    details = read_dump(chosen, blank=blank, take=pieces.append, quarantine=quarantine)
    return pl.concat(pieces), details


def triples(path: Path, *, blank: str = "s0x", **options: object) -> list[tuple[str, str, str, int]]:
    return read(path, blank=blank, **options)[0].rows()  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "text"), [("a.ttl", TURTLE), ("a.rdf", XML), ("a.owl", XML), ("a.nt", LINES)])
def test_each_syntax_reads_as_rdflib_reads_it(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    expected = Graph().parse(data=text, format={".ttl": "turtle", ".nt": "nt"}.get(path.suffix, "xml"))
    found = Graph().parse(data="\n".join(f"{s} {p} {o} ." for s, p, o, _ in triples(path)), format="nt")
    assert isomorphic(found, expected)
    assert [row[3] for row in triples(path)] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize(
    ("suffix", "compress"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".zst", zstandard.compress)]
)
def test_each_compression_gives_the_same_triples(tmp_path: Path, suffix: str, compress) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / ("a.nt" + suffix)
    path.write_bytes(compress(LINES.encode()) + (b"" if suffix == "" else compress(LINES.encode())))
    once = [("<http://a/s>", "<http://a/p>", '"1"', 1), ("_:s0xb", "<http://a/p>", "_:s0xb", 2)]
    again = [] if suffix == "" else [(s, p, o, line + 2) for s, p, o, line in once]
    assert triples(path) == once + again


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".zst", zstandard.compress)]
)
def test_a_file_cut_off_is_an_error(tmp_path: Path, suffix: str, compress) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / ("a.nt" + suffix)
    whole = compress(
        "".join(
            f'<http://a/s> <http://a/p> "{hashlib.sha256(bytes([i])).hexdigest()}" .\n' for i in range(200)
        ).encode()
    )
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ParseError, match="cut off"):
        triples(path)
    path.write_bytes(b"this is not compressed at all")
    with pytest.raises(ParseError, match="damaged"):
        triples(path)


def test_blank_nodes_of_turtle_have_the_same_names_in_each_run(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    path.write_text(TURTLE)
    assert triples(path, blank="s2x") == triples(path, blank="s2x")
    names = {term for row in triples(path, blank="s2x") for term in (row[0], row[2]) if term.startswith("_:")}
    assert names == {"_:s2x0", "_:s2x1", "_:s2x2"}


def test_a_folder_is_read_in_the_order_of_names_and_blank_nodes_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "b.nt").write_text(LINES)
    (tmp_path / "a.nt").write_text(LINES + "# end\n")
    (tmp_path / "notes.md").write_text("no RDF")
    frame, details = read(tmp_path, blank="s1x")
    assert details["texts_not_read"] == 1
    assert frame["s"].to_list() == ["<http://a/s>", "_:s1x0xb", "<http://a/s>", "_:s1x1xb"]
    assert frame["record"].to_list() == [1, 2, 4, 5]
    assert [(file["file"], file["rows"], file["first_record"]) for file in details["files"]] == [
        ("a.nt", 2, 1),
        ("b.nt", 2, 4),
    ]
    assert details["files"][1]["sha256"] == hashlib.sha256(LINES.encode()).hexdigest()


def test_quads_lose_their_graph_only(tmp_path: Path) -> None:
    path = tmp_path / "a.nq"
    path.write_text('<http://a/s> <http://a/p> "x" <http://g/> .\n<http://a/s> <http://a/p> "y" _:g .\n')
    assert [row[2] for row in triples(path)] == ['"x"', '"y"']


@pytest.mark.parametrize("name", ["a.nt", "a.nq", "a.ttl", "a.nt.gz"])
def test_an_empty_file_has_no_triples(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    frame, details = read(path)
    assert (len(frame), details["rows"]) == (0, 0)
    assert frame.columns == ["s", "p", "o", "record"]


def test_malformed_lines_are_counted_listed_and_kept_in_the_quarantine(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    folder.mkdir()
    (folder / "a.nt").write_bytes(LINES.encode() + b"nonsense\n" + LINES.encode() + b"\xff\n")
    (folder / "b.nt").write_text("y" * 5000)
    frame, details = read(folder, max_malformed=1.0, quarantine=tmp_path / "q" / "source-3.jsonl")
    assert frame["record"].to_list() == [1, 2, 4, 5]
    assert (details["malformed"], details["quarantine"]) == (3, "source-3.jsonl")
    assert details["files"][0]["malformed"][0].startswith("3: got 'nonsense': ")
    rows = [json.loads(line) for line in (tmp_path / "q" / "source-3.jsonl").read_text().splitlines()]
    assert [(row["file"], row["line"], row["text"]) for row in rows] == [
        ("a.nt", 3, "nonsense"),
        ("a.nt", 6, "\\xff"),
        ("b.nt", 1, "y" * 1000),
    ]
    assert rows[1]["reason"] == "not UTF-8: the byte 0xff"


def test_a_quarantine_of_an_earlier_run_is_gone_when_nothing_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "a.nt"
    path.write_text("nonsense\n")
    with pytest.raises(ParseError, match=r"source-0\.jsonl"):
        read(path, quarantine=tmp_path / "q" / "source-0.jsonl")
    assert (tmp_path / "q" / "source-0.jsonl").exists()
    path.write_text(LINES)
    assert read(path, quarantine=tmp_path / "q" / "source-0.jsonl")[1]["malformed"] == 0
    assert not (tmp_path / "q" / "source-0.jsonl").exists()


@pytest.mark.parametrize(("bad", "share", "passes"), [(1, 0.01, True), (2, 0.01, False), (1, 0.0, False)])
def test_the_share_of_malformed_lines_is_judged_at_the_end_of_a_short_file(
    tmp_path: Path, bad: int, share: float, passes: bool
) -> None:
    path = tmp_path / "a.nt"
    path.write_text("nonsense\n" * bad + "<http://a/s> <http://a/p> <http://a/o> .\n" * (100 - bad))
    if passes:
        assert len(triples(path, max_malformed=share)) == 100 - bad
    else:
        with pytest.raises(ParseError, match=r"a\.nt, line 1: expected `subject predicate object \.`, got 'nonsense'"):
            triples(path, max_malformed=share)


def test_a_wrong_file_stops_early_and_says_how_many_lines_are_malformed(tmp_path: Path) -> None:
    path = tmp_path / "a.nt"
    path.write_text("a,b,c\n" * 300_000)
    with pytest.raises(ParseError, match=r"line 1: .* 30[12] are malformed among the first .* max_malformed is 0\.001"):
        triples(path)


def test_a_malformed_file_of_a_folder_does_not_hide_behind_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.nt").write_text("<http://a/s> <http://a/p> <http://a/o> .\n" * 5000)
    (tmp_path / "b.nt").write_text("nonsense\n")
    with pytest.raises(ParseError, match=r"b\.nt, line 1"):
        triples(tmp_path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst"])
def test_a_compressed_file_of_no_bytes_is_cut_off(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("a.nt" + suffix)
    path.write_bytes(b"")
    with pytest.raises(ParseError, match=r"a\.nt.* is damaged or cut off"):
        triples(path)


def test_sub_folders_are_read_too_but_what_is_hidden_is_not(tmp_path: Path) -> None:
    for name in ("b/deep/z.nt", "b/a.ttl", "c.nt", ".git/x.nt", "b/.y.nt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"<http://a/{name}> <http://a/p> <http://a/o> .\n")
    frame, details = read(tmp_path)
    assert [file["file"] for file in details["files"]] == ["b/a.ttl", "b/deep/z.nt", "c.nt"]
    assert frame["s"].to_list() == ["<http://a/b/a.ttl>", "<http://a/b/deep/z.nt>", "<http://a/c.nt>"]


def with_entities(path: Path, declarations: str, value: str) -> Path:
    path.write_text(
        f'<?xml version="1.0"?>\n<!DOCTYPE rdf:RDF [\n{declarations}\n]>\n' + XML.replace(">é<", f">{value}<")
    )
    return path


def test_entities_that_abbreviate_namespaces_are_read(tmp_path: Path) -> None:
    declared = '<!ENTITY owl "http://www.w3.org/2002/07/owl#" >\n<!ENTITY thing "&owl;Thing&#33;">'
    path = with_entities(tmp_path / "a.owl", declared, "&thing;")
    path.write_text(path.read_text() + "<!-- <!ENTITY old > --><!-- " + "x" * 20_000 + " -->")
    assert '"http://www.w3.org/2002/07/owl#Thing!"' in [row[2] for row in triples(path)]


@pytest.mark.parametrize("filler", ["", "<!-- " + "x" * 2040 + " -->"])
def test_entities_that_stand_for_too_much_are_refused(tmp_path: Path, filler: str) -> None:
    laughs = '<!ENTITY a "aaaaaaaaaa">' + filler + '<!ENTITY % b "&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">'
    assert len(triples(with_entities(tmp_path / "a.rdf", laughs, "&c;"))) == 3
    laughs += '<!ENTITY d "&c;&c;&c;&c;&c;">'
    with pytest.raises(ParseError, match=r"a\.rdf: The entity d is longer than 1000 characters"):
        triples(with_entities(tmp_path / "a.rdf", laughs, "&d;"))
    with pytest.raises(ParseError, match=r"a\.rdf: A declaration in it is longer"):
        triples(with_entities(tmp_path / "a.rdf", filler + f'<!ENTITY e "{"e" * 20_000}">', "&e;"))


@pytest.mark.parametrize(("name", "text"), [("a.ttl", "<http://a/s> <http://a/p>\n\n;;"), ("a.rdf", "<rdf:RDF><b")])
def test_malformed_turtle_and_xml_name_the_file(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ParseError, match=rf"{name}.*expected"):
        triples(path)


def test_a_file_that_may_not_be_read_is_an_error_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "a.nt").mkdir()
    with pytest.raises(SourceError, match="cannot be read"):
        read(tmp_path / "b.nt")


def test_turtle_batches_equal_the_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kg.sources.parsed.BATCH", 3)
    path = tmp_path / "a.ttl"
    path.write_text("".join(f"<http://a/{i}> <http://a/p> [ <http://a/q> {i} ] .\n" for i in range(10)))
    rows = triples(path)
    assert len(rows) == len(list(ox.parse(path.read_bytes(), format=ox.RdfFormat.TURTLE))) == 20
    assert len({row[0] for row in rows if row[0].startswith("_:")}) == 10


NT_HEAD = "".join(f"<http://a/{i}> <http://a/p> _:b .\n" for i in range(5))


def test_turtle_whose_lines_are_n_triples_is_read_by_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    path.write_text("# started\n" + NT_HEAD + "nonsense\n" + '<http://a/s> <http://a/p> "é"@EN .\n# completed\n')
    frame, details = read(path, max_malformed=0.2)
    assert frame["record"].to_list() == [2, 3, 4, 5, 6, 8]
    assert (details["malformed"], details["files"][0]["unit"], details["files"][0]["lines"]) == (1, "line", 9)
    assert frame["o"].to_list() == ["_:s0x0"] * 5 + ['"é"@en']


@pytest.mark.parametrize(
    "rest",
    [
        "@prefix : <http://a/> .\n:x :p :y .\n",
        "PREFIX : <http://a/>\n:x :p :y .\n",
        '<http://a/x> <http://a/p> "1",\n "2";\n <http://a/q> 3 .\n',
        '<http://a/x> <http://a/p> """a\nb\nc""" .\n',
        "<http://a/x> <http://a/p> [\n <http://a/q>\n _:b ] .\n",
        "<http://a/x>\n<http://a/p>\n_:b\n.\n",
        "<http://a/x> <http://a/p> <http://a/y> . <http://a/x> <http://a/p> <http://a/z> .\n",
    ],
)
def test_turtle_below_lines_of_n_triples_is_read_to_the_end(tmp_path: Path, rest: str) -> None:
    path = tmp_path / "a.ttl"
    path.write_text(NT_HEAD + rest + NT_HEAD.replace("/p>", "/q>"))
    frame, details = read(path)
    found = Graph().parse(data="\n".join(f"{s} {p} {o} ." for s, p, o, _ in frame.rows()), format="nt")
    assert isomorphic(found, Graph().parse(path, format="turtle"))
    assert [(part["unit"], part["first_record"], part["lines"]) for part in details["files"]] == [
        ("line", 1, 5),
        ("statement", 6, len(frame) - 5),
    ]
    assert frame["record"].to_list() == list(range(1, len(frame) + 1))


def test_a_syntax_error_in_turtle_names_its_line_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    path.write_text(NT_HEAD + "@prefix : <http://a/> .\n:x :p :y .\n:x :p .\n")
    with pytest.raises(ParseError, match=r"a\.ttl, line 8: expected Turtle"):
        triples(path)


def test_a_triple_term_in_turtle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    path.write_text("@prefix : <http://a/> .\n:x :p <<( :a :b :c )>> .\n")
    with pytest.raises(ParseError, match=r"a\.ttl, statement 1: .*RDF 1\.2"):
        triples(path)


class _Collected(list[tuple[str, ...]]):
    """What rdflib's own parser of N-Triples gives, written in one form for comparison."""

    def triple(self, *terms: Identifier) -> None:
        self.append(tuple(_plain(term) for term in terms))


def _plain(term: Identifier) -> str:
    if isinstance(term, Literal):
        return f"{str(term)!r} {(term.language or '').lower()} {term.datatype or ''}"
    return f"<{term}>"


@pytest.mark.shared
def test_a_real_dump_reads_as_rdflib_reads_it(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The grammar forbids U+0000 to U+0020 in an IRI; rdflib refuses other white space too, which these files hold.
    monkeypatch.setattr(ntriples, "r_uriref", re.compile(r'<([^\x00-\x20"<>\\^`{|}]*)>'))
    for name in ("homepages", "specific-mappingbased-properties", "disambiguations"):
        path = shared / "dbpedia-hi" / f"hiwiki-20250601-{name}.ttl.bz2"
        expected, found = _Collected(), _Collected()
        ntriples.W3CNTriplesParser(expected).parse(io.BytesIO(bz2.decompress(path.read_bytes())))
        lines = "".join(f"{s} {p} {o} .\n" for s, p, o, _ in triples(path))
        ntriples.W3CNTriplesParser(found).parse(io.BytesIO(lines.encode()))
        assert found == expected
        assert len(found) > 5000


@pytest.mark.shared
@pytest.mark.slow
def test_all_of_a_real_dump_loads(shared: Path) -> None:
    rows: list[int] = []
    options = SourceOptions(str(shared / "dbpedia-hi"), max_malformed=0)
    details = read_dump(options, blank="s0x", take=lambda frame: rows.append(len(frame)))
    assert (sum(rows), details["rows"], details["malformed"]) == (1_454_229, 1_454_229, 0)
    assert {part["unit"] for part in details["files"]} == {"line"}


def test_what_takes_the_pieces_may_fail(tmp_path: Path) -> None:
    (tmp_path / "a.nt").write_text(LINES)

    def take(_: pl.DataFrame) -> None:
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        read_dump(SourceOptions(str(tmp_path)), blank="s0x", take=take)
    assert "ahead" not in [thread.name for thread in threading.enumerate()]
