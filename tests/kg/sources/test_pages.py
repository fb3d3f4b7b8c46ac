import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyoxigraph as ox
import pytest

from kg.errors import IncompletePull, SourceError
from kg.sources import SourceOptions
from kg.sources.endpoint import read_endpoint
from kg.sources.pages import Pager, Slice
from kg.sources.sparql import Pace, connect
from kg.terms import literal_term
from tests.loopback import JSON, Reply, serve
from tests.virtuoso import Virtuoso

NAMES = ["Zürich", "中文", "😀", "a", "Z"]
LINES = [f"<http://a/hub> <http://a/p> {literal_term(f'{NAMES[i % 5]} {i}', language='en')} ." for i in range(300)]
LINES += [f"<http://a/{NAMES[i % 5]}{i}> <http://a/p> <http://a/o{i}> ." for i in range(300)]


def store_of(lines: list[str]) -> ox.Store:
    store = ox.Store()
    store.load("\n".join(lines).encode(), format=ox.RdfFormat.N_TRIPLES)
    return store


def evaluated(store: ox.Store, query: str) -> list[dict[str, object]]:
    import json

    results = store.query(query)
    assert isinstance(results, ox.QuerySolutions)
    return list(json.loads(results.serialize(format=ox.QueryResultsFormat.JSON) or b"")["results"]["bindings"])


def pulled(url: str, **options: object) -> pl.DataFrame:
    """What a pull gives, in one piece."""
    found = [pl.DataFrame(schema={"s": pl.String, "p": pl.String, "o": pl.String, "record": pl.Int64})]
    given = {"page_size": 200, "wait_s": 0.0} | options
    read_endpoint(SourceOptions(url, **given), blank="s0x", take=found.append)  # type: ignore[arg-type]
    return pl.concat(found)


def expected(lines: list[str]) -> list[str]:
    return sorted(line.removesuffix(" .") for line in lines)


def as_lines(frame: pl.DataFrame) -> list[str]:
    return sorted(" ".join(row) for row in frame.select("s", "p", "o").rows())


def reply(rows: list[dict[str, object]], **headers: str) -> Reply:
    import json

    body = json.dumps({"head": {}, "results": {"bindings": rows}}).encode()
    return Reply(body, headers={"Content-Type": JSON, **headers})


@pytest.mark.virtuoso
def test_virtuoso_gives_the_same_by_windows_and_by_hash_in_csv_and_json(virtuoso: Virtuoso, tmp_path: Path) -> None:
    (tmp_path / "hub.nt").write_text("\n".join(LINES), "utf-8")
    virtuoso.load(tmp_path / "hub.nt", "http://hub/")
    for csv in (True, False):
        pager = Pager(connect(SourceOptions(virtuoso.url)), graph="http://hub/", page_size=100)
        pager.learn_form()
        assert pager.csv
        pager.csv = csv
        for part in (Slice("p", "?s <http://a/p> ?o", 600, "http://a/p"), Slice("all", "?s ?p ?o", 600)):
            windows = [pager.window(part, low, min(600, low + 99)) for low in range(0, 600, 99)]
            assert as_lines(pl.concat(windows)) == expected(LINES)
            assert as_lines(pager.by_hash(part)) == expected(LINES)


@pytest.mark.virtuoso
def test_virtuoso_repeats_what_two_graphs_state_and_that_is_no_fault(virtuoso: Virtuoso, tmp_path: Path) -> None:
    lines = [f"<http://u/s{i}> <http://u/p> <http://u/o{i}> ." for i in range(150)]
    lines += [f"<http://u/s{i}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://u/C> ." for i in range(150)]
    for name in ("one", "two"):
        (tmp_path / f"{name}.nt").write_text("\n".join(lines), "utf-8")
        virtuoso.load(tmp_path / f"{name}.nt", f"http://u/{name}/")
    found = pulled(virtuoso.url, select="classes", classes=("http://u/C",))
    assert len(found) > len(lines)
    assert as_lines(found.unique()) == expected(lines)


