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
