"""Metrics of generated text against references: BLEU and chrF by sacrebleu (0 to 100), ROUGE-L by rouge_score (0 to 1).

BLEU (Papineni et al., 2002) and chrF (Popović, 2015) are taken over the corpus, ROUGE-L (Lin, 2004) is the F-measure
against the best reference, mean over texts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.bootstrap import Floats, Interval, bootstrap_interval, interval_of


def text_scores(
    texts: Sequence[str], references: Sequence[Sequence[str]], *, seed: int = 0, samples: int = 1000
) -> tuple[dict[str, float], dict[str, Interval]]:
    """The metrics bleu, chrf, rouge_l, and their 95% intervals.

    references: for each text its references, one or more.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    most = max(map(len, references))
    streams: Any = [[refs[i] if i < len(refs) else None for refs in references] for i in range(most)]
    values, intervals = {}, {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        statistics = np.asarray(metric._extract_corpus_statistics(list(texts), streams), dtype=np.float64)

        def score(sums: Floats, metric: BLEU | CHRF = metric) -> Floats:
            return np.array([metric._compute_score_from_stats(row).score for row in sums.astype(int).tolist()])

        values[name] = float(score(statistics.sum(0, keepdims=True))[0])
        intervals[name] = interval_of(statistics, score, seed=seed, samples=samples)
    each = rouge_l(texts, references)
    values["rouge_l"] = float(np.mean(each))
    intervals["rouge_l"] = bootstrap_interval(each, seed=seed, samples=samples)
    return values, intervals


def rouge_l(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """The ROUGE-L F-measure of each text against its best reference.

    >>> rouge_l(["the cat sat"], [["a dog", "the cat sat down"]])
    [0.8571428571428571]
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"])
    return [
        max(float(scorer.score(reference, text)["rougeL"].fmeasure) for reference in refs)
        for text, refs in zip(texts, references, strict=True)
    ]
