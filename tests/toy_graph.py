"""The clean toy graph in both views, with a retriever over it, and answers found by brute force over its triples."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from kg.graph import Graph, write_graph
from kg.linking.aliases import write_aliases
from kg.merges import write_merges
from kg.store import write_store
from kg.terms import ABSTRACT, RDF_TYPE, expand, iri_term
from kg.types import Encoder
from retrieval.index import write_indexes
from retrieval.neighbours import Neighbours, write_neighbours
from retrieval.open import open_retriever
from retrieval.options import RetrievalOptions
from retrieval.path import Seed
from retrieval.retriever import Retriever
from tests.encoders import NgramEncoder
from tests.toy import CLEAN, ranked

Triple = tuple[str, str, str]

HIDDEN = {iri_term(expand(name)) for name in ("rdfs:label", "skos:altLabel", "foaf:name")} | {ABSTRACT}
"""Names and descriptions, as far as the tests' graphs have any."""


def fact(s: str, p: str, o: str) -> Triple:
    """The N-Triples terms of prefixed names; an object in quotes stays as it is."""
    return iri_term(expand(s)), iri_term(expand(p)), o if o.startswith('"') else iri_term(expand(o))


def neighbours_of(folder: Path, triples: Iterable[Triple]) -> Neighbours:
    """The relations of a graph of these triples alone, without the other indexes."""
    schema = {"s": pl.String, "p": pl.String, "o": pl.String}
    frame = pl.DataFrame(sorted(triples), schema=schema, orient="row")
    return write_neighbours(folder / "neighbours", write_graph(folder / "graph", ranked(frame)))


def write_toy(folder: Path, encoder: Encoder, triples: Sequence[Triple] = tuple(sorted(CLEAN))) -> Path:
    """The folder, with the graph, the store and the indexes in it, as a build leaves them before training."""
    schema = {"s": pl.String, "p": pl.String, "o": pl.String}
    frame = pl.DataFrame(list(triples), schema=schema, orient="row")
    graph = write_graph(folder / "graph", ranked(frame))
    write_store(folder / "store", ranked(frame))
    write_aliases(folder / "aliases", graph)
    write_merges(
        folder / "merges",
        pl.DataFrame(schema={"from": pl.String, "to": pl.String, "reason": pl.String, "score": pl.Float32}),
    )
    write_indexes(folder, graph, encoder)
    return folder


def toy_retriever(folder: Path, options: RetrievalOptions | None = None) -> Retriever:
    """An untrained retriever over the toy graph, made by an encoder that needs no model."""
    encoder = NgramEncoder()
    if not (folder / "graph").is_dir():
        write_toy(folder, encoder)
    return open_retriever(folder, encoder, options)


def seed_of(graph: Graph, name: str) -> Seed:
    """A sure seed for a prefixed name, without a mention."""
    return Seed(graph.id_of(expand(name)), -1, -1, 0.0)


def relation_of(neighbours: Neighbours, name: str) -> int:
    """The number of a relation: a prefixed name, with ^ before it for the inverse, as SPARQL writes it."""
    predicate = neighbours.graph.id_of(expand(name.removeprefix("^")))
    return 2 * neighbours.graph.predicates.tolist().index(predicate) + name.startswith("^")


def spelt(neighbours: Neighbours, relations: Sequence[int]) -> str:
    """Relations as a SPARQL 1.1 property path."""
    terms = (iri_term(neighbours.graph.iri_of(int(neighbours.graph.predicates[r // 2]))) for r in relations)
    return "/".join("^" * (r & 1) + term for term, r in zip(terms, relations, strict=True))


Around = dict[str, dict[str, set[str]]]


def steps(triples: Iterable[Triple] = CLEAN) -> Around:
    """By term, by relation (its predicate, with ^ before it for the inverse), the terms it leads to."""
    found: Around = defaultdict(lambda: defaultdict(set))
    for s, p, o in triples:
        if p in HIDDEN:
            continue
        found[s][p].add(o)
        if not o.startswith('"'):
            found[o]["^" + p].add(s)
    return found


def walk(around: Around, start: str, relations: Sequence[str]) -> set[str]:
    """All that a path reaches, which never comes back to where it began."""
    reached = {start}
    for hop, relation in enumerate(relations):
        ends = {end for term in reached for end in around.get(term, {}).get(relation, set())}
        reached = ends - {start} if hop else ends
    return reached


def every_path(start: str, hops: int, around: Around | None = None) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Each path of at most `hops` relations from a term that goes on from entities only, with all it reaches."""
    around = steps() if around is None else around
    classes = {end for relations in around.values() for end in relations.get(RDF_TYPE, set())}
    frontier: list[tuple[str, ...]] = [()]
    for hop in range(hops):
        longer = []
        for path in frontier:
            reached = walk(around, start, path) - (classes | {start} if hop else set())
            for relation in sorted({relation for term in reached for relation in around.get(term, {})}):
                longer.append((*path, relation))
                yield longer[-1], walk(around, start, longer[-1])
        frontier = longer
