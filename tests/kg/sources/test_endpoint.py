import os
import re
import time
from pathlib import Path

import polars as pl
import pyoxigraph as ox
import pytest

from kg.errors import IncompletePull, ParseError
from kg.sources import SourceOptions, pull
from kg.sources.slices import KEPT_S
from kg.terms import literal_term
from tests.loopback import JSON, Reply, count_reply, rows_reply, serve, serve_oxigraph
from tests.virtuoso import Virtuoso

NAMES = ["Zürich", "Ωmega", "中文", "😀", "İstanbul", "A'b", "(x),y", "A%20b", "z_~", "a", "Z"]
XSD = "http://www.w3.org/2001/XMLSchema#"


def term_forms(i: int) -> str:
    text = f'{NAMES[i % 11]} "{i}"\n\\'
    forms = [
        literal_term(text),
        literal_term(text, language="en"),
        literal_term(text, language="zh-hant"),
        literal_term(str(i), datatype=XSD + "integer"),
        literal_term(text, datatype="http://a/type"),
        f"<http://a/o/{NAMES[i % 11]}{i}>",
    ]
    return forms[i % 6]


def many_lines() -> list[str]:
    lines = [f'<http://a/s/{NAMES[i % 11]}{i}> <http://a/many> "{i}" .' for i in range(10_500)]
    lines += [f"<http://a/hub> <http://a/hubs> {term_forms(i)} ." for i in range(10_500)]
    lines += [f"<http://a/s/{i}> <http://a/few{i % 300}> {term_forms(i)} ." for i in range(900)]
    lines += [f"_:b{i} <http://a/next> _:b{(i + 1) % 50} ." for i in range(50)]
    lines += [f'_:b{i} <http://a/name> "{i}" .' for i in range(50)]
    lines += [f'<http://a/long> <http://a/text> "{"长" * 9000}"@zh .']
    return lines


@pytest.fixture(scope="module")
def loaded(virtuoso: Virtuoso, tmp_path_factory: pytest.TempPathFactory) -> tuple[Virtuoso, Path]:
    path = tmp_path_factory.mktemp("many") / "many.nt"
    path.write_text("\n".join(many_lines()) + "\n")
    virtuoso.load(path, "http://many/")
    return virtuoso, path


def rows_of(*sources: SourceOptions, folder: Path | None = None) -> list[tuple[str, str, str]]:
    return pull(sources, folder=folder).statements.frame().select("s", "p", "o").rows()


