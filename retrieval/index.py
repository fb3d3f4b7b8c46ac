"""All that retrieval needs of a graph, written once: relations, their vectors, entity vectors, BM25, TF-IDF."""

from pathlib import Path
from typing import Any

import numpy as np

from kg.describe import describe_all
from kg.graph import Graph, Ids
from kg.types import Encoder
from retrieval.cache import CachedEncoder
from retrieval.kinds import relation_kinds
from retrieval.lexical import write_lexical
from retrieval.neighbours import Neighbours, write_neighbours
from retrieval.options import EmbedOptions
from retrieval.tfidf import write_tfidf
from retrieval.vectors import write_vectors
from retrieval.words import Words


def write_indexes(
    folder: Path, graph: Graph, encoder: Encoder, options: EmbedOptions | None = None, *, cache: Path | None = None
) -> dict[str, Any]:
    """Writes `neighbours/`, `relations/`, `vectors/`, `lexical/` and `tfidf/` into a folder; returns what the manifest
    says of the vectors, and `encoded`, how many texts were not in the cache.

    cache: the folder where vectors outlive builds (`retrieval.cache`), unless `encoder` is a CachedEncoder already. The
    files are the same with it and without.
    """
    cached = encoder if isinstance(encoder, CachedEncoder) else CachedEncoder(encoder, cache)
    before = cached.encoded
    neighbours = write_neighbours(folder / "neighbours", graph)
    (folder / "relations").mkdir(parents=True, exist_ok=True)
    kinds = relation_kinds(neighbours)
    vectors = cached.encode([*neighbours.names, *kinds], progress="embed relations")
    names, leads_to = np.split(vectors, 2)
    leads_to = leads_to * np.array([kind != "" for kind in kinds], np.float32)[:, None]
    np.save(folder / "relations" / "vectors.npy", np.stack([names, leads_to], axis=1))
    entities = described_entities(graph, neighbours)
    texts = describe_all(graph, entities)
    words = Words.of(texts)
    write_lexical(folder / "lexical", words)
    write_tfidf(folder / "tfidf", words)
    rows = cached.encode_rows(texts, progress="embed entities")
    facts = write_vectors(folder / "vectors", entities, rows, cached, options)
    return {**facts, "encoded": cached.encoded - before}


def described_entities(graph: Graph, neighbours: Neighbours) -> Ids:
    """The entities that something is said of besides their names, ascending."""
    entities = graph.entities
    return entities[np.diff(neighbours.pointer)[entities] > 0]
