"""Everything that was asked for from a SPARQL endpoint, with the proof.

What is asked for is divided into slices, one for each predicate (small ones share one). The endpoint counts each slice,
the slices together must make its overall count, and each slice must give as many different rows as counted; else the
pull fails and names the slices. How the rows come is told in `kg.sources.pages`, how many at once and where they wait
in `kg.sources.slices`. The result depends on the data and on what is selected, never on the connections or the time.

Left out: asking the endpoint for fingerprints (by bucket, COUNT and SUMs of digits of the rows' MD5) so as to pull only
the buckets that differ from an earlier pull. On Virtuoso 7 the fingerprint of a row costs the server more than the row.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from kg.errors import IncompletePull
from kg.progress import progress, short_name
from kg.sources.ntriples import read_lines
from kg.sources.options import SourceOptions
from kg.sources.pages import Pager, Slice
from kg.sources.quarantine import Malformed, Quarantine, Tally
from kg.sources.rows import iri_ref, is_safe, of_source
from kg.sources.slices import Staging, pull_slices
from kg.sources.sparql import connect
from kg.terms import RDF_TYPE, expand, literal_term, value_of

SMALL_PREDICATES = 100
"""Most predicates that share a slice."""
SEEDS_AT_ONCE = 100

Take = Callable[[pl.DataFrame], None]


@dataclass
class _Pulled:
    """What has come so far. record: the number of the next slice."""

    take: Take
    rows: int = 0
    count: int = 0
    record: int = 0
    slices: list[dict[str, Any]] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    short: list[str] = field(default_factory=list)


def read_endpoint(options: SourceOptions, *, blank: str, take: Take, folder: Path | None = None) -> dict[str, Any]:
    """Gives all that the options select to `take`, slice by slice; returns the details for the manifest.

    A piece has the N-Triples terms s, p, o, sorted, and record: the number of the slice in the details, from 0. The
    pieces and their order follow from the data and the options alone. blank: stands before the label of each blank
    node. A blank node has one name throughout where the endpoint gives it one (Virtuoso); elsewhere it is the same node
    only within a slice that came in one page. folder: where finished slices are kept for another run. Raises
    EndpointError, IncompletePull, ParseError; what was taken until then counts for nothing.
    """
    pager = _pager(options)
    pulled = _Pulled(take)
    staging = Staging(options, folder)
    with _threads(pager, options) as pool:

        def pull(parts: Sequence[Slice], advance: Callable[[float], None]) -> Iterator[pl.DataFrame]:
            pulled.count += sum(part.count for part in parts)
            pulling = pull_slices(pager, parts, staging=staging, pool=pool, connections=options.connections)
            for part, found in pulling:
                if isinstance(found, IncompletePull):
                    pulled.short.append(str(found))
                    continue
                advance(len(found))
                yield _keep(pulled, part, found, blank=blank)

        if options.select == "seeds":
            _follow(pager, options, pull, pool)
        else:
            parts = list(_slices(pager, options))
            pager.learn_form()
            with progress(f"pull {short_name(options.label)}", sum(part.count for part in parts)) as advance:
                for _ in pull(parts, advance):
                    pass
    if pulled.short:
        raise IncompletePull(
            f"the SPARQL endpoint {pager.endpoint.url} did not give what it counts, in {len(pulled.short)} slices: "
            f"{'; '.join(error.removesuffix('.') for error in pulled.short[:10])}. It changes while it is read, or "
            "answers in part: run again (finished slices are kept), lower page_size, or use a dump."
        )
    details: dict[str, Any] = {"url": pager.endpoint.url, "graph": options.graph, "select": options.select}
    details |= {"rows": pulled.rows, "count": pulled.count, "row_limit": pager.limit}
    details["slices"] = pulled.slices
    with Quarantine(None, options.max_malformed) as kept:
        tally = Tally(kept, place=f"{options.label}, slice", file=options.label)
        tally.take(pulled.malformed, pulled.rows + len(pulled.malformed))
        tally.finish()
    return details | kept.details() | {"malformed_rows": tally.listed()}


def count_endpoint(options: SourceOptions) -> int | None:
    """The endpoint's own count of what the options select; None where only pulling tells (more than one hop)."""
    pager = _pager(options)
    if options.select == "seeds":
        if options.hops > 1:
            return None
        return sum(pager.count(pattern) for _, pattern in _seed_patterns(options.seed_iris))
    return sum(pager.count(pattern.format(p="?p")) for _, pattern in _patterns(options))


