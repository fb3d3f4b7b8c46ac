"""One entity for all its IRIs: redirects followed, owl:sameAs merged.

The classes are the connected components of both relations. A page that redirects to two different pages says nothing
certain, so it merges nothing; nor does a link of a predicate, for predicates are never renamed. After that come the
twins that nothing links.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.options import CleanOptions
from kg.clean.resolve import resolve
from kg.graph import Ids, codes
from kg.statements import TRIPLE, Statements, compact, concat, count_distinct, keys, moved, union
from kg.terms import OWL_SAME_AS, RDFS_LABEL, REDIRECTS, SKOS_ALT_LABEL, iri_term, literal_term, name_of, value_of

PREF_LABEL = "<http://www.w3.org/2004/02/skos/core#prefLabel>"
_KEY = ["s", "p", "o"]


@dataclass(frozen=True)
class Merged:
    """Statements about canonical entities, and how they came to be.

    dropped: distinct triples by reason. merges: columns `from`, `to`, `reason` ("redirect", "same as" or "twin") and
    `score` (0 to 1; what is stated has 1), sorted by `from`. added: distinct triples that no source states (the names
    of redirects).
    """

    statements: Statements
    dropped: dict[str, int]
    merges: pl.DataFrame
    added: int


def merge(statements: Statements, options: CleanOptions) -> Merged:
    """The statements with each merged entity replaced by its canonical one.

    A label of a merged entity becomes a skos:altLabel of the canonical one, unless that has it as its label or
    has none; a redirect without a label gives the name that its IRI makes.

    The canonical entity is one that redirects to no other (of a cycle, any); among these one in `options.prefer`, then
    the one with the most statements, then the one whose IRI comes first by its bytes. IRIs in `options.apart` are
    neither merged nor merged into.
    """
    linking = pl.Series(np.isin(statements.rows["p"].to_numpy(), statements.positions([REDIRECTS, OWL_SAME_AS])))
    stated = statements.keep(linking).frame()
    rest = Statements(statements.terms, statements.rows.filter(~linking))  # with the terms of the links
    predicates = rest.terms.gather(rest.rows["p"].unique()).implode()
    apart = [iri_term(iri) for iri in options.apart]
    literal = pl.col("o").str.starts_with('"')
    predicate = pl.col("s").is_in(predicates) | pl.col("o").is_in(predicates)
    unmerged = pl.col("s").is_in(apart) | pl.col("o").is_in(apart)
    links = stated.filter(~literal & ~predicate & ~unmerged)
    merges, ambiguous = _merges(links, rest, options)
    reason = (
        pl.when(literal)
        .then(pl.lit("invalid term"))
        .when(predicate)
        .then(pl.lit("link of a predicate"))
        .when(unmerged)
        .then(pl.lit("unmerged"))
        .when(pl.col("p") == OWL_SAME_AS)
        .then(pl.lit("same as"))
        .when(pl.col("s").is_in(ambiguous.implode()))
        .then(pl.lit("ambiguous redirect"))
        .otherwise(pl.lit("redirect"))
    )
    counted = stated.with_columns(reason=reason).unique(_KEY).group_by("reason").len().sort("reason")
    dropped: dict[str, int] = dict(counted.iter_rows())
    kept, added = compact(rest.terms, rest.rows), 0
    if len(merges):
        kept, loops = follow(rest, merges)
        dropped |= {"self loop after merge": loops} if loops else {}
        aliases = _aliases(links, rest, merges, options)
        aliases = aliases.join(_of_predicate(kept, RDFS_LABEL), on=["s", "o"], how="anti")
        added = aliases.unique(_KEY).join(_of_predicate(kept, SKOS_ALT_LABEL), on=_KEY, how="anti").height
        kept = concat([kept, Statements.of(aliases)])
    return Merged(kept, dropped, merges, added)


def merge_twins(merged: Merged, options: CleanOptions) -> Merged:
    """The same with twins merged that no statement links (see `kg.clean.resolve`)."""
    statements = merged.statements
    twins = resolve(statements.terms, *statements.triples(), options=options, apart=options.apart)
    if not len(twins):
        return merged
    kept, loops = follow(statements, twins)
    dropped = dict(Counter(merged.dropped) + Counter({"self loop after merge": loops}))
    onward = dict(twins.select("from", "to").iter_rows())
    before = merged.merges.with_columns(pl.col("to").replace(onward))
    merges = pl.concat([before, twins.select(before.columns)]).sort("from")
    return Merged(kept, dropped, merges, merged.added)


def follow(statements: Statements, merges: pl.DataFrame) -> tuple[Statements, int]:
    """(the statements with merged entities renamed and their labels turned into alternative ones, the number of
    distinct triples dropped because merging made them loops).

    merges: columns `from`, `to`, `reason`; all names are among the terms. The label of a redirect is never the main
    one.
    """
    n = len(statements.terms)
    target = np.arange(n, dtype=np.uint32)
    merged = statements.positions(merges["from"])
    target[merged] = statements.positions(merges["to"])
    page = np.ones(n, bool)
    page[merged] = (merges["reason"] != "redirect").to_numpy()
    was = {name: statements.rows[name].to_numpy() for name in TRIPLE}
    s, p, o = target[was["s"]], was["p"], target[was["o"]]
    loop = (s == o) & (was["s"] != was["o"])
    labels = np.flatnonzero(np.isin(p, statements.positions([RDFS_LABEL, PREF_LABEL])))
    renamed = s[labels] != was["s"][labels]
    key = keys(s[labels], p[labels], o[labels])
    own = np.isin(key, key[~renamed])
    labelled = np.isin(s[labels], s[labels][~renamed])
    changed = renamed & ~own & (labelled | ~page[was["s"][labels]])
    terms, place, (alternative,) = union(statements.terms, pl.Series([SKOS_ALT_LABEL]))
    loops = count_distinct(keys(*(was[name][loop] for name in TRIPLE)))
    rows = statements.rows.with_columns(pl.Series("s", s), pl.Series("o", o))
    rows = moved(rows, place).with_columns(p=pl.Series("p", place[p]).scatter(labels[changed], alternative))
    return compact(terms, rows.filter(pl.Series(~loop))), loops


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


def _merges(links: pl.DataFrame, rest: Statements, options: CleanOptions) -> tuple[pl.DataFrame, pl.Series]:
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
        .select(pl.col("term").alias("from"), "to", reason=reason, score=pl.lit(1.0, pl.Float32))
        .sort("from")
    )
    return merges, terms.filter(pl.Series(ambiguous))


def _uses(rest: Statements, terms: pl.Series) -> pl.DataFrame:
    """How many distinct triples besides the links name each term."""
    wanted = rest.positions(terms)
    near = np.isin(rest.rows["s"].to_numpy(), wanted) | np.isin(rest.rows["o"].to_numpy(), wanted)
    triples = rest.rows.filter(pl.Series(near)).select(TRIPLE).unique()
    named = np.bincount(triples["s"].to_numpy(), minlength=len(rest.terms))
    named += np.bincount(triples["o"].to_numpy(), minlength=len(rest.terms))
    return pl.DataFrame({"term": terms, "uses": named[wanted]})


def _of_predicate(statements: Statements, predicate: str) -> pl.DataFrame:
    """The distinct triples with a predicate, as terms."""
    position = statements.positions([predicate])
    rows = statements.rows.filter(pl.Series(np.isin(statements.rows["p"].to_numpy(), position)))
    return Statements(statements.terms, rows.select(TRIPLE).unique()).frame()


def _aliases(links: pl.DataFrame, rest: Statements, merges: pl.DataFrame, options: CleanOptions) -> pl.DataFrame:
    """An alternative label for each redirect statement whose subject has no label."""
    labels = np.isin(rest.rows["p"].to_numpy(), rest.positions([RDFS_LABEL, PREF_LABEL]))
    named = rest.terms.gather(np.unique(rest.rows["s"].to_numpy()[labels])).implode()
    bare = links.filter((pl.col("p") == REDIRECTS) & pl.col("s").str.starts_with("<") & ~pl.col("s").is_in(named))
    found = bare.join(merges.filter(pl.col("reason") == "redirect"), left_on="s", right_on="from")
    names = [literal_term(name_of(value_of(term)), language=options.language) for term in found["s"]]
    aliases = found.with_columns(s="to", p=pl.lit(SKOS_ALT_LABEL), o=pl.Series(names, dtype=pl.String))
    return aliases.select(links.columns)


def _connected(n: int, a: Ids, b: Ids, connection: str) -> Ids:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(n, n))
    labels: NDArray[np.int32] = connected_components(edges, directed=True, connection=connection)[1]
    return labels.astype(np.int32)
