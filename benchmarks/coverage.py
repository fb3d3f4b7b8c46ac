"""`python -m benchmarks.coverage WORKSPACE QUESTIONS…`: how right answers are that score at least so much.

Every answer has a score, the calibrated probability that it is right. The questions are asked with nothing refused;
taken by falling score, accuracy (is the first answer right?) is told against coverage, with the expected calibration
error over ten bins (Guo et al. 2017, arXiv 1706.04599). Writes `coverage.json` and `docs/coverage.svg`. Questions that
the graph cannot answer belong among them: refusing these is what the score is for.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import write_record
from evaluation.metrics import hits_at_1
from limbeck.knowledge_base import open_knowledge_base
from limbeck.systems import canonical_questions
from retrieval.question import read_questions

BINS = 10
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
WIDTH, HEIGHT, MARGIN = 640, 360, 52
_BATCH = 64


def main() -> None:
    """Asks, prints, records and draws."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("questions", type=Path, nargs="+")
    options = parser.parse_args()
    kb = open_knowledge_base(options.workspace)
    kb.retriever.options = replace(kb.retriever.options, refuse=0.0)
    asked = canonical_questions([q for path in options.questions for q in read_questions(path)], kb.merges)
    scores, right = [], []
    for start in range(0, len(asked), _BATCH):
        part = asked[start : start + _BATCH]
        for question, answer in zip(part, kb.ask_many([q.question for q in part]), strict=True):
            scores.append(answer.answers[0].score if answer.answers else 0.0)
            right.append(hits_at_1([item.value for item in answer.answers], question.values))
    order = np.argsort(-np.array(scores), kind="stable")
    score, hit = np.array(scores)[order], np.array(right)[order]
    accuracy = np.cumsum(hit) / np.arange(1, len(hit) + 1)
    results: dict[str, Any] = {
        "n": len(hit),
        "calibration error": round(calibration_error(score, hit), 3),
        "accuracy at coverage": {str(level): round(float(accuracy[_place(level, len(hit))]), 3) for level in LEVELS},
        "least score at coverage": {str(level): round(float(score[_place(level, len(hit))]), 3) for level in LEVELS},
        "area under the curve": round(float(accuracy.mean()), 3),
    }
    for name, value in results.items():
        print(name, value)
    write_record("coverage", results, options={"questions": [path.name for path in options.questions]})
    (Path(__file__).parents[1] / "docs" / "coverage.svg").write_text(draw(accuracy, score), "utf-8")


def calibration_error(score: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """The mean distance between score and accuracy over bins of equal width, weighted by their questions."""
    bins = np.minimum((score * BINS).astype(int), BINS - 1)
    return float(sum(abs(score[bins == b].sum() - right[bins == b].sum()) for b in range(BINS)) / len(score))


def draw(accuracy: NDArray[np.float64], score: NDArray[np.float64]) -> str:
    """Accuracy and least score against coverage, as SVG."""
    lines = "".join(
        f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{_y(level)}" y2="{_y(level)}" stroke="#ddd"/>'
        f'<text x="{MARGIN - 8}" y="{_y(level) + 4}" text-anchor="end">{level:.1f}</text>'
        f'<text x="{_x(level)}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{level:.1f}</text>'
        for level in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{lines}'
        f"{_curve(accuracy, '#1f6feb')}{_curve(score, '#b35900')}"
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">share of the questions that are answered</text>'
        f'<text x="{MARGIN}" y="24" fill="#1f6feb">accuracy of the answers given</text>'
        f'<text x="{WIDTH / 2}" y="24" fill="#b35900">least score among them</text></svg>\n'
    )


def _curve(values: Sequence[float] | NDArray[np.float64], colour: str) -> str:
    points = " ".join(f"{_x((i + 1) / len(values)):.1f},{_y(float(value)):.1f}" for i, value in enumerate(values))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def _y(value: float) -> float:
    return HEIGHT - MARGIN - value * (HEIGHT - 2 * MARGIN)


def _place(level: float, count: int) -> int:
    return max(round(level * count) - 1, 0)


if __name__ == "__main__":
    main()
