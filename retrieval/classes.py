"""Which classes a question names: "which films…" asks for films alone, and "who" for people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.graph import CLASS, Graph
from retrieval.wording import words_of

MOST_WORDS = 4


@dataclass(frozen=True)
class NamedClass:
    """A class, and where the question names it."""

    term: int
    start: int
    end: int


class Classes:
    """The classes of a graph by the stems of their names."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        classes = np.flatnonzero(np.asarray(graph.kind) == CLASS)
        self._by_stems: dict[tuple[str, ...], list[int]] = {}
        for term in classes[_has_instances(graph, classes)].tolist():
            stems = tuple(stem for _, _, stem in words_of(graph.label_of(term)))
            if any(stems):
                self._by_stems.setdefault(stems, []).append(term)

    def named(self, question: str, taken: Sequence[tuple[int, int]] = ()) -> list[NamedClass]:
        """The classes that a question names, outside the spans that are taken; longer names win."""
        words = words_of(question)
        found: list[NamedClass] = []
        place = 0
        while place < len(words):
            for length in range(min(MOST_WORDS, len(words) - place), 0, -1):
                span = words[place : place + length]
                terms = self._by_stems.get(tuple(stem for _, _, stem in span))
                if terms and not any(low < span[-1][1] and span[0][0] < high for low, high in taken):
                    found += [NamedClass(term, span[0][0], span[-1][1]) for term in terms]
                    place += length - 1
                    break
            place += 1
        return found


def _has_instances(graph: Graph, classes: NDArray[np.int64]) -> list[bool]:
    return [bool(len(graph.subjects(int(term), graph.type_id))) for term in classes]
