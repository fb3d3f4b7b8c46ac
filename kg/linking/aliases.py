"""The names of a graph's entities, as memory-mapped columns: from a surface to its candidates with their priors.

    hashes     uint64, sorted       one row a normalised surface (`kg.linking.surfaces`)
    flags      uint8                by surface: COMMON, LOWER_CASE
    pointer    int64, rows + 1      candidates of row i are `pointer[i]:pointer[i + 1]`, the likeliest first
    candidate  int32                entity ids of the graph
    prior      float32              by candidate, sums to 1 over a surface
    kind       uint8                by candidate: how the surface comes from the entity
    popularity float32              by candidate: ln of what the prior is a share of

The prior is the weight of the kind of name times a power of the entity's degree: the share of links that a page gets is
the usual prior of entity linking (Milne and Witten 2008), and without a text corpus the graph's own links stand for it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import map_array
from kg.graph import CLASS, ENTITY, LITERAL, Graph, Ids
from kg.linking.names import Names, write_names
from kg.linking.surfaces import POSSESSIVE, hash_surfaces, name_surfaces, normalise_surface
from kg.linking.words import common_words, vocabulary
from kg.terms import REDIRECTS

FULL, OTHER_NAME, SHORTENED, HEAD, LAST_NAME = 0, 1, 2, 3, 4
WEIGHTS = (1.0, 0.5, 0.25, 0.1, 0.02)
"""Weights of the kinds: the entity's label; another stated name or a redirect; the label without its parenthesis or its
article; the label without its region or its generic last word ("language"); the last word of a person's name."""

COMMON, LOWER_CASE = 1, 2
"""Flags of a surface: all its words are common; some spelling of it has a lower-case word after the first."""

POPULARITY = 0.75
"""The power of the degree in the prior."""

MAX_CANDIDATES = 32
"""Kept for one surface."""

_NAMES = (
    r"(rdf-schema#label|[/#](prefLabel|altLabel|name|nick|alias|alternativeNames?|otherNames?|longName|officialName"
    r"|fullname|birthName|synonyms?|formerNames?))>$"
)
_BIRTH_OR_DEATH = r"[/#](birth|death)(Date|Place|Year)>$"
_LOWER_WORD = r"[\s(-](\p{Ll}[\p{L}]{3,})"
_PLAIN = r"^[A-Za-z0-9]{2,}(?: [A-Za-z0-9]{2,})*$"
"""Texts without accents, punctuation and initials."""
_MAX_LENGTH = 80
_ARRAYS = ("hashes", "flags", "pointer", "candidate", "prior", "kind", "popularity")


@dataclass(frozen=True)
class Aliases:
    """The columns; open them with `Aliases.open`."""

    hashes: NDArray[np.uint64]
    flags: NDArray[np.uint8]
    pointer: NDArray[np.int64]
    candidate: Ids
    prior: NDArray[np.float32]
    kind: NDArray[np.uint8]
    popularity: NDArray[np.float32]
    names: Names

    @classmethod
    def open(cls, folder: Path) -> "Aliases":
        """The aliases written by `write_aliases`."""
        arrays = {name: map_array(folder / f"aliases_{name}.npy") for name in _ARRAYS}
        return cls(**arrays, names=Names.open(folder))

    def __len__(self) -> int:
        """The number of surfaces."""
        return len(self.hashes)

    def rows(self, normalised: list[str]) -> NDArray[np.int64]:
        """The row of each normalised surface, -1 where there is none."""
        wanted = hash_surfaces(normalised)
        if len(self) == 0:
            return np.full(len(wanted), -1, np.int64)
        found = np.minimum(np.searchsorted(self.hashes, wanted), len(self) - 1)
        return np.where(self.hashes[found] == wanted, found, -1)

    def candidates(self, surface: str) -> list[tuple[int, float]]:
        """(entity, prior) of a name, the likeliest first; empty if no entity has the name."""
        row = int(self.rows([normalise_surface(surface)])[0])
        if row < 0:
            return []
        span = self.span(row)
        return list(zip(self.candidate[span].tolist(), self.prior[span].tolist(), strict=True))

    def span(self, row: int) -> slice:
        """The candidates of a row, as a slice of `candidate`, `prior`, `kind`."""
        return slice(int(self.pointer[row]), int(self.pointer[row + 1]))


