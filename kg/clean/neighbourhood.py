"""What the statements of two entities say on whether they are one.

Agreements are weighed as Fellegi and Sunter (1969) do: a value that few share says much, one that many share little, so
a hub counts for next to nothing. Values that differ speak against, the more the closer to functional the predicate is;
how functional it is the graph itself says (PARIS: Suchanek, Abiteboul and Senellart 2011). Predicates with the same
local name (dbo:spouse, dbp:spouse) count as one, and a neighbour counts once. Labels and abstracts are no neighbours.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import distinct, find
from kg.graph import ENTITY, Ids
from kg.labels import LABELS
from kg.terms import ABSTRACT, OWL_SAME_AS, RDF_TYPE, REDIRECTS, SKOS_ALT_LABEL

_SILENT = (*LABELS, SKOS_ALT_LABEL, ABSTRACT, OWL_SAME_AS, REDIRECTS)
_MOST = 64
"""Statements of the smaller entity that are compared, those with the rarest values first."""
_DAMPED = 0.7
"""What the next best agreement counts of its weight, for agreements are not independent."""
_TOLD_APART, _TOLD = 2.5, 0.2
"""How much another value speaks against, if the predicate is functional, and at least."""
_FUNCTIONAL = 0.8
"""Share of holders among statements from which on a predicate counts as more or less functional."""
_UNTOLD = 0.1
"""How much a predicate that the larger entity lacks speaks against."""
_CLASS = 0.7
"""The weight from which on a class is more than one that nearly all have, such as owl:Thing."""


class Neighbourhood:
    """The statements around some entities, each under its relation: predicate and direction."""

    def __init__(
        self, terms: pl.Series, s: Ids, p: Ids, o: Ids, *, kind: NDArray[np.uint8], wanted: NDArray[np.bool_]
    ) -> None:
        used = np.unique(p)
        local = np.zeros(len(terms), np.int32)
        names = terms.gather(used).str.extract(r"([^/#]*)>$").str.to_lowercase()
        local[used] = names.rank("dense").fill_null(0).to_numpy()
        silent = np.zeros(len(terms), bool)
        unsaid = find(pl.Series(_SILENT), terms)
        silent[unsaid[unsaid >= 0]] = True
        told = ~silent[p]
        reached = told & (kind[o] == ENTITY) & (kind[s] == ENTITY)
        typed = int(find(pl.Series([RDF_TYPE]), terms)[0])
        self._type = 2 * int(local[typed]) if typed >= 0 else -1
        self._n = max(int((kind == ENTITY).sum()), 1)
        outward = _rows(2 * local[p[told]], o[told], s[told], wanted)
        inward = _rows(2 * local[p[reached]] + 1, s[reached], o[reached], wanted)
        self._rows = pl.concat([outward, inward]).sort("entity", "same", "relation", "other")
        degree = np.bincount(o[told], minlength=len(terms)) + np.bincount(s[told], minlength=len(terms))
        near = self._rows["other"].unique().sort()
        self._degree = pl.DataFrame({"other": near, "degree": degree[near.to_numpy()].astype(np.int32)})

    def evidence(self, a: Ids, b: Ids) -> pl.DataFrame:
        """What the statements say on each pair of terms, in the order given.

        Columns: `agree` and `differ`, the evidence for and against their being one (natural logarithm, 0 or more);
        `shared`, the neighbours that both have; `size`, the statements of the smaller that were compared; `linked`,
        whether a statement names both; `classes`, whether both have classes and none in common.
        """
        pairs = pl.DataFrame({"pair": np.arange(len(a), dtype=np.int32), "a": a, "b": b})
        for side in ("a", "b"):
            size = self._rows.group_by("entity").agg(pl.len().alias(f"n_{side}"))
            pairs = pairs.join(size, left_on=side, right_on="entity", how="left", maintain_order="left")
        first = pl.col("n_a").fill_null(0) <= pl.col("n_b").fill_null(0)
        ends = pairs.select(
            "pair", x=pl.when(first).then("a").otherwise("b"), y=pl.when(first).then("b").otherwise("a")
        )
        rows = self._compared(ends)
        good = (
            rows.filter("near")
            .group_by("pair", "other", maintain_order=True)
            .agg(pl.col("agree").max())
            .sort("pair", "agree", "other", descending=[False, True, False])
            .group_by("pair", maintain_order=True)
            .agg(agree=(pl.col("agree") * _DAMPED ** pl.int_range(pl.len())).sum(), shared=pl.len())
        )
        bad = rows.group_by("pair", maintain_order=True).agg(
            pl.col("differ").sum(),
            pl.col("linked").any(),
            size=(~pl.col("linked")).sum(),
            classes=(pl.col("kinds") & pl.col("has")).any() & ~(pl.col("kinds") & pl.col("near")).any(),
        )
        found = ends.select("pair")
        for part in (good, bad):
            found = found.join(part, on="pair", how="left", maintain_order="left")
        return found.drop("pair").with_columns(
            pl.col("agree", "differ", "shared", "size").fill_null(0), pl.col("linked", "classes").fill_null(False)
        )

    def _compared(self, ends: pl.DataFrame) -> pl.DataFrame:
        """The statements of the smaller entity x of each pair, and what y has beside each."""
        rows = ends.join(self._rows, left_on="x", right_on="entity", maintain_order="left_right")
        rows = rows.filter(pl.int_range(pl.len()).over("pair") < _MOST)
        others = self._rows.join(ends.select(entity="y").unique(), on="entity", how="semi")
        held = others.select("entity", "relation", "other", agrees=pl.lit(True))
        near = others.select("entity", "other", near=pl.lit(True)).unique()
        has = others.select("entity", "relation", has=pl.lit(True)).unique()
        keys: dict[str, pl.DataFrame] = {"relation other": held, "other": near, "relation": has}
        for key, right in keys.items():
            on = key.split()
            rows = rows.join(right, left_on=["y", *on], right_on=["entity", *on], how="left", maintain_order="left")
        rows = rows.join(self._degree, on="other", how="left", maintain_order="left")
        rows = rows.with_columns(
            pl.col("near", "has", "agrees").fill_null(False),
            linked=pl.col("other") == pl.col("y"),
            typed=pl.col("relation") == self._type,
        )
        value = (pl.col("holders") / (pl.col("same") - 1).clip(1)).log()
        rare = (self._n / pl.col("holders")).log().clip(0, 4)
        weight = (value + 0.5 * rare).clip(0)
        agree = (
            pl.when("agrees")
            .then(weight)
            .when("near")
            .then(0.5 * (self._n / pl.col("degree")).log().clip(0))
            .otherwise(0.0)
        )
        strict = ((pl.col("functional") - _FUNCTIONAL) / (1 - _FUNCTIONAL)).clip(0)
        differ = (
            pl.when(pl.col("near") | pl.col("linked"))
            .then(0.0)
            .when(pl.col("has") & ~pl.col("typed"))
            .then(_TOLD + _TOLD_APART * strict)
            .otherwise(_UNTOLD)
        )
        return rows.with_columns(agree=agree, differ=differ, kinds=pl.col("typed") & (weight > _CLASS))


def _rows(relation: Ids, other: Ids, entity: Ids, wanted: NDArray[np.bool_]) -> pl.DataFrame:
    """The distinct rows of wanted entities: entity, relation, other; `same`: how many statements have this relation to
    this other; `holders`: how many entities have the relation; `functional`: holders by statements."""
    n = np.uint64(len(wanted))
    key = relation.astype(np.uint64) * n
    values = key + other.astype(np.uint64)
    values.sort()
    mine = np.flatnonzero(wanted[entity])
    relations, others = relation[mine], other[mine]
    wanted_values = key[mine] + others.astype(np.uint64)
    same = np.searchsorted(values, wanted_values, "right") - np.searchsorted(values, wanted_values, "left")
    del values
    top = int(relation.max(initial=0)) + 1
    key += entity.astype(np.uint64)
    holders = np.bincount((distinct(key) // n).astype(np.int64), minlength=top)
    rows = np.maximum(np.bincount(relation, minlength=top), 1)
    return pl.DataFrame(
        {
            "entity": entity[mine].astype(np.int32),
            "relation": relations.astype(np.int32),
            "other": others.astype(np.int32),
            "same": same.astype(np.int32),
            "holders": holders[relations].astype(np.int32),
            "functional": (holders / rows)[relations].astype(np.float32),
        }
    ).unique(["entity", "relation", "other"], keep="first", maintain_order=True)
