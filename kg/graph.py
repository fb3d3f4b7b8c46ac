"""The graph as integer columns and a compressed adjacency, memory-mapped.

A term's id is its rank among all terms sorted by their bytes, so the same set of triples always gives the same files.
Triples are sorted by (s, p, o); `in_order` lists the same rows sorted by (o, p, s). Rows `out_ptr[e]:out_ptr[e + 1]`
leave `e`, rows `in_order[in_ptr[e]:in_ptr[e + 1]]` arrive at it.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import find, map_array
from kg.labels import labels
from kg.statements import keys
from kg.strings import StringColumn, write_strings
from kg.terms import PREFIXES, RDF_TYPE, iri_term, value_of
from kg.triples import Triples

Ids = NDArray[np.int32]

LITERAL, ENTITY, CLASS, PREDICATE, BLANK = 0, 1, 2, 3, 4
VOCABULARIES = tuple(PREFIXES[name] for name in ("rdf", "rdfs", "owl", "skos", "xsd", "foaf", "dbo"))
"""Namespaces that hold classes and predicates, never entities."""
META_CLASSES = ("<http://www.w3.org/2002/07/owl#Class>", "<http://www.w3.org/2000/01/rdf-schema#Class>")
_ARRAYS = ("s", "p", "o", "out_ptr", "in_order", "in_ptr", "kind", "rank", "importance")


class Graph:
    """The columns of one snapshot.

    s, p, o: int32, shape (n_triples,). out_ptr, in_ptr: int64, shape (n_terms + 1,). kind: uint8 by term (LITERAL,
    ENTITY, CLASS, PREDICATE, BLANK). rank: float32 by term, PageRank, sums to 1 over entities. importance: float32 by
    triple, higher is better. labels: by term, a readable name.
    """

    def __init__(self, terms: StringColumn, labels: StringColumn, arrays: dict[str, NDArray[Any]]) -> None:
        self.terms = terms
        self.labels = labels
        self.s: Ids = arrays["s"]
        self.p: Ids = arrays["p"]
        self.o: Ids = arrays["o"]
        self.out_ptr: NDArray[np.int64] = arrays["out_ptr"]
        self.in_order: Ids = arrays["in_order"]
        self.in_ptr: NDArray[np.int64] = arrays["in_ptr"]
        self.kind: NDArray[np.uint8] = arrays["kind"]
        self.rank: NDArray[np.float32] = arrays["rank"]
        self.importance: NDArray[np.float32] = arrays["importance"]

    @classmethod
    def open(cls, folder: Path) -> "Graph":
        """The graph written by `write_graph`."""
        arrays = {name: map_array(folder / f"{name}.npy") for name in _ARRAYS}
        return cls(StringColumn.open(folder, "terms"), StringColumn.open(folder, "labels"), arrays)

    def __len__(self) -> int:
        """The number of triples."""
        return len(self.s)

    def id_of(self, iri: str) -> int:
        """The id of a bare IRI, or -1."""
        return self.terms.find(iri_term(iri))

    def iri_of(self, term: int) -> str:
        """The bare value of a term: IRI without brackets, literal without quotes."""
        return value_of(self.terms[term])

    def label_of(self, term: int) -> str:
        """The readable name of a term."""
        return str(self.labels[term])

    def out_rows(self, entity: int) -> slice:
        """The rows of the triples that leave an entity, as a slice of `s`, `p`, `o`."""
        return slice(int(self.out_ptr[entity]), int(self.out_ptr[entity + 1]))

    def in_rows(self, entity: int) -> Ids:
        """The rows of the triples that arrive at a term, sorted by predicate."""
        return self.in_order[self.in_ptr[entity] : self.in_ptr[entity + 1]]

    def degree(self, term: int) -> int:
        """How many triples touch a term."""
        return int(self.out_ptr[term + 1] - self.out_ptr[term] + self.in_ptr[term + 1] - self.in_ptr[term])

    def row_of(self, s: int, p: int, o: int) -> int:
        """The row of a triple, or -1."""
        rows = self.out_rows(s)
        low = rows.start + int(np.searchsorted(self.p[rows], p, "left"))
        high = rows.start + int(np.searchsorted(self.p[rows], p, "right"))
        row = low + int(np.searchsorted(self.o[low:high], o))
        return row if row < high and self.o[row] == o else -1

    def triple(self, row: int) -> tuple[str, str, str]:
        """The N-Triples terms of a row."""
        return self.terms[int(self.s[row])], self.terms[int(self.p[row])], self.terms[int(self.o[row])]

    @cached_property
    def entities(self) -> Ids:
        """The ids of all entities, ascending."""
        return np.flatnonzero(np.asarray(self.kind) == ENTITY).astype(np.int32)

    @cached_property
    def predicates(self) -> Ids:
        """The ids of all predicates in use, ascending."""
        return np.unique(np.asarray(self.p)).astype(np.int32)

    @cached_property
    def type_id(self) -> int:
        """The id of rdf:type, or -1."""
        return self.terms.find(RDF_TYPE)

    def types_of(self, entity: int) -> Ids:
        """The classes of an entity."""
        rows = self.out_rows(entity)
        low = rows.start + int(np.searchsorted(self.p[rows], self.type_id, "left"))
        high = rows.start + int(np.searchsorted(self.p[rows], self.type_id, "right"))
        return self.o[low:high]

    def objects(self, entity: int, predicate: int) -> Ids:
        """The objects of (entity, predicate), ascending."""
        rows = self.out_rows(entity)
        low = rows.start + int(np.searchsorted(self.p[rows], predicate, "left"))
        high = rows.start + int(np.searchsorted(self.p[rows], predicate, "right"))
        return self.o[low:high]

    def subjects(self, entity: int, predicate: int) -> Ids:
        """The subjects that state (predicate, entity), ascending."""
        rows = self.in_rows(entity)
        predicates = self.p[rows]
        low, high = np.searchsorted(predicates, predicate, "left"), np.searchsorted(predicates, predicate, "right")
        return self.s[rows[low:high]]

    def frame(self) -> pl.DataFrame:
        """All triples as a frame of N-Triples terms s, p, o, in row order (read into memory)."""
        terms = self.terms.to_series()
        return pl.DataFrame({name: terms.gather(np.asarray(getattr(self, name))) for name in ("s", "p", "o")})


def write_graph(folder: Path, triples: Triples, *, rank: NDArray[np.float32] | None = None) -> Graph:
    """Writes triples as columns, and opens them. rank: by term, or None for zeros."""
    folder.mkdir(parents=True, exist_ok=True)
    terms, s, p, o = triples.terms, triples.s, triples.p, triples.o
    write_strings(folder, "terms", terms)
    arrays: dict[str, NDArray[Any]] = {
        "s": s,
        "p": p,
        "o": o,
        "out_ptr": _pointers(s, len(terms)),
        "in_order": np.argsort(keys(o, p, s)).astype(np.int32),
        "in_ptr": _pointers(o, len(terms)),
        "kind": kinds(terms, s, p, o),
        "rank": np.zeros(len(terms), np.float32) if rank is None else rank,
        "importance": triples.importance,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    write_strings(folder, "labels", labels(terms, s, p, o))
    return Graph.open(folder)


def codes(column: pl.Series, terms: pl.Series) -> Ids:
    """The positions of the column's strings in sorted `terms`, which must hold them all."""
    return column.cast(pl.Enum(terms)).to_physical().to_numpy().astype(np.int32)


def _pointers(column: Ids, n_terms: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(column, minlength=n_terms))]).astype(np.int64)


def kinds(terms: pl.Series, s: Ids, p: Ids, o: Ids) -> NDArray[np.uint8]:
    """The kind of each sorted term.

    A class is an IRI that something has as its type or that has a meta-class as its type, unless it has another type
    as well; besides, every subject or object in one of `VOCABULARIES`.
    """
    kind = np.full(len(terms), ENTITY, np.uint8)
    kind[terms.str.starts_with('"').to_numpy()] = LITERAL
    kind[terms.str.starts_with("_:").to_numpy()] = BLANK
    typed = p == find(pl.Series([RDF_TYPE]), terms)[0]
    meta = find(pl.Series(META_CLASSES), terms)
    declared = np.isin(o, meta)
    instances = s[typed & ~declared]
    classes = np.setdiff1d(np.concatenate([o[typed], s[typed & declared]]), instances)
    kind[classes[kind[classes] == ENTITY]] = CLASS
    kind[np.unique(p)] = PREDICATE
    vocabulary = terms.str.contains(f"^<(?:{'|'.join(map(re.escape, VOCABULARIES))})").to_numpy()
    kind[vocabulary & (kind == ENTITY)] = CLASS
    return kind
