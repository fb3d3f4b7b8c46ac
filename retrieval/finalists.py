"""The best candidates of a question with their answers, scored by what these tell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.graph import LITERAL, Graph, Ids
from kg.terms import parse_literal
from retrieval.asked import Asked
from retrieval.candidates import Candidates
from retrieval.classes import Classes, NamedClass
from retrieval.features import NAMES, OF_PATHS, PLACE
from retrieval.neighbours import Neighbours
from retrieval.path import Path
from retrieval.reach import answers_of, of_class
from retrieval.scorer import ASKED
from retrieval.search import path_features, spread

_LOOKED_AT = 24
"""Answers of a candidate whose classes are looked at."""
_MOST_RESTRICTED = 5000
"""Answers that are cut down to a class."""
_QUESTION_WORDS = (
    (re.compile(r"\b(who|whom|whose)\b", re.I), "person"),
    (re.compile(r"\b(when|what year|which year|what date|which date|what day|birthday)\b", re.I), "date"),
    (re.compile(r"\bwhere\b", re.I), "place"),
    (re.compile(r"\bhow (much|long|tall|high|deep|heavy|big|large|old|far|wide|fast|many)\b", re.I), "number"),
)
_GROUPS = {
    "person": ("Person", "Agent", "Organisation", "Family", "Deity", "FictionalCharacter", "Group", "Company"),
    "place": ("Place", "Location", "Region", "PopulatedPlace"),
}
_DATES = ("date", "gYear", "gYearMonth", "dateTime", "gMonthDay")


@dataclass(frozen=True)
class Finalists:
    """The best candidates: paths, columns parallel to them, the features of all (N, F), scores (N,), answers of
    each."""

    paths: list[Path]
    columns: Candidates
    features: NDArray[np.float32]
    score: NDArray[np.float32]
    answers: list[Ids]

    @property
    def shape(self) -> NDArray[np.int64]:
        """The shape of each."""
        return self.columns.shape


def finalists(
    asked: Asked, found: Candidates, neighbours: Neighbours, classes: Classes, *, most: int, rows: Sequence[int] = ()
) -> Finalists:
    """The best `most` candidates, and `rows` of them in any case, with answers; those without any are left out. One
    whose answers can be cut down to a class that the question names is there twice."""
    graph = neighbours.graph
    taken = [(start, end) for start, end, p in asked.prepared.spans if p > 0.1]
    named = classes.named(asked.prepared.question, taken)
    wanted = next((kind for words, kind in _QUESTION_WORDS if words.search(asked.prepared.question)), "")
    mentioned = np.unique(np.array([seed.entity for seed in asked.seeds if seed.log_p > -1.0], np.int32))
    chosen = list(dict.fromkeys([*range(min(most, len(found))), *rows]))
    paths: list[Path] = []
    places: list[int] = []
    answers: list[Ids] = []
    plain = path_features(asked, found.seeds[chosen], found.relations[chosen]) if chosen else np.zeros((0, OF_PATHS))
    features: list[NDArray[np.float32]] = []
    for number, row in enumerate(chosen):
        path = found.path(row, asked.seeds)
        reached = answers_of(path, neighbours)
        if not len(reached):
            continue
        first = np.zeros(len(NAMES), np.float32)
        first[:OF_PATHS] = plain[number]
        if found.shape[row] == ASKED:
            first[PLACE["holds"]] = float(np.isin(path.target, reached))
            variants = [(path, reached, first)]
        else:
            variants = _with_classes(path, reached, first, named, graph)
            for _, own, values in variants:
                values[PLACE["size"]] = np.log(len(own))
                values[PLACE["mentioned"]] = float(len(own) <= _LOOKED_AT and np.isin(own, mentioned).any())
                if wanted:
                    fits = _fits(graph, own, wanted)
                    values[PLACE["asked" if fits else "not_asked"]] = 1.0
        for variant, own, values in variants:
            paths.append(variant)
            answers.append(own)
            features.append(values)
            places.append(row)
    columns = found.take(np.array(places, np.int64))
    table = np.stack(features) if features else np.zeros((0, len(NAMES)), np.float32)
    score = columns.score + table[:, OF_PATHS:] @ asked.weights[OF_PATHS:]
    return Finalists(paths, columns, table, np.asarray(score, np.float32), answers)


def _with_classes(
    path: Path, reached: Ids, features: NDArray[np.float32], named: Sequence[NamedClass], graph: Graph
) -> list[tuple[Path, Ids, NDArray[np.float32]]]:
    """The path, and the same cut down to the class that the question names and some answers have."""
    if not named:
        return [(path, reached, features)]
    seen = spread(reached, _LOOKED_AT)
    held = {int(kind) for node in seen for kind in graph.types_of(int(node))}
    fitting = [item.term for item in named if item.term in held]
    features[PLACE["named"]] = float(bool(fitting))
    features[PLACE["not_named"]] = float(not fitting)
    variants = [(path, reached, features)]
    for kind in fitting[:2]:
        if 1 < len(reached) <= _MOST_RESTRICTED:
            inside = reached[of_class(graph, reached, kind)]
            if 0 < len(inside) < len(reached):
                values = features.copy()
                values[PLACE["restricted"]] = 1.0
                variants.append((replace(path, kind=kind), inside, values))
    return variants


def _fits(graph: Graph, answers: Ids, wanted: str) -> bool:
    """Whether the first answers are of the kind that a question word asks for."""
    for node in spread(answers, 4):
        if graph.kind[node] == LITERAL:
            datatype = (parse_literal(graph.terms[int(node)])[2] or "").rsplit("#", 1)[-1]
            if datatype in _DATES:
                found = "date"
            else:
                found = "number" if graph.label_of(int(node)).replace(".", "").isdigit() else "text"
            if found == wanted or (wanted in ("person", "place") and found == "text"):
                return True
        elif wanted in _GROUPS:
            kinds = {
                graph.iri_of(int(kind)).rsplit("/", 1)[-1].rsplit("#", 1)[-1] for kind in graph.types_of(int(node))
            }
            if not kinds or kinds & set(_GROUPS[wanted]):
                return True
    return False
