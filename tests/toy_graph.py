"""The clean toy graph in both views, with a retriever over it, and answers found by brute force over its triples."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from kg.graph import Graph, write_graph
from kg.linking.aliases import write_aliases
from kg.merges import write_merges
from kg.store import write_store
from kg.terms import ABSTRACT, RDF_TYPE, expand, iri_term
from kg.types import Encoder
from retrieval.evidence import Seed
from retrieval.index import write_indexes
from retrieval.neighbours import Neighbours
from retrieval.open import open_retriever
from retrieval.options import RetrievalOptions
from retrieval.retriever import Retriever
from tests.encoders import NgramEncoder
from tests.toy import CLEAN, ranked

Triple = tuple[str, str, str]

HIDDEN = {iri_term(expand(name)) for name in ("rdfs:label", "skos:altLabel", "foaf:name")} | {ABSTRACT}
"""Names and descriptions, as far as the tests' graphs have any."""


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


def steps(triples: Sequence[Triple] | frozenset[Triple] = CLEAN) -> dict[str, dict[str, set[str]]]:
    """By term, by relation (its predicate, with ^ before it for the inverse), the terms it leads to."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for s, p, o in triples:
        if p in HIDDEN:
            continue
        found[s][p].add(o)
        if not o.startswith('"') and p != RDF_TYPE:
            found[o]["^" + p].add(s)
    return found


def every_path(start: str, hops: int) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Each path of at most `hops` relations from a term, with all it reaches; of longer ones, but for the start."""
    around = steps()
    frontier = [((), {start})]
    for hop in range(hops):
        longer = []
        for path, reached in frontier:
            for relation in sorted({relation for term in reached for relation in around.get(term, {})}):
                ends = {end for term in reached for end in around.get(term, {}).get(relation, set())}
                longer.append(((*path, relation), ends))
                yield (*path, relation), ends - {start} if hop else ends
        frontier = longer
