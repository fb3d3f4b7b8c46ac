"""Plain systems to hold ours against: each takes a few lines and no training."""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from evaluation.gold import Triple
from kg.graph import Graph
from kg.terms import name_of
from kg.types import Mention

MOST_WORDS = 8


class LongestMatch:
    """Links the longest spans of words that are a label in the graph to the label's most frequent entity.

    entities: by casefolded label, the IRI of the most frequent entity of that name.
    """

    def __init__(self, entities: Mapping[str, str]) -> None:
        self._entities = entities

    def link(self, text: str) -> list[Mention]:
        """The mentions found from left to right, the longest first; a match of one lower-case word is left out."""
        words = _words(text)
        mentions: list[Mention] = []
        first = 0
        while first < len(words):
            for last in range(min(len(words), first + MOST_WORDS) - 1, first - 1, -1):
                start, end = words[first][0], words[last][1]
                iri = self._entities.get(text[start:end].casefold())
                if iri is not None and not (first == last and text[start:end].islower()):
                    mentions.append(Mention(start, end, iri, 1.0))
                    first = last
                    break
            first += 1
        return mentions

    def disambiguate(self, text: str, spans: Sequence[tuple[int, int]]) -> list[str | None]:
        """For each span the most frequent entity of that label, None for a text that is no label."""
        return [self._entities.get(text[start:end].casefold()) for start, end in spans]


def adjacent_pairs(link: Callable[[str], Sequence[Mention]], predicate: str) -> Callable[[str], list[Triple]]:
    """A system that joins each two neighbouring entities of a text by one predicate, the most frequent of the graph."""

    def relate(text: str) -> list[Triple]:
        iris = [mention.iri for mention in sorted(link(text), key=lambda item: item.start) if mention.iri is not None]
        return [(one, predicate, other) for one, other in pairwise(iris) if one != other]

    return relate


def in_order(triples: Sequence[Triple]) -> list[float]:
    """Scores that keep the order of the triples."""
    return [-float(position) for position in range(len(triples))]


def at_random(triples: Sequence[Triple], *, seed: int = 0) -> list[float]:
    """Scores drawn at random from a seed and the triples."""
    generator = random.Random(f"{seed} {triples}")  # noqa: S311
    return [generator.random() for _ in triples]


def predicate_frequency(frequency: Callable[[str], float]) -> Callable[[Sequence[Triple]], list[float]]:
    """A system that scores a triple by how many triples of the graph share its predicate."""

    def score(triples: Sequence[Triple]) -> list[float]:
        return [frequency(predicate) for _, predicate, _ in triples]

    return score


def template(label: Callable[[str], str] = name_of) -> Callable[[Sequence[Triple]], str]:
    """A system that says each triple as subject, predicate, object.

    >>> template()([("http://dbpedia.org/resource/Ada_Lovelace", "http://dbpedia.org/ontology/birthPlace", "London")])
    'Ada Lovelace birth place London.'
    """

    def say(triples: Sequence[Triple]) -> str:
        return " ".join(f"{_name(s, label)} {_name(p, label)} {_name(o, label)}." for s, p, o in triples)

    return say


def _name(value: str, label: Callable[[str], str]) -> str:
    return label(value) if "://" in value else value


def _words(text: str) -> list[tuple[int, int]]:
    """The spans of runs of letters and digits."""
    spans = []
    start = -1
    for position, char in enumerate(f"{text} "):
        if char.isalnum():
            start = position if start < 0 else start
        elif start >= 0:
            spans.append((start, position))
            start = -1
    return spans


def label_entities(graph: Graph) -> dict[str, str]:
    """By casefolded label, with and without what stands in brackets at its end, the entity that most triples touch."""
    entities = graph.entities
    degree = np.diff(graph.out_ptr)[entities] + np.diff(graph.in_ptr)[entities]
    frame = pl.DataFrame(
        {
            "label": graph.labels.to_series().gather(entities),
            "iri": graph.terms.to_series().gather(entities).str.slice(1).str.head(-1),
            "degree": degree,
        }
    )
    short = frame.with_columns(pl.col("label").str.replace(r" \([^()]*\)$", ""))
    both = pl.concat([frame, short]).with_columns(pl.col("label").map_elements(str.casefold, return_dtype=pl.String))
    best = both.sort("degree", "iri", descending=[True, False]).unique("label", keep="first", maintain_order=True)
    return dict(best.select("label", "iri").iter_rows())


def predicate_counts(graph: Graph) -> dict[str, int]:
    """By bare IRI of a predicate, the number of its triples; the most frequent first."""
    predicates, counts = np.unique(np.asarray(graph.p), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {graph.iri_of(int(predicates[i])): int(counts[i]) for i in order}
