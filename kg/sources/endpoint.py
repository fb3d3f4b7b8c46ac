"""Everything that was asked for from a SPARQL endpoint, with the proof.

What is asked for is divided into slices, one for each predicate (small ones share one). The endpoint counts each slice,
the slices together must make its overall count, and each slice must give as many rows as counted; else the pull fails
and names the slices. A finished slice is kept in a staging folder, so that a run that was cut short goes on from there.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from kg.errors import EndpointError, IncompletePull
from kg.progress import progress, short_name
from kg.sources.ntriples import read_lines
from kg.sources.options import SourceOptions
from kg.sources.pages import Pager, Slice, iri_ref, is_safe, line_of
from kg.sources.quarantine import Malformed, Quarantine, Tally
from kg.sources.sparql import connect
from kg.terms import RDF_TYPE, expand, literal_term, value_of

SMALL_PREDICATES = 100
"""Most predicates that share a slice."""
SEEDS_AT_ONCE = 100
KEPT_S = 6 * 3600
"""How long a finished slice serves another run: an endpoint that changes may keep its counts."""
_FORMAT = 1
_LINES = {"line": pl.String, "record": pl.Int64}


@dataclass
class _Pulled:
    """What has come so far."""

    frames: list[pl.DataFrame] = field(default_factory=list)
    slices: list[dict[str, Any]] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    pages: int = 0


def read_endpoint(
    options: SourceOptions, *, blank: str, take: Callable[[pl.DataFrame], None], folder: Path | None = None
) -> dict[str, Any]:
    """Gives all that the options select to `take` (columns s, p, o, record); returns details for the manifest.

    blank: stands before the label of each blank node. record is a running number of
    pages, from 0. folder: where finished slices are kept for another run. Raises EndpointError, IncompletePull.
    """
    pager = _pager(options)
    pager.learn_limit()
    pulled = _Pulled()

    def take_slice(part: Slice) -> pl.DataFrame:
        lines = _staged(folder, _key(options, part), lambda: _lines(pager, part), rows=part.count)
        if len(lines) != part.count:
            pulled.short.append(f"{part.name}: {len(lines):,} rows pulled, {part.count:,} counted")
            return pl.DataFrame()
        return _keep(pulled, part, lines, blank=blank)

    if options.select == "seeds":
        total = _follow(pager, options, take_slice)
    else:
        parts = list(_slices(pager, options))
        total = sum(part.count for part in parts)
        with progress(f"pull {short_name(options.label)}", total) as advance:
            for part in parts:
                advance(len(take_slice(part)))
    if pulled.short:
        raise IncompletePull(
            f"the SPARQL endpoint {pager.endpoint.url} did not give what it counts, in {len(pulled.short)} slices: "
            f"{'; '.join(pulled.short[:10])}. It changes while it is read, or answers in part: run again (finished "
            "slices are kept), lower page_size, or use a dump."
        )
    for frame in pulled.frames:
        take(frame)
    details: dict[str, Any] = {"url": pager.endpoint.url, "graph": options.graph, "select": options.select}
    details |= {"rows": sum(map(len, pulled.frames)), "count": total, "pages": pulled.pages, "row_limit": pager.limit}
    details["slices"] = pulled.slices
    with Quarantine(None, options.max_malformed) as kept:
        tally = Tally(kept, place=f"{options.label}, page", file=options.label)
        tally.take(pulled.malformed, details["rows"] + len(pulled.malformed))
        tally.finish()
    return details | kept.details() | {"malformed_rows": tally.listed()}


def count_endpoint(options: SourceOptions) -> int | None:
    """The endpoint's own count of what the options select; None where only pulling tells (more than one hop)."""
    pager = _pager(options)
    if options.select == "seeds":
        seeds = _seed_slices(pager, options.seed_iris)
        return sum(part.count for part in seeds) if options.hops == 1 else None
    return sum(pager.count(pattern.format(p="?p")) for _, pattern in _patterns(options))


def _pager(options: SourceOptions) -> Pager:
    graph = expand(options.graph) if options.graph else None
    return Pager(connect(options), graph=graph, page_size=options.page_size)


def _patterns(options: SourceOptions) -> list[tuple[str, str]]:
    """(name, pattern with a place for the predicate) of each part of the selection."""
    if options.select == "whole":
        return [("", "?s {p} ?o")]
    return [(f"instances of {iri}, ", f"?s {RDF_TYPE} {iri_ref(iri)} . ?s {{p}} ?o") for iri in options.class_iris]