def without_blank(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return sorted(row for row in rows if not any(term.startswith("_:") for term in row))


@pytest.mark.virtuoso
def test_virtuoso_gives_everything_past_its_row_limit(loaded: tuple[Virtuoso, Path]) -> None:
    server, path = loaded
    pulled = pull([SourceOptions(server.url, graph="http://many/")])
    rows = pulled.statements.frame().select("s", "p", "o").rows()
    assert len(rows) == len(many_lines()) == pulled.infos[0].details["count"]
    assert pulled.infos[0].details["row_limit"] == 10_000
    assert without_blank(rows) == without_blank(rows_of(SourceOptions(str(path))))
    assert pulled.statements.rows["record"].is_sorted()
    assert pulled.statements.rows["record"].max() == len(pulled.infos[0].details["slices"]) - 1


@pytest.mark.virtuoso
def test_virtuoso_blank_nodes_stay_the_same_from_slice_to_slice(loaded: tuple[Virtuoso, Path]) -> None:
    rows = rows_of(SourceOptions(loaded[0].url, graph="http://many/"))
    follows = {s: o for s, p, o in rows if p == "<http://a/next>"}
    names = {s: o for s, p, o in rows if p == "<http://a/name>"}
    assert {names[s]: names[o] for s, o in follows.items()} == {f'"{i}"': f'"{(i + 1) % 50}"' for i in range(50)}


@pytest.mark.virtuoso
def test_virtuoso_small_pages_give_the_same_rows(loaded: tuple[Virtuoso, Path]) -> None:
    server, path = loaded
    hub = SourceOptions(server.url, graph="http://many/", select="seeds", seeds=("http://a/hub",), page_size=900)
    expected = rows_of(SourceOptions(str(path), select="seeds", seeds=("http://a/hub",)))
    assert sorted(rows_of(hub)) == sorted(expected)


def test_a_server_that_hides_its_limit_gives_everything(tmp_path: Path) -> None:
    path = tmp_path / "many.nt"
    path.write_text("\n".join(many_lines()[9_500:]))
    store = ox.Store()
    store.bulk_load(path=str(path), format=ox.RdfFormat.N_TRIPLES)
    with serve_oxigraph(store, max_rows=700) as server:
        pulled = pull([SourceOptions(server.url, wait_s=0)])
        found = pulled.statements.frame().select("s", "p", "o").rows()
    assert len(found) == len(store)
    assert without_blank(found) == without_blank(rows_of(SourceOptions(str(path))))
    assert pulled.infos[0].details["row_limit"] == 700


def test_blank_nodes_whose_names_hold_for_one_answer_only_are_kept_apart() -> None:
    store = ox.Store()
    store.load(b"_:a <http://a/p> _:a . <http://a/s> <http://a/q> _:a .", format=ox.RdfFormat.TURTLE)
    with serve_oxigraph(store) as server:
        rows = rows_of(SourceOptions(server.url, page_size=1))
    (loop,) = [row for row in rows if row[1] == "<http://a/p>"]
    (other,) = [row for row in rows if row[1] == "<http://a/q>"]
    assert loop[0] == loop[2] != other[2]


def test_predicates_past_the_row_limit_are_found() -> None:
    store = ox.Store()
    store.load(b"".join(b"<http://a/s> <http://a/p%d> 1 ." % i for i in range(500)), format=ox.RdfFormat.TURTLE)
    with serve_oxigraph(store, max_rows=120) as server:
        assert len({p for _, p, _ in rows_of(SourceOptions(server.url))}) == 500


def row(s: str, p: str, o: str) -> dict[str, object]:
    return {name: {"type": "uri", "value": value} for name, value in zip("spo", (s, p, o), strict=True)}


def lying(query: str) -> Reply:
    """Counts five, gives three."""
    if "GROUP BY" in query:
        return rows_reply([{"p": {"type": "uri", "value": "http://a/p"}, "n": {"type": "literal", "value": "5"}}])
    if "COUNT" in query:
        return count_reply(5)
    return rows_reply([row(f"http://a/{i}", "http://a/p", "http://a/o") for i in range(3)])


def test_fewer_rows_than_counted_fail_with_the_slice_and_both_numbers(tmp_path: Path) -> None:
    with serve(lying) as server, pytest.raises(IncompletePull, match=r"http://a/p: .* gives 3 rows where it counts 5"):
        pull([SourceOptions(server.url, retries=0)], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_counts_that_do_not_add_up_fail() -> None:
    def answer(query: str) -> Reply:
        return count_reply(6) if "COUNT" in query and "GROUP BY" not in query else lying(query)

    with serve(answer) as server, pytest.raises(IncompletePull, match="counts 6 triples in all, but 5 by predicate"):
        pull([SourceOptions(server.url, wait_s=0)])


def test_a_server_that_ignores_the_filters_fails() -> None:
    def answer(query: str) -> Reply:
        if "COUNT" in query:
            return Reply(lying(query).body.replace(b'"5"', b'"900"'), headers={"Content-Type": JSON})
        return rows_reply([row(f"http://a/{i}", "http://a/p", "http://a/o") for i in range(200)])

    with serve(answer) as server, pytest.raises(IncompletePull, match="gives 200 rows where it counts"):
        pull([SourceOptions(server.url, wait_s=0)])


def test_finished_slices_are_kept_for_the_next_run(tmp_path: Path) -> None:
    store = ox.Store()
    lines = "".join(f"<http://a/{i}> <http://a/p{i % 5}> _:b{i} ." for i in range(1000))
    store.load(lines.encode(), format=ox.RdfFormat.TURTLE)
    broken = False

    def answer(query: str) -> Reply:
        if broken and "a/p3>" in query:
            return Reply(b"<html>", headers={"Content-Type": "text/html"})
        value = store.query(query).serialize(format=ox.QueryResultsFormat.JSON)  # type: ignore[union-attr]
        return Reply(value or b"")

    with serve(answer) as server:
        options = [SourceOptions(server.url, page_size=150, retries=3, wait_s=0.05)]
        whole = pull(options).statements.frame()
        broken = True
        with pytest.raises(Exception, match="not SPARQL JSON"):
            pull(options, folder=tmp_path)
        broken = False
        kept = len(list(tmp_path.glob("*.parquet")))
        before = len(server.queries)
        assert pull(options, folder=tmp_path).statements.frame().equals(whole)
        after = len(server.queries)
        for path in tmp_path.glob("*.parquet"):
            os.utime(path, (0, time.time() - KEPT_S))
        assert pull(options, folder=tmp_path).statements.frame().equals(whole)
    assert kept in (3, 4)
    assert not any(re.search(r"a/p[012]>.*LIMIT", query) for query in server.queries[before:after])
    assert any(re.search(r"a/p0>.*LIMIT", query) for query in server.queries[after:])


def test_a_row_that_is_not_rdf_stops_or_is_skipped_and_counted() -> None:
    def answer(query: str) -> Reply:
        if "COUNT" in query:
            return lying(query)
        return rows_reply([row(f"http://a/{'x y' if i == 2 else i}", "http://a/p", "http://a/o") for i in range(5)])

    with serve(answer) as server:
        with pytest.raises(ParseError, match=r"slice 0: .*max_malformed is 0\.001"):
            pull([SourceOptions(server.url)])
        pulled = pull([SourceOptions(server.url, max_malformed=0.2)])
    assert (len(pulled.statements), pulled.infos[0].details["malformed"]) == (4, 1)


@pytest.mark.slow
@pytest.mark.virtuoso
def test_virtuoso_gives_real_data_whole(virtuoso: Virtuoso, shared: Path) -> None:
    files = [shared / "dbpedia" / f"{name}.nt.gz" for name in ("graph-100k", "labels", "abstracts")]
    for path in files:
        virtuoso.load(path, "http://real/")
    found = pull([SourceOptions(virtuoso.url, graph="http://real/")]).statements.frame().select("s", "p", "o")
    expected = pull([SourceOptions(str(path)) for path in files]).statements.frame().select("s", "p", "o").unique()
    assert len(found) == len(expected)
    literal = pl.col("o").str.contains(rf'"\^\^<{XSD}(double|decimal|float)>$')
    plain = [frame.filter(~literal).sort("s", "p", "o") for frame in (found, expected)]
    assert plain[0].equals(plain[1])
