"""One line of text about an entity: what encoders read to know it, and readers to tell it from its namesakes.

    Label. Class, class. predicate: object, object; is predicate of: subject. First sentence of its abstract

The facts are the most important ones by `graph.importance`, at most `PER_PREDICATE` of one predicate. Names, links to
other data sets, page bookkeeping and literals in other languages than English are left out.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import spread
from kg.graph import BLANK, LITERAL, Graph, Ids
from kg.labels import LABELS
from kg.terms import ABSTRACT, OWL_SAME_AS, RDF_TYPE, REDIRECTS

MAX_FACTS = 8
PER_PREDICATE = 3
MAX_TYPES = 3
MAX_TEXT = 240
"""Most characters taken from an abstract."""

_MAX_LITERAL = 60
_MAX_ROWS = 256
"""Of an entity with more triples on one side, this many are looked at, evenly spaced over its predicates."""

_ABSTRACTS = (ABSTRACT, "<http://www.w3.org/2000/01/rdf-schema#comment>", "<http://dbpedia.org/ontology/description>")
_SKIPPED = re.compile(
    r"wikiPage|[aA]lias\b|[tT]humbnail|depiction|[hH]omepage|[wW]ebsite|/property/name>|[lL]abel>|[nN]ame>"
)
_SENTENCE_END = re.compile(r"(?<=[a-z0-9)\"]{2}[.!?])\s+(?=[A-Z\"(])")
_FOREIGN = re.compile(r'"@(?!en\b)[A-Za-z-]+$')
_OPAQUE = re.compile(r"\d{6}|[A-Z]\d+$|^Wikicat|Thing$")


def describe(graph: Graph, entity: int, *, max_facts: int = MAX_FACTS) -> str:
    """The line about one entity."""
    return describe_all(graph, [entity], max_facts=max_facts)[0]


def describe_all(graph: Graph, entities: Sequence[int] | Ids, *, max_facts: int = MAX_FACTS) -> list[str]:
    """The lines about many entities, in their order."""
    ids = np.asarray(entities, dtype=np.int64)
    if len(ids) == 0:
        return []
    wanted, position = np.unique(ids, return_inverse=True)
    left, right = _rows_out(graph, wanted), _rows_in(graph, wanted)
    types = _types(graph, left)
    facts = _facts(graph, left, right, max_facts) if max_facts else {}
    abstracts = _abstracts(graph, left)
    lines = []
    for entity in wanted.tolist():
        parts = [graph.label_of(entity), types.get(entity, ""), facts.get(entity, ""), abstracts.get(entity, "")]
        lines.append(". ".join(part for part in parts if part))
    return [lines[i] for i in position.tolist()]


def first_sentence(text: str, *, max_length: int = MAX_TEXT) -> str:
    """The first sentence of a text, cut at a word where it is longer than `max_length`."""
    sentence = _SENTENCE_END.split(text.strip(), maxsplit=1)[0]
    if len(sentence) <= max_length:
        return sentence
    return sentence[:max_length].rsplit(" ", 1)[0]


def _rows_out(graph: Graph, entities: NDArray[np.int64]) -> pl.DataFrame:
    entity, rows = _spread(graph.out_ptr, entities)
    return pl.DataFrame({"e": entity, "row": rows, "p": graph.p[rows], "x": graph.o[rows]})


def _rows_in(graph: Graph, entities: NDArray[np.int64]) -> pl.DataFrame:
    entity, places = _spread(graph.in_ptr, entities)
    rows = np.asarray(graph.in_order[places], dtype=np.int64)
    return pl.DataFrame({"e": entity, "row": rows, "p": graph.p[rows], "x": graph.s[rows]})


def _spread(pointer: NDArray[np.int64], entities: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(entity, position) for at most `_MAX_ROWS` positions of each entity's range, evenly spaced."""
    start, count = pointer[entities], pointer[entities + 1] - pointer[entities]
    taken = np.minimum(count, _MAX_ROWS)
    which, index = spread(taken)
    step = count / np.maximum(taken, 1)
    return entities[which], start[which] + (index * step[which]).astype(np.int64)


