"""Which triples an ontology speaks against.

Open world: nobody says that an entity is *not* a place, and ontologies state few disjoint classes; so a triple is held
against the other statements about its ends. Every type of an entity says which branch of the class tree (a root below
owl:Thing) it belongs to, and so do the domains and ranges of the predicates around it (RDF Schema's rules rdfs2 and
rdfs3). A triple is outside its domain or range where nothing else said of the entity allows that branch and at least
`AGAINST` statements speak for others. Two branches exclude each other where owl:disjointWith says so, or where hardly
any entity of the graph is in both (statistical schema induction, Völker and Niepert 2011): in DBpedia's ontology a
person is an animal and no agent, but its persons are agents all the same. A domain or range that most of its triples
contradict is the ontology's fault, and is not believed.

The time is linear in the triples; beside them it takes 16 bytes for each term and a few for each triple.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import find
from kg.clean.literals import UNITS, ill_typed
from kg.clean.ontology import DISJOINT, DOMAIN, RANGE, Ontology, Order, is_datatype
from kg.terms import PREFIXES, RDF_TYPE

AGAINST = 2
"""Statements that must speak for other branches."""
TOGETHER = 0.1
"""Branches go together if this share of the rarer one's entities is in both."""
BELIEVED = 0.2
"""A domain or range is believed if at most this share of the triples that can be judged contradicts it."""
REASONS = ("ill-typed literal", "disjoint classes", "type against use", "outside domain", "outside range")

_CHUNK = 1 << 20
_XSD = PREFIXES["xsd"]
_NOTHING, _NODE, _TEXT, _NUMBER, _TIME, _TRUTH, _OTHER = range(7)
"""Kinds of objects, and what a range asks for."""
_LITERALS = {
    rf"\^\^<(?:{_XSD}(?:decimal|double|float|\w*(?:[iI]nteger|[lL]ong|[iI]nt|[sS]hort|[bB]yte))|{UNITS}.*)>$": _NUMBER,
    rf"\^\^<{_XSD}(?:date\w*|time|g[A-Z]\w*)>$": _TIME,
    rf"\^\^<{_XSD}boolean>$": _TRUTH,
    rf"\^\^<(?:{_XSD}\w*|{PREFIXES['rdf']}langString|{PREFIXES['rdfs']}Literal)>$": _TEXT,
    r"\^\^<[^>]*>$": _OTHER,
    r'^"[+-]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?"$|^"-?[0-9]{1,4}-[0-9]{2}|^"(?:true|false)"$': _OTHER,
}
"""A bare text that reads as a value may be one: it is of no kind."""
_WRONG = np.zeros((7, 7), bool)
"""[asked, got]: any literal has a text, and what is of no kind fits any range but a class."""
_WRONG[_NODE, _TEXT:] = True
_WRONG[_TEXT, _NODE] = True
for _asked in (_NUMBER, _TIME, _TRUTH):
    _WRONG[_asked, _NODE:_OTHER] = True
    _WRONG[_asked, _asked] = False
Ids = NDArray[Any]
Bits = NDArray[np.uint64]


@dataclass(frozen=True)
class _Side:
    """What triples say of one of their ends: `asks` by term `by` (predicate or class) the set of branches that holds
    `ends`; 0 for none. rows: which triples say something."""

    reason: str
    ends: Ids
    by: Ids
    asks: NDArray[np.int16]
    rows: NDArray[np.bool_]

    def asked(self) -> NDArray[np.int16]:
        """The set of branches that each triple asks for."""
        return np.where(self.rows, self.asks[self.by], np.int16(0))


