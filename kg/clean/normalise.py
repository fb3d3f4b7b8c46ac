"""Terms in one form each, and the triples that say nothing left out.

The work is done once for each distinct term and then joined back, so its cost follows the vocabulary, not the triples.
"""

import polars as pl

from kg.clean.iris import normal_iris
from kg.clean.literals import normal_literals
from kg.clean.options import CleanOptions


def normalise(statements: pl.DataFrame, options: CleanOptions) -> tuple[pl.DataFrame, dict[str, int]]:
    """The statements with normal terms, and how many distinct triples were dropped, by reason.

    Reasons, the first that fits: dropped predicate, invalid term, empty literal, other language.
    """
    changes = _changes(statements, options)
    frame = statements.lazy()
    for name in ("s", "p", "o"):
        renamed = changes.lazy().select(
            pl.col("term").alias(name), pl.col("new").alias(f"{name}_new"), pl.col("reason").alias(f"{name}_reason")
        )
        frame = frame.join(renamed, on=name, how="left", maintain_order="left")
    misplaced = pl.col("s").str.starts_with('"') | ~pl.col("p").str.starts_with("<")
    reasons = pl.concat_list("s_reason", "p_reason", "o_reason").list
    marked = frame.with_columns(
        reason=pl.when(pl.col("p").is_in(options.dropped_terms) | pl.col("p_new").is_in(options.dropped_terms))
        .then(pl.lit("dropped predicate"))
        .when(misplaced | reasons.contains("invalid term"))
        .then(pl.lit("invalid term"))
        .otherwise(pl.col("o_reason"))
    ).collect()
    dropped = marked.filter(pl.col("reason").is_not_null()).unique(["s", "p", "o"])
    counts = dict(dropped.group_by("reason").len().sort("reason").iter_rows())
    kept = marked.filter(pl.col("reason").is_null()).select(
        *(pl.coalesce(f"{name}_new", name).alias(name) for name in ("s", "p", "o")), *statements.columns[3:]
    )
    return kept, counts


def _changes(statements: pl.DataFrame, options: CleanOptions) -> pl.DataFrame:
    """The distinct terms that change or that drop their triples: term, new, reason."""
    terms = pl.concat([statements[name].unique() for name in ("s", "p", "o")]).unique()
    literal = terms.str.starts_with('"')
    iris = normal_iris(terms.filter(~literal)).select(
        "term", "new", reason=pl.when(~pl.col("valid")).then(pl.lit("invalid term"))
    )
    literals = normal_literals(terms.filter(literal), options.languages)
    return pl.concat([iris, literals]).filter((pl.col("term") != pl.col("new")) | pl.col("reason").is_not_null())