def _slices(pager: Pager, options: SourceOptions) -> Iterator[Slice]:
    for name, pattern in _patterns(options):
        everything = pattern.format(p="?p")
        total = pager.count(everything)
        counts = pager.counts(everything, total) if total else {}
        small: dict[str, int] = {}
        for predicate, count in counts.items():
            if not is_safe(predicate):
                test = f"{everything} FILTER(STR(?p) = {literal_term(predicate)})"
                yield Slice(f"{name}predicate {predicate!r}", test, count)
            elif count > pager.limit // 4:
                ref = iri_ref(predicate)
                yield Slice(f"{name}predicate {predicate}", pattern.format(p=ref), count, predicate)
            else:
                if len(small) == SMALL_PREDICATES or sum(small.values()) + count > pager.limit:
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


def _seed_slices(pager: Pager, seeds: Sequence[str]) -> Iterator[Slice]:
    for start in range(0, len(seeds), SEEDS_AT_ONCE):
        batch = seeds[start : start + SEEDS_AT_ONCE]
        pattern = f"VALUES ?s {{ {' '.join(iri_ref(seed) for seed in batch)} }} ?s ?p ?o"
        yield Slice(f"{len(batch)} entities from {batch[0]} to {batch[-1]}", pattern, pager.count(pattern))


def _follow(pager: Pager, options: SourceOptions, take: Callable[[Slice], pl.DataFrame]) -> int:
    """The count of all slices, after taking what leaves the seeds, and then, hop by hop, what leaves their objects."""
    total, seen = 0, set[str]()
    frontier = sorted(set(options.seed_iris))
    for hop in range(options.hops):
        seen |= set(frontier)
        objects = set[str]()
        with progress(f"pull, hop {hop + 1}") as advance:
            for part in _seed_slices(pager, frontier):
                total += part.count
                triples = take(part)
                advance(len(triples))
                if len(triples):
                    found = triples["o"].filter(triples["o"].str.starts_with("<")).unique()
                    objects |= {value_of(term) for term in found}
        frontier = sorted(objects - seen)
    return total


def _lines(pager: Pager, part: Slice) -> pl.DataFrame:
    """The rows of a slice as N-Triples lines; record is the page within the slice."""
    frames = [pl.DataFrame(schema=_LINES)]
    for page, rows in enumerate(pager.pages(part)):
        try:
            lines = [line_of(row, part.predicate) for row in rows]
        except (KeyError, TypeError, AttributeError) as error:
            raise EndpointError(
                f"the SPARQL endpoint {pager.endpoint.url} gave a row that is not SPARQL JSON ({part.name}): expected "
                f"s, p and o, each with type and value; {type(error).__name__}: {error}."
            ) from error
        frames.append(pl.DataFrame({"line": lines, "record": [page] * len(lines)}, schema=_LINES))
    return pl.concat(frames)


def _keep(pulled: _Pulled, part: Slice, lines: pl.DataFrame, *, blank: str) -> pl.DataFrame:
    first = pulled.pages
    pages = int(lines["record"].max()) + 1 if len(lines) else 0  # type: ignore[arg-type]
    triples, malformed = read_lines(lines.with_columns(pl.col("record") + first))
    triples = triples.with_columns(_scoped(name, blank) for name in ("s", "o"))
    pulled.frames.append(triples)
    pulled.malformed += malformed
    pulled.pages += pages
    pulled.slices.append({"slice": part.name, "rows": len(lines), "first_page": first, "pages": pages})
    return triples


def _scoped(name: str, blank: str) -> pl.Expr:
    """Virtuoso names a blank node the same in every answer (nodeID://…); elsewhere a label holds for one page only."""
    term = pl.col(name)
    label = term.str.slice(2)
    page = pl.concat_str(pl.lit(f"_:{blank}p"), pl.col("record").cast(pl.String), pl.lit("x"), label)
    stable = pl.concat_str(pl.lit(f"_:{blank}x"), label)
    named = pl.when(term.str.starts_with("_:nodeID")).then(stable).otherwise(page)
    return pl.when(term.str.starts_with("_:")).then(named).otherwise(term).alias(name)


def _key(options: SourceOptions, part: Slice) -> str:
    said = [_FORMAT, options.label, options.location, options.graph, options.page_size, part.pattern, part.count]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _staged(folder: Path | None, key: str, make: Callable[[], pl.DataFrame], *, rows: int) -> pl.DataFrame:
    """The frame kept under a key in the last KEPT_S seconds, or the one that `make` gives, then kept if it is whole."""
    if folder is None:
        return make()
    path = folder / f"slice-{key}.parquet"
    if path.exists() and time.time() - path.stat().st_mtime < KEPT_S:
        return pl.read_parquet(path)
    frame = make()
    if len(frame) == rows:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            frame.write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    return frame