def violations(terms: pl.Series, s: Ids, p: Ids, o: Ids, ontology: Ontology) -> pl.Series:
    """For each of the distinct triples the first of REASONS that holds, or null; an Enum column.

    terms: sorted and distinct N-Triples terms. s, p, o: positions in them, any integer type.
    """
    found = np.full(len(s), len(REASONS), np.uint8)

    def mark(reason: str, mask: NDArray[np.bool_]) -> None:
        found[mask & (found == len(REASONS))] = REASONS.index(reason)

    classes = ontology.classes()
    class_of = np.full(len(terms), -1, np.int32)
    place = find(classes.names, terms)
    class_of[place[place >= 0]] = np.flatnonzero(place >= 0)
    typed = np.asarray(p == find(pl.Series([RDF_TYPE]), terms)[0])
    mark("ill-typed literal", ill_typed(terms).to_numpy()[o])
    mark("disjoint classes", _disjoint(classes, ontology, class_of, s, o, typed))
    kinds = _kinds(terms)
    asks = _asked_kinds(terms, ontology)
    _disbelieve(asks, p, _WRONG[asks[p], kinds[o]], asks[p] != _NOTHING)
    branches = _Branches.of(classes, ontology)
    sides = [
        _Side("type against use", s, o, branches.of_class[class_of], typed),
        _Side("outside domain", s, p, branches.asked(terms, ontology.said_of(DOMAIN)), ~typed),
        _Side("outside range", o, p, branches.asked(terms, ontology.said_of(RANGE)), ~typed & (kinds == _NODE)[o]),
    ]
    once, twice = _evidence(sides, branches.sets, len(terms))
    allowed = branches.allowed(once)
    for side in sides:
        _disbelieve(side.asks, side.by, *_judge(side, branches.sets, allowed, once, twice))
    once, twice = _evidence(sides, branches.sets, len(terms))
    allowed = branches.allowed(once)
    for side in sides:
        mark(side.reason, _judge(side, branches.sets, allowed, once, twice)[0])
    mark("outside range", _WRONG[asks[p], kinds[o]])
    names = pl.Series("violation", [*REASONS, None], dtype=pl.Enum(REASONS))
    return names.gather(pl.Series(found, dtype=pl.UInt8).cast(pl.UInt32))


@dataclass(frozen=True)
class _Branches:
    """sets: the distinct sets of roots as bits, the empty one first. of_class: by class the place of its set, 0 at the
    end for what is no class. apart: by root the bits of those that owl:disjointWith excludes. Of more than 64 roots the
    largest count."""

    classes: Order
    sets: Bits
    of_class: NDArray[np.int16]
    apart: Bits

    @classmethod
    def of(cls, classes: Order, ontology: Ontology) -> "_Branches":
        roots = classes.roots()
        roots = roots[:, np.argsort(-np.diff(roots.indptr), kind="stable")[:64]]
        bit = np.uint64(1) << np.arange(roots.shape[1], dtype=np.uint64)
        bits = np.append(np.uint64(0), np.asarray(roots.astype(np.uint64) @ bit, np.uint64))
        sets, of_class = np.unique(bits, return_inverse=True)
        top = np.append(np.uint64(0), np.where(np.diff(classes.strict.indptr) == 0, bits[1:], 0))
        pairs = ontology.pairs(DISJOINT)
        left, right = (top[1 + classes.find(pairs[name])] for name in ("s", "o"))
        apart = np.zeros(len(bit), np.uint64)
        for one, other in ((left, right), (right, left)):
            for root in range(len(bit)):
                apart[root] |= np.bitwise_or.reduce(other[one == bit[root]], initial=np.uint64(0))
        return cls(classes, sets, np.append(of_class[1:], 0).astype(np.int16), apart)

    def asked(self, terms: pl.Series, said: pl.DataFrame) -> NDArray[np.int16]:
        """By term the set of branches that it, a property, asks for; 0 for none. Of several classes the last counts."""
        asks = np.zeros(len(terms), np.int16)
        properties, named = find(said["s"], terms), self.classes.find(said["o"])
        known = (properties >= 0) & (named >= 0)
        asks[properties[known]] = self.of_class[named[known]]
        return asks

    def allowed(self, once: Bits) -> Bits:
        """By set the bits of the branches that go together with all of its own.

        once: by term the branches that some statement puts it in.
        """
        patterns, count = np.unique(once, return_counts=True)
        roots = np.arange(len(self.apart), dtype=np.uint64)
        bit = np.uint64(1) << roots
        member = ((patterns[:, None] >> roots) & np.uint64(1)).astype(np.float64)
        both = (member * count[:, None]).T @ member
        size = np.diag(both)
        together = both >= np.maximum(TOGETHER * np.minimum.outer(size, size), 1)
        together &= (self.apart[:, None] & bit) == 0
        np.fill_diagonal(together, True)
        inside = ((self.sets[:, None] >> roots) & np.uint64(1)) == 1
        return np.asarray((inside.astype(np.uint64) @ together > 0).astype(np.uint64) @ bit, np.uint64)


