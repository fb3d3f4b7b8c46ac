"""The best candidates of a question with their answers, scored by what these tell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.arrays import is_among
from kg.graph import LITERAL, Graph, Ids
from kg.terms import parse_literal
from retrieval.asked import Asked
from retrieval.candidates import Candidates
from retrieval.classes import Classes, NamedClass
from retrieval.features import NAMES, OF_PATHS, PLACE
from retrieval.measures import Measures
from retrieval.neighbours import Neighbours
from retrieval.ordering import Order, chosen, order_in
from retrieval.path import Path
from retrieval.reach import of_class
from retrieval.scorer import ASKED
from retrieval.search import path_features, spread
from retrieval.walk import ends_of

_LOOKED_AT = 24
"""Answers of a candidate whose classes are looked at."""
_MOST_SEARCHED = 16
"""Candidates of whose answers all are searched for a class that those looked at do not have."""
_MOST_ORDERED = 24
"""Candidates whose answers are put in order."""
_MOST_MEASURES = 2
_MEASURED = 64
"""Answers of a candidate whose measures are looked for."""
_MOST_RESTRICTED = 5000
"""Answers that are cut down to a class."""
_QUESTION_WORDS = (
    (re.compile(r"\b(when|what year|which year|what date|which date|what day|birthdays?)\b", re.I), "date"),
    (re.compile(r"\bhow (much|long|tall|high|deep|heavy|big|large|old|far|wide|fast|many)\b", re.I), "number"),
    (re.compile(r"\b(who|whom|whose|where)\b", re.I), "thing"),
)
_DATES = ("date", "gYear", "gYearMonth", "dateTime", "gMonthDay")
_NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?\Z", re.I)


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


def finalists(asked: Asked, found: Candidates, neighbours: Neighbours, classes: Classes, *, most: int) -> Finalists:
    """The first `most` candidates, with answers; those without any are left out. One whose answers can be cut down to a
    class that the question names is there twice."""
    graph = neighbours.graph
    taken = [(start, end) for start, end, p in asked.prepared.spans if p > 0.1]
    named = classes.named(asked.prepared.question, taken)
    wanted = next((kind for words, kind in _QUESTION_WORDS if words.search(asked.prepared.question)), "")
    order = order_in(asked.prepared.question)
    mentioned = {seed.entity for seed in asked.seeds if seed.log_p > -1.0}
    found = found.take(np.arange(min(most, len(found))))
    paths: list[Path] = []
    places: list[int] = []
    answers: list[Ids] = []
    plain = path_features(asked, found.seeds, found.relations)
    features: list[NDArray[np.float32]] = []
    for row, reached in enumerate(_answers(found, asked, neighbours)):
        if not len(reached):
            continue
        path = found.path(row, asked.seeds)
        first = np.zeros(len(NAMES), np.float32)
        first[:OF_PATHS] = plain[row]
        if found.shape[row] == ASKED:
            first[PLACE["holds"]] = float(is_among(np.array([path.target]), reached)[0])
            variants = [(path, reached, first)]
        else:
            first[PLACE["not_ordered"]] = float(order is not None)
            variants = _with_classes(path, reached, first, named, graph, search=row < _MOST_SEARCHED)
            if order is not None:
                place = int(asked.prepared.place[found.seeds[row, 0]])
                variants += _with_orders(variants, order, asked, place, neighbours) if row < _MOST_ORDERED else []
            for _, own, values in variants:
                values[PLACE["size"]] = np.log(len(reached))
                values[PLACE["mentioned"]] = float(len(own) <= _LOOKED_AT and not mentioned.isdisjoint(own.tolist()))
                if wanted:
                    fits = _fits(graph, own, wanted)
                    values[PLACE["asked" if fits else "not_asked"]] = 1.0
        for variant, own, values in variants:
            paths.append(variant)
            answers.append(own)
            features.append(values)
            places.append(row)
    _set_shares(paths, answers, features, neighbours)
    columns = found.take(np.array(places, np.int64))
    table = np.stack(features) if features else np.zeros((0, len(NAMES)), np.float32)
    score = columns.score + table[:, OF_PATHS:] @ asked.weights[OF_PATHS:]
    return Finalists(paths, columns, table, np.asarray(score, np.float32), answers)


def _answers(found: Candidates, asked: Asked, neighbours: Neighbours) -> list[Ids]:
    """The answers of each candidate, as `retrieval.reach.answers_of` has them."""
    entities = np.array([seed.entity for seed in asked.seeds], np.int32)
    row, branch = np.nonzero(found.relations[:, :, 0] >= 0)
    answers: list[Ids] = []
    for place, reached in zip(
        row, ends_of(entities[found.seeds[row, branch]], found.relations[row, branch], neighbours), strict=True
    ):
        if place < len(answers):
            answers[place] = np.intersect1d(answers[place], reached, assume_unique=True)
        else:
            answers.append(reached)
    return answers


def _set_shares(
    paths: Sequence[Path], answers: Sequence[Ids], features: Sequence[NDArray[np.float32]], neighbours: Neighbours
) -> None:
    """Sets "share": raw and mapped properties often have the same name, as have classes of two vocabularies, and one of
    them more of the answers."""
    names = [_named_alike(path, neighbours) for path in paths]
    most: dict[object, int] = {}
    for name, own in zip(names, answers, strict=True):
        most[name] = max(most.get(name, 0), len(own))
    for name, own, values in zip(names, answers, features, strict=True):
        values[PLACE["share"]] = np.log(len(own) / most[name])


def _named_alike(path: Path, neighbours: Neighbours) -> object:
    """What a path has in common with those whose relations, and class, have the same names."""
    names = tuple(neighbours.names[relation].replace(" ", "") for relation in path.relations)
    other = None if path.meets is None else _named_alike(path.meets, neighbours)
    kind = neighbours.graph.label_of(path.kind).casefold() if path.kind >= 0 else ""
    return path.seed.entity, names, kind, path.target, path.order, other


def _with_classes(
    path: Path, reached: Ids, features: NDArray[np.float32], named: Sequence[NamedClass], graph: Graph, *, search: bool
) -> list[tuple[Path, Ids, NDArray[np.float32]]]:
    """The path, and the same cut down to the class that the question names and some answers have."""
    if not named:
        return [(path, reached, features)]
    fitting = _fitting_classes(reached, named, graph, search=search)
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


def _fitting_classes(reached: Ids, named: Sequence[NamedClass], graph: Graph, *, search: bool) -> list[int]:
    """The named classes that some answer has. search: if none of the answers looked at has any, all are."""
    held = {int(kind) for node in spread(reached, _LOOKED_AT) for kind in graph.types_of(int(node))}
    fitting = [item.term for item in named if item.term in held]
    if fitting or not search or not _LOOKED_AT < len(reached) <= _MOST_RESTRICTED:
        return fitting
    return [item.term for item in named if of_class(graph, reached, item.term).any()]


def _with_orders(
    variants: Sequence[tuple[Path, Ids, NDArray[np.float32]]],
    order: Order,
    asked: Asked,
    place: int,
    neighbours: Neighbours,
) -> list[tuple[Path, Ids, NDArray[np.float32]]]:
    """The paths with their answers chosen by the measures that suit the question best."""
    made = []
    for path, reached, features in variants:
        if len(reached) < 2:
            continue
        around = neighbours.relations_around(spread(reached, _MEASURED)).tolist()
        suiting = [r for r in around if not r & 1 and _suits(neighbours.measures, r // 2, order)]
        asked.steps.learn(np.array(suiting, np.int64))
        cosines = asked.steps.cosine[place] / asked.cosine
        for relation in sorted(suiting, key=lambda r: -cosines[r])[:_MOST_MEASURES]:
            full = replace(order, relation=relation)
            own, _ = chosen(full, reached, neighbours.measures)
            if len(own):
                values = features.copy()
                values[PLACE["not_ordered"]] = 0.0
                values[PLACE["ordered"]], values[PLACE["measure"]] = 1.0, cosines[relation]
                made.append((replace(path, order=full), own, values))
    return made


def _suits(measures: Measures, predicate: int, order: Order) -> bool:
    """Whether the values of a predicate can be ordered as asked: a year needs dates."""
    if not measures.has(predicate):
        return False
    return bool(measures.dates[predicate]) if order.cut in ("year", "after") else True


def _fits(graph: Graph, answers: Ids, wanted: str) -> bool:
    """Whether an answer is what a question word asks for: a date, a number, or neither."""
    node = int(answers[0])
    if graph.kind[node] != LITERAL:
        return wanted == "thing"
    datatype = (parse_literal(graph.terms[node])[2] or "").rsplit("#", 1)[-1]
    if datatype in _DATES:
        return wanted == "date"
    return wanted == ("number" if _NUMBER.match(graph.label_of(node)) else "thing")