def test_a_server_whose_order_changes_is_divided_by_hash() -> None:
    store = store_of(LINES)
    asked: list[str] = []

    def answer(query: str) -> Reply:
        asked.append(query)
        window = re.search(r" LIMIT (\d+)(?: OFFSET (\d+))?$", query)
        if window is None:
            return reply(evaluated(store, query))
        rows = evaluated(store, query[: window.start()])
        random.Random(query).shuffle(rows)  # noqa: S311
        low = int(window[2] or 0)
        return reply(rows[low : low + int(window[1])])

    with serve(answer) as server:
        assert as_lines(pulled(server.url)) == expected(LINES)
    assert any("MD5" in query for query in asked)


def test_what_is_too_much_for_the_server_is_asked_for_in_parts() -> None:
    store = store_of(LINES)

    def answer(query: str) -> Reply:
        rows = evaluated(store, query)
        return reply(rows[:7], **{"X-SQL-State": "S1TAT"}) if len(rows) > 40 else reply(rows)

    with serve(answer) as server:
        assert as_lines(pulled(server.url, connections=2)) == expected(LINES)
        with pytest.raises(IncompletePull, match="S1TAT"):
            pulled(server.url, retries=1)


def test_pages_shrink_when_they_take_long_and_grow_again() -> None:
    pager = Pager(connect(SourceOptions("http://a/sparql", timeout_s=20)), graph=None, page_size=1000)
    pager._took(999, 10.0)
    assert 400 < pager.size < 500
    pager._took(400, 0.1)
    pager._took(900, 0.1)
    assert pager.size == 1000


@pytest.mark.parametrize("counted", [2, 4])
def test_a_count_that_is_wrong_in_every_answer_is_seen_at_the_end_of_the_rows(counted: int) -> None:
    store = store_of([f"<http://a/{i}> <http://a/p> <http://a/o> ." for i in range(3)])

    def answer(query: str) -> Reply:
        rows = evaluated(store, query)
        if "COUNT" in query:
            (name,) = (name for name in rows[0] if name.startswith("n_"))
            rows[0][name] = {"type": "literal", "value": str(counted)}
        return reply(rows)

    with serve(answer) as server, pytest.raises(IncompletePull, match=rf"gives 3 rows where it counts {counted}"):
        pulled(server.url, retries=0)


def test_the_answer_to_another_query_is_not_taken() -> None:
    store = store_of([f"<http://a/{i}> <http://a/{p}> <http://a/o> ." for i in range(60) for p in "pq"])
    first: list[Reply] = []

    def answer(query: str) -> Reply:
        made = reply(evaluated(store, query))
        if "LIMIT" not in query:
            return made
        first.append(made)
        return first[0]

    with serve(answer) as server, pytest.raises(SourceError, match="gave a row that is not SPARQL JSON"):
        pulled(server.url, retries=1)


@pytest.mark.parametrize("connections", [1, 2, 7])
def test_the_pieces_do_not_depend_on_connections_or_page_sizes(connections: int) -> None:
    store = store_of(LINES)
    delays = random.Random(connections)  # noqa: S311

    def answer(query: str) -> Reply:
        time.sleep(delays.random() / 100)
        return reply(evaluated(store, query))

    def pieces(shrink: Callable[[Pager], None], connections: int) -> list[pl.DataFrame]:
        found: list[pl.DataFrame] = []
        options = SourceOptions(server.url, page_size=200, connections=connections)
        read_endpoint(options, blank="s0x", take=found.append)
        return found

    with serve(answer) as server:
        plain, other = pieces(lambda _: None, 1), pieces(lambda _: None, connections)
    assert len(plain) == len(other)
    assert all(a.equals(b) for a, b in zip(plain, other, strict=True))


def test_a_busy_server_is_left_alone_by_all_connections() -> None:
    pace = Pace(4)
    started = time.monotonic()
    pace.hold(0.2)
    pace.wait()
    assert time.monotonic() - started >= 0.2
