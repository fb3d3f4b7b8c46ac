import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from sklearn.preprocessing import MultiLabelBinarizer

from evaluation.bootstrap import interval_of
from evaluation.metrics import (
    bootstrap_interval,
    exact_match,
    f1,
    f_at_k,
    hits_at_1,
    known_link_counts,
    link_counts,
    mrr,
    precision_recall_f1,
    recall_at,
    roc_auc,
    set_counts,
)
from kg.types import Mention

LETTERS = st.sets(st.sampled_from("abcdef"))


def mention(start: int, end: int, iri: str | None) -> Mention:
    return Mention(start, end, iri, 1.0)


@given(st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=8))
def test_f1_is_the_samples_average_of_scikit_learn(pairs: list[tuple[set[str], set[str]]]) -> None:
    binary = MultiLabelBinarizer(classes=sorted("abcdef"))
    predicted = binary.fit_transform([one for one, _ in pairs])
    gold = binary.fit_transform([other for _, other in pairs])
    expected = precision_recall_fscore_support(gold, predicted, average="samples", zero_division=1.0)[2]
    assert np.mean([f1(one, other) for one, other in pairs]) == pytest.approx(expected)


@given(st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=8))
def test_micro_scores_are_those_of_scikit_learn(pairs: list[tuple[set[str], set[str]]]) -> None:
    binary = MultiLabelBinarizer(classes=sorted("abcdef"))
    predicted = binary.fit_transform([one for one, _ in pairs])
    gold = binary.fit_transform([other for _, other in pairs])
    expected = precision_recall_fscore_support(gold, predicted, average="micro", zero_division=0.0)[:3]
    counts = np.sum([set_counts([(x,) for x in one], [(x,) for x in other]) for one, other in pairs], axis=0)
    assert precision_recall_f1(counts) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_roc_auc_is_that_of_scikit_learn_with_ties(items: list[tuple[int, bool]]) -> None:
    scores, truths = zip(*items, strict=True)
    if len(set(truths)) < 2:
        assert np.isnan(roc_auc(scores, truths))
    else:
        assert roc_auc(scores, truths) == pytest.approx(roc_auc_score(truths, scores))


@pytest.mark.parametrize(
    ("ranked", "gold", "expected"),
    [
        (["c", "a", "b"], ["a", "b"], (0.0, 0.8, 0.5, 0.0)),
        (["b", "a"], ["a", "b"], (1.0, 1.0, 1.0, 1.0)),
        (["6.0E7"], ["60000000"], (1.0, 1.0, 1.0, 1.0)),
        (["yes"], ["true"], (1.0, 1.0, 1.0, 1.0)),
        (["1912-04-02"], ["1912"], (0.0, 0.0, 0.0, 0.0)),
        ([], [], (1.0, 1.0, 1.0, 1.0)),
        ([], ["a"], (0.0, 0.0, 0.0, 0.0)),
        (["a"], [], (0.0, 0.0, 0.0, 0.0)),
    ],
)
def test_answers_score_as_reckoned_by_hand(ranked: list[str], gold: list[str], expected: tuple[float, ...]) -> None:
    found = (hits_at_1(ranked, gold), f1(ranked, gold), mrr(ranked, gold), exact_match(ranked, gold))
    assert found == pytest.approx(expected)


def test_mrr_counts_a_value_written_twice_once() -> None:
    assert mrr(["15", "15.0", "b"], ["b"]) == 0.5


def test_recall_looks_at_the_first_k_pieces_only() -> None:
    evidence = [["a", "b"], ["c"], ["d"]]
    assert [recall_at(evidence, ["d"], k=k) for k in (1, 2, 3, 20)] == [0, 0, 1, 1]
    assert recall_at([], ["d"], k=5) == 0


def test_links_need_the_exact_span_and_iri() -> None:
    gold = [mention(0, 4, "x"), mention(5, 9, "y"), mention(10, 12, None)]
    predicted = [mention(0, 4, "x"), mention(5, 8, "y"), mention(10, 12, "z"), mention(20, 22, None)]
    assert link_counts(predicted, gold) == (1, 3, 2)


def test_known_links_leave_out_predictions_on_gold_that_the_graph_lacks() -> None:
    gold = [mention(0, 4, "x"), mention(5, 9, "unknown"), mention(10, 12, None)]
    predicted = [mention(0, 4, "x"), mention(8, 10, "y"), mention(11, 14, "z"), mention(9, 10, "w"), mention(4, 5, "v")]
    assert known_link_counts(predicted, gold, known=lambda iri: iri == "x") == (1, 3, 1)


def test_set_counts_compare_parts_by_value() -> None:
    assert set_counts([("http://a/%C3%A9", "p", "1.0")], [("http://a/é", "p", "1")]) == (1, 1, 1)


def test_f_at_k_is_the_mean_over_summaries() -> None:
    assert f_at_k([3, 1, 0, 2], [{3, 1}, {0, 2}, {3, 2}], k=2) == pytest.approx((1 + 0 + 0.5) / 3)
    assert f_at_k([0, 1], [{0, 1, 2, 3, 4}], k=5) == pytest.approx(4 / 7)


def test_the_interval_of_a_mean_is_close_to_the_normal_one() -> None:
    values = np.random.default_rng(1).random(400)
    low, high = bootstrap_interval(values.tolist())
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.005)


def test_the_interval_of_a_statistic_holds_its_value_and_repeats() -> None:
    counts = np.random.default_rng(2).integers(1, 5, (50, 3)) + np.array([0, 4, 4])
    low, high = interval_of(counts, lambda sums: precision_recall_f1(sums)[:, 2])
    assert low < precision_recall_f1(counts.sum(0))[2] < high
    assert interval_of(counts, lambda sums: precision_recall_f1(sums)[:, 2]) == (low, high)
