"""Scores that say how often an answer is right, and answers that are not given."""

import math
from pathlib import Path

import numpy as np
import pytest

from generation.answer import NO_ANSWER, Paths
from generation.calibration import FEWEST, Calibration, fit, judged
from kg.errors import ModelError
from tests.evidence import piece


def test_fitted_probabilities_are_those_by_which_answers_were_right() -> None:
    """Drawn from the model itself, its two numbers come back, and the probabilities are right on the whole."""
    draw = np.random.default_rng(0)
    mass = draw.uniform(0.02, 0.98, 4000)
    p = 1 / (1 + np.exp(-(0.6 * np.log(mass / (1 - mass)) - 0.8)))
    right = (draw.random(4000) < p).astype(float)
    found = fit(mass.tolist(), right.tolist())
    assert (found.slope, found.offset) == pytest.approx((0.6, -0.8), abs=0.12)
    assert found.n == 4000
    assert np.mean([found.probability(m) for m in mass]) == pytest.approx(right.mean(), abs=0.01)


def test_few_questions_leave_masses_as_they_are() -> None:
    assert fit([0.5] * (FEWEST - 1), [1.0] * (FEWEST - 1)) == Calibration()
    assert Calibration().probability(0.3) == pytest.approx(0.3)


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_answers_that_are_all_right_or_all_wrong_give_finite_numbers(right: float) -> None:
    found = fit([0.0, 1.0, 0.5, 0.9] * 10, [right] * 40)
    assert math.isfinite(found.slope) and math.isfinite(found.offset)
    assert (found.probability(0.9) > 0.5) == bool(right)


def test_an_improbable_answer_is_refused_and_its_evidence_kept() -> None:
    evidence = [piece("a", ("London", "Paris"), 0.3)]
    (found,) = Paths().predict(["where?"], [evidence])
    given = judged(found, Calibration(), least=0.2)
    assert [answer.score for answer in given.answers] == pytest.approx([0.3, 0.3])
    refused = judged(found, Calibration(), least=0.4)
    assert (refused.text, refused.answers, refused.evidence) == (NO_ANSWER, (), tuple(evidence))
    assert refused.mass == pytest.approx(0.3)
    (nothing,) = Paths().predict(["where?"], [[]])
    assert judged(nothing, Calibration(), least=0.4) == nothing


def test_a_calibration_is_kept_beside_the_models(tmp_path: Path) -> None:
    assert Calibration.open(tmp_path) == Calibration()
    Calibration(0.5, 0.1, 30).save(tmp_path)
    assert Calibration.open(tmp_path) == Calibration(0.5, 0.1, 30)
    (tmp_path / "calibration.json").write_text('{"slope": ', "utf-8")
    with pytest.raises(ModelError, match="limbeck train"):
        Calibration.open(tmp_path)
