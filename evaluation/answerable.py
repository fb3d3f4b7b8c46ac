"""What a smaller graph still answers: gold questions whose answers can still be reached.

A gold query is not part of the data, so it is guessed from the whole graph. From a gold entity a *chain* of one or two
predicates, each in a direction, leads to values; the gold chain is the one whose values are most nearly the gold
answers (F1, where a chain's values are counted once for each path). Chains through rdf:type are left out.

- select: answerable if there is an answer to which the gold chain of each gold entity leads. Entities that no chain
  joins to any answer do not count; a question of which none does is not judged.
- ask, answered by true: answerable if two of its entities are joined by a triple; not judged if they never were.
- ask, answered by false, and count: not judged. The fewer triples, the truer is a no, and half a count is no count.

Chains are as long as the question's `hops` at most, two where it has none.
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import find
from kg.graph import Ids
from kg.terms import RDF_TYPE, iri_term, value_of
from kg.values import canonical_value
from retrieval.question import Question

MOST_ANSWERS = 50
"""Answers of a question that are looked at, the first."""

_ENDS = ["q", "e", "gold"]
_CHAIN = ["q", "e", "first", "second"]


def still_answerable(
    questions: Sequence[Question],
    terms: pl.Series,
    s: Ids,
    p: Ids,
    o: Ids,
    keep: NDArray[np.bool_],
    *,
    canonical: Callable[[Sequence[str]], Sequence[str]] | None = None,
) -> dict[str, bool]:
    """By id, for the questions that are judged and that all triples answer: whether those in `keep` still do.

    s, p, o: positions in sorted `terms`. keep: by triple. canonical: from bare IRIs to those that stand for them in the
    graph, as `kg.merges.Merges.canonical_many` gives them.
    """
    graph = _Edges(terms, s, p, o, keep)
    asked = pl.DataFrame(
        [(i, q.form, q.hops or 2, len(q.answers)) for i, q in enumerate(questions) if _judged(q)],
        schema={"q": pl.UInt32, "form": pl.String, "hops": pl.Int64, "gold": pl.UInt32},
        orient="row",
    )
    named = [(i, iri) for i in asked["q"].to_list() for iri in questions[i].entities]
    entities = graph.ids(named, canonical).select("q", e="id")
    left = entities.join(graph.around(entities["e"]), left_on="e", right_on="node")
    joined = left.join(entities.select("q", x="e"), on=["q", "x"]).filter(pl.col("x") != pl.col("e"))
    yes = (
        joined.join(asked.filter(pl.col("form") == "ask"), on="q", how="semi").group_by("q").agg(pl.col("alive").any())
    )
    select = asked.filter(pl.col("form") == "select")
    left = left.join(select, on="q")
    found = _by_chain(left, graph.answers(questions, select["q"], left, canonical), graph)
    still = pl.concat([yes, found]).sort("q")
    return {questions[i].id: alive for i, alive in still.iter_rows()}


def _judged(question: Question) -> bool:
    no = question.form == "ask" and [canonical_value(value) for value in question.values] != ["true"]
    return question.form != "count" and not no


def _by_chain(left: pl.DataFrame, answers: pl.DataFrame, graph: "_Edges") -> pl.DataFrame:
    """(q, alive) of select questions, from the edges of their entities and from their answers."""
    direct = left.join(answers, left_on=["q", "x"], right_on=["q", "a"]).select(
        *_ENDS, a="x", first="step", second=pl.lit(-1, pl.Int64), alive="alive"
    )
    longer = left.filter(pl.col("hops") > 1)
    right = answers.join(longer.select("q").unique(), on="q").join(
        graph.around(answers["a"].unique()), left_on="a", right_on="node"
    )
    meeting = longer.join(right, on=["q", "x"], suffix="_right").filter(pl.col("a") != pl.col("e"))
    two = meeting.select(
        *_ENDS, "a", first="step", second=pl.col("step_right") ^ 1, alive=pl.col("alive") & pl.col("alive_right")
    )
    paths = pl.concat([direct, two])
    sizes = pl.concat([_direct_sizes(left), _longer_sizes(longer, two, graph)])
    hits = paths.group_by(*_CHAIN).agg(pl.col("a").n_unique().alias("hits"), pl.col("gold").first())
    score = 2 * pl.col("hits") / (pl.col("size") + pl.col("gold"))
    best = hits.join(sizes, on=_CHAIN).filter(score >= score.max().over("q", "e") - 1e-9)
    reached = paths.join(best, on=_CHAIN, how="semi").group_by("q", "e", "a").agg(pl.col("alive").any())
    per_answer = reached.group_by("q", "a").agg(before=pl.len(), after=pl.col("alive").sum())
    return per_answer.group_by("q").agg(alive=pl.col("after").max() == pl.col("before").max())


def _direct_sizes(left: pl.DataFrame) -> pl.DataFrame:
    """The number of values of each chain of one step."""
    sizes = left.group_by("q", "e", first="step").agg(size=pl.len().cast(pl.Int64))
    return sizes.with_columns(second=pl.lit(-1, pl.Int64)).select(*_CHAIN, "size")


def _longer_sizes(left: pl.DataFrame, paths: pl.DataFrame, graph: "_Edges") -> pl.DataFrame:
    """The number of paths of each chain of two steps that leads to an answer, without the way back."""
    middle = left.select("q", "e", "x", first="step").join(paths.select(_CHAIN).unique(), on=["q", "e", "first"])
    counts = graph.around(middle["x"].unique()).group_by("node", "step").agg(n=pl.len().cast(pl.Int64))
    back = (pl.col("second") == (pl.col("first") ^ 1)).cast(pl.Int64)
    return (
        middle.join(counts, left_on=["x", "second"], right_on=["node", "step"])
        .group_by(*_CHAIN)
        .agg(size=(pl.col("n") - back).sum())
    )


class _Edges:
    """Triples other than rdf:type, looked up by the terms at their ends."""

    def __init__(self, terms: pl.Series, s: Ids, p: Ids, o: Ids, keep: NDArray[np.bool_]) -> None:
        self.terms, self.s, self.p, self.o, self.keep = terms, s, p, o, keep
        self.told = ~(terms == RDF_TYPE).to_numpy()[p]

    def around(self, nodes: pl.Series) -> pl.DataFrame:
        """The edges at some terms: node, step (2 * predicate, + 1 against its direction), x (the other end), alive."""
        chosen = np.zeros(len(self.terms), bool)
        chosen[nodes.to_numpy()] = True
        sides = []
        for near, far, turned in ((self.s, self.o, 0), (self.o, self.s, 1)):
            rows = np.flatnonzero(chosen[near] & self.told)
            step = 2 * self.p[rows].astype(np.int64) + turned
            sides.append(pl.DataFrame({"node": near[rows], "step": step, "x": far[rows], "alive": self.keep[rows]}))
        return pl.concat(sides).with_columns(pl.col("node", "x").cast(pl.Int64))

    def ids(
        self, named: Sequence[tuple[int, str]], canonical: Callable[[Sequence[str]], Sequence[str]] | None
    ) -> pl.DataFrame:
        """(q, id) of bare IRIs that are terms of the graph, each once."""
        iris = [iri for _, iri in named]
        wanted = pl.DataFrame(
            {"q": [q for q, _ in named], "term": [iri_term(iri) for iri in (canonical(iris) if canonical else iris)]},
            schema={"q": pl.UInt32, "term": pl.String},
        )
        wanted = wanted.with_columns(id=pl.Series(find(wanted["term"], self.terms)))
        return wanted.filter(pl.col("id") >= 0).select("q", "id").unique(maintain_order=True)

    def answers(
        self,
        questions: Sequence[Question],
        places: pl.Series,
        left: pl.DataFrame,
        canonical: Callable[[Sequence[str]], Sequence[str]] | None,
    ) -> pl.DataFrame:
        """(q, a): the terms that are answers; a literal is any with the same value within two steps of the entities."""
        gold = [(q, answer) for q in places.to_list() for answer in questions[q].answers[:MOST_ANSWERS]]
        iris = self.ids([(q, answer.value) for q, answer in gold if answer.type == "uri"], canonical)
        texts = pl.DataFrame(
            [(q, canonical_value(answer.value)) for q, answer in gold if answer.type == "literal"],
            schema={"q": pl.UInt32, "value": pl.String},
            orient="row",
        )
        near = np.zeros(len(self.terms), bool)
        for column in ("e", "x"):
            near[left.join(texts, on="q", how="semi")[column].to_numpy()] = True
        objects = np.unique(self.o[near[self.s] & self.told])
        literals = pl.DataFrame({"a": objects.astype(np.int64), "term": self.terms.gather(objects)}).filter(
            pl.col("term").str.starts_with('"')
        )
        values = [canonical_value(value_of(term)) for term in literals["term"].to_list()]
        said = texts.join(literals.with_columns(value=pl.Series(values, dtype=pl.String)), on="value").select("q", "a")
        return pl.concat([iris.select("q", a="id"), said]).unique()
