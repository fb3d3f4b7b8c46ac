import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import corpus_bleu, corpus_chrf

from evaluation.text_metrics import rouge_l, text_scores

TEXTS = ["Ada Lovelace was born in London.", "The Rhine flows through Basel and Cologne .", "Paris is in France."]
REFERENCES = [
    ["Ada Lovelace was born in London, England.", "London is where Ada Lovelace was born."],
    ["The Rhine flows through Cologne and Basel."],
    ["Paris lies in France.", "Paris is a city in France.", "France holds Paris."],
]


def test_bleu_and_chrf_are_those_of_sacrebleu_with_references_of_different_number() -> None:
    streams = [[refs[i] if i < len(refs) else None for refs in REFERENCES] for i in range(3)]
    values, intervals = text_scores(TEXTS, REFERENCES)
    assert values["bleu"] == pytest.approx(corpus_bleu(TEXTS, streams).score)
    assert values["chrf"] == pytest.approx(corpus_chrf(TEXTS, streams).score)
    assert all(intervals[name][0] <= values[name] <= intervals[name][1] for name in values)


def test_rouge_l_is_the_best_over_references() -> None:
    scorer = RougeScorer(["rougeL"])
    expected = [scorer.score_multi(refs, text)["rougeL"].fmeasure for text, refs in zip(TEXTS, REFERENCES, strict=True)]
    assert rouge_l(TEXTS, REFERENCES) == pytest.approx(expected)


def test_a_text_equal_to_its_reference_scores_full_marks() -> None:
    text = "Ada Lovelace was born in London."
    values, _ = text_scores([text], [[text]])
    assert values == pytest.approx({"bleu": 100, "chrf": 100, "rouge_l": 1})
