"""Progress of long work, on stderr: a bar on a terminal, one line at the end elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(title: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """A function that advances the bar; use it as `with progress("embed", n) as advance: … advance(32)`."""
    started = time.monotonic()
    done = 0.0
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)

            def advance_bar(amount: float = 1) -> None:
                nonlocal done
                done += amount
                bar.update(task, advance=amount)

            yield advance_bar
    else:

        def advance(amount: float = 1) -> None:
            nonlocal done
            done += amount

        yield advance
    print(f"{title:<22} {done:>10,.0f}  {time.monotonic() - started:6.1f} s", file=sys.stderr)


def short_name(name: str, *, most: int = 17) -> str:
    """A path's or address's last part, cut at `most` characters.

    >>> short_name("/data/dbpedia/graph.nt.gz"), short_name("http://localhost:8890/sparql")
    ('graph.nt.gz', 'localhost:8890')
    """
    if "://" in name:
        return name.split("://", 1)[1].split("/", 1)[0][:most]
    return name.rstrip("/").rsplit("/", 1)[-1][:most]
