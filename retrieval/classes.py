"""Which classes a question names: "which films…" asks for films alone, and "who" for people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kg.graph import LITERAL, Graph
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
        rows = np.flatnonzero(np.asarray(graph.p) == graph.type_id) if graph.type_id >= 0 else np.zeros(0, np.int64)
        used, counts = np.unique(np.asarray(graph.o)[rows], return_counts=True)
        self.size = dict(zip(used.tolist(), counts.tolist(), strict=True))
        self._by_stems: dict[tuple[str, ...], list[int]] = {}
        for term in used.tolist():
            stems = tuple(stem for _, _, stem in words_of(graph.label_of(term)) if stem)
            if stems and graph.kind[term] != LITERAL:
                self._by_stems.setdefault(stems, []).append(term)

    def named(self, question: str, taken: Sequence[tuple[int, int]] = ()) -> list[NamedClass]:
        """The classes that a question names, outside the spans that are taken; longer names win."""
        words = [
            (start, end, "" if any(low < end and start < high for low, high in taken) else stem)
            for start, end, stem in words_of(question)
        ]
        found: list[NamedClass] = []
        place = 0
        while place < len(words):
            for length in range(min(MOST_WORDS, len(words) - place), 0, -1):
                span = words[place : place + length]
                terms = self._by_stems.get(tuple(stem for _, _, stem in span))
                if terms and all(stem for _, _, stem in span):
                    found += [NamedClass(term, span[0][0], span[-1][1]) for term in terms]
                    place += length - 1
                    break
            place += 1
        return found
