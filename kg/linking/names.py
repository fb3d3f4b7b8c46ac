"""The words of the names of a graph, for names that a question spells wrong, in part or without their spaces.

Memory-mapped columns, beside those of `kg.linking.aliases`, whose rows are the surfaces here:

    words         strings, sorted      the distinct words of the surfaces
    weight        float32              by word: ln(names / names that hold the word) / ln(names), in 0 to 1
    common        bool                 by word: an everyday word (`kg.linking.words`)
    pointer       int64, names + 1     words of name i are `of[pointer[i]:pointer[i + 1]]`
    of            int32                word numbers, ascending within a name
    row           int32                by name, its row of `Aliases`
    holds_pointer int64, words + 1     names that hold word w are `holds[holds_pointer[w]:holds_pointer[w + 1]]`
    holds         int32                name numbers, ascending
    form          uint32, sorted       CRC-32 of the forms that a word is found by
    form_word     int32                by form, the word
    joined        uint64, sorted       hashes of surfaces without their spaces
    joined_row    int32                by such a hash, its row of `Aliases`

The forms of a word are the word itself and what is left when one letter is deleted (Garbe's SymSpell; Boytsov 2011):
two words at a distance of one edit share a form, and so do many at two. A word that a name has with letters that are no
ASCII is found without these too, since such letters get lost on the way ("Cline" for "Céline").
"""

import re
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz.distance import OSA, Indel

from kg.arrays import map_array
from kg.graph import Ids
from kg.linking.surfaces import POSSESSIVE, hash_surfaces, normalise_surface
from kg.strings import StringColumn, write_strings

MIN_LETTERS = 4
"""Shorter words are not taken for misspelt ones."""
_TWO_EDITS = 7
"""Letters from which a word may differ in two places."""
_LOST = re.compile(r"[^\W\d_a-zA-Z]")
_ARRAYS = (
    "weight",
    "common",
    "pointer",
    "of",
    "row",
    "holds_pointer",
    "holds",
    "form",
    "form_word",
    "joined",
    "joined_row",
)


@dataclass(frozen=True)
class Names:
    """The columns; open them with `Names.open`."""

    words: StringColumn
    weight: NDArray[np.float32]
    common: NDArray[np.bool_]
    pointer: NDArray[np.int64]
    of: Ids
    row: Ids
    holds_pointer: NDArray[np.int64]
    holds: Ids
    form: NDArray[np.uint32]
    form_word: Ids
    joined: NDArray[np.uint64]
    joined_row: Ids

    @classmethod
    def open(cls, folder: Path) -> "Names":
        """The names written by `write_names`."""
        arrays = {name: map_array(folder / f"names_{name}.npy") for name in _ARRAYS}
        return cls(StringColumn.open(folder, "names_words"), **arrays)

    def joined_rows(self, surfaces: Sequence[str]) -> NDArray[np.int64]:
        """The row of the name that each surface is without regard to spaces, -1 where there is none."""
        hashes = hash_surfaces(surface.replace(" ", "") for surface in surfaces)
        if not len(self.joined):
            return np.full(len(hashes), -1, np.int64)
        place = np.minimum(np.searchsorted(self.joined, hashes), len(self.joined) - 1)
        return np.where(self.joined[place] == hashes, self.joined_row[place], -1).astype(np.int64)

    def is_common(self, word: str) -> bool:
        """Whether a normalised word is an everyday one, and a word of some name."""
        number = self.words.find(word)
        return number >= 0 and bool(self.common[number])

    def similar(self, words: Sequence[str]) -> list[list[tuple[int, int]]]:
        """For each normalised word the (word, edits) that it may stand for; 0 edits is the word itself.

        A word of fewer than `MIN_LETTERS` letters, or with a digit, stands for itself alone; one of fewer than
        `_TWO_EDITS` for those at one edit (a letter more, less or other, or two swapped); a longer one also for those
        at two that share a form with it. Any stands for those that it is without their letters that are no ASCII, of
        which a word that may not vary needs two.
        """
        forms = [_forms(word) for word in words]
        hashes = np.fromiter((form for own in forms for form in own), np.uint32)
        low = np.searchsorted(self.form, hashes, "left").tolist()
        high = np.searchsorted(self.form, hashes, "right").tolist()
        place = 0
        found = []
        for word, own in zip(words, forms, strict=True):
            numbers: dict[int, bool] = {}
            for at in range(place, place + len(own)):
                if low[at] < high[at]:
                    for number in self.form_word[low[at] : high[at]].tolist():
                        numbers.setdefault(number, at == place)
            found.append(self._near(word, numbers))
            place += len(own)
        return found

    def _near(self, word: str, numbers: dict[int, bool]) -> list[tuple[int, int]]:
        """numbers: by word, whether it is found by all the letters of `word`."""
        most = 0 if not _may_vary(word) else 1 if len(word) < _TWO_EDITS else 2
        near = []
        for number, is_form in numbers.items():
            other = self.words[number]
            edits = OSA.distance(word, other, score_cutoff=most)
            if edits <= most:
                near.append((number, edits))
            elif is_form and Indel.distance(word, other) == len(other) - len(word) > 1:
                near.append((number, 1))
        return near