def write_aliases(folder: Path, graph: Graph) -> Aliases:
    """Writes the names of all entities of a graph, and opens them."""
    folder.mkdir(parents=True, exist_ok=True)
    common = common_words(graph)
    names = _normalised(_names(graph), common)
    degree = np.diff(graph.out_ptr) + np.diff(graph.in_ptr)
    popularity = (1.0 + degree[names["entity"].to_numpy()]) ** POPULARITY
    ranked = (
        names.with_columns(prior=pl.Series(popularity) * pl.Series(np.array(WEIGHTS)[names["kind"].to_numpy()]))
        .sort("hash", "entity", "kind")
        .with_columns(pl.col("lower").max().over("hash"))
        .unique(["hash", "entity"], keep="first", maintain_order=True)
        .sort("hash", "prior", "entity", descending=[False, True, False])
        .filter(pl.int_range(pl.len()).over("hash") < MAX_CANDIDATES)
        .with_columns(pl.col("prior") / pl.col("prior").sum().over("hash"), popularity=pl.col("prior").log())
    )
    heads = ranked.group_by("hash", maintain_order=True).agg(pl.len(), pl.col("common", "lower").first())
    columns: dict[str, NDArray[Any]] = {
        "hashes": heads["hash"].to_numpy(),
        "flags": (heads["common"].to_numpy() * COMMON + heads["lower"].to_numpy() * LOWER_CASE).astype(np.uint8),
        "pointer": np.concatenate([[0], np.cumsum(heads["len"].to_numpy())]).astype(np.int64),
        "candidate": ranked["entity"].to_numpy().astype(np.int32),
        "prior": ranked["prior"].to_numpy().astype(np.float32),
        "kind": ranked["kind"].to_numpy().astype(np.uint8),
        "popularity": ranked["popularity"].to_numpy().astype(np.float32),
    }
    for name in _ARRAYS:
        np.save(folder / f"aliases_{name}.npy", columns[name])
    surfaces = names.sort("hash", "kind", "text").group_by("hash", maintain_order=True).first()
    write_names(folder, surfaces.with_row_index("row").with_columns(whole=pl.col("kind") < LAST_NAME), common)
    return Aliases.open(folder)


def _names(graph: Graph) -> pl.DataFrame:
    """Columns entity, text, kind: every name as it is written."""
    labels = _main_labels(graph)
    names = pl.concat([labels, _stated_names(graph), *_shortened(labels, graph), _last_names(graph, labels)])
    return names.join(_categories(graph), on="entity", how="anti")


def _categories(graph: Graph) -> pl.DataFrame:
    """Wikipedia's categories, which share their names with what they are about."""
    terms = graph.terms.to_series().gather(graph.entities)
    return pl.DataFrame({"entity": graph.entities}).filter(terms.str.contains("/Category:", literal=True))


def _main_labels(graph: Graph) -> pl.DataFrame:
    """The label of each entity; that of a redirecting page is another name of the page it redirects to."""
    labels = pl.DataFrame({"entity": graph.entities, "text": graph.labels.to_series().gather(graph.entities)})
    rows = _rows(graph, [graph.terms.find(REDIRECTS)])
    redirects = pl.DataFrame({"entity": graph.s[rows], "target": graph.o[rows]}).unique("entity", keep="first")
    return labels.join(redirects, on="entity", how="left").select(
        pl.coalesce("target", "entity").alias("entity"),
        "text",
        kind=pl.when(pl.col("target").is_null()).then(FULL).otherwise(OTHER_NAME),
    )


def _stated_names(graph: Graph) -> pl.DataFrame:
    predicates = [int(p) for p in graph.predicates if pl.Series([graph.terms[int(p)]]).str.contains(_NAMES).item()]
    rows = _rows(graph, predicates)
    rows = rows[(np.asarray(graph.kind)[graph.o[rows]] == LITERAL) & (np.asarray(graph.kind)[graph.s[rows]] == ENTITY)]
    texts = graph.labels.to_series().gather(np.asarray(graph.o[rows]))
    return pl.DataFrame({"entity": graph.s[rows], "text": texts}).select(
        "entity", "text", kind=pl.lit(OTHER_NAME, pl.Int32)
    )


