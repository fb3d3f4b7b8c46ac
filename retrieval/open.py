"""A retriever over a snapshot's folder."""

from pathlib import Path

import numpy as np

from kg.graph import Graph
from kg.linking.aliases import Aliases
from kg.merges import Merges
from kg.types import Encoder
from retrieval.beside import Beside
from retrieval.entry import Entry
from retrieval.lexical import LexicalIndex
from retrieval.neighbours import Neighbours
from retrieval.options import RetrievalOptions
from retrieval.passages import Passages
from retrieval.retriever import Retriever
from retrieval.scorer import PathScorer
from retrieval.seeds import SeedFinder
from retrieval.tfidf import TfidfIndex
from retrieval.vectors import EntityIndex


def open_retriever(
    folder: Path, encoder: Encoder, options: RetrievalOptions | None = None, *, graph: Graph | None = None
) -> Retriever:
    """The retriever over what `write_indexes` and `write_aliases` wrote; an untrained scorer where none is saved.

    Raises EncoderMismatch if another encoder made the vectors.
    """
    neighbours = Neighbours.open(folder / "neighbours", graph or Graph.open(folder / "graph"))
    vectors = EntityIndex.open(folder / "vectors", encoder)
    lexical, tfidf = LexicalIndex.open(folder / "lexical"), TfidfIndex.open(folder / "tfidf")
    scorer = folder / "models" / "scorer"
    return Retriever(
        neighbours,
        encoder,
        np.load(folder / "relations" / "vectors.npy"),
        PathScorer.open(scorer) if scorer.is_dir() else PathScorer(encoder.dimension),
        SeedFinder(Aliases.open(folder / "aliases"), Entry(vectors, lexical, tfidf, encoder)),
        options,
        resolve=Merges.open(folder / "merges").canonical,
        beside=Beside(neighbours, Passages.open(folder, encoder)),
    )
