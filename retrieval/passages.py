"""Passages of the texts that a snapshot was built from: what may answer a question where the graph does not.

A passage is a window of whole sentences, at most `TOKENS` long, as in Karpukhin et al. 2020 (passages of 100 words);
only a sentence that is longer is cut. Each is found by its vector and by BM25, and knows the entities linked in it; a
document whose id is the IRI of an entity is about that entity.

    passages/document, start, end     number of the document and character offsets, end exclusive
    passages/pointer, entities        the entities of each passage
    passages/vectors/, lexical/       as for entities (`retrieval.vectors`, `retrieval.lexical`)

The texts are those in `provenance/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from kg.linking.english import blank_english
from kg.linking.sentences import mark_sentences
from kg.strings import StringColumn
from kg.types import Document, Encoder, Mention
from retrieval.cache import CachedEncoder
from retrieval.lexical import LexicalIndex, fuse, write_lexical
from retrieval.options import EmbedOptions
from retrieval.vectors import EntityIndex, write_vectors
from retrieval.words import Words

if TYPE_CHECKING:
    from spacy.tokens import Doc

TOKENS = 100
_DEEP = 20
"""Passages of each ranking that are fused."""
_COLUMNS = ("document", "start", "end", "pointer", "entities")


@dataclass(frozen=True)
class PassageHit:
    """A passage: the document's id, character offsets in it, end exclusive, the text between them, and the graph ids of
    the entities linked in it, in their order. score: higher is better; a cosine, BM25, or reciprocal ranks."""

    document: str
    start: int
    end: int
    text: str
    score: float
    entities: tuple[int, ...]


class Passages:
    """The passages of one snapshot."""

    def __init__(
        self,
        columns: dict[str, NDArray[Any]],
        documents: tuple[StringColumn, StringColumn],
        vectors: EntityIndex,
        lexical: LexicalIndex,
    ) -> None:
        self._columns = columns
        self._ids, self._texts = documents
        self._vectors = vectors
        self._lexical = lexical

    @classmethod
    def open(cls, folder: Path, encoder: Encoder) -> "Passages | None":
        """The passages of a snapshot's folder; None where it was built without texts."""
        place = folder / "passages"
        if not place.is_dir():
            return None
        documents = (StringColumn.open(folder / "provenance", f"document_{name}") for name in ("ids", "texts"))
        ids, texts = documents
        columns = {name: np.load(place / f"{name}.npy", mmap_mode="r") for name in _COLUMNS}
        vectors = EntityIndex.open(place / "vectors", encoder)
        return cls(columns, (ids, texts), vectors, LexicalIndex.open(place / "lexical"))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._columns["document"])

    def search(
        self, questions: Sequence[str], vectors: NDArray[np.float32], k: int, mode: str
    ) -> list[list[PassageHit]]:
        """The `k` best passages for each question, best first. vectors: those of the questions, shape (n, dimension).
        mode: `dense`, `lexical`, or `hybrid`, both by reciprocal rank."""
        deep = max(k, _DEEP)
        near = self._vectors.nearest(vectors, deep) if mode != "lexical" and len(questions) else None
        found = []
        for i, question in enumerate(questions):
            rankings = []
            if near is not None:
                known = near[0][i] >= 0
                rankings.append((near[0][i][known].tolist(), near[1][i][known].tolist()))
            if mode != "dense":
                places, scores = self._lexical.search(question, deep)
                rankings.append((places.tolist(), scores.tolist()))
            if len(rankings) == 1:
                best = list(zip(*rankings[0], strict=True))
            else:
                best = fuse([places for places, _ in rankings])
            found.append([self._hit(place, score) for place, score in best[:k]])
        return found

    def _hit(self, place: int, score: float) -> PassageHit:
        document, start, end = (int(self._columns[name][place]) for name in ("document", "start", "end"))
        first, last = (int(self._columns["pointer"][at]) for at in (place, place + 1))
        entities = tuple(self._columns["entities"][first:last].tolist())
        return PassageHit(str(self._ids[document]), start, end, str(self._texts[document])[start:end], score, entities)


def write_passages(
    folder: Path,
    documents: Sequence[Document],
    mentions: Sequence[Sequence[Mention]],
    graph: Graph,
    encoder: CachedEncoder,
    options: EmbedOptions | None = None,
) -> dict[str, Any]:
    """Writes `passages/` into a snapshot's folder; returns what the manifest says of its vectors. Nothing is written
    where no document has words. mentions: the entities linked in each document."""
    language = blank_english()
    rows = [
        (number, *span)
        for number, document in enumerate(documents)
        for span in windows(mark_sentences(language.make_doc(document.text)))
    ]
    if not rows:
        return {}
    place = folder / "passages"
    place.mkdir(parents=True)
    own = [_entities(documents[number], mentions[number], start, end, graph) for number, start, end in rows]
    texts = [documents[number].text[start:end] for number, start, end in rows]
    for name, column in zip(("document", "start", "end"), zip(*rows, strict=True), strict=True):
        np.save(place / f"{name}.npy", np.array(column, np.int32))
    np.save(place / "pointer.npy", np.cumsum([0, *map(len, own)]).astype(np.int64))
    np.save(place / "entities.npy", np.array([entity for each in own for entity in each], np.int32))
    write_lexical(place / "lexical", Words.of(texts))
    vectors = encoder.encode_rows(texts, progress="embed passages")
    return write_vectors(place / "vectors", np.arange(len(rows), dtype=np.int32), vectors, encoder, options)


def windows(doc: "Doc", *, most: int = TOKENS) -> list[tuple[int, int]]:
    """Character spans of a document with sentences: as many whole ones as `most` tokens hold; a longer one is cut
    between words. None is blank."""
    pieces: list[tuple[int, int]] = []
    for sentence in doc.sents:
        last = sentence.start
        while last < sentence.end:
            first, last = last, min(last + most, sentence.end)
            while last < sentence.end and last > first + 1 and not doc[last - 1].whitespace_:
                last -= 1
            if pieces and last - pieces[-1][0] <= most:
                pieces[-1] = (pieces[-1][0], last)
            else:
                pieces.append((first, last))
    spans = []
    for first, last in pieces:
        span = doc[first:last]
        shown = span.text.strip()
        start = span.start_char + span.text.find(shown)
        if shown:
            spans.append((start, start + len(shown)))
    return spans


def _entities(document: Document, mentions: Sequence[Mention], start: int, end: int, graph: Graph) -> list[int]:
    """The entity that a document is about, and those mentioned between two offsets, each once."""
    inside = [m.iri for m in mentions if m.iri is not None and start <= m.start and m.end <= end]
    known = (graph.id_of(iri) for iri in dict.fromkeys([document.id, *inside]))
    return [entity for entity in known if entity >= 0]
