"""One entity for all its IRIs: redirects followed, owl:sameAs merged.

The classes are the connected components of both relations. A page that redirects to two different pages says nothing
certain, so it merges nothing; nor does a link of a predicate, for predicates are never renamed. Identity is stated,
never guessed from names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.options import CleanOptions
from kg.graph import Ids, codes
from kg.terms import OWL_SAME_AS, RDFS_LABEL, REDIRECTS, SKOS_ALT_LABEL, literal_term, name_of, value_of

PREF_LABEL = "<http://www.w3.org/2004/02/skos/core#prefLabel>"
_KEY = ["s", "p", "o"]


@dataclass(frozen=True)
class Merged:
    """Statements about canonical entities, and how they came to be.

    dropped: distinct triples by reason. merges: columns `from`, `to`, `reason` ("redirect" or "same as"), sorted by
    `from`. added: distinct triples that no source states (the names of redirects).
    """

    statements: pl.DataFrame
    dropped: dict[str, int]
    merges: pl.DataFrame
    added: int


def merge(statements: pl.DataFrame, options: CleanOptions) -> Merged:
    """The statements with each merged entity replaced by its canonical one.

    A label of a merged entity becomes a skos:altLabel of the canonical one, unless that has it as its label or
    has none; a redirect without a label gives the name that its IRI makes.

    The canonical entity is one that redirects to no other (of a cycle, any); among these one in `options.prefer`, then
    the one with the most statements, then the one whose IRI comes first by its bytes.
    """
    stated = statements.filter(pl.col("p").is_in([REDIRECTS, OWL_SAME_AS]))
    rest = statements.filter(~pl.col("p").is_in([REDIRECTS, OWL_SAME_AS]))
    predicates = rest["p"].unique().implode()
    literal = pl.col("o").str.starts_with('"')
    predicate = pl.col("s").is_in(predicates) | pl.col("o").is_in(predicates)
    links = stated.filter(~literal & ~predicate)
    merges, ambiguous = _merges(links, rest, options)
    reason = (
        pl.when(literal)
        .then(pl.lit("invalid term"))
        .when(predicate)
        .then(pl.lit("link of a predicate"))
        .when(pl.col("p") == OWL_SAME_AS)
        .then(pl.lit("same as"))
        .when(pl.col("s").is_in(ambiguous.implode()))
        .then(pl.lit("ambiguous redirect"))
        .otherwise(pl.lit("redirect"))
    )
    dropped = _count(stated.with_columns(reason=reason))
    if not len(merges):
        return Merged(rest, dropped, merges, 0)
    mapped = _map(rest, merges)
    loops = mapped.filter(pl.col("loop"))
    dropped |= _count(loops.with_columns(*_originals(), reason=pl.lit("self loop after merge")))
    kept = _labels(mapped.filter(~pl.col("loop"))).select(statements.columns)
    aliases = _aliases(links, rest, merges, options).select(statements.columns)
    aliases = aliases.join(kept.filter(pl.col("p") == RDFS_LABEL), on=["s", "o"], how="anti")
    present = kept.filter(pl.col("p") == SKOS_ALT_LABEL)
    added = aliases.unique(_KEY).join(present, on=_KEY, how="anti").height
    return Merged(pl.concat([kept, aliases]), dropped, merges, added)


def components(n: int, a: Ids, b: Ids) -> Ids:
    """The number of the component of each of n nodes under undirected edges a - b."""
    return _connected(n, a, b, "weak")


def sinks(n: int, s: Ids, o: Ids) -> tuple[Ids, Ids]:
    """For redirects s -> o: (node, final target) pairs, chains followed; a cycle ends in its first node.

    A node with several final targets comes once for each; a node that redirects nowhere else does not come.
    """
    strong = _connected(n, s, o, "strong")
    first = np.full(n, n, np.int32)
    np.minimum.at(first, strong, np.arange(n, dtype=np.int32))
    edges = pl.DataFrame({"node": strong[s], "target": strong[o]}).filter(pl.col("node") != pl.col("target")).unique()
    leaving = edges["node"].unique().implode()
    reach = edges
    while (open_ends := reach.filter(pl.col("target").is_in(leaving))).height:
        onward = open_ends.join(reach, left_on="target", right_on="node").select("node", target="target_right")
        reach = pl.concat([reach.filter(~pl.col("target").is_in(leaving)), onward]).unique()
    inside = np.arange(n, dtype=np.int32)
    final = pl.DataFrame({"id": inside, "node": strong}).join(reach, on="node").select("id", "target")
    cyclic = pl.DataFrame({"id": inside, "target": strong}).filter(
        pl.Series((first[strong] != inside) & ~np.isin(strong, reach["node"].to_numpy()))
    )
    pairs = pl.concat([final, cyclic]).sort("id", "target")
    return pairs["id"].to_numpy(), first[pairs["target"].to_numpy()]


def _merges(links: pl.DataFrame, rest: pl.DataFrame, options: CleanOptions) -> tuple[pl.DataFrame, pl.Series]:
    """The merges, and the terms whose redirects are ambiguous."""
    nodes = links.select(_KEY).unique()
    terms = pl.concat([nodes["s"], nodes["o"]]).unique().sort()
    n = len(terms)
    s, o = codes(nodes["s"], terms), codes(nodes["o"], terms)
    redirect = (nodes["p"] == REDIRECTS).to_numpy()
    source, target = sinks(n, s[redirect], o[redirect])
    ambiguous = np.bincount(source, minlength=n) > 1
    sure = ~ambiguous[source]
    source, target = source[sure], target[sure]
    group = components(n, np.concatenate([source, s[~redirect]]), np.concatenate([target, o[~redirect]]))
    redirected = np.zeros(n, bool)
    redirected[source] = True
    frame = pl.DataFrame({"term": terms, "group": group, "redirected": redirected}).join(
        _uses(rest, terms), on="term", how="left", maintain_order="left"
    )
    best = (
        frame.sort(
            "redirected", ~pl.col("term").str.starts_with(f"<{options.prefer}"), -pl.col("uses").fill_null(0), "term"
        )
        .unique("group", keep="first", maintain_order=True)
        .select("group", to="term")
    )
    reason = pl.when(pl.col("redirected")).then(pl.lit("redirect")).otherwise(pl.lit("same as"))
    merges = (
        frame.join(best, on="group")
        .filter(pl.col("term") != pl.col("to"))
        .select(pl.col("term").alias("from"), "to", reason=reason)
        .sort("from")
    )
    return merges, terms.filter(pl.Series(ambiguous))


def _uses(rest: pl.DataFrame, terms: pl.Series) -> pl.DataFrame:
    """How many distinct triples besides the links name each term."""
    wanted = terms.implode()
    near = rest.lazy().filter(pl.col("s").is_in(wanted) | pl.col("o").is_in(wanted)).select(_KEY).unique().collect()
    named = pl.concat([near["s"], near["o"]]).alias("term").to_frame()
    return named.group_by("term").agg(uses=pl.len().cast(pl.Int64))


def _map(rest: pl.DataFrame, merges: pl.DataFrame) -> pl.DataFrame:
    """The statements with canonical subjects and objects; `s_was`, `o_was`, `s_reason`, and `loop` for new loops."""
    frame = rest.with_columns(s_was="s", o_was="o")
    for name in ("s", "o"):
        to = merges.select(
            pl.col("from").alias(name), pl.col("to").alias(f"{name}_to"), pl.col("reason").alias(f"{name}_reason")
        )
        frame = frame.join(to, on=name, how="left", maintain_order="left").with_columns(
            pl.coalesce(f"{name}_to", name).alias(name)
        )
    return frame.with_columns(loop=(pl.col("s") == pl.col("o")) & (pl.col("s_was") != pl.col("o_was")))


def _labels(mapped: pl.DataFrame) -> pl.DataFrame:
    """The mapped statements with the labels of merged entities turned into alternative labels."""
    label = pl.col("p").is_in([RDFS_LABEL, PREF_LABEL])
    moved = pl.col("s_reason").is_not_null() & label
    canonical = mapped.filter(moved)["s"].unique().implode()
    own = mapped.filter(pl.col("s_reason").is_null() & label & pl.col("s").is_in(canonical)).select(_KEY).unique()
    labelled = own["s"].unique().implode()
    marked = mapped.join(own.with_columns(known=True), on=_KEY, how="left", maintain_order="left")
    only = (pl.col("s_reason") == "same as") & ~pl.col("s").is_in(labelled)
    change = moved & pl.col("known").is_null() & ~only
    return marked.with_columns(p=pl.when(change).then(pl.lit(SKOS_ALT_LABEL)).otherwise("p"))


def _aliases(links: pl.DataFrame, rest: pl.DataFrame, merges: pl.DataFrame, options: CleanOptions) -> pl.DataFrame:
    """An alternative label for each redirect statement whose subject has no label."""
    named = rest.filter(pl.col("p").is_in([RDFS_LABEL, PREF_LABEL]))["s"].unique().implode()
    bare = links.filter((pl.col("p") == REDIRECTS) & pl.col("s").str.starts_with("<") & ~pl.col("s").is_in(named))
    found = bare.join(merges.filter(pl.col("reason") == "redirect"), left_on="s", right_on="from")
    language = options.languages[0] if options.languages else None
    names = [literal_term(name_of(value_of(term)), language=language) for term in found["s"]]
    return found.with_columns(s="to", p=pl.lit(SKOS_ALT_LABEL), o=pl.Series(names, dtype=pl.String))


def _count(dropped: pl.DataFrame) -> dict[str, int]:
    """Distinct triples by reason."""
    return dict(dropped.unique(_KEY).group_by("reason").len().sort("reason").iter_rows())


def _originals() -> Sequence[pl.Expr]:
    return pl.col("s_was").alias("s"), pl.col("o_was").alias("o")


def _connected(n: int, a: Ids, b: Ids, connection: str) -> Ids:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(n, n))
    labels: NDArray[np.int32] = connected_components(edges, directed=True, connection=connection)[1]
    return labels.astype(np.int32)
