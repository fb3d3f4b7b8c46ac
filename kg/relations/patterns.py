"""Pairs of linked entities in one sentence, and what the sentence says between and around them.

A pair is ordered (subject, object), so each two entities give two. The `segment` of both is the sentence part around
the mentions, with the first as "[A]", the second as "[B]" and every other mention as "[C]": what is left to read is how
the two are related. The `features` are the words and word pairs between, before and after the mentions, marked with
the direction (Mintz et al. 2009).

A sentence that opens with a pronoun is read as if it opened with the entity that the sentence before it opened with:
the topic goes on (centering: Grosz, Joshi and Weinstein 1995). Other pronouns are not resolved.
"""

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from kg.graph import Graph
from kg.linking.surfaces import without_surrogates
from kg.types import Mention

CONTEXT = 4
"""Tokens of the sentence kept outside the two mentions, on each side."""

REACH = 5
"""A mention is paired with this many that follow it in its sentence; what stands farther off is rarely related."""
MAX_MENTIONS = 12
"""Sentences with more mentions are lists; their pairs are not looked at."""

MAX_DISTANCE = 40
"""Most tokens between the two mentions."""

PRONOUNS = frozenset(("he", "she", "it", "they", "his", "her", "its", "their"))

_BE = frozenset(("is", "was", "are", "were", "be", "been", "being"))
_JOINTS = frozenset((",", "and", "or", "&"))

FIRST, SECOND, OTHER = "[A]", "[B]", "[C]"


@dataclass(frozen=True)
class Pair:
    """An ordered pair: entity ids, the characters that it spans, and how its sentence part reads.

    forward: whether the subject comes first. distance: tokens between. between: mentions between.
    """

    document: int
    s: int
    o: int
    start: int
    end: int
    forward: bool
    distance: int
    between: int
    segment: str
    features: tuple[str, ...]


def find_pairs(texts: Sequence[str], mentions: Sequence[Sequence[Mention]], graph: Graph) -> list[Pair]:
    """All ordered pairs of different entities in one sentence; of the same two, those that stand closest."""
    from kg.linking.english import blank_english
    from kg.linking.sentences import mark_sentences

    tokenizer = blank_english().tokenizer
    pairs: list[Pair] = []
    for number, (text, found) in enumerate(zip(texts, mentions, strict=True)):
        known = [(m, entity) for m in found if m.iri is not None and (entity := graph.id_of(m.iri)) >= 0]
        if len({entity for _, entity in known}) < 2:
            continue
        doc = mark_sentences(tokenizer(without_surrogates(text)))
        topic = -1
        spans = [
            (span.start, span.end, entity)
            for m, entity in known
            if (span := doc.char_span(m.start, m.end, alignment_mode="expand")) is not None
        ]
        spans.sort(key=lambda span: span[0])
        starts = [span[0] for span in spans]
        for sentence in doc.sents:
            own = slice(bisect_left(starts, sentence.start), bisect_left(starts, sentence.end))
            inside = [span for span in spans[own] if span[1] <= sentence.end]
            if topic >= 0 and sentence[0].lower_ in PRONOUNS:
                inside.insert(0, (sentence.start, sentence.start + 1, topic))
            topic = inside[0][2] if inside else -1
            if 2 <= len(inside) <= MAX_MENTIONS:
                pairs += _sentence_pairs(doc, sentence.start, sentence.end, inside, number)
    return pairs


def _sentence_pairs(doc, start: int, end: int, spans: list[tuple[int, int, int]], number: int) -> list[Pair]:  # type: ignore[no-untyped-def]
    closest: dict[tuple[int, int], tuple[int, int]] = {}
    for i, left in enumerate(spans):
        for j in range(i + 1, min(i + 1 + REACH, len(spans))):
            right = spans[j]
            gap = right[0] - left[1]
            key = (min(left[2], right[2]), max(left[2], right[2]))
            if left[2] == right[2] or not 0 <= gap <= MAX_DISTANCE:
                continue
            if key not in closest or gap < spans[closest[key][1]][0] - spans[closest[key][0]][1]:
                closest[key] = (i, j)
    pairs = []
    for i, j in closest.values():
        pairs += [_pair(doc, start, end, spans, i, j, forward, number) for forward in (True, False)]
    return pairs


def _pair(  # type: ignore[no-untyped-def]
    doc, start: int, end: int, spans: list[tuple[int, int, int]], i: int, j: int, forward: bool, number: int
) -> Pair:
    left, right = spans[i], spans[j]
    low, high = max(start, left[0] - CONTEXT), min(end, right[1] + CONTEXT)
    before, between, after = (
        _words(doc, *bounds, spans) for bounds in ((low, left[0]), (left[1], right[0]), (right[1], high))
    )
    order = ">" if forward else "<"
    between = _without_coordination(between)
    features = [f"{order}b {word}" for word in between]
    features += [f"{order}b {a} {b}" for a, b in zip(["^", *between], [*between, "$"], strict=True)]
    features += [f"{order}l {word}" for word in before[-3:]] + [f"{order}r {word}" for word in after[:3]]
    first, last = doc[left[0]], doc[right[1] - 1]
    return Pair(
        document=number,
        s=left[2] if forward else right[2],
        o=right[2] if forward else left[2],
        start=first.idx,
        end=last.idx + len(last.text),
        forward=forward,
        distance=right[0] - left[1],
        between=j - i - 1,
        segment=_masked(doc, low, high, spans, {i: FIRST, j: SECOND}),
        features=tuple(dict.fromkeys(features)),
    )


def _without_coordination(words: list[str]) -> list[str]:
    """The words between, less other members of a list that either mention stands in.

    >>> _without_coordination([",", "@", "and", "@", "is", "born", "in"])
    ['is', 'born', 'in']
    """
    for step in (1, -1):
        words = words[::step]
        while len(joints := list(itertools.takewhile(_JOINTS.__contains__, words))) and words[len(joints) :][:1] == [
            "@"
        ]:
            words = words[len(joints) + 1 :]
        words = words[::step]
    return words


def _words(doc, low: int, high: int, spans: list[tuple[int, int, int]]) -> list[str]:  # type: ignore[no-untyped-def]
    """The lower-case words of a range, mentions as one mark, numbers as another."""
    words: list[str] = []
    place = low
    while place < high:
        inside = next((span for span in spans if span[0] <= place < span[1]), None)
        if inside is not None:
            words.append("@")
            place = inside[1]
            continue
        text = doc[place].lower_
        if any(char.isdigit() for char in text):
            words.append("#")
        elif text in _BE:
            words.append("is")
        elif text.strip() and (text[0].isalpha() or text in ",()'s’s"):
            words.append(text)
        place += 1
    return words


def _masked(doc, low: int, high: int, spans: list[tuple[int, int, int]], names: dict[int, str]) -> str:  # type: ignore[no-untyped-def]
    mark = {span[0]: (names.get(index, OTHER), span[1]) for index, span in enumerate(spans)}
    parts: list[str] = []
    place = low
    while place < high:
        if place in mark:
            name, following = mark[place]
            parts.append(name + doc[following - 1].whitespace_)
            place = following
        else:
            parts.append(doc[place].text_with_ws)
            place += 1
    return "".join(parts).strip()
