"""What an evaluation gives: one JSON object, a table of it, and a line per item.

{"n", METRIC: value…, "intervals": {METRIC: [low, high]}, "baselines": {NAME: {METRIC: value…}},
 "model", "snapshot", "duration_s"}
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.bootstrap import Interval
from kg.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

OWN_KEYS = ("n", "intervals", "baselines", "model", "snapshot", "duration_s", "by_split")


@dataclass(frozen=True)
class Scores:
    """Metrics by name and their 95% intervals; `parts` are further results that are no single number."""

    values: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """A report in the form above, and a prediction per item, ready for JSON."""

    report: dict[str, Any]
    predictions: list[dict[str, Any]]


def report(
    n: int,
    scores: Scores,
    baselines: Mapping[str, Scores],
    *,
    model: str | None,
    snapshot: str | None,
    duration_s: float,
) -> dict[str, Any]:
    """The report as one JSON object; what is no number becomes null."""
    return {
        "n": n,
        **{name: _number(value) for name, value in scores.values.items()},
        **scores.parts,
        "intervals": {name: [_number(low), _number(high)] for name, (low, high) in scores.intervals.items()},
        "baselines": {
            name: {metric: _number(value) for metric, value in baseline.values.items()}
            for name, baseline in baselines.items()
        },
        "model": model,
        "snapshot": snapshot,
        "duration_s": round(duration_s, 3),
    }


def report_table(report: Mapping[str, Any], *, title: str = "") -> "Table":
    """The report as a table for the terminal: a row a metric, a column a system."""
    from rich.table import Table

    table = Table(title=title or None, caption=f"n = {report['n']}, {report['duration_s']:g} s")
    table.add_column("metric")
    for name in (report["model"] or "this", "95% interval", *report["baselines"]):
        table.add_column(str(name), justify="right")
    for metric, value in report.items():
        if metric in OWN_KEYS:
            continue
        low, high = report["intervals"].get(metric, (None, None))
        interval = "" if low is None else f"{_shown(low)} to {_shown(high)}"
        others = (_shown(baseline.get(metric)) for baseline in report["baselines"].values())
        table.add_row(metric, _shown(value), interval, *others)
    return table


def write_predictions(path: Path, predictions: Sequence[Mapping[str, Any]]) -> None:
    """Writes a JSON object a line, whole or not at all. Raises UsageError if the file cannot be written."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            for item in predictions:
                file.write(json.dumps(item, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"the predictions cannot be written to {path}: {error.strerror}.") from error


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)


def _shown(value: Any) -> str:
    if not isinstance(value, (int, float)):
        return "–"
    return f"{value:.1f}" if abs(value) > 1 else f"{value:.3f}"