def _types(graph: Graph, left: pl.DataFrame) -> dict[int, str]:
    """By entity, its most specific classes: those with the fewest members."""
    typed = left.filter(pl.col("p") == graph.type_id)
    if typed.is_empty():
        return {}
    classes = typed["x"].unique().to_numpy()
    names = [graph.label_of(int(c)) for c in classes]
    table = pl.DataFrame(
        {"x": classes, "label": names, "members": graph.in_ptr[classes + 1] - graph.in_ptr[classes]}
    ).filter(~pl.col("label").str.contains(_OPAQUE.pattern))
    return _joined(
        typed.join(table, on="x")
        .unique(["e", "label"])
        .sort("e", "members", "label")
        .group_by("e", maintain_order=True)
        .agg(pl.col("label").head(MAX_TYPES).str.join(", "))
    )


def _facts(graph: Graph, left: pl.DataFrame, right: pl.DataFrame, max_facts: int) -> dict[int, str]:
    both = pl.concat([left.with_columns(inverse=pl.lit(False)), right.with_columns(inverse=pl.lit(True))])
    skipped = [p for p in both["p"].unique().to_list() if _is_skipped(graph, p)]
    both = both.filter(~pl.col("p").is_in(skipped))
    both = both.with_columns(importance=pl.Series(np.asarray(graph.importance)[both["row"].to_numpy()]))
    # Twice as many as needed are kept, for some turn out to be long or foreign literals.
    best = (
        _ranked(both)
        .filter(pl.int_range(pl.len()).over("e", "p", "inverse") < PER_PREDICATE)
        .filter(pl.int_range(pl.len()).over("e") < 2 * max_facts)
    )
    objects = best["x"].unique().to_numpy()
    texts = pl.DataFrame({"x": objects, "text": [_object_text(graph, int(x)) for x in objects]})
    predicates = best["p"].unique().to_numpy()
    names = pl.DataFrame({"p": predicates, "name": [graph.label_of(int(p)) for p in predicates]})
    return _joined(
        _ranked(best.join(texts, on="x").join(names, on="p"))
        .filter(pl.col("text") != "")
        .unique(["e", "name", "inverse", "text"], keep="first", maintain_order=True)
        .filter(pl.int_range(pl.len()).over("e") < max_facts)
        .group_by("e", "inverse", "name", maintain_order=True)
        .agg(pl.col("text").str.join(", "))
        .with_columns(
            label=pl.when("inverse")
            .then(pl.format("is {} of: {}", "name", "text"))
            .otherwise(pl.format("{}: {}", "name", "text"))
        )
        .group_by("e", maintain_order=True)
        .agg(pl.col("label").str.join("; "))
    )


def _ranked(facts: pl.DataFrame) -> pl.DataFrame:
    """By entity: what leaves it before what arrives at it, the important before the rest."""
    return facts.sort("e", "inverse", "importance", "row", descending=[False, False, True, False])


def _abstracts(graph: Graph, left: pl.DataFrame) -> dict[int, str]:
    texts: dict[int, str] = {}
    for name in _ABSTRACTS:
        predicate = graph.terms.find(name)
        found = left.filter(pl.col("p") == predicate) if predicate >= 0 else left.clear()
        for entity, literal in zip(found["e"].to_list(), found["x"].to_list(), strict=True):
            if entity not in texts and graph.kind[literal] == LITERAL and not _FOREIGN.search(graph.terms[literal]):
                texts[entity] = first_sentence(graph.label_of(literal))
    return texts


@lru_cache(maxsize=8192)
def _skips(predicate: str) -> bool:
    fixed = (RDF_TYPE, OWL_SAME_AS, REDIRECTS, *_ABSTRACTS, *LABELS)
    return predicate in fixed or _SKIPPED.search(predicate) is not None


def _is_skipped(graph: Graph, predicate: int) -> bool:
    return _skips(graph.terms[predicate])


def _object_text(graph: Graph, term: int) -> str:
    if graph.kind[term] == BLANK:
        return ""
    label = graph.label_of(term)
    if graph.kind[term] == LITERAL and (len(label) > _MAX_LITERAL or _FOREIGN.search(graph.terms[term])):
        return ""
    return label


def _joined(table: pl.DataFrame) -> dict[int, str]:
    return dict(zip(table["e"].to_list(), table["label"].to_list(), strict=True))
