"""Slices pulled by several connections, proven, and kept on disk until all are there.

A slice is whole when as many rows came as were counted, and either all differ, or the endpoint says itself that only so
many do (a union of graphs repeats what two of them state). What is proven is sorted, so that neither the order of the
pages nor their sizes can be told from it, and written to the staging folder under one name at once: a run that was cut
short, or that fails, goes on from there.
"""

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from kg.errors import IncompletePull
from kg.sources.options import SourceOptions
from kg.sources.pages import Pager, Slice
from kg.sources.rows import TERMS, has_fleeting

KEPT_S = 6 * 3600
"""How long a finished slice serves another run: an endpoint that changes may keep its counts."""
AHEAD = 64
"""How many slices may wait for one before them."""
QUEUED = 2
"""How many pages wait for a free connection, so that none is idle."""
_FORMAT = 2


@dataclass(frozen=True)
class Staging:
    """Where the finished slices of one source are kept; nowhere without a folder."""

    options: SourceOptions
    folder: Path | None

    def path(self, part: Slice) -> Path | None:
        """The file of a slice."""
        if self.folder is None:
            return None
        options = self.options
        said = [_FORMAT, options.label, options.location, options.graph, part.pattern, part.predicate, part.count]
        key = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
        return self.folder / f"slice-{key}.parquet"

    def kept(self, part: Slice) -> pl.DataFrame | None:
        """The rows of a slice that was finished in the last KEPT_S seconds."""
        path = self.path(part)
        if path is None or not path.exists() or time.time() - path.stat().st_mtime >= KEPT_S:
            return None
        try:
            return pl.read_parquet(path)
        except pl.exceptions.PolarsError:  # damaged since
            return None

    def keep(self, part: Slice, terms: pl.DataFrame) -> None:
        """Keeps the rows of a finished slice."""
        path = self.path(part)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            terms.write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)


@dataclass
class _Job:
    """A slice on its way. next: the first row that no window has been asked for yet."""

    part: Slice
    next: int = 0
    started: bool = False
    running: int = 0
    windows: list[pl.DataFrame] = field(default_factory=list)
    finishing: bool = False
    terms: pl.DataFrame | None = None
    error: IncompletePull | None = None

    @property
    def asked(self) -> bool:
        """Whether nothing of it is left to ask for."""
        return self.error is not None or (self.started and self.next >= self.part.count)


def pull_slices(
    pager: Pager, parts: Sequence[Slice], *, staging: Staging, pool: Executor, connections: int
) -> Iterator[tuple[Slice, pl.DataFrame | IncompletePull]]:
    """Each slice with its rows (columns of TERMS), or with what is wrong with it, in their order.

    Raises EndpointError where the endpoint gives up.
    """
    todo = deque(parts)
    jobs = deque[_Job]()
    running = dict[Future[pl.DataFrame], _Job]()
    while todo or jobs:
        while len(running) < 2 * connections + QUEUED and (job := _next_job(jobs, todo, staging)):
            low = job.next
            job.started, job.next = True, min(job.part.count, low + pager.most)
            job.running += 1
            running[pool.submit(pager.window, job.part, low, job.next)] = job
        while jobs and (jobs[0].terms is not None or (jobs[0].error and not jobs[0].running)):
            job = jobs.popleft()
            yield job.part, job.error or job.terms  # type: ignore[misc]
        for done in wait(running, return_when=FIRST_COMPLETED).done if running else ():
            job = running.pop(done)
            job.running -= 1
            try:
                result = done.result()
            except IncompletePull as error:
                job.error = error
                continue
            if job.finishing:
                job.terms = result
                continue
            job.windows.append(result)
            if job.asked and not job.running and not job.error:
                job.finishing = True
                job.running += 1
                running[pool.submit(_finish, pager, job.part, job.windows, staging)] = job


def _next_job(jobs: deque[_Job], todo: deque[Slice], staging: Staging) -> _Job | None:
    """The first slice of which something is left to ask for; new ones come from `todo`."""
    for job in jobs:
        if not job.asked and job.terms is None:
            return job
    while todo and len(jobs) < AHEAD:
        part = todo.popleft()
        jobs.append(_Job(part, terms=staging.kept(part)))
        if jobs[-1].terms is None:
            return jobs[-1]
    return None


def _finish(pager: Pager, part: Slice, windows: list[pl.DataFrame], staging: Staging) -> pl.DataFrame:
    """The rows of a slice, sorted, proven, and kept; asked for by hash where the windows do not prove them."""
    terms = pl.concat([pl.DataFrame(schema=TERMS), *windows]).sort("s", "p", "o")
    if not _is_whole(pager, part, terms, compared=len(windows) == 1 or not has_fleeting(terms)):
        terms = pager.by_hash(part).sort("s", "p", "o")
        if not _is_whole(pager, part, terms, compared=True):
            raise IncompletePull(
                f"{part.name}: {len(terms):,} rows came, {_repeated(terms):,} of them again, of {part.count:,} that "
                f"the SPARQL endpoint {pager.endpoint.url} counts, and it does not count so many different ones"
            )
    staging.keep(part, terms)
    return terms


def _is_whole(pager: Pager, part: Slice, terms: pl.DataFrame, *, compared: bool) -> bool:
    if len(terms) != part.count or not compared:
        return False
    different = len(terms) - _repeated(terms)
    return different == part.count or different == pager.count(part.pattern, distinct=True)


def _repeated(terms: pl.DataFrame) -> int:
    """How many rows of a sorted frame are the same as the one before."""
    same = terms.select(pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in TERMS).sum())
    return int(same.item())
