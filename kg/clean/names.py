"""Names of entities in a form that can be compared, and what a slip between two of them is worth as evidence.

A misspelling is weighed as in a noisy channel (Kernighan, Church and Gale 1990): how likely a slip makes one name of
the other, against how likely the name stands for something else. That the graph's own names tell: how often the
differing words occur in them, else how plausible their letters are, and how many names differ from this one in just
that place ("…, New Hampshire" has many). So "Manhatten Project" is a slip, "Dalton, Ohio" beside "Alton, Ohio" is not.
Slips swap, double or lose a letter inside a word more often than names differ in that way, and seldom hit the first
letter (Pollock and Zamora 1984); an edit that makes many pairs of words is an ending.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.letters import surprise_of
from kg.graph import Ids
from kg.labels import best_labels, readable

_FOLD = {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
_NUMBER = r"\p{N}|^c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})$"
"""A word that holds a digit, or is a Roman number below 400."""
_SHORTEST = 3
"""Words below this length tell things apart (initials, models), and are not taken for slips."""
_WAYS = 30.0
"""Ways to go wrong at one place of a name."""
_BY_LENGTH, _CEILING = 4.0, 20.0
"""Evidence that each letter of the differing words beyond two can give, and the most there can be."""
_CONTEXT = 6.0
"""Evidence that long names can give besides, if the differing words are short."""
_SWAP, _DOUBLE, _LETTER, _REPLACE = 2.5, 2.5, 0.3, -0.5
_FIRST, _INSIDE, _LAST = -1.5, 0.4, -0.7
_REPEATED = 1.0
"""What it costs that the same edit between the same letters makes many pairs of words: so do endings, not slips."""
_WIDTH = 48
"""Letters of a word that are looked at for the kind of a slip."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Names:
    """The names of n entities.

    label: as it stands. words: lower case, without marks and punctuation, one space between words. packed: the words
    without spaces. vocabulary: columns `word` and `surprise`, minus the log of the probability that a word of another
    name is this one.
    """

    label: pl.Series
    words: pl.Series
    packed: pl.Series
    vocabulary: pl.DataFrame


def labels(terms: pl.Series, ids: Ids, s: Ids, p: Ids, o: Ids) -> tuple[pl.Series, pl.Series]:
    """A name for each of the terms at ascending `ids`, and whether it is stated: the best label (English before none
    before others), else the one that the IRI makes. A category says so in brackets, for it is no twin of what it is
    about."""
    best = best_labels(terms, s, p, o)[ids]
    named = pl.DataFrame({"term": terms.gather(ids), "label": readable(terms.gather(best))})
    category = pl.col("term").str.contains("/resource/Category:", literal=True)
    label = pl.when(category).then(pl.col("label") + " (category)").otherwise("label")
    return named.select(label.alias("label")).to_series(), pl.Series(best != ids)


def read_names(label: pl.Series) -> Names:
    """The names in their normal forms. A name without letters or digits stays as it is.

    >>> read_names(pl.Series(["Élan-Vital (Sea Ship)", "C++"])).words.to_list()
    ['elan vital sea ship', 'c++']
    """
    frame = label.rename("label").to_frame()
    plain = (
        pl.col("label")
        .str.to_lowercase()
        .str.normalize("NFKD")
        .str.replace_all(r"[\u0300-\u036f'’‘`´ʻʼʽ]", "")
        .str.replace_many(list(_FOLD), list(_FOLD.values()))
        .str.replace_all(r"[^\p{L}\p{M}\p{N}+#]+", " ")
        .str.strip_chars(" ")
    )
    frame = frame.with_columns(words=plain)
    frame = frame.with_columns(words=pl.when(pl.col("words") == "").then("label").otherwise("words"))
    frame = frame.with_columns(packed=pl.col("words").str.replace_all(" ", "", literal=True))
    return Names(frame["label"], frame["words"], frame["packed"], _vocabulary(frame["words"].str.split(" ")))


def name_evidence(names: Names, a: Ids, b: Ids, slips: NDArray[np.int64]) -> pl.DataFrame:
    """What the names say on each pair of entities, in the order given.

    slips: edits between the words of both. Columns: `name`, the log-likelihood ratio (natural logarithm) of "one is a
    slip of the other" against "they are two"; `apart`, whether they differ in numbers, initials or the like; `whole`,
    minus the log of the probability that another entity has the same words.
    """
    words = names.words.str.split(" ")
    split = pl.DataFrame({"pair": np.arange(len(a), dtype=np.int32), "wa": words.gather(a), "wb": words.gather(b)})
    # the same words in another number ("New York New York") leave no word over
    split = split.with_columns(
        xa=pl.col("wa").list.set_difference("wb"), xb=pl.col("wb").list.set_difference("wa")
    ).with_columns(ja=pl.col("xa").list.sort().list.join(" "), jb=pl.col("xb").list.sort().list.join(" "))
    odd = [
        split.select("pair", word=side)
        .explode("word")
        .drop_nulls()
        .filter(pl.col("word").str.contains(_NUMBER))["pair"]
        for side in ("xa", "xb")
    ]
    numbers = np.zeros(len(a), bool)
    for side in odd:
        numbers[side.to_numpy()] = True
    size = split.select(pl.col("ja", "jb").str.len_chars())
    least, most = size.min_horizontal().to_numpy(), size.max_horizontal().to_numpy()
    surprise = np.maximum(*(_surprise(split, side, names.vocabulary) for side in ("xa", "xb")))
    places = names.packed.gather(a).str.len_chars().to_numpy().astype(float)
    value = surprise - np.log(_others(words, split)) - slips * np.log(_WAYS * np.maximum(places, 1.0))
    room = _BY_LENGTH * (least - 2.0) + np.clip((places - least - 8.0) / 2.0, 0.0, _CONTEXT)
    value = np.minimum(value, np.clip(room, 0.0, _CEILING))
    value += np.where(slips == 1, slip_kinds(split["ja"], split["jb"]), 0.0)
    return pl.DataFrame(
        {
            "name": np.where(slips > 0, value, 0.0),
            "apart": (numbers | (most < _SHORTEST)) & (slips > 0),
            "whole": np.minimum(*(_surprise(split, side, names.vocabulary) for side in ("wa", "wb"))),
        }
    )


