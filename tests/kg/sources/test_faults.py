"""Between the client and a real Virtuoso stands a proxy that spoils one answer in four."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from kg.errors import LimbeckError
from kg.sources import SourceOptions
from kg.sources.endpoint import read_endpoint
from kg.sources.ntriples import read_stream
from kg.terms import literal_term
from tests.faulty_proxy import FAULTS, FaultyProxy, faulty_proxy
from tests.virtuoso import Virtuoso

GRAPH = "http://faults/"
SEEDS = 50
RATE = 0.25


def lines() -> list[str]:
    texts = [literal_term(f'{i} "x", é中😀\n\\', language="en-gb" if i % 2 else None) for i in range(170)]
    many = [f"<http://a/s{i}> <http://a/text> {text} ." for i, text in enumerate(texts)]
    many += [f"<http://a/s{i % 40}> <http://a/to{i % 2}> <http://a/o{i}> ." for i in range(160)]
    many += [f'<http://a/s{i}> <http://a/few{i % 30}> "{i}"^^<http://a/type> .' for i in range(90)]
    return many + [f"_:b{i} <http://a/next> _:b{(i + 1) % 30} ." for i in range(30)]


@pytest.fixture(scope="module")
def proxy(virtuoso: Virtuoso, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyProxy]:
    path = tmp_path_factory.mktemp("faults") / "faults.nt"
    path.write_text("\n".join(lines()) + "\n", "utf-8")
    virtuoso.load(path, GRAPH)
    with faulty_proxy(virtuoso.url, stall_s=1.2) as running:
        yield running


def pieces(proxy: FaultyProxy, folder: Path | None = None, **options: object) -> list[pl.DataFrame]:
    """What a pull gives, piece by piece."""
    found: list[pl.DataFrame] = []
    given = {"graph": GRAPH, "page_size": 50, "timeout_s": 1, "retries": 6, "wait_s": 0.001} | options
    read_endpoint(SourceOptions(proxy.url, **given), blank="s0x", take=found.append, folder=folder)  # type: ignore[arg-type]
    return found


def same(one: list[pl.DataFrame], other: list[pl.DataFrame]) -> bool:
    return len(one) == len(other) and all(a.equals(b) for a, b in zip(one, other, strict=True))


@pytest.mark.virtuoso
def test_a_pull_through_faults_gives_exactly_the_triples_or_fails_loudly(proxy: FaultyProxy, tmp_path: Path) -> None:
    proxy.rate = 0.0
    true = pieces(proxy, retries=0, timeout_s=60)
    text = "".join(line + "\n" for line in lines()).encode()
    (tmp_path / "a.nt").write_bytes(text)
    with (tmp_path / "a.nt").open("rb") as stream:
        (expected,) = (piece.triples for piece in read_stream(stream, path=tmp_path))
    named = ~pl.col("s").str.starts_with("_:")
    pulled = pl.concat(true).filter(named).select("s", "p", "o")
    assert pulled.sort("s", "p", "o").equals(expected.filter(named).select("s", "p", "o").sort("s", "p", "o"))
    assert sum(map(len, true)) == len(lines())

    outcomes = Counter[str]()
    proxy.done.clear()
    for seed in range(SEEDS):
        proxy.seed, proxy.rate, proxy.json_only = seed, RATE, seed % 2 == 1
        folder = tmp_path / str(seed)
        try:
            found = pieces(proxy, folder, connections=1 + seed % 4)
            outcomes["whole"] += 1
        except LimbeckError:
            outcomes["failed"] += 1
            proxy.rate = 0.0  # what a failed pull has kept must be right too
            found = pieces(proxy, folder, timeout_s=60)
        assert same(found, true), seed
    assert set(proxy.done) == set(FAULTS)
    assert sum(proxy.done.values()) > 5 * SEEDS
    assert outcomes["whole"] > SEEDS // 2, outcomes  # else nothing was shown


@pytest.mark.virtuoso
@pytest.mark.parametrize("fault", ["part", "row repeated", "another answer", "miscount"])
def test_what_is_always_spoilt_fails_and_keeps_nothing_wrong(proxy: FaultyProxy, fault: str, tmp_path: Path) -> None:
    proxy.rate = 0.0
    true = pieces(proxy, timeout_s=60)
    proxy.rate, proxy.seed, proxy.faults, proxy.json_only = 0.9, 0, (fault,), False
    try:
        found = pieces(proxy, tmp_path, retries=1)
    except LimbeckError:
        proxy.rate = 0.0
        found = pieces(proxy, tmp_path, timeout_s=60)
    finally:
        proxy.rate, proxy.faults = 0.0, FAULTS
    assert same(found, true)


@pytest.mark.virtuoso
def test_an_endpoint_never_gets_more_requests_at_a_time_than_it_has_connections(proxy: FaultyProxy) -> None:
    proxy.rate, proxy.json_only, proxy.delay_s = 0.0, False, 0.02
    for connections in (1, 3):
        proxy.most_busy = 0
        pieces(proxy, connections=connections, page_size=10, timeout_s=60)
        assert proxy.most_busy == connections
    proxy.delay_s = 0.0
