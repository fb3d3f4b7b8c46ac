"""The part of a dump that the options select, by the same rules as from an endpoint."""

import polars as pl

from kg.sources.options import SourceOptions
from kg.terms import RDF_TYPE, iri_term


def select_triples(triples: pl.DataFrame, options: SourceOptions) -> pl.DataFrame:
    """The rows of a frame (columns s, p, o and others) that the options select, in the same order.

    classes: what leaves the instances. seeds: what leaves the seeds, and, hop by hop, what leaves their IRI objects.
    """
    if options.select == "classes":
        wanted = [iri_term(iri) for iri in options.class_iris]
        typed = triples.filter((pl.col("p") == RDF_TYPE) & pl.col("o").is_in(wanted))
        return triples.filter(pl.col("s").is_in(typed["s"].unique().implode()))
    reached = pl.Series("s", [iri_term(iri) for iri in options.seed_iris], dtype=pl.String).unique()
    for _ in range(options.hops - 1):
        leaving = triples.filter(pl.col("s").is_in(reached.implode()))["o"]
        reached = pl.concat([reached, leaving.filter(leaving.str.starts_with("<")).rename("s")]).unique()
    return triples.filter(pl.col("s").is_in(reached.implode()))
