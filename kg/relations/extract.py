"""Relation extraction between linked entities, trained by the graph itself on the texts at hand.

`RelationExtractor.train` takes the sentences where two linked entities meet; those that the graph relates are examples
of how its predicates are put in words (distant supervision, Mintz et al. 2009). Pattern statistics for the regression
are gathered on other folds than they are used on, folds parted by entity pair, so that the confidence holds for pairs
that the graph does not know. A score comes from the text and from the kinds of the two entities, never from the triple
in question. Literals are not extracted.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.errors import EncoderMismatch
from kg.graph import Graph
from kg.linking.words import STOP_WORDS
from kg.relations.evidence import Evidence, Matrix, gather
from kg.relations.patterns import FIRST, SECOND, Pair, find_pairs
from kg.relations.scoring import FIXED_WEIGHTS, Candidates, Weights, candidates, fit_weights, stem
from kg.relations.signatures import Signatures
from kg.statements import SCHEMA
from kg.types import Document, Encoder, Mention, Relation


@dataclass(frozen=True)
class RelationOptions:
    """by_fit, by_text: candidate predicates for a pair by entity fit and by each kind of text evidence. max_pairs:
    trained on. folds: of cross-fitting. min_examples: known relations in the text below which fixed weights are used.
    precision: aimed at on held-out known pairs. unknown_weight: of candidates that the graph neither states nor
    contradicts. max_rows: candidates that the regression is fitted to. quadratic_from: examples from which on it also
    takes products of features."""

    by_fit: int = 32
    by_text: int = 6
    max_pairs: int = 16_000
    folds: int = 4
    min_examples: int = 50
    precision: float = 0.7
    unknown_weight: float = 0.1
    max_rows: int = 100_000
    quadratic_from: int = 500


@dataclass(frozen=True)
class Report:
    """What training saw: ordered pairs, known relations among them, and precision and recall of held-out known pairs at
    the threshold; zeros where fixed weights are used."""

    pairs: int
    examples: int
    precision: float
    recall: float


class RelationExtractor:
    """Reads triples from sentences in which two entities are linked."""

    def __init__(
        self,
        signatures: Signatures,
        encoder: Encoder | None,
        evidence: Evidence,
        weights: Weights,
        threshold: float,
        options: RelationOptions,
        report: Report,
    ) -> None:
        self.graph = signatures.graph
        self.signatures = signatures
        self.encoder = encoder
        self.evidence = evidence
        self.weights = weights
        self.threshold = threshold
        self.options = options
        self.report = report
        self._label_words = _label_words(signatures)
        self._label_vectors = _label_vectors(signatures, encoder)

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        mentions: Sequence[Sequence[Mention]],
        graph: Graph,
        encoder: Encoder | None,
        options: RelationOptions | None = None,
    ) -> "RelationExtractor":
        """An extractor that has read how these texts put the graph's relations in words."""
        options = options or RelationOptions()
        signatures = Signatures(graph)
        pairs = _sample(find_pairs(texts, mentions, graph), options.max_pairs)
        vectors = _encode(pairs, encoder)
        positives = _positives(pairs, signatures)
        evidence = gather(pairs, positives, vectors)
        examples = int(positives.nnz)
        untrained = Report(len(pairs), examples, 0.0, 0.0)
        model = cls(signatures, encoder, evidence, FIXED_WEIGHTS, 0.5, options, untrained)
        if examples >= options.min_examples:
            model._fit(pairs, positives, vectors)
        return model

    def extract(self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]]) -> list[list[Relation]]:
        """The relations of each text whose confidence reaches the threshold, in text order.

        For an ordered pair the likeliest predicate alone is given; for both directions of a pair only the likelier,
        unless the two predicates differ.
        """
        pairs = find_pairs(texts, mentions, self.graph)
        found = self._candidates(pairs, self.evidence, _encode(pairs, self.encoder))
        scores = self.weights(found.features)
        best = _best_by_pair(found, scores)
        relations: list[dict[tuple[int, int, int], Relation]] = [{} for _ in texts]
        for row in best[scores[best] >= self.threshold].tolist():
            pair, p = pairs[int(found.pair[row])], int(self.signatures.predicates[found.predicate[row]])
            document = relations[pair.document]
            s, predicate, o = (self.graph.iri_of(term) for term in (pair.s, p, pair.o))
            relation = Relation(s, predicate, o, float(scores[row]), pair.start, pair.end)
            rival = document.get((pair.o, p, pair.s))
            known = document.get((pair.s, p, pair.o))
            if all(other is None or other.score < relation.score for other in (rival, known)):
                document.pop((pair.o, p, pair.s), None)
                document[pair.s, p, pair.o] = relation
        return [sorted(x.values(), key=lambda r: (r.start, r.end, r.s, r.p, r.o)) for x in relations]

    def save(self, folder: Path) -> None:
        """Writes `relations.json` and `relations.npz`."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: np.asarray(getattr(self.weights, name)).tolist() for name in ("weight", "mean", "scale")}
        facts = {
            "encoder": {"name": self.encoder.name, "sha256": self.encoder.sha256} if self.encoder else None,
            "threshold": self.threshold,
            "weights": {**weights, "bias": self.weights.bias, "quadratic": self.weights.quadratic},
            "options": asdict(self.options),
            "report": asdict(self.report),
            "predicates": [self.graph.iri_of(int(p)) for p in self.signatures.predicates],
        }
        (folder / "relations.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")
        sparse = self.evidence.weights
        np.savez(
            folder / "relations.npz",
            hashes=self.evidence.hashes,
            base=self.evidence.base,
            count=self.evidence.count,
            centroids=self.evidence.centroids,
            data=sparse.data,
            indices=sparse.indices,
            indptr=sparse.indptr,
        )

    @classmethod
    def open(cls, folder: Path, graph: Graph, encoder: Encoder | None) -> "RelationExtractor":
        """The extractor that was saved, over this graph. Raises EncoderMismatch for another encoder than it was trained
        with. Predicates that the graph no longer relates entities by are forgotten, new ones start without patterns."""
        from scipy import sparse

        facts = json.loads((folder / "relations.json").read_text("utf-8"))
        wanted, given = (facts["encoder"] or {}).get("sha256"), encoder.sha256 if encoder else None
        if wanted != given:
            raise EncoderMismatch(
                f"the relation extractor in {folder} was trained with the encoder {facts['encoder']}, but "
                f"{encoder.name if encoder else None} (sha256 {given}) came. Build again, or configure that encoder."
            )
        signatures = Signatures(graph)
        ids = {graph.id_of(iri): column for column, iri in enumerate(facts["predicates"])}
        columns = np.array([ids.get(int(p), -1) for p in signatures.predicates], dtype=np.int64)
        known = columns >= 0
        with np.load(folder / "relations.npz", allow_pickle=False) as stored:
            shape = (len(stored["hashes"]), len(facts["predicates"]))
            old = sparse.csr_matrix((stored["data"], stored["indices"], stored["indptr"]), shape=shape)
            move = sparse.csr_matrix(
                (np.ones(int(known.sum()), np.float32), (columns[known], np.flatnonzero(known))),
                shape=(shape[1], len(columns)),
            )
            centroids = np.zeros((2, len(columns), stored["centroids"].shape[2]), np.float32)
            centroids[:, known] = stored["centroids"][:, columns[known]]
            count = np.zeros(len(columns), np.int64)
            count[known] = stored["count"][columns[known]]
            evidence = Evidence(
                stored["hashes"], stored["base"], (old @ move).tocsr(), facts["report"]["pairs"], count, centroids
            )
        stated = dict(facts["weights"])
        arrays = {name: np.array(stated.pop(name)) for name in ("weight", "mean", "scale")}
        return cls(
            signatures,
            encoder,
            evidence,
            Weights(bias=stated["bias"], quadratic=stated["quadratic"], **arrays),
            facts["threshold"],
            RelationOptions(**facts["options"]),
            Report(**facts["report"]),
        )

    def _candidates(self, pairs: Sequence[Pair], evidence: Evidence, vectors: Matrix | None) -> Candidates:
        return candidates(
            pairs,
            evidence,
            self.signatures,
            vectors,
            self._label_vectors,
            self._label_words,
            by_fit=self.options.by_fit,
            by_text=self.options.by_text,
        )

    def _fit(self, pairs: list[Pair], positives: Any, vectors: Matrix | None) -> None:
        """Learns the weights and the threshold from features that are gathered without the fold they are for."""
        options = self.options
        fold = np.array([(min(pair.s, pair.o) * 31 + max(pair.s, pair.o)) % options.folds for pair in pairs])
        parts = []
        for number in range(options.folds):
            inside, outside = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            if not len(inside):
                continue
            evidence = gather(
                [pairs[i] for i in outside], positives[outside], None if vectors is None else vectors[outside]
            )
            part = self._candidates([pairs[i] for i in inside], evidence, None if vectors is None else vectors[inside])
            parts.append(replace(part, pair=inside[part.pair]))
        found = Candidates(
            np.concatenate([part.pair for part in parts]),
            np.concatenate([part.predicate for part in parts]),
            np.concatenate([part.features for part in parts]),
        )
        true = np.asarray(positives[found.pair, found.predicate]).ravel() > 0
        false = ~true & self._contradicted(pairs, found)
        weight = np.where(true | false, 1.0, options.unknown_weight)
        rows = _training_rows(true, options.max_rows)
        weight[~true] *= max(1.0, (~true).sum() / max((~true[rows]).sum(), 1))
        quadratic = bool(true.sum() >= options.quadratic_from)
        self.weights = fit_weights(found.features[rows], true[rows], weight[rows], quadratic=quadratic)
        scores = self.weights(found.features)
        best = _best_by_pair(found, scores)
        best = best[true[best] | false[best]]
        self.threshold, precision, recall = _threshold(scores[best], true[best], positives.nnz, options.precision)
        self.report = Report(len(pairs), int(positives.nnz), precision, recall)

    def _contradicted(self, pairs: list[Pair], found: Candidates) -> NDArray[np.bool_]:
        """Whether the graph relates the pair by something else, or gives the subject another value."""
        related = np.array(
            [bool(self.signatures.between(x.s, x.o) or self.signatures.between(x.o, x.s)) for x in pairs], dtype=bool
        )
        subjects = np.array([pair.s for pair in pairs], dtype=np.int64)
        predicates = np.asarray(self.signatures.predicates, dtype=np.int64)
        key = np.asarray(self.graph.s, dtype=np.int64) * len(self.graph.terms) + np.asarray(self.graph.p)
        wanted = subjects[found.pair] * len(self.graph.terms) + predicates[found.predicate]
        place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        return np.asarray(related[found.pair] | (key[place] == wanted), dtype=bool)


def extract_statements(
    documents: Sequence[Document],
    mentions: Sequence[Sequence[Mention]],
    extractor: RelationExtractor,
    *,
    source: int,
    first_record: int = 0,
) -> pl.DataFrame:
    """One row for each extracted triple, in the columns of `kg.statements.SCHEMA`.

    source: the documents' index among the build's sources. first_record: the first document's position among the
    build's documents.
    """
    found = extractor.extract([document.text for document in documents], mentions)
    rows = [
        (f"<{r.s}>", f"<{r.p}>", f"<{r.o}>", source, first_record + number, r.start, r.end, r.score)
        for number, relations in enumerate(found)
        for r in relations
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _sample(pairs: list[Pair], limit: int) -> list[Pair]:
    """At most `limit` pairs, evenly spaced, both directions together."""
    if len(pairs) <= limit:
        return pairs
    places = np.linspace(0, len(pairs) // 2 - 1, limit // 2).astype(int)
    return [pairs[i] for place in places.tolist() for i in (2 * place, 2 * place + 1)]


def _positives(pairs: list[Pair], signatures: Signatures) -> Any:
    """A sparse 0/1 matrix (pairs, predicates): what the graph states of each pair."""
    from scipy import sparse

    predicates = signatures.predicates
    row, column = [], []
    for number, pair in enumerate(pairs):
        for p in signatures.between(pair.s, pair.o):
            place = int(np.searchsorted(predicates, p))
            if place < len(predicates) and predicates[place] == p:
                row.append(number)
                column.append(place)
    data = np.ones(len(row), np.float32)
    return sparse.csr_matrix((data, (row, column)), shape=(len(pairs), len(predicates)))


def _encode(pairs: Sequence[Pair], encoder: Encoder | None) -> Matrix | None:
    if encoder is None or not pairs:
        return None
    distinct = list(dict.fromkeys(pair.segment for pair in pairs))
    vectors = encoder.encode(distinct, progress="relate: sentence parts" if len(distinct) > 1000 else None)
    row = {segment: number for number, segment in enumerate(distinct)}
    return vectors[[row[pair.segment] for pair in pairs]]


def _label_vectors(signatures: Signatures, encoder: Encoder | None) -> Matrix | None:
    """The encoded predicates as they read with the object first and with the subject first."""
    if encoder is None or not len(signatures.predicates):
        return None
    labels = [signatures.graph.label_of(int(p)) for p in signatures.predicates]
    backward = [f"{FIRST} is the {label} of {SECOND}" for label in labels]
    forward = [f"The {label} of {FIRST} is {SECOND}" for label in labels]
    return np.stack([encoder.encode(backward), encoder.encode(forward)])


def _label_words(signatures: Signatures) -> list[frozenset[str]]:
    labels = (signatures.graph.label_of(int(p)).lower().split() for p in signatures.predicates)
    return [frozenset(stem(word) for word in words if word not in STOP_WORDS) for words in labels]


def _best_by_pair(found: Candidates, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The row of the best candidate of each pair."""
    order = np.lexsort((found.predicate, -scores, found.pair))
    _, first = np.unique(found.pair[order], return_index=True)
    return np.asarray(order[first], dtype=np.int64)


def _training_rows(true: NDArray[np.bool_], limit: int) -> NDArray[np.int64]:
    """All true rows and as many others, evenly spaced, as the limit allows."""
    others = np.flatnonzero(~true)
    room = max(limit - int(true.sum()), 0)
    if len(others) > room:
        others = others[np.linspace(0, len(others) - 1, room).astype(int)]
    return np.sort(np.concatenate([np.flatnonzero(true), others]))


def _threshold(
    scores: NDArray[np.float64], true: NDArray[np.bool_], examples: int, wanted: float
) -> tuple[float, float, float]:
    """(threshold, precision, recall) of the lowest score at which the precision is still as wanted, or of the best F1
    where that is reached at a higher score or the precision never is."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(true[order])
    precision, recall = hits / np.arange(1, len(order) + 1), hits / max(examples, 1)
    good = np.flatnonzero(precision >= wanted)
    place = int(np.argmax(precision * recall / np.maximum(precision + recall, 1e-9)))
    if len(good):
        place = min(place, int(good[-1]))
    return float(scores[order][place]), float(precision[place]), float(recall[place])
