"""From (pair, predicate) to a calibrated confidence: the features and the logistic regression over them.

The regression is trained on the graph's own triples under the local closed-world assumption (Dong et al. 2014): a
candidate is true if the graph states it, false if the graph relates the two otherwise or gives the subject another
value for the predicate, and unknown else; the unknown count little.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kg.relations.evidence import Evidence, Matrix, feature_rows
from kg.relations.patterns import Pair
from kg.relations.signatures import Signatures

FEATURES = (
    "lexical",
    "lexical_gap",
    "lexical_back",
    "label",
    "label_gap",
    "centroid",
    "centroid_gap",
    "overlap",
    "subject_fit",
    "object_fit",
    "fit_gap",
    "seen",
    "distance",
    "between",
    "forward",
)
FIXED = {"label": 12.0, "label_gap": 6.0, "overlap": 3.0, "subject_fit": 0.35, "object_fit": 0.35, "fit_gap": 0.25}
FIXED_BIAS = -1.0
"""Weights used where the text has too few known relations to learn any: the likeness of the sentence part to the
predicate's label, and the fit of both entities. Chosen by hand, so their scores rank but are not calibrated."""

_CHUNK = 1024


@dataclass(frozen=True)
class Candidates:
    """(pair, predicate) by position: indexes into the pairs and into `Signatures.predicates`, and their features."""

    pair: NDArray[np.int64]
    predicate: NDArray[np.int64]
    features: Matrix


@dataclass(frozen=True)
class Weights:
    """A logistic regression. `quadratic`: products of features are features too."""

    weight: NDArray[np.float64]
    bias: float
    mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(FEATURES)))
    scale: NDArray[np.float64] = field(default_factory=lambda: np.ones(len(FEATURES)))
    quadratic: bool = False

    def __call__(self, features: Matrix) -> NDArray[np.float64]:
        """Probabilities, shape (candidates,)."""
        scores = np.empty(len(features))
        for start in range(0, len(features), 65536):
            rows = slice(start, start + 65536)
            scores[rows] = expanded(features[rows], self.mean, self.scale, self.quadratic) @ self.weight
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores + self.bias, -30.0, 30.0))))


FIXED_WEIGHTS = Weights(np.array([FIXED.get(name, 0.0) for name in FEATURES]), FIXED_BIAS)


def expanded(
    features: Matrix, mean: NDArray[np.float64], scale: NDArray[np.float64], quadratic: bool
) -> NDArray[np.float64]:
    """Standardised features, with their products if `quadratic`."""
    standard = np.clip((features - mean) / scale, -6.0, 6.0)
    if not quadratic:
        return standard
    left, right = np.triu_indices(standard.shape[1])
    return np.concatenate([standard, standard[:, left] * standard[:, right]], axis=1)


def fit_weights(features: Matrix, true: NDArray[np.bool_], weight: NDArray[np.float64], *, quadratic: bool) -> Weights:
    """The regression that fits; L2, deterministic."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = features.mean(axis=0).astype(np.float64), np.maximum(features.std(axis=0), 1e-6).astype(np.float64)
    model = LogisticRegression(C=0.1, max_iter=300)
    model.fit(expanded(features, mean, scale, quadratic), true, sample_weight=weight)
    return Weights(model.coef_[0], float(model.intercept_[0]), mean, scale, quadratic)


def candidates(
    pairs: Sequence[Pair],
    evidence: Evidence,
    signatures: Signatures,
    vectors: Matrix | None,
    label_vectors: Matrix | None,
    label_words: Sequence[frozenset[str]],
    *,
    by_fit: int,
    by_text: int,
) -> Candidates:
    """For each pair the predicates that its entities fit best and those that its text suggests, with features.

    Pairs must come two by two, one for each direction, as `find_pairs` gives them. Without predicates there are none.
    """
    parts = []
    for start in range(0, len(pairs) if len(signatures.predicates) else 0, _CHUNK):
        rows = slice(start, start + _CHUNK)
        chunk = pairs[rows]
        fits = [signatures.fit(pair.s, pair.o) for pair in chunk]
        subject, object_ = (np.log(np.stack([fit[side] for fit in fits])) for side in (0, 1))
        fit = subject + object_
        lexical = evidence.lexical(feature_rows(chunk, evidence.hashes))
        label, centroid = np.zeros_like(lexical), np.zeros_like(lexical)
        if vectors is not None and label_vectors is not None:
            side = np.array([pair.forward for pair in chunk])[:, None]
            # Evidence of no pairs has centroids of no dimension.
            centroids = evidence.centroids if evidence.centroids.shape[2] else np.zeros_like(label_vectors)
            label, centroid = (
                np.where(side, vectors[rows] @ matrix[1].T, vectors[rows] @ matrix[0].T)
                for matrix in (label_vectors, centroids)
            )
            label -= label.mean(axis=1, keepdims=True)
        overlap = _overlap(chunk, label_words)
        text: list[Matrix] = [lexical, label, centroid, np.asarray(overlap + 1e-3 * fit, np.float32)]
        chosen = _top(fit, by_fit)
        for matrix in text:
            chosen |= _top(matrix, by_text)
        row, column = np.nonzero(chosen)
        back = lexical.max(axis=1)[np.arange(len(chunk)) ^ 1]
        columns = [
            lexical[row, column],
            (lexical - lexical.max(axis=1, keepdims=True))[row, column],
            (lexical - back[:, None])[row, column],
            label[row, column],
            (label - label.max(axis=1, keepdims=True))[row, column],
            centroid[row, column],
            (centroid - centroid.max(axis=1, keepdims=True))[row, column],
            overlap[row, column],
            subject[row, column],
            object_[row, column],
            (fit - fit.max(axis=1, keepdims=True))[row, column],
            np.log1p(evidence.count)[column],
            np.log1p([pair.distance for pair in chunk])[row],
            np.array([pair.between for pair in chunk])[row],
            np.array([pair.forward for pair in chunk])[row],
        ]
        parts.append((row + start, column, np.stack(columns, axis=1).astype(np.float32)))
    if not parts:
        return Candidates(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, len(FEATURES)), np.float32))
    return Candidates(*(np.concatenate([part[i] for part in parts]) for i in range(3)))


def stem(word: str) -> str:
    """A crude stem: enough for "directed" and "director" to meet.

    >>> stem("directed") == stem("director")
    True
    """
    return word[:5]


def _overlap(pairs: Sequence[Pair], label_words: Sequence[frozenset[str]]) -> Matrix:
    """The share of a predicate's label words that stand in the segment."""
    owners: dict[str, list[int]] = {}
    for column, words in enumerate(label_words):
        for word in words:
            owners.setdefault(word, []).append(column)
    size = np.array([max(len(words), 1) for words in label_words], np.float32)
    shares = np.zeros((len(pairs), len(label_words)), np.float32)
    for row, pair in enumerate(pairs):
        for word in {stem(w) for feature in pair.features for w in feature.split()[1:]}:
            for column in owners.get(word, ()):
                shares[row, column] += 1.0
    return np.asarray(shares / size, dtype=np.float32)


def _top(matrix: Matrix, k: int) -> NDArray[np.bool_]:
    k = min(k, matrix.shape[1])
    mask = np.zeros(matrix.shape, dtype=bool)
    if k:
        np.put_along_axis(mask, np.argpartition(-matrix, k - 1, axis=1)[:, :k], True, axis=1)
    return mask
