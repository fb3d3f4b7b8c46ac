"""Paths through the graph: what a question may ask for, before anything is looked up."""

from dataclasses import dataclass

from retrieval.ordering import Order


@dataclass(frozen=True)
class Seed:
    """An entity where paths begin. `start` and `end` are the mention's offsets in the question, -1 without one; `log_p`
    is the log of the probability that this is what the question speaks of; `traits` what speaks for it, in the order of
    `retrieval.features.TRAITS`, empty where nothing is known."""

    entity: int
    start: int
    end: int
    log_p: float
    traits: tuple[float, ...] = ()


@dataclass(frozen=True)
class Path:
    """Relations (numbers of `Neighbours`) to follow from a seed, and the form of the answer.

    target: the entity to be met for a yes/no question, -1 otherwise. meets: another path that must lead to the same
    answers. kind: the class that the answers must have, -1 for any. order: what chooses among these by a measure.
    """

    seed: Seed
    relations: tuple[int, ...]
    form: str = "select"
    target: int = -1
    meets: "Path | None" = None
    kind: int = -1
    order: Order | None = None
