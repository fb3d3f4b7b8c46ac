"""Metrics as pure functions: answers, retrieval, linking, relations, importance and truth.

Values are compared by `kg.values.canonical_value`. Spans are character offsets, end exclusive. Scores run from 0 to 1,
higher is better. `evaluation.text_metrics` has those of generated text.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.bootstrap import bootstrap_interval
from kg.types import Mention
from kg.values import canonical_value, same_value

__all__ = [
    "Counts",
    "bootstrap_interval",
    "canonical_value",
    "canonical_values",
    "exact_match",
    "f1",
    "f_at_k",
    "hits_at_1",
    "known_link_counts",
    "link_counts",
    "mrr",
    "precision_recall_f1",
    "recall_at",
    "roc_auc",
    "same_value",
    "set_counts",
]

Counts = tuple[int, int, int]
"""What is right, what was predicted, what is gold: summed over items for micro averages."""


def canonical_values(values: Collection[str]) -> list[str]:
    """The distinct canonical values, in the order of their first place.

    >>> canonical_values(["15.0", "Paris", "15"])
    ['15', 'paris']
    """
    return list(dict.fromkeys(canonical_value(value) for value in values))


def hits_at_1(ranked: Sequence[str], gold: Collection[str]) -> float:
    """1 if the best value is a gold one; no value is right where there is no gold.

    >>> hits_at_1(["Paris", "Lyon"], {"paris"}), hits_at_1([], []), hits_at_1(["Paris"], [])
    (1.0, 1.0, 0.0)
    """
    if not gold or not ranked:
        return float(not gold and not ranked)
    return float(canonical_value(ranked[0]) in set(canonical_values(gold)))


def f1(predicted: Collection[str], gold: Collection[str]) -> float:
    """The F1 of two sets of values; empty against empty is 1. Its mean over questions is the macro F1.

    >>> f1(["a", "b"], ["b", "c", "d"])
    0.4
    >>> f1([], []), f1(["a"], [])
    (1.0, 0.0)
    """
    one, other = set(canonical_values(predicted)), set(canonical_values(gold))
    if not one and not other:
        return 1.0
    return 2 * len(one & other) / (len(one) + len(other))


def mrr(ranked: Sequence[str], gold: Collection[str]) -> float:
    """One over the rank of the first gold value, 0 if there is none; equal values share a rank. Its mean is the MRR.

    >>> mrr(["a", "b", "c"], ["c", "b"])
    0.5
    """
    if not gold:
        return float(not ranked)
    wanted = set(canonical_values(gold))
    return next((1 / rank for rank, value in enumerate(canonical_values(ranked), 1) if value in wanted), 0.0)


def exact_match(predicted: Collection[str], gold: Collection[str]) -> float:
    """1 if both sets of values are the same.

    >>> exact_match(["2", "1"], ["1", "2.0"])
    1.0
    """
    return float(set(canonical_values(predicted)) == set(canonical_values(gold)))


def recall_at(evidence: Sequence[Collection[str]], gold: Collection[str], *, k: int) -> float:
    """1 if a gold value is among the values of the first k pieces of evidence.

    >>> recall_at([["a"], ["b", "c"]], ["c"], k=1), recall_at([["a"], ["b", "c"]], ["c"], k=5)
    (0.0, 1.0)
    """
    wanted = set(canonical_values(gold))
    return float(any(canonical_value(value) in wanted for values in evidence[:k] for value in values))


def precision_recall_f1(counts: ArrayLike) -> NDArray[np.float64]:
    """Precision, recall and F1 of summed counts (right, predicted, gold); what is undefined is 0.

    counts: shape (…, 3). The result has the same shape.

    >>> precision_recall_f1((2, 4, 8)).round(3).tolist()
    [0.5, 0.25, 0.333]
    """
    right, predicted, gold = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    pairs = ((right, predicted), (right, gold), (2 * right, predicted + gold))
    return np.stack([np.divide(up, down, out=np.zeros_like(up), where=down > 0) for up, down in pairs], axis=-1)


def set_counts(predicted: Collection[tuple[str, ...]], gold: Collection[tuple[str, ...]]) -> Counts:
    """The counts of two sets of tuples of values, such as triples, compared part by part.

    >>> set_counts([("a", "p", "15.0")], [("a", "p", "15"), ("b", "p", "c")])
    (1, 1, 2)
    """
    one, other = ({tuple(map(canonical_value, item)) for item in items} for items in (predicted, gold))
    return len(one & other), len(one), len(other)


def link_counts(predicted: Collection[Mention], gold: Collection[Mention]) -> Counts:
    """The counts of mentions by exact span and IRI. A mention without an IRI, on either side, counts as none.

    >>> one, other, nil = Mention(0, 5, "x", 1.0), Mention(7, 9, "y", 1.0), Mention(7, 9, None, 1.0)
    >>> link_counts([one, other], [one, nil])
    (1, 2, 1)
    """
    one, other = _links(predicted), _links(gold)
    return len(one & other), len(one), len(other)


def known_link_counts(
    predicted: Collection[Mention], gold: Collection[Mention], *, known: Callable[[str], bool]
) -> Counts:
    """The counts over the gold whose IRI is known, and over the predictions that overlap no other gold.

    >>> one, other, unknown = Mention(0, 5, "x", 1.0), Mention(7, 9, "y", 1.0), Mention(6, 9, "z", 1.0)
    >>> known_link_counts([one, other], [one, unknown], known=lambda iri: iri == "x")
    (1, 1, 1)
    """
    wanted = [mention for mention in gold if mention.iri is not None and known(mention.iri)]
    others = [mention for mention in gold if mention.iri is None or not known(mention.iri)]
    kept = [mention for mention in predicted if not any(_overlap(mention, other) for other in others)]
    return link_counts(kept, wanted)


def f_at_k(ranked: Sequence[int], summaries: Sequence[Collection[int]], *, k: int) -> float:
    """The mean over human summaries of the F1 of the best k triples against the summary (ESBM: Liu et al., 2020).

    ranked: positions in the description, best first.

    >>> f_at_k([0, 1, 2, 3], [{0, 1}, {2, 3}, {1, 2}], k=2)
    0.5
    """
    best = set(ranked[:k])
    return sum(2 * len(best & set(summary)) / (len(best) + len(summary)) for summary in summaries) / len(summaries)


def roc_auc(scores: ArrayLike, truths: ArrayLike) -> float:
    """The area under the ROC curve: the chance that a true item scores above a false one, ties half. NaN for one class.

    >>> roc_auc([0.9, 0.5, 0.5, 0.1], [True, True, False, False])
    0.875
    """
    values, is_true = np.asarray(scores, dtype=np.float64), np.asarray(truths, dtype=bool)
    n_true, n_false = int(is_true.sum()), int((~is_true).sum())
    if not n_true or not n_false:
        return float("nan")
    _, place, size = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(size) - (size - 1) / 2
    return float((ranks[place][is_true].sum() - n_true * (n_true + 1) / 2) / (n_true * n_false))


def _links(mentions: Collection[Mention]) -> set[tuple[int, int, str]]:
    return {(item.start, item.end, canonical_value(item.iri)) for item in mentions if item.iri is not None}


def _overlap(one: Mention, other: Mention) -> bool:
    return one.start < other.end and other.start < one.end