def slip_kinds(x: pl.Series, y: pl.Series) -> Floats:
    """The log-likelihood ratio of the kind and the place of the one edit between two texts, shape (n_pairs,).

    >>> slip_kinds(pl.Series(["project", "benton"]), pl.Series(["porject", "denton"])).round(1).tolist()
    [2.9, -2.0]
    """
    if not len(x):
        return np.zeros(0)
    left, right = _letters(x), _letters(y)
    n = np.minimum(np.stack([x.str.len_chars().to_numpy(), y.str.len_chars().to_numpy()]).astype(np.int64), _WIDTH)
    each = np.arange(len(x))
    differs = np.concatenate([left != right, np.ones((len(x), 1), bool)], axis=1)
    at = np.minimum(differs.argmax(axis=1), n.min(axis=0))
    longer = np.where((n[0] > n[1])[:, None], left, right)

    def letter(table: NDArray[np.uint32], place: NDArray[np.int64]) -> NDArray[np.uint32]:
        return table[each, np.clip(place, 0, _WIDTH - 1)]

    double = ((letter(longer, at) == letter(longer, at - 1)) & (at > 0)) | (
        letter(longer, at) == letter(longer, at + 1)
    )
    swap = (letter(left, at) == letter(right, at + 1)) & (letter(left, at + 1) == letter(right, at)) & (at + 1 < n[0])
    kind = np.where(n[0] != n[1], np.where(double, _DOUBLE, _LETTER), np.where(swap, _SWAP, _REPLACE))
    end = at + ((n[0] == n[1]) & swap) >= n.max(axis=0) - 1
    edit = [
        letter(left, at - 1) * (at > 0),
        letter(longer, at),
        letter(right, at) * (n[0] == n[1]),
        letter(longer, at + 1),
    ]
    pattern = pl.DataFrame({"x": x, "y": y, **{f"{i}": column for i, column in enumerate(edit)}})
    often = pattern.select(pl.struct("x", "y").n_unique().over("0", "1", "2", "3")).to_series().to_numpy()
    place = np.where(at == 0, _FIRST, np.where(end, _LAST, _INSIDE))
    return np.asarray(kind + place - _REPEATED * np.log(often), np.float64)


def _letters(texts: pl.Series) -> NDArray[np.uint32]:
    return np.array(texts.str.slice(0, _WIDTH).to_list(), f"<U{_WIDTH}").view(np.uint32).reshape(len(texts), _WIDTH)


def _vocabulary(words: pl.Series) -> pl.DataFrame:
    counted = words.list.unique().explode().drop_nulls().rename("word").value_counts(name="count").sort("word")
    count = counted["count"].to_numpy().astype(float)
    once = max(float((count == 1).sum()), 1.0)
    # numbers have no spelling to learn from, and there can be as many of them as entities
    number = counted["word"].str.contains(r"\p{N}").to_numpy()
    letters = np.log(10.0) * counted["word"].str.len_chars().to_numpy()
    letters[~number] = surprise_of(counted["word"].filter(pl.Series(~number)))
    probability = (count - 1 + once * np.exp(-letters)) / max(count.sum(), 1.0)
    return counted.select("word", surprise=pl.Series(-np.log(probability)))


def _surprise(split: pl.DataFrame, side: str, vocabulary: pl.DataFrame) -> Floats:
    """The surprise of the words of one side, added up by pair."""
    rows = split.select("pair", word=side).explode("word").drop_nulls()
    rows = rows.join(vocabulary, on="word", how="left", maintain_order="left")
    return np.bincount(rows["pair"].to_numpy(), rows["surprise"].to_numpy(), minlength=len(split)).astype(np.float64)


def _others(words: pl.Series, split: pl.DataFrame) -> Floats:
    """For each pair, how many names hold the words that both share, and one other word besides; at least 1."""
    long = pl.DataFrame({"name": np.arange(len(words), dtype=np.int32), "word": words}).explode("word").drop_nulls()
    long = long.select("name", hash=pl.col("word").hash(1) // 256)
    whole = long.group_by("name").agg(pl.col("hash").sum())
    rest = long.join(whole, on="name", suffix="_all").select(rest=pl.col("hash_all") - pl.col("hash"))
    left = split.select("pair", "xa", word="wa").explode("word").drop_nulls()
    left = left.filter(~pl.col("xa").list.contains(pl.col("word")))
    shared = left.with_columns(rest=pl.col("word").hash(1) // 256).group_by("pair").agg(pl.col("rest").sum())
    wanted = (
        split.select("pair")
        .join(shared, on="pair", how="left", maintain_order="left")
        .with_columns(pl.col("rest").fill_null(0))
    )
    counted = rest.join(wanted.select("rest").unique(), on="rest", how="semi").group_by("rest").agg(others=pl.len())
    found = wanted.join(counted, on="rest", how="left", maintain_order="left")["others"].fill_null(1)
    return np.maximum(found.to_numpy().astype(float) - 1.0, 1.0)
