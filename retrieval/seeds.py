"""The entities where a question's paths may begin, each with the log of its probability.

From mentions (`retrieval.mentioned`): every span that may name an entity gives its likeliest candidates; which of them
is meant is left to the paths, since a namesake without a relation that fits the question scores low. From descriptions
(`retrieval.entry`): the nearest entities, for questions that name none.
"""

from collections.abc import Sequence
from dataclasses import replace

from kg.linking.aliases import Aliases
from retrieval.entry import Entry
from retrieval.mentioned import mentioned
from retrieval.path import Seed

UNSURE = -2.0
"""The log of a probability of the likeliest mention, below which a question may as well name nothing."""


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
            unsure = [place for place, seeds in enumerate(found) if not seeds or seeds[0].log_p < UNSURE]
            for place, seeds in zip(unsure, self.entry([questions[i] for i in unsure], mode), strict=True):
                found[place] = _together(found[place], seeds)
        return found

    def mentioned(self, questions: Sequence[str]) -> list[list[Seed]]:
        """Seeds from mentions."""
        return [mentioned(question, self.aliases) for question in questions]


def _together(mentions: Sequence[Seed], nearest: Sequence[Seed]) -> list[Seed]:
    """Each entity once, where it is likeliest, in order; beside mentions those that are none are believed less."""
    best: dict[int, Seed] = {}
    if mentions:
        nearest = [replace(seed, log_p=seed.log_p + UNSURE) for seed in nearest]
    for seed in sorted([*mentions, *nearest], key=lambda seed: -seed.log_p):
        best.setdefault(seed.entity, seed)
    return list(best.values())
