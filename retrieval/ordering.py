"""Superlatives and comparisons: "the highest", "before 1900", "more than 5000".

The words of the question tell which end of the order is asked for; which relation is measured is told by the vectors.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.graph import Ids
from retrieval.measures import Measures

_MOST = (
    "highest tallest largest biggest longest most greatest deepest heaviest richest fastest widest strongest latest "
    "newest youngest last maximum top"
)
_LEAST = "lowest smallest shortest least fewest shallowest lightest slowest earliest oldest first minimum"
_OF_AGE = frozenset(("oldest", "youngest"))
_WORDS = {**dict.fromkeys(_MOST.split(), "most"), **dict.fromkeys(_LEAST.split(), "least")}
_SUPERLATIVE = re.compile(rf"\b({'|'.join(_WORDS)})\b", re.I)
_AMOUNT = r"(\d[\d,]*(?:\.\d+)?)\s*(million|billion|thousand)?"
_COMPARISONS = (
    (
        re.compile(rf"\b(?:more|greater|higher|larger|longer|taller|bigger|deeper|heavier) than {_AMOUNT}", re.I),
        "above",
    ),
    (re.compile(rf"\b(?:over|above|exceeding) {_AMOUNT}", re.I), "above"),
    (re.compile(rf"\bat least {_AMOUNT}", re.I), "from"),
    (re.compile(rf"\b(?:less|fewer|lower|smaller|shorter) than {_AMOUNT}", re.I), "below"),
    (re.compile(rf"\b(?:under|below) {_AMOUNT}", re.I), "below"),
    (re.compile(rf"\bat most {_AMOUNT}", re.I), "to"),
    (re.compile(r"\b(?:before|earlier than|prior to|older than) (\d{3,4})\b()", re.I), "below"),
    (re.compile(r"\b(?:after|later than|younger than|newer than) (\d{3,4})\b()", re.I), "after"),
    (re.compile(r"\bsince (\d{3,4})\b()", re.I), "from"),
    (re.compile(r"\b(?:in|during) (?:the year )?(\d{4})\b()", re.I), "year"),
)
_COMPARE: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.bool_]]] = {
    "above": np.greater,
    "from": np.greater_equal,
    "below": np.less,
    "to": np.less_equal,
    "after": lambda values, year: values >= year + 1,
    "year": lambda values, year: np.floor(values) == year,
}
_TIMES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}


@dataclass(frozen=True)
class Order:
    """How answers are chosen by a measure, the relation. cut: most, least, above, from (or more), below, to (or less),
    after or year (a date after, in the year); than: the number compared with; by_age: whether the word spoke of age,
    which for dates turns the order round."""

    cut: str
    than: float = 0.0
    by_age: bool = False
    relation: int = -1


def order_in(question: str) -> Order | None:
    """What a question asks for by its words, None where it does neither rank nor compare.

    >>> order_in("Which libraries were founded before 1400?").cut, order_in("the highest mountain").cut
    ('below', 'most')
    """
    for pattern, cut in _COMPARISONS:
        found = pattern.search(question)
        if found:
            number = float(found[1].replace(",", "")) * _TIMES.get((found[2] or "").lower(), 1.0)
            return Order(cut, number)
    found = _SUPERLATIVE.search(question)
    if found is None:
        return None
    word = found[1].lower()
    return Order(_WORDS[word], by_age=word in _OF_AGE)


def chosen(order: Order, nodes: Ids, measures: Measures) -> tuple[Ids, Ids]:
    """(nodes, rows): those of ascending nodes that the order chooses, ascending, each with a triple that shows it."""
    predicate = order.relation // 2
    nodes, values, rows = measures.of(nodes, predicate)
    if not len(nodes):
        return nodes, rows
    if order.cut in ("most", "least"):
        turned = order.by_age and not measures.dates[predicate]
        largest = (order.cut == "most") != turned
        kept = values == (values.max() if largest else values.min())
    else:
        kept = _COMPARE[order.cut](values, order.than)
    nodes, first = np.unique(nodes[kept], return_index=True)
    return nodes, rows[kept][first]
