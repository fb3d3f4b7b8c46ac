"""The entities where a question's paths may begin, each with the log of its probability.

From mentions: every span that may name an entity gives its likeliest candidates by their prior; which of them is meant
is left to the paths, since a namesake without a relation that fits the question scores low. From descriptions
(`retrieval.entry`): the nearest entities, for questions that name none.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from kg.linking.aliases import Aliases
from kg.linking.english import blank_english
from kg.linking.mentions import Span, find_spans
from kg.linking.sentences import mark_sentences
from kg.linking.surfaces import without_surrogates
from retrieval.entry import Entry
from retrieval.evidence import Seed

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

PER_MENTION = 3
"""Most candidates of one mention."""
MOST_SEEDS = 24
"""Most seeds of one question, the likeliest: each costs a reading of the question."""
_JOINS = frozenset(("at", "by", "for", "from", "in", "of", "on"))
_INSIDE = -2.0
"""Added to the log probability of a name inside a longer one."""


class SeedFinder:
    """Finds seeds in one snapshot."""

    def __init__(self, aliases: Aliases, entry: Entry) -> None:
        self.aliases = aliases
        self.entry = entry

    def __call__(self, questions: Sequence[str], mode: str) -> list[list[Seed]]:
        """The seeds of each question, likeliest first; `mode` is one of `retrieval.retriever.MODES`."""
        if mode in ("dense", "lexical"):
            return self.entry(questions, mode)
        found = self.mentioned(questions)
        if mode == "hybrid":
            without = [place for place, seeds in enumerate(found) if not seeds]
            for place, seeds in zip(without, self.entry([questions[i] for i in without], mode), strict=True):
                found[place] = seeds
        return found

    def mentioned(self, questions: Sequence[str]) -> list[list[Seed]]:
        """Seeds from mentions, and with less belief from the names that a preposition joins in one: "mayor of New York
        City" may be the office, or hold the city."""
        docs = [self._read(question) for question in questions]
        outer = find_spans(docs, self.aliases, question=True)
        parts = [
            (number, shorter)
            for number, (doc, spans) in enumerate(zip(docs, outer, strict=True))
            for span in spans
            for place in range(span.first + 1, span.last - 1)
            if doc[place].lower_ in _JOINS
            for shorter in (doc[span.first : place], doc[place + 1 : span.last])
        ]
        inner = find_spans([mark_sentences(part.as_doc()) for _, part in parts], self.aliases, question=True)
        seeds = [[seed for span in spans for seed in self._candidates(span, 0, 0.0)] for spans in outer]
        for (number, part), spans in zip(parts, inner, strict=True):
            seeds[number] += [seed for span in spans for seed in self._candidates(span, part.start_char, _INSIDE)]
        return [_distinct(own)[:MOST_SEEDS] for own in seeds]

    @cached_property
    def _language(self) -> "Language":
        return blank_english()

    def _read(self, question: str) -> "Doc":
        return mark_sentences(self._language.make_doc(without_surrogates(question)))

    def _candidates(self, span: Span, offset: int, log_p: float) -> list[Seed]:
        rows = self.aliases.span(span.row)
        ids, priors = self.aliases.candidate[rows][:PER_MENTION], self.aliases.prior[rows][:PER_MENTION]
        start, end = span.start + offset, span.end + offset
        return [
            Seed(int(entity), start, end, log_p + math.log(max(float(prior), 1e-6)))
            for entity, prior in zip(ids, priors, strict=True)
        ]


def _distinct(seeds: list[Seed]) -> list[Seed]:
    """Each entity once, where it is likeliest, in order."""
    best: dict[int, Seed] = {}
    for seed in sorted(seeds, key=_order):
        best.setdefault(seed.entity, seed)
    return list(best.values())


def _order(seed: Seed) -> tuple[float, int, int]:
    return -seed.log_p, seed.start, seed.entity
