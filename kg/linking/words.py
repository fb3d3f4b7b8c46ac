"""Which words are common, so that a name that is spelt like one needs more than its letters to be believed."""

import numpy as np
import polars as pl

from kg.graph import CLASS, LITERAL, PREDICATE, Graph
from kg.linking.everyday import EVERYDAY_WORDS
from kg.linking.surfaces import normalise_surface

_STOP_WORDS = """
a about above after again against all also am an and any are aren't as at be became because become been before being
below between both but by can cannot could count did do does doing don't done down dr during each either else ever
every few first for from further get give given gives go had has have having he hence her here hers herself him
himself his how i if in into is it its itself just last let list made make many may me might more most mr mrs ms
much must my myself name neither no nor not now number of off often on once one only onto or other others our ours
out over own per please rather same say see seem several shall she should show since sir so some still such tell
than that the their theirs them themselves then there these they this those though through thus to together too
total toward two under until up upon us very via was we well were what when where whether which while who whoever
whole whom whose why will with within without would yes yet you your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that never name anything by themselves; question words are among them."""

_DATE_WORDS = """
apr april aug august dec december feb february friday jan january jul july jun june mar march may monday nov
november oct october saturday sep sept september sunday thursday tuesday wednesday
"""
DATE_WORDS = frozenset(_DATE_WORDS.split())
"""Words of dates, which in running text rarely name a page."""

_OPENERS = """
according actor actress additionally although author besides born director earlier finally formerly french german
hence however indeed instead later meanwhile moreover nevertheless next nowadays once originally politician president
professor prime singer sometimes soon thus today tomorrow tonight unlike usually while yesterday yet
"""
OPENERS = frozenset(_OPENERS.split())
"""Words that open a sentence before a name without being a part of it."""

_MIN_DOCUMENTS = 3
_MIN_TEXT = 40
_MAX_TEXTS = 50_000


def vocabulary(graph: Graph, *kinds: int) -> set[str]:
    """The normalised words of the labels of terms of these kinds, where the labels are written in lower case."""
    labels = (graph.label_of(int(term)) for term in np.flatnonzero(np.isin(np.asarray(graph.kind), kinds)))
    return {word for label in labels if label.islower() for word in normalise_surface(label).split()}


def common_words(graph: Graph) -> frozenset[str]:
    """Normalised words that are common in this graph.

    These are stop and everyday words, the words of its vocabulary, and those that stand in its long literals in lower
    case, in at least `_MIN_DOCUMENTS` of them and more often than capitalised.
    """
    words = vocabulary(graph, PREDICATE, CLASS)
    words |= {plural for word in words if len(plural := word + "s") > 4}
    literals = np.flatnonzero(np.asarray(graph.kind) == LITERAL)
    long = (
        graph.labels.to_series().gather(literals).to_frame("text").filter(pl.col("text").str.len_chars() >= _MIN_TEXT)
    )
    counts = (
        long.head(_MAX_TEXTS)
        .with_row_index("document")
        .with_columns(word=pl.col("text").str.extract_all(r"[\p{L}'’]+"))
        .explode("word", empty_as_null=False)
        .select("document", "word", lower=pl.col("word").str.contains(r"^\p{Ll}"))
        .unique()
        .group_by(pl.col("word").str.to_lowercase(), "lower")
        .len()
        .group_by("word")
        .agg(
            lower=pl.col("len").filter(pl.col("lower")).sum(),
            upper=pl.col("len").filter(~pl.col("lower")).sum(),
        )
        .filter((pl.col("lower") >= _MIN_DOCUMENTS) & (pl.col("lower") > pl.col("upper")))
    )
    words |= {normalise_surface(word) for word in counts["word"].to_list()}
    return STOP_WORDS | EVERYDAY_WORDS | words
