import pytest

from kg.sources.forecast import COSTS, Cost, calibrated, compare, predict

COST = {
    "pull": Cost(fixed_s=1.0, triple_s=0.001, document_s=0.01, fixed_bytes=100, triple_bytes=1),
    "embed": Cost(fixed_s=2.0, triple_s=0.01, most_s=5.0, fixed_bytes=1000, triple_bytes=0),
    "train": Cost(fixed_s=9.0, fixed_bytes=5000),
}


def test_time_adds_up_by_step_and_memory_is_that_of_the_largest() -> None:
    found = predict(1000, 10, costs=COST, skip=("train",))
    assert found.duration_s == {"pull": 2.1, "embed": 5.0}
    assert (found.triples, found.peak_rss_bytes) == (1000, 1100)


def test_without_embedding_nothing_is_trained() -> None:
    assert list(predict(0, skip=("embed",), costs=COST).duration_s) == ["pull"]
    assert list(predict(0).duration_s) == list(COSTS)


def test_a_prediction_is_compared_with_what_came() -> None:
    found = compare(predict(1000, 10, costs=COST), triples=800, duration_s={"pull": 4.2, "gate": 9.0}, peak_rss_bytes=0)
    assert found["triples"] == {"expected": 1000, "actual": 800, "ratio": 1.25}
    assert found["pull_s"]["ratio"] == 0.5
    assert found["duration_s"]["actual"] == 4.2
    assert "ratio" not in found["peak_rss_bytes"]
    assert "gate_s" not in found


def test_what_is_calibrated_predicts_the_build_that_it_was_calibrated_by() -> None:
    came = {"pull": 6.3, "embed": 10.0}
    costs = calibrated(predict(1000, 10, costs=COST), came, costs=COST)
    assert predict(1000, 10, costs=costs, skip=("train",)).duration_s == pytest.approx(came)
    assert costs["train"] == COST["train"]