def _evidence(sides: Sequence[_Side], sets: Bits, n: int) -> tuple[Bits, Bits]:
    """(once, twice): by term the branches that at least one, at least two statements put it in."""
    once, twice = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    for side in sides:
        asked = side.asked()
        for place in np.flatnonzero(np.bincount(asked, minlength=len(sets))[1:]) + 1:
            ends = side.ends[asked == place]
            if len(ends) > n // 16:
                count = np.bincount(ends, minlength=n)
                seen = np.flatnonzero(count)
                count = count[seen]
            else:
                seen, count = np.unique(ends, return_counts=True)
            twice[seen] |= np.where(count > 1, sets[place], once[seen] & sets[place])
            once[seen] |= sets[place]
    return once, twice


def _judge(
    side: _Side, sets: Bits, allowed: Bits, once: Bits, twice: Bits
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(contradicted, judged): which triples the other statements speak against, and for which they say anything."""
    asked = side.asked()
    against, judged = np.zeros(len(asked), bool), np.zeros(len(asked), bool)
    for start in range(0, len(asked), _CHUNK):
        rows = start + np.flatnonzero(asked[start : start + _CHUNK])
        own, fits = sets[asked[rows]], allowed[asked[rows]]
        first, second = once[side.ends[rows]], twice[side.ends[rows]]
        supported = ((first & fits & ~own) | (second & own)) != 0
        others = np.bitwise_count(first & ~fits) + np.bitwise_count(second & ~fits)
        against[rows] = ~supported & (others >= AGAINST)
        judged[rows] = supported | (others >= AGAINST)
    return against, judged


def _disbelieve(asks: NDArray[Any], by: Ids, against: NDArray[np.bool_], judged: NDArray[np.bool_]) -> None:
    """Empties, in place, what is asked for by predicates and classes that most of their triples contradict."""
    wrong = np.bincount(by[against], minlength=len(asks))
    asks[wrong > BELIEVED * np.bincount(by[judged], minlength=len(asks))] = 0


def _disjoint(classes: Order, ontology: Ontology, class_of: Ids, s: Ids, o: Ids, typed: NDArray[np.bool_]) -> Any:
    """Which triples give an entity one of two classes that owl:disjointWith excludes."""
    found = np.zeros(len(s), bool)
    pairs = ontology.pairs(DISJOINT).select(s=pl.min_horizontal("s", "o"), o=pl.max_horizontal("s", "o")).unique()
    rows = np.flatnonzero(typed)
    rows = rows[class_of[o[rows]] >= 0]
    rows = rows[np.argsort(s[rows], kind="stable")]
    if not len(rows):
        return found
    starts = np.flatnonzero(np.diff(s[rows].astype(np.int64), prepend=-1))
    group = np.cumsum(np.diff(s[rows].astype(np.int64), prepend=-1) != 0) - 1
    for chunk in pairs.sort("s", "o").iter_slices(64):
        bit = np.uint64(1) << np.arange(len(chunk), dtype=np.uint64)
        left, right = (
            np.asarray(classes.above[:, classes.find(chunk[name])].astype(np.uint64) @ bit, np.uint64)[
                class_of[o[rows]]
            ]
            for name in ("s", "o")
        )
        clash = np.bitwise_or.reduceat(left, starts) & np.bitwise_or.reduceat(right, starts)
        found[rows] |= (clash[group] & (left | right)) != 0
    return found


def _kinds(terms: pl.Series) -> NDArray[np.uint8]:
    """The kind of each term as an object."""
    literal = terms.str.starts_with('"').to_numpy()
    kinds = np.full(len(terms), _NODE, np.uint8)
    kinds[literal] = _TEXT
    left = np.flatnonzero(literal)
    for pattern, kind in _LITERALS.items():
        fits = terms.gather(left).str.contains(pattern).to_numpy()
        kinds[left[fits]] = kind
        left = left[~fits]
    return kinds


def _asked_kinds(terms: pl.Series, ontology: Ontology) -> NDArray[np.uint8]:
    """By term the kind of objects that it, a property, asks for."""
    said = ontology.said_of(RANGE)
    said = said.with_columns(place=pl.Series(find(said["s"], terms))).filter(pl.col("place") >= 0)
    datatype = is_datatype(said["o"])
    kind = _kinds('"^^' + said["o"])
    kind[~datatype.to_numpy()] = _NODE
    kind[(said["o"] == f"<{_XSD}anyURI>").to_numpy()] = _NOTHING
    asks = np.full(len(terms), _NOTHING, np.uint8)
    asks[said["place"].to_numpy()] = kind
    return asks
