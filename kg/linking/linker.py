"""Chooses the entity that each span names: softmax over its candidates of log prior + weight * cosine(context, entity).

The cosine is between the encoded text around the span and the encoded description of the candidate (`kg.describe`), as
in entity linking by description encoders (Logeswaran et al. 2019; Wu et al. 2020), without any training. Last names
stand for a person only where the document names that person in full too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.describe import describe_all
from kg.graph import Graph
from kg.linking.aliases import COMMON, LAST_NAME, OTHER_NAME, Aliases
from kg.linking.mentions import Span
from kg.types import Encoder, Mention


@dataclass(frozen=True)
class LinkerOptions:
    """weight: of the cosine against the log prior. max_candidates: looked at for one span. min_score: spans whose best
    candidate has a lower probability are dropped. window: characters of context on each side. max_facts: in the
    description of a candidate."""

    weight: float = 5.0
    max_candidates: int = 8
    min_score: float = 0.0
    window: int = 200
    max_facts: int = 6


def link_spans(
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    graph: Graph,
    aliases: Aliases,
    encoder: Encoder | None,
    options: LinkerOptions | None = None,
    *,
    question: bool = False,
) -> list[list[Mention]]:
    """The mentions of each text, in text order. Without an encoder the prior alone decides.

    All texts are encoded together, each distinct context and candidate once.
    """
    options = options or LinkerOptions()
    places = [(number, span) for number, found in enumerate(spans) for span in found]
    full = [_full_names(found, aliases) for found in spans]
    choices = [
        _candidates(span, aliases, full[number], options, question, texts[number][span.start].isupper())
        for number, span in places
    ]
    cosines = _cosines(texts, places, choices, graph, encoder, options) if encoder else {}
    mentions: list[list[Mention]] = [[] for _ in texts]
    for index, ((number, span), (ids, prior)) in enumerate(zip(places, choices, strict=True)):
        if len(ids):
            logits = np.log(prior) + (options.weight * cosines[index] if index in cosines else 0.0)
            shares = np.exp(logits - logits.max())
            shares /= shares.sum()
            best = int(np.argmax(shares))
            if shares[best] >= options.min_score:
                mention = Mention(span.start, span.end, graph.iri_of(int(ids[best])), float(shares[best]))
                mentions[number].append(mention)
    return mentions


def _candidates(
    span: Span, aliases: Aliases, full: frozenset[int], options: LinkerOptions, question: bool, capitalised: bool
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    rows = aliases.span(span.row)
    ids, prior, kind = aliases.candidate[rows], aliases.prior[rows], aliases.kind[rows]
    last_name = kind == LAST_NAME
    named = np.array([entity in full for entity in ids.tolist()], dtype=bool) & last_name
    if named.any():
        keep = named
    elif question and capitalised and last_name.all():
        keep = np.ones(len(ids), dtype=bool)
    elif aliases.flags[span.row] & COMMON and not question:
        keep = kind <= OTHER_NAME
    else:
        keep = ~last_name
    ids, prior = ids[keep][: options.max_candidates], prior[keep][: options.max_candidates].astype(np.float64)
    return ids, prior


def _full_names(spans: Sequence[Span], aliases: Aliases) -> frozenset[int]:
    """The likeliest entities of the spans that are more than a last name."""
    found = set()
    for span in spans:
        if span.last - span.first > 1:
            rows = aliases.span(span.row)
            best = rows.start
            if rows.stop > best and aliases.kind[best] != LAST_NAME:
                found.add(int(aliases.candidate[best]))
    return frozenset(found)


def _cosines(
    texts: Sequence[str],
    places: list[tuple[int, Span]],
    choices: list[tuple[NDArray[np.int32], NDArray[np.float64]]],
    graph: Graph,
    encoder: Encoder,
    options: LinkerOptions,
) -> dict[int, NDArray[np.float64]]:
    """By position in `places`, for spans with several candidates: the cosine of the context with each."""
    unclear = [index for index, (ids, _) in enumerate(choices) if len(ids) > 1]
    if not unclear:
        return {}
    contexts = {index: _context(texts[places[index][0]], places[index][1], options.window) for index in unclear}
    distinct = list(dict.fromkeys(contexts.values()))
    context_row = {text: row for row, text in enumerate(distinct)}
    entities = np.unique(np.concatenate([choices[index][0] for index in unclear]))
    left = encoder.encode(distinct, progress="link: contexts" if len(distinct) > 1000 else None)
    right = encoder.encode(
        describe_all(graph, entities, max_facts=options.max_facts),
        progress="link: candidates" if len(entities) > 1000 else None,
    )
    found = {}
    for index in unclear:
        rows = np.searchsorted(entities, choices[index][0])
        found[index] = (right[rows] @ left[context_row[contexts[index]]]).astype(np.float64)
    return found


def _context(text: str, span: Span, window: int) -> str:
    start, end = max(0, span.start - window), min(len(text), span.end + window)
    if start > 0:
        start = text.find(" ", start, span.start) + 1 or start
    if end < len(text):
        end = max(text.rfind(" ", span.end, end), span.end)
    return text[start:end]
