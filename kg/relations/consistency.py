"""Triples from text that contradict the graph: a second value for a predicate that has one value each.

A predicate counts as functional if in the graph its subjects have hardly more than one object on average. Where the
graph states the one value, another one read from text is more likely a misreading than news (the partial completeness
assumption of AMIE, Galárraga et al. 2013).
"""

import polars as pl

FUNCTIONAL = 1.1
"""Most objects per subject, on average, of a functional predicate."""
MIN_SUBJECTS = 10
"""Subjects that a predicate needs before it is judged."""


def keep_consistent(statements: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """The statements (columns s, p, o of N-Triples terms) that the distinct stated triples hold too or do not
    contradict."""
    functional = (
        stated.group_by("p")
        .agg(pl.len().alias("triples"), pl.col("s").n_unique().alias("subjects"))
        .filter((pl.col("subjects") >= MIN_SUBJECTS) & (pl.col("triples") <= FUNCTIONAL * pl.col("subjects")))
    )
    known = stated.join(functional.select("p"), on="p", how="semi")
    key = ["s", "p", "o"]
    taken = statements.join(known, on=["s", "p"], how="semi").join(known, on=key, how="anti").select(key).unique()
    return statements.join(taken, on=key, how="anti", maintain_order="left")
