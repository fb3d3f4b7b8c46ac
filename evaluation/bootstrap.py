"""95% intervals by the percentile bootstrap (Efron, 1979): items are drawn with replacement, the metric is taken again.

Every metric here is a function of sums over items (a mean, a micro F1, a corpus BLEU), so a sample is a row of sums.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Interval = tuple[float, float]
Floats = NDArray[np.float64]


def resampled_sums(columns: ArrayLike, *, seed: int = 0, samples: int = 1000) -> Floats:
    """Sums over items drawn with replacement.

    columns: shape (n_items, n_columns). The result has shape (samples, n_columns); the same seed draws the same items.
    """
    table = np.asarray(columns, dtype=np.float64)
    random = np.random.default_rng(seed)
    n = len(table)
    sums = np.empty((samples, table.shape[1]))
    for row in range(samples):
        sums[row] = np.bincount(random.integers(0, n, n), minlength=n) @ table
    return sums


def bootstrap_interval(values: Sequence[float], *, seed: int = 0, samples: int = 1000) -> Interval:
    """The 95% interval (low, high) of the mean of values, one value an item.

    >>> bootstrap_interval([1.0, 1.0, 1.0])
    (1.0, 1.0)
    """
    sums = resampled_sums(np.asarray(values, dtype=np.float64)[:, None], seed=seed, samples=samples)
    return percentile_interval(sums[:, 0] / len(values))


def interval_of(
    columns: ArrayLike, statistic: Callable[[Floats], Floats], *, seed: int = 0, samples: int = 1000
) -> Interval:
    """The 95% interval of a statistic of sums.

    columns: shape (n_items, n_columns). statistic: from sums of shape (samples, n_columns) to shape (samples,).
    """
    return percentile_interval(statistic(resampled_sums(columns, seed=seed, samples=samples)))


def percentile_interval(values: ArrayLike) -> Interval:
    """The 2.5% and 97.5% percentiles of bootstrap values, those that are not numbers left out."""
    table = np.asarray(values, dtype=np.float64)
    low, high = np.nanpercentile(table, [2.5, 97.5]) if np.isfinite(table).any() else (np.nan, np.nan)
    return float(low), float(high)