def write_names(folder: Path, surfaces: pl.DataFrame, common: frozenset[str]) -> Names:
    """Writes the words of names, and opens them.

    surfaces: columns row, surface, text (as the graph writes it), whole (whether its words are looked up; false for
    last names, which longer names hold), distinct by row and ascending. common: everyday words, normalised.
    """
    full = surfaces.filter(pl.col("whole") & ~pl.col("surface").str.ends_with(POSSESSIVE))
    whole = full.select("row", word=pl.col("surface").str.split(" "))
    pairs = whole.with_row_index("name").explode("word", empty_as_null=False).unique(["name", "word"])
    words = pairs["word"].unique().sort()
    of = pairs.select("name", word=pl.col("word").cast(pl.Enum(words)).to_physical().cast(pl.Int32)).sort(
        "name", "word"
    )
    held = np.bincount(of["word"].to_numpy(), minlength=len(words))
    form, form_word = _written_forms(words, _lost(full, words))
    joined, joined_row = _joined(surfaces)
    columns: dict[str, NDArray[Any]] = {
        "weight": (1.0 - np.log(np.maximum(held, 1)) / np.log(max(whole.height, 2))).astype(np.float32),
        "common": words.is_in(pl.Series(sorted(common), dtype=pl.String).implode()).to_numpy(),
        "pointer": _pointers(of["name"].to_numpy(), whole.height),
        "of": of["word"].to_numpy(),
        "row": whole["row"].to_numpy().astype(np.int32),
        "holds_pointer": _pointers(of["word"].to_numpy(), len(words)),
        "holds": of.sort("word", "name")["name"].to_numpy().astype(np.int32),
        "form": form,
        "form_word": form_word,
        "joined": joined,
        "joined_row": joined_row,
    }
    write_strings(folder, "names_words", words)
    for name in _ARRAYS:
        np.save(folder / f"names_{name}.npy", columns[name])
    return Names.open(folder)


def _pointers(numbers: NDArray[Any], size: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=size))]).astype(np.int64)


def _may_vary(word: str) -> bool:
    return len(word) >= MIN_LETTERS and not any(char.isdigit() for char in word)


def _forms(word: str) -> list[int]:
    """The hash of the word, then those of its forms with one letter deleted; of equal letters in a row the first."""
    texts = [word]
    if _may_vary(word):
        places = (place for place in range(len(word)) if not place or word[place] != word[place - 1])
        texts += [word[:place] + word[place + 1 :] for place in places]
    return [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in texts]


def _written_forms(words: Iterable[str], lost: Iterable[tuple[str, int]]) -> tuple[NDArray[np.uint32], Ids]:
    """The hashes of all forms, ascending, and their words. lost: forms without letters that are no ASCII."""
    forms, owners = array("I"), array("I")
    for number, word in enumerate(words):
        own = _forms(word)
        forms.extend(own)
        owners.extend([number] * len(own))
    for form, number in lost:
        forms.append(zlib.crc32(form.encode()))
        owners.append(number)
    keys = np.array(forms, np.uint64) << np.uint64(32) | np.array(owners, np.uint64)
    keys = np.unique(keys)
    return (keys >> np.uint64(32)).astype(np.uint32), (keys & np.uint64(0xFFFFFFFF)).astype(np.int32)


def _lost(surfaces: pl.DataFrame, words: pl.Series) -> list[tuple[str, int]]:
    """(form, word) of each word that a name has with letters that are no ASCII, where the form is without them."""
    number = dict(zip(words, range(len(words)), strict=True))
    found = set()
    rows = surfaces.filter(pl.col("text").str.contains(_LOST.pattern))
    for surface, text in rows.select("surface", "text").iter_rows():
        full, rest = surface.split(" "), normalise_surface(_LOST.sub("", text)).split(" ")
        if len(full) == len(rest):
            found |= {(form, number[word]) for word, form in zip(full, rest, strict=True) if form and form != word}
    return sorted(found)


def _joined(surfaces: pl.DataFrame) -> tuple[NDArray[np.uint64], Ids]:
    """The hashes of all surfaces without spaces, ascending, and their rows; of several names the first."""
    table = surfaces.select("row", joined=pl.col("surface").str.replace_all(" ", "")).unique("joined", keep="first")
    hashes = hash_surfaces(table["joined"])
    order = np.argsort(hashes, kind="stable")
    return hashes[order], table["row"].to_numpy().astype(np.int32)[order]
