"""A question made ready to be searched for: its masks and their vectors, which mentions are sure, the scores of all
relations."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.types import Encoder
from retrieval.classes import Classes, NamedClass
from retrieval.features import TRAITS
from retrieval.path import Seed
from retrieval.question import FORMS, form_hints
from retrieval.scorer import Projected, Steps
from retrieval.wording import Wording, words_of

MASK, OTHER = "this", "that"
"""What stands for a mention in the text that the encoder reads; in a question for yes or no, which may be turned round,
OTHER stands for those where the path does not begin."""
SURE = 0.25
"""A mention is masked for the others, and speaks against classes as beginnings, where it is at least so probable."""
_LIKELY = -3.0
"""A seed whose probability has a lower log has no mask of its own."""
_CLASS_LOG_P = -1.5
"""Log of the probability that a question without a sure mention begins at a class that it names."""
_MOST_CLASSES = 3
_NO_TRAITS = (0.0,) * len(TRAITS)
_ARTICLE = re.compile(r"""[\s"'“”‘’]*(?:(?:the|an?|called|named)\s+)?["'“‘]?""", re.IGNORECASE)
"""What may stand between the name of a class and a mention that it tells of."""


@dataclass(frozen=True)
class Prepared:
    """A question, its seeds, and vectors: whole (D,), masked (M, D); place (n_seeds,) says which mask is a seed's.

    spans: mentions that do not overlap, likeliest first, each with its probability. apposed: (n_seeds,), whether the
    question names a class of the seed just beside its mention, as in "the film Persepolis".
    """

    question: str
    seeds: tuple[Seed, ...]
    spans: tuple[tuple[int, int, float], ...]
    place: NDArray[np.int64]
    masked: NDArray[np.float32]
    whole: NDArray[np.float32]
    apposed: NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """One question ready to be searched for.

    steps: the scores of all relations. overlap: for each relation the share of its words that the question holds, (R,).
    frequency: (R,). sure: (n_spans,), the probabilities of the spans; covers: (n_seeds, n_spans), whether a seed's
    mention overlaps them; traits: (n_seeds, n_traits), 0 where they are not known. weights: of the features; cosine:
    that of the cosines.
    """

    prepared: Prepared
    steps: Steps
    overlap: NDArray[np.float32]
    frequency: NDArray[np.float32]
    sure: NDArray[np.float32]
    covers: NDArray[np.bool_]
    traits: NDArray[np.float32]
    weights: NDArray[np.float32]
    cosine: float

    @property
    def seeds(self) -> tuple[Seed, ...]:
        """The seeds of the question."""
        return self.prepared.seeds

    @classmethod
    def of(cls, prepared: Prepared, projected: Projected, wording: Wording, frequency: NDArray[np.float32]) -> "Asked":
        """A prepared question under a scorer."""
        question, spans = prepared.question, prepared.spans
        taken = [(start, end) for start, end, _ in spans]
        stems = [stem for start, end, stem in words_of(question) if stem and not _inside(start, end, taken)]
        covers = [[_overlap(seed, start, end) for start, end in taken] for seed in prepared.seeds]
        return cls(
            prepared,
            projected.steps_of(prepared.masked, prepared.whole, form_hints(question)),
            wording.shares(stems),
            frequency,
            np.array([p for _, _, p in spans], np.float32),
            np.array(covers, bool).reshape(len(prepared.seeds), len(spans)),
            np.array([seed.traits or _NO_TRAITS for seed in prepared.seeds], np.float32).reshape(-1, len(TRAITS)),
            projected.scorer.weights.detach().numpy(),
            float(projected.scorer.cosine.detach()),
        )


def prepare(
    questions: Sequence[str], seeds: Sequence[Sequence[Seed]], encoder: Encoder, classes: Classes
) -> list[Prepared]:
    """The questions made ready, with one call of the encoder. Where no mention is sure, paths may begin at the classes
    that the question names, too."""
    spans = [sure_spans(own) for own in seeds]
    seeds = [
        own if any(p >= SURE for _, _, p in sure) else [*own, *_class_seeds(classes.named(question))]
        for question, own, sure in zip(questions, seeds, spans, strict=True)
    ]
    texts = [
        [mask(question, seed, own_spans) for seed in own]
        for question, own, own_spans in zip(questions, seeds, spans, strict=True)
    ]
    every = list(dict.fromkeys(text for own, q in zip(texts, questions, strict=True) if own for text in (*own, q)))
    vectors = dict(zip(every, encoder.encode(every), strict=True)) if every else {}
    ready = []
    for question, own, own_spans, own_texts in zip(questions, seeds, spans, texts, strict=True):
        distinct = list(dict.fromkeys(own_texts))
        number = {text: place for place, text in enumerate(distinct)}
        empty = np.zeros(0, np.float32)
        ready.append(
            Prepared(
                question,
                tuple(own),
                tuple(own_spans),
                np.array([number[text] for text in own_texts], np.int64),
                np.stack([vectors[text] for text in distinct]) if distinct else empty[None],
                vectors[question] if distinct else empty,
                _apposed(question, own, classes),
            )
        )
    return ready


def _class_seeds(named: Sequence[NamedClass]) -> list[Seed]:
    return [Seed(item.term, item.start, item.end, _CLASS_LOG_P) for item in named[:_MOST_CLASSES]]


def _apposed(question: str, seeds: Sequence[Seed], classes: Classes) -> NDArray[np.float32]:
    """Whether a class of each seed is named just before or after its mention."""
    named = classes.named(question)
    beside: dict[tuple[int, int], list[int]] = {}
    for place in {(seed.start, seed.end) for seed in seeds if seed.start >= 0}:
        beside[place] = [
            item.term
            for item in named
            if (item.end <= place[0] and _ARTICLE.fullmatch(question, item.end, place[0]))
            or (place[1] <= item.start and not question[place[1] : item.start].strip(" \"'”’"))
        ]
    fitting = [
        any(term in classes.graph.types_of(seed.entity) for term in beside.get((seed.start, seed.end), ()))
        for seed in seeds
    ]
    return np.array(fitting, np.float32)


def sure_spans(seeds: Sequence[Seed]) -> list[tuple[int, int, float]]:
    """(start, end, probability) of mentions that do not overlap, the likeliest first."""
    found: list[tuple[int, int, float]] = []
    for seed in sorted(seeds, key=lambda seed: (-seed.log_p, seed.start)):
        if seed.start >= 0 and not any(_overlap(seed, start, end) for start, end, _ in found):
            found.append((seed.start, seed.end, float(np.exp(min(seed.log_p, 0.0)))))
    return found


def mask(question: str, seed: Seed, spans: Sequence[tuple[int, int, float]] = ()) -> str:
    """The question with the mention of a seed and the sure ones that do not overlap it replaced by MASK. For an
    improbable seed only the sure ones are, so that all these share one text: each has to be encoded."""
    likely = seed.log_p >= _LIKELY
    other = OTHER if form_hints(question)[FORMS.index("ask")] else MASK
    marked = [
        (start, end, other) for start, end, p in spans if p >= SURE and not (likely and _overlap(seed, start, end))
    ]
    if seed.start >= 0 and likely:
        marked.append((seed.start, seed.end, MASK))
    for start, end, word in sorted(marked, reverse=True):
        question = question[:start] + word + question[end:]
    return question


def _overlap(seed: Seed, start: int, end: int) -> bool:
    return seed.start < end and start < seed.end


def _inside(start: int, end: int, taken: Sequence[tuple[int, int]]) -> bool:
    return any(low < end and start < high for low, high in taken)
