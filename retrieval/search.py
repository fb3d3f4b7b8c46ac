"""The candidates worth scoring around the seeds of a question.

All paths of one relation are scored; from the best `beam` of them the relations around the entities reached (a spread
sample of `sample` of them) make paths of two, and so on, while the question may ask for so many. Paths of one relation
from two mentions that lead to the same node meet there. For yes or no a relation between two mentions is looked for.
The cost follows the distinct relations, not the degree.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kg.arrays import join_rows
from kg.graph import Ids
from retrieval.asked import Asked
from retrieval.candidates import Candidates, single
from retrieval.features import OF_PATHS, PLACE, TRAITS
from retrieval.meeting import apart, linked, meetings
from retrieval.neighbours import Neighbours
from retrieval.options import MOST_HOPS, RetrievalOptions
from retrieval.question import FORMS
from retrieval.scorer import ASKED, LENGTH_POWER, MEETING
from retrieval.walk import next_relations

Number = TypeVar("Number", bound=np.integer)
_TRAITS = [PLACE[f"seed {name}"] for name in TRAITS]
_UNLIKELY = -7.0
"""Longer paths, and links for yes or no, are not looked for where the log probability that the question asks for such
is below."""


def search(asked: Asked, neighbours: Neighbours, options: RetrievalOptions, *, explore: bool = False) -> Candidates:
    """The candidates of a question, best first, scored by what is known from the paths alone.

    explore: longer paths are looked for even where the question does not seem to ask for them.
    """
    found = [_first_steps(asked, neighbours)]
    if not len(found[0]):
        return found[0]
    frontier = found[0]
    for hop in range(1, options.hops):
        if not explore and asked.steps.hops[hop:].max() < _UNLIKELY:
            break
        frontier = _longer(asked, frontier.best(options.beam), neighbours, options.sample)
        if not len(frontier):
            break
        found.append(frontier)
    found += _between(asked, found[0], neighbours, options, explore)
    every = join_rows(found)
    return every.best(len(every))


def path_features(asked: Asked, seeds: NDArray[np.int64], relations: NDArray[np.int64]) -> NDArray[np.float32]:
    """The features that are known from the path alone, shape (N, OF_PATHS)."""
    log_p = np.array([seed.log_p for seed in asked.seeds], np.float32)
    second, apposed = seeds[:, 1] >= 0, asked.prepared.apposed
    used = asked.covers[seeds[:, 0]] | (asked.covers[seeds[:, 1]] & second[:, None])
    present = relations >= 0
    count = np.maximum(present.sum((1, 2)), 1)
    features = np.zeros((len(seeds), OF_PATHS), np.float32)
    features[:, PLACE["seed"]] = log_p[seeds[:, 0]] + log_p[seeds[:, 1]] * second
    features[:, PLACE["unused"]] = (~used) @ asked.sure
    features[:, PLACE["overlap"]] = (asked.overlap[relations] * present).sum((1, 2)) / count
    returns = (relations[..., 1:] == relations[..., :-1] ^ 1) & present[..., 1:]
    features[:, PLACE["back"]] = returns.sum((1, 2))
    features[:, PLACE["apposed"]] = apposed[seeds[:, 0]] + apposed[seeds[:, 1]] * second
    features[:, _TRAITS] = asked.traits[seeds[:, 0]] + asked.traits[seeds[:, 1]] * second[:, None]
    features[:, PLACE["frequency"]] = (asked.frequency[relations] * present).sum((1, 2)) / count
    return features


def score(
    asked: Asked, seeds: NDArray[np.int64], relations: NDArray[np.int64], shape: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What `PathScorer` says of candidates, but for the features of their answers; shape (N,)."""
    steps, place = asked.steps, asked.prepared.place[seeds]
    present = relations >= 0
    length = present.sum(-1)
    total = np.zeros(seeds.shape, np.float32)
    steps.learn(relations[present])
    for hop in range(relations.shape[-1]):
        column = relations[..., hop]
        if not present[..., hop].any():
            break
        step = steps.cosine[place, column] / np.maximum(length, 1) ** LENGTH_POWER
        total += (step + steps.learnt(hop)[place, column]) * present[..., hop]
    last = np.take_along_axis(relations, np.maximum(length - 1, 0)[..., None], -1)[..., 0]
    total += steps.kinds[place, last] * (length > 0)
    plain = path_features(asked, seeds, relations) @ asked.weights[:OF_PATHS]
    return np.asarray(total.sum(-1) + plain + steps.shapes[shape], np.float32)


def as_candidates(asked: Asked, seeds: NDArray[np.int64], relations: NDArray[np.int64], shape: int) -> Candidates:
    """Columns with their scores."""
    shapes = np.full(len(seeds), shape, np.int64)
    return Candidates(seeds, relations, shapes, score(asked, seeds, relations, shapes))


def _first_steps(asked: Asked, neighbours: Neighbours) -> Candidates:
    """The paths of one relation; what something is an instance of is no answer."""
    owners, relations = neighbours.relations_of_each(_entities(asked))
    answers = relations != neighbours.type_relation
    return as_candidates(asked, *single(owners[answers], relations[answers, None].astype(np.int64)), 0)


def _entities(asked: Asked) -> Ids:
    return np.array([seed.entity for seed in asked.seeds], np.int32)


def _longer(asked: Asked, frontier: Candidates, neighbours: Neighbours, sample: int) -> Candidates:
    """The paths longer by one relation."""
    hops = int((frontier.relations[0, 0] >= 0).sum())
    before, seeds = frontier.relations[:, 0, :hops], frontier.seeds[:, 0]
    row, following = next_relations(_entities(asked)[seeds], before, neighbours, sample)
    answers = following != neighbours.type_relation
    row, following = row[answers], following[answers]
    longer = np.concatenate([before[row], following[:, None]], axis=1)
    return as_candidates(asked, *single(seeds[row], longer), hops)


def _between(
    asked: Asked, first: Candidates, neighbours: Neighbours, options: RetrievalOptions, explore: bool
) -> list[Candidates]:
    """The paths that meet, and the relations between two mentions."""
    free = apart(asked.seeds)
    if not free.any():
        return []
    order = np.argsort(-first.score, kind="stable")
    tops = []
    for number in range(len(asked.seeds)):
        own = order[first.seeds[order, 0] == number][: options.beam]
        tops.append(first.relations[own, 0, 0])
    found = meetings(asked.seeds, tops, free, neighbours)
    relations = np.full((len(found), 2, MOST_HOPS), -1, np.int64)
    relations[:, 0, 0], relations[:, 1, 0] = found[:, 1], found[:, 3]
    parts = [as_candidates(asked, found[:, [0, 2]], relations, MEETING)]
    if asked.steps.forms[FORMS.index("ask")] < _UNLIKELY and not explore:
        return parts
    links = linked(asked.seeds, tops, free, neighbours)
    relations = np.full((len(links), 2, MOST_HOPS), -1, np.int64)
    relations[:, 0, 0] = links[:, 1]
    return [*parts, as_candidates(asked, links[:, [0, 2]], relations, ASKED)]


def spread(items: NDArray[Number], most: int) -> NDArray[Number]:
    """At most `most` items, evenly spaced, in order."""
    if len(items) <= most:
        return items
    return items[np.linspace(0, len(items) - 1, most).astype(np.int64)]
