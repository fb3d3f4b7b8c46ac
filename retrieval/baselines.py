"""Plain retrieval around the same seeds, without any training: what the path scorer is held against.

- dense: triples around the seeds, by the cosine of question and triple text (KAPING, Baek et al. 2023, arXiv
  2306.04136); of more than `MOST_ENCODED` those that share words with the question, by BM25, and the most important of
  the rest, since each text costs the encoder as much as a question;
- bm25: the same triples, by BM25;
- ppr: the nodes around the seeds, by personalised PageRank that restarts at the seeds (HippoRAG, Gutiérrez et al. 2024,
  arXiv 2405.14831);
- all: every triple within the retriever's hops, as one piece: the best recall there is, and what it costs.

Names and descriptions of entities are no triples here, as in `retrieval.neighbours`. Of a hub a sample is looked at,
spread evenly over its relations, so that no question costs more than `MOST` triples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.graph import CLASS, LITERAL, Graph
from retrieval.evidence import Seed
from retrieval.lexical import rank_texts
from retrieval.neighbours import Neighbours
from retrieval.retriever import Retriever
from retrieval.search import spread

MOST = 256
"""Most triples around the seeds of one question that dense and bm25 rank."""
MOST_ENCODED = 64
"""Most triples of one question that dense encodes."""
MOST_NODES = 512
"""Most nodes that a second hop starts from."""
MOST_OF_ALL = 1024
"""Most triples of each hop of ppr and all."""
RESTART = 0.5
"""The chance of going back to a seed at each step, as HippoRAG has it."""

Rows = NDArray[np.int64]
Terms = NDArray[np.integer]


@dataclass(frozen=True)
class Piece:
    """The terms that a piece of evidence gives as answers, best first, and the rows of the graph that it shows."""

    terms: tuple[int, ...]
    rows: tuple[int, ...]


Baseline = Callable[[Sequence[str], Sequence[Sequence[Seed]], Retriever], list[list[Piece]]]
"""From questions, their seeds and a retriever to the pieces of each question, best first."""


def dense(questions: Sequence[str], seeds: Sequence[Sequence[Seed]], retriever: Retriever) -> list[list[Piece]]:
    """Triples around the seeds, at most `MOST_ENCODED`, by the cosine of their text with the question."""
    graph = retriever.neighbours.graph
    pairs = zip(questions, (rows_around(retriever.neighbours, _entities(own), MOST) for own in seeds), strict=True)
    near = [_likely(graph, question, rows) for question, rows in pairs]
    texts = [triple_texts(graph, rows) for rows in near]
    flat = [*questions, *(text for own in texts for text in own)]
    vectors = (
        retriever.encoder.encode(flat) if len(flat) > len(questions) else np.zeros((len(questions), 1), np.float32)
    )
    found, start = [], len(questions)
    for place, (own, rows) in enumerate(zip(seeds, near, strict=True)):
        scores = vectors[start : start + len(rows)] @ vectors[place]
        start += len(rows)
        found.append(_pieces(graph, rows[np.argsort(-scores, kind="stable")], own))
    return found


def bm25(questions: Sequence[str], seeds: Sequence[Sequence[Seed]], retriever: Retriever) -> list[list[Piece]]:
    """Triples around the seeds by BM25 of their text; those that share no word with the question are left out."""
    graph = retriever.neighbours.graph
    found = []
    for question, own in zip(questions, seeds, strict=True):
        rows = rows_around(retriever.neighbours, _entities(own), MOST)
        best, _ = rank_texts(question, triple_texts(graph, rows))
        found.append(_pieces(graph, rows[best], own))
    return found


def ppr(_: Sequence[str], seeds: Sequence[Sequence[Seed]], retriever: Retriever) -> list[list[Piece]]:
    """Nodes other than seeds by personalised PageRank over the triples around the seeds, each with the triples that
    join it to better ones. Triples of rdf:type are no links, since a class joins whatever it holds."""
    return [_ppr(own, retriever) for own in seeds]


def everything(_: Sequence[str], seeds: Sequence[Sequence[Seed]], retriever: Retriever) -> list[list[Piece]]:
    """One piece with all triples within the retriever's hops; its terms are what one hop reaches, the most important
    triples first, and then the rest."""
    neighbours, hops = retriever.neighbours, retriever.options.hops
    graph = neighbours.graph
    found = []
    for own in seeds:
        start = _entities(own)
        first = by_importance(graph, rows_around(neighbours, start, MOST_OF_ALL))
        rows = np.unique(np.concatenate([first, rows_within(neighbours, start, hops)]))
        near = _ends(graph, first, set(start.tolist()))
        ends = np.concatenate([np.asarray(graph.s)[rows], np.asarray(graph.o)[rows]])
        terms = dict.fromkeys([*near, *ends.tolist()])
        found.append([Piece(tuple(terms), tuple(rows.tolist()))] if len(rows) else [])
    return found


BASELINES: dict[str, Baseline] = {"dense": dense, "bm25": bm25, "ppr": ppr, "all": everything}


def one_hop(seeds: Sequence[Seed], retriever: Retriever) -> list[int]:
    """The distinct terms next to the seeds, those of the most important triples first."""
    start = _entities(seeds)
    graph = retriever.neighbours.graph
    rows = by_importance(graph, rows_around(retriever.neighbours, start, MOST_OF_ALL))
    return list(dict.fromkeys(_ends(graph, rows, set(start.tolist()))))


def rows_around(neighbours: Neighbours, entities: Terms, most: int) -> Rows:
    """The distinct rows that touch the entities, ascending; above `most`, thinned evenly within each relation."""
    groups = [group for entity in entities.tolist() for group in _groups(neighbours, entity)]
    total = sum(len(group) for group in groups)
    if total > most:
        share = max(1, most // len(groups))
        groups = [spread(group, share) for group in groups]
    rows = np.unique(np.concatenate(groups)) if groups else np.zeros(0, np.int64)
    return spread(rows, most)


def rows_within(neighbours: Neighbours, entities: Terms, hops: int) -> Rows:
    """The distinct rows within some hops of the entities, at most `MOST_OF_ALL` a hop, ascending; no hop goes on from a
    class."""
    graph = neighbours.graph
    rows = np.zeros(0, np.int64)
    frontier: Terms = entities
    seen: Terms = entities
    for _step in range(hops):
        near = rows_around(neighbours, spread(frontier, MOST_NODES), MOST_OF_ALL)
        rows = np.union1d(rows, near)
        ends = np.union1d(np.asarray(graph.s)[near], np.asarray(graph.o)[near])
        going_on = ~np.isin(np.asarray(graph.kind)[ends], (LITERAL, CLASS))
        frontier = np.setdiff1d(ends[going_on], seen).astype(np.int32)
        seen = np.union1d(seen, ends)
    return rows


def triple_texts(graph: Graph, rows: Rows) -> list[str]:
    """Each triple as its three labels."""
    columns = (np.asarray(column)[rows].tolist() for column in (graph.s, graph.p, graph.o))
    return [" ".join(graph.label_of(term) for term in triple) for triple in zip(*columns, strict=True)]


def by_importance(graph: Graph, rows: Rows) -> Rows:
    """The rows, the most important triples first."""
    return rows[np.argsort(-np.asarray(graph.importance)[rows], kind="stable")]


def _ppr(seeds: Sequence[Seed], retriever: Retriever) -> list[Piece]:
    graph = retriever.neighbours.graph
    start = _entities(seeds)
    rows = rows_within(retriever.neighbours, start, retriever.options.hops)
    rows = rows[np.asarray(graph.p)[rows] != graph.type_id]
    if not len(rows):
        return []
    nodes, places = np.unique(np.r_[np.asarray(graph.s)[rows], np.asarray(graph.o)[rows]], return_inverse=True)
    s, o = places[: len(rows)], places[len(rows) :]
    restart = np.zeros(len(nodes))
    for seed in seeds:
        restart[nodes == seed.entity] += np.exp(seed.log_p)
    if not restart.sum():
        return []
    rank = personalised_rank(s, o, restart / restart.sum())
    order = np.argsort(-rank, kind="stable")
    position = np.empty(len(nodes), np.int64)
    position[order] = np.arange(len(nodes))
    worse = np.where(position[s] > position[o], s, o)
    is_seed = np.isin(nodes, start)
    kept = [int(node) for node in order if not is_seed[node]]
    shown: dict[int, list[int]] = {}
    for row, node in zip(rows.tolist(), worse.tolist(), strict=True):
        shown.setdefault(node, []).append(row)
    return [Piece((int(nodes[node]),), tuple(shown.get(node, ()))) for node in kept]


def personalised_rank(
    s: NDArray[np.int64], o: NDArray[np.int64], restart: NDArray[np.float64], *, iterations: int = 30
) -> NDArray[np.float64]:
    """PageRank over undirected edges s - o, shape (n,), that goes back to `restart` (n, sums to 1) with chance RESTART.

    A node without edges sends all its rank back to `restart`.
    """
    n = len(restart)
    both, other = np.r_[s, o], np.r_[o, s]
    degree = np.bincount(both, minlength=n).astype(np.float64)
    rank = restart
    for _step in range(iterations):
        sent = np.bincount(other, weights=(rank / np.maximum(degree, 1))[both], minlength=n)
        moved = (1 - RESTART) * sent
        rank = moved + (1 - moved.sum()) * restart
    return rank


def _likely(graph: Graph, question: str, rows: Rows) -> Rows:
    """At most `MOST_ENCODED` of the rows: those that share a word with the question, then the most important."""
    if len(rows) <= MOST_ENCODED:
        return rows
    alike = rows[rank_texts(question, triple_texts(graph, rows))[0]]
    rest = by_importance(graph, np.setdiff1d(rows, alike))
    return np.concatenate([alike, rest])[:MOST_ENCODED]


def _groups(neighbours: Neighbours, entity: int) -> list[Rows]:
    """The rows around an entity, one array for each relation."""
    span = slice(int(neighbours.pointer[entity]), int(neighbours.pointer[entity + 1]))
    columns = (np.asarray(column[span]).tolist() for column in (neighbours.relation, neighbours.start, neighbours.end))
    return [
        np.asarray(neighbours.graph.in_order[start:end], np.int64) if relation & 1 else np.arange(start, end)
        for relation, start, end in zip(*columns, strict=True)
    ]


def _pieces(graph: Graph, rows: Rows, seeds: Sequence[Seed]) -> list[Piece]:
    ends = _ends(graph, rows, {seed.entity for seed in seeds})
    return [Piece((end,), (row,)) for end, row in zip(ends, rows.tolist(), strict=True)]


def _ends(graph: Graph, rows: Rows, seeds: set[int]) -> list[int]:
    """The end of each triple that is no seed; the object where both are."""
    pairs = zip(np.asarray(graph.s)[rows].tolist(), np.asarray(graph.o)[rows].tolist(), strict=True)
    return [s if o in seeds and s not in seeds else o for s, o in pairs]


def _entities(seeds: Sequence[Seed]) -> NDArray[np.int32]:
    return np.unique(np.array([seed.entity for seed in seeds], np.int32))