def _pager(options: SourceOptions) -> Pager:
    graph = expand(options.graph) if options.graph else None
    return Pager(connect(options), graph=graph, page_size=options.page_size)


@contextmanager
def _threads(pager: Pager, options: SourceOptions) -> Iterator[Executor]:
    """One thread more than connections, to read an answer while the others wait for theirs.

    After the block none asks again; one that waits for an answer ends with that, and is not waited for.
    """
    pool = ThreadPoolExecutor(options.connections + 1, thread_name_prefix="pull")
    try:
        yield pool
    finally:
        pager.endpoint.pace.ended.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _patterns(options: SourceOptions) -> list[tuple[str, str]]:
    """(name, pattern with a place for the predicate) of each part of the selection."""
    if options.select == "whole":
        return [("", "?s {p} ?o")]
    return [(f"instances of {iri}, ", f"?s {RDF_TYPE} {iri_ref(iri)} . ?s {{p}} ?o") for iri in options.class_iris]


def _slices(pager: Pager, options: SourceOptions) -> Iterator[Slice]:
    for name, pattern in _patterns(options):
        everything = pattern.format(p="?p")
        total, counts = pager.counts(everything)
        if not total:
            yield Slice(f"{name}nothing", everything, 0)
        small: dict[str, int] = {}
        for predicate, count in counts.items():
            if not is_safe(predicate):
                test = f"{everything} FILTER(STR(?p) = {literal_term(predicate)})"
                yield Slice(f"{name}predicate {predicate!r}", test, count)
            elif count > options.page_size // 4:
                ref = iri_ref(predicate)
                yield Slice(f"{name}predicate {predicate}", pattern.format(p=ref), count, predicate)
            else:
                if len(small) == SMALL_PREDICATES or sum(small.values()) + count >= options.page_size:
                    yield _shared(name, everything, small)
                    small = {}
                small[predicate] = count
        if small:
            yield _shared(name, everything, small)


def _shared(name: str, everything: str, small: dict[str, int]) -> Slice:
    first, *_, last = [*small, *small]
    values = " ".join(iri_ref(predicate) for predicate in small)
    title = f"{name}{len(small)} predicates from {first} to {last}"
    return Slice(title, f"VALUES ?p {{ {values} }} {everything}", sum(small.values()))


def _seed_patterns(seeds: Sequence[str]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(seeds), SEEDS_AT_ONCE):
        batch = seeds[start : start + SEEDS_AT_ONCE]
        values = " ".join(iri_ref(seed) for seed in batch)
        yield f"{len(batch)} entities from {batch[0]} to {batch[-1]}", f"VALUES ?s {{ {values} }} ?s ?p ?o"


def _follow(pager: Pager, options: SourceOptions, pull: Callable[..., Iterator[pl.DataFrame]], pool: Executor) -> None:
    """Pulls what leaves the seeds, and then, hop by hop, what leaves their objects."""
    seen = set[str]()
    frontier = sorted(set(options.seed_iris))
    for hop in range(options.hops):
        seen |= set(frontier)
        objects = set[str]()
        named = list(_seed_patterns(frontier))
        counts = pool.map(pager.count, [pattern for _, pattern in named])
        parts = [Slice(name, pattern, count) for (name, pattern), count in zip(named, counts, strict=True)]
        if hop == 0:
            pager.learn_form()
        with progress(f"pull, hop {hop + 1}", sum(part.count for part in parts)) as advance:
            for triples in pull(parts, advance):
                found = triples["o"].filter(triples["o"].str.starts_with("<")).unique()
                objects |= {value_of(term) for term in found}
        frontier = sorted(objects - seen)


def _keep(pulled: _Pulled, part: Slice, terms: pl.DataFrame, *, blank: str) -> pl.DataFrame:
    lines = terms.select(
        pl.concat_str("s", "p", "o", pl.lit("."), separator=" ").alias("line"),
        pl.lit(pulled.record, dtype=pl.Int64).alias("record"),
    )
    triples, malformed = read_lines(lines)
    triples = triples.with_columns(of_source(blank, pulled.record))
    pulled.slices.append({"slice": part.name, "rows": len(terms)})
    pulled.rows += len(triples)
    pulled.record += 1
    pulled.malformed += malformed
    pulled.take(triples)
    return triples
