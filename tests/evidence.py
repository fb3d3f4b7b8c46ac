"""Pieces of evidence made by hand, for tests of what reads them."""

import math

from kg.terms import literal_term
from retrieval.evidence import Evidence, Path, Seed


def piece(text: str, labels: tuple[str, ...], p: float, *, values: tuple[str, ...] | None = None) -> Evidence:
    """Evidence of probability p with answers of these labels; their values are literals unless given."""
    path = Path(Seed(0, -1, -1, 0.0), (0,))
    return Evidence(path, values or tuple(map(literal_term, labels)), labels, (), text, math.log(p))
