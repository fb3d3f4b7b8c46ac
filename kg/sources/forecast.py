"""What a build will take, before anything is read: expected triples, seconds by step and peak memory.

Each step costs a fixed time, so much for each triple and so much for each document; what lies in memory at its peak
likewise. `COSTS` is measured on one machine with two cores. A build that ended tells how far it is off on this one
(`compare`), and `calibrated` scales it for the next.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Cost:
    """What a step costs: seconds, at most `most_s` of them, and bytes of memory at its peak."""

    fixed_s: float = 0.0
    triple_s: float = 0.0
    document_s: float = 0.0
    most_s: float = float("inf")
    fixed_bytes: float = 0.3e9
    triple_bytes: float = 520.0


@dataclass(frozen=True)
class Prediction:
    """triples: as read from the sources, before cleaning. duration_s: by step. peak_rss_bytes: of the whole build."""

    triples: int
    duration_s: dict[str, float]
    peak_rss_bytes: int


COSTS: Mapping[str, Cost] = {
    "pull": Cost(fixed_s=0.2, triple_s=3.8e-6, document_s=1e-4),
    "clean": Cost(fixed_s=0.1, triple_s=2.9e-6),
    "text": Cost(fixed_s=3.0, document_s=0.045, fixed_bytes=1.2e9),
    "store": Cost(fixed_s=0.1, triple_s=7.8e-6),
    "embed": Cost(fixed_s=4.0, triple_s=1.9e-4, fixed_bytes=1.1e9, triple_bytes=3000.0),
    "train": Cost(fixed_s=70.0, triple_s=4e-4, most_s=350.0, fixed_bytes=3.3e9, triple_bytes=6000.0),
}
"""By step, in the order they run. pull, clean and store: seconds of processor time on 1.4 million triples. text, embed
and train: builds of 7 thousand triples with 600 documents and of 470 thousand with 4,500, of which embedding costs
0.5 ms for each entity, and an entity has three triples."""


def predict(
    lines: int, documents: int = 0, *, skip: Collection[str] = (), costs: Mapping[str, Cost] = COSTS
) -> Prediction:
    """What a build from so many lines and documents takes. skip: steps that are left out; without embedding nothing is
    trained.

    >>> predict(1_000_000, skip=("text", "embed")).duration_s
    {'pull': 4.0, 'clean': 3.0, 'store': 7.9}
    """
    left_out = {*skip, *(("train",) if "embed" in skip else ())}
    run = {name: cost for name, cost in costs.items() if name not in left_out}
    duration_s = {
        name: round(min(cost.fixed_s + cost.triple_s * lines + cost.document_s * documents, cost.most_s), 1)
        for name, cost in run.items()
    }
    peak = max((cost.fixed_bytes + cost.triple_bytes * lines for cost in run.values()), default=0.0)
    return Prediction(lines, duration_s, round(peak))


def compare(
    predicted: Prediction, *, triples: int, duration_s: Mapping[str, float], peak_rss_bytes: int
) -> dict[str, dict[str, float]]:
    """How good a prediction was: for each figure what was expected, what came, and expected / actual."""
    pairs: dict[str, tuple[float, float]] = {
        "triples": (predicted.triples, triples),
        "peak_rss_bytes": (predicted.peak_rss_bytes, peak_rss_bytes),
    }
    steps = [name for name in predicted.duration_s if name in duration_s]
    pairs |= {f"{name}_s": (predicted.duration_s[name], duration_s[name]) for name in steps}
    pairs["duration_s"] = sum(predicted.duration_s.values()), sum(duration_s[name] for name in steps)
    return {
        name: {"expected": expected, "actual": actual} | ({"ratio": round(expected / actual, 2)} if actual else {})
        for name, (expected, actual) in pairs.items()
    }


def calibrated(
    predicted: Prediction, duration_s: Mapping[str, float], *, costs: Mapping[str, Cost] = COSTS
) -> dict[str, Cost]:
    """The costs on the machine where a predicted build took `duration_s`: each step that ran is scaled to its time."""
    scaled = dict(costs)
    for name, expected_s in predicted.duration_s.items():
        if expected_s > 0 and name in duration_s:
            factor, cost = duration_s[name] / expected_s, costs[name]
            scaled[name] = replace(
                cost,
                fixed_s=cost.fixed_s * factor,
                triple_s=cost.triple_s * factor,
                document_s=cost.document_s * factor,
                most_s=cost.most_s * factor,
            )
    return scaled
