"""Which entity each given span of a text names: disambiguation alone, with the linker's own choice among candidates.

A span is looked up as it stands, then without "the" before it. Unlike `find_spans`, nothing is left out for being a
common word, since whoever gives a span says that it names something.
"""

from collections.abc import Sequence

from kg.graph import Graph
from kg.linking.aliases import Aliases
from kg.linking.linker import LinkerOptions, link_spans
from kg.linking.mentions import Span
from kg.linking.surfaces import normalise_surface, without_surrogates
from kg.types import Encoder

_ARTICLES = ("the ", "a ", "an ")


def link_given(
    texts: Sequence[str],
    spans: Sequence[Sequence[tuple[int, int]]],
    graph: Graph,
    aliases: Aliases,
    encoder: Encoder | None = None,
    *,
    options: LinkerOptions | None = None,
) -> list[list[str | None]]:
    """For each text the bare IRI of each of its spans, None for a span that no entity has as its name.

    spans: character offsets, end exclusive.
    """
    texts = [without_surrogates(text) for text in texts]
    surfaces = [
        [normalise_surface(text[start:end]) for start, end in own] for text, own in zip(texts, spans, strict=True)
    ]
    row_of = _rows({surface for own in surfaces for surface in own}, aliases)
    named = [
        [
            Span(0, len(text[start:end].split()), start, end, row_of[surface])
            for (start, end), surface in zip(places, own, strict=True)
            if row_of[surface] >= 0
        ]
        for text, places, own in zip(texts, spans, surfaces, strict=True)
    ]
    found = link_spans(texts, named, graph, aliases, encoder, options, question=True)
    chosen = [{(mention.start, mention.end): mention.iri for mention in mentions} for mentions in found]
    return [[iris.get(place) for place in places] for iris, places in zip(chosen, spans, strict=True)]


def is_question(text: str) -> bool:
    """Whether a text is read as a question.

    >>> is_question("who was ada lovelace?"), is_question("Ada was born in London.")
    (True, False)
    """
    return text.rstrip().endswith("?")


def _rows(surfaces: set[str], aliases: Aliases) -> dict[str, int]:
    """The row of each normalised surface, or of what follows its article; -1 for none."""
    ordered = sorted(surfaces)
    bare = [next((text.removeprefix(x) for x in _ARTICLES if text.startswith(x)), text) for text in ordered]
    found = zip(ordered, aliases.rows(ordered).tolist(), aliases.rows(bare).tolist(), strict=True)
    return {surface: row if row >= 0 else other for surface, row, other in found}