def _shortened(labels: pl.DataFrame, graph: Graph) -> list[pl.DataFrame]:
    """Labels without "(film)", without "The ", without ", Texas" where Texas is a label too, and without a last word in
    lower case that names a class, like "language"."""
    text, known = pl.col("text"), labels["text"].unique().implode()
    generic = pl.Series(sorted(vocabulary(graph, CLASS) | {"language"}), dtype=pl.String).implode()
    region, last = text.str.extract(r"^[^,]+, ([^,]+)$"), text.str.extract(r"^\p{Lu}.* (\p{Ll}+)$")
    frames = [
        (SHORTENED, labels.filter(text.str.ends_with(")")).with_columns(text.str.replace(r"\s*\([^()]*\)$", ""))),
        (SHORTENED, labels.filter(text.str.starts_with("The ")).with_columns(text.str.slice(4))),
        (HEAD, labels.filter(region.is_in(known)).with_columns(text.str.replace(r", [^,]+$", ""))),
        (HEAD, labels.filter(last.is_in(generic)).with_columns(text.str.replace(r" \S+$", ""))),
    ]
    return [frame.select("entity", "text", kind=pl.lit(kind, pl.Int32)) for kind, frame in frames]


def _last_names(graph: Graph, labels: pl.DataFrame) -> pl.DataFrame:
    """The last word of the names of persons: what has a birth or death, or a class called person."""
    matches = graph.terms.to_series().gather(graph.predicates).str.contains(_BIRTH_OR_DEATH).to_numpy()
    persons = graph.s[_rows(graph, graph.predicates[matches].tolist())]
    typed = _rows(graph, [graph.type_id])
    classes = np.unique(np.asarray(graph.o)[typed]).astype(np.int32)
    is_person = np.array([graph.label_of(int(c)).lower() == "person" for c in classes], dtype=bool)
    typed = typed[np.isin(graph.o[typed], classes[is_person])]
    ids = np.union1d(persons, graph.s[typed]).astype(np.int32)
    name = pl.col("text").str.replace(r"\s*(\([^()]*\)|,.*)$", "")
    return (
        labels.filter(pl.col("entity").is_in(pl.Series(ids).implode()))
        .select("entity", text=name.str.extract(r"^(?:\S+ ){1,3}(\p{Lu}\S{2,})$"))
        .filter(~pl.col("text").str.contains(r"\.$|^[IVX]+$"))
        .with_columns(kind=pl.lit(LAST_NAME, pl.Int32))
    )


def _rows(graph: Graph, predicates: list[int]) -> NDArray[np.int64]:
    return np.flatnonzero(np.isin(np.asarray(graph.p), np.array([p for p in predicates if p >= 0], dtype=np.int32)))


def _normalised(names: pl.DataFrame, common: frozenset[str]) -> pl.DataFrame:
    """Columns hash, entity, kind, common, lower, surface, text: names that are not blank."""
    names = names.filter(pl.col("text").str.len_chars().is_between(1, _MAX_LENGTH))
    known = pl.Series(sorted(common), dtype=pl.String).implode()
    words = pl.col("surface").str.strip_suffix(POSSESSIVE).str.split(" ")
    table = (
        _surfaces(names["text"].unique())
        .filter(pl.col("surface") != "")
        .with_columns(
            common=words.list.eval(pl.element().is_in(known)).list.all(), lower=pl.col("text").str.contains(_LOWER_WORD)
        )
    )
    table = table.with_columns(hash=pl.Series(hash_surfaces(table["surface"])))
    return names.join(table, on="text").select("hash", "entity", "kind", "common", "lower", "surface", "text")


def _surfaces(texts: pl.Series) -> pl.DataFrame:
    """Columns text, surface: the normal forms of distinct texts. Of a plain text it is the lower case."""
    plain = texts.str.contains(_PLAIN)
    quick = texts.filter(plain)
    forms = [(text, surface) for text in texts.filter(~plain) for surface in name_surfaces(text)]
    schema = {"text": pl.String, "surface": pl.String}
    slow = pl.DataFrame(forms, schema=schema, orient="row")
    return pl.concat([pl.DataFrame({"text": quick, "surface": quick.str.to_lowercase()}), slow])
