"""What `limbeck eval` measures: our systems and the plain baselines, many items at a time, over one snapshot.

A gold IRI and the one that its entity has in the cleaned graph are the same entity, so gold goes through the log of
merges first (`canonical_…`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines import LongestMatch, adjacent_pairs, label_entities
from evaluation.gold import Claim, Description, LinkedText, RelatedText, Triple
from evaluation.run import Batched, Links, Retrieved
from kg.clean.ranker import Example, train_ranker
from kg.clean.summary import rank_triples
from kg.errors import UsageError
from kg.graph import ENTITY, Graph
from kg.merges import Merges
from kg.terms import name_of, value_of
from kg.types import Mention
from limbeck.knowledge_base import KnowledgeBase
from retrieval.baselines import BASELINES, Baseline, Piece, one_hop
from retrieval.evidence import Seed
from retrieval.question import Answer, Question
from retrieval.training import gold_seeds

SHOWN = 20
"""Pieces of evidence that retrieval is measured on."""
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"]+\Z")


@dataclass(frozen=True)
class Asked:
    """How questions are asked: the model's name, where retrieval begins, whether the gold entities are given. For
    importance: whether it is trained, by cross-validation over entities, and where to write a ranker trained on all."""

    model: str | None = None
    mode: str = "hybrid"
    gold_entities: bool = False
    trained: bool = False
    ranker: Path | None = None


def canonical_questions(questions: Sequence[Question], merges: Merges) -> list[Question]:
    """The questions with the answers' IRIs as the graph has them."""
    moved = _moves((answer.value for q in questions for answer in q.answers if answer.type == "uri"), merges)

    def move(answer: Answer) -> Answer:
        return replace(answer, value=moved.get(answer.value, answer.value)) if answer.type == "uri" else answer

    return [replace(q, answers=tuple(move(answer) for answer in q.answers)) for q in questions]


def canonical_mentions(texts: Sequence[LinkedText], merges: Merges) -> list[LinkedText]:
    """The texts with the mentions' IRIs as the graph has them."""
    moved = _moves((mention.iri for text in texts for mention in text.mentions if mention.iri is not None), merges)
    return [
        replace(text, mentions=tuple(replace(m, iri=moved.get(m.iri or "", m.iri)) for m in text.mentions))
        for text in texts
    ]


def canonical_relations(texts: Sequence[RelatedText], merges: Merges) -> list[RelatedText]:
    """The texts with the triples' IRIs as the graph has them."""
    moved = _moves((term for text in texts for triple in text.triples for term in triple), merges)
    return [replace(text, triples=tuple(_moved(triple, moved) for triple in text.triples)) for text in texts]


def canonical_descriptions(descriptions: Sequence[Description], merges: Merges) -> list[Description]:
    """The descriptions with IRIs as the graph has them."""
    moved = _moves((term for item in descriptions for triple in item.triples for term in triple), merges)
    return [replace(item, triples=tuple(_moved(triple, moved) for triple in item.triples)) for item in descriptions]


def canonical_claims(claims: Sequence[Claim], merges: Merges) -> list[Claim]:
    """The claims with IRIs as the graph has them."""
    moved = _moves((term for claim in claims for term in claim.triple), merges)
    return [replace(claim, triple=_moved(claim.triple, moved)) for claim in claims]


def summariser(kb: KnowledgeBase) -> Callable[[Sequence[Triple]], list[float]]:
    """Scores of an entity's triples, in an order that is not trained."""
    return lambda triples: _by_place(rank_triples(triples, graph=kb.graph))


def trained_summariser(
    kb: KnowledgeBase, descriptions: Sequence[Description], *, folds: int = 5, seed: int = 0
) -> Batched[Sequence[Triple], Sequence[float]]:
    """Scores of the triples of all the descriptions at once, by rankers trained on the other folds of entities; no
    entity's own summaries have a part in its order. Raises UsageError for fewer than two entities."""
    entities = sorted({item.entity for item in descriptions})
    folds = min(folds, len(entities))
    if folds < 2:
        raise UsageError("--trained measures on entities that it did not train on: the gold needs at least two.")
    place = dict(zip(entities, np.random.default_rng(seed).permutation(len(entities)) % folds, strict=True))

    def rank(triples: Sequence[Sequence[Triple]]) -> list[Sequence[float]]:
        scores: list[Sequence[float]] = [[]] * len(triples)
        for fold in range(folds):
            ranker = train_ranker(examples([d for d in descriptions if place[d.entity] != fold]), graph=kb.graph)
            for i in (i for i, d in enumerate(descriptions) if place[d.entity] == fold):
                ordered = rank_triples(triples[i], entity=descriptions[i].entity, graph=kb.graph, ranker=ranker)
                scores[i] = _by_place(ordered)
        return scores

    return Batched(rank, max(len(descriptions), 1))


def examples(descriptions: Sequence[Description]) -> list[Example]:
    """Descriptions as a ranker learns from them: the share of the summaries that hold a triple, 5 and 10 alike."""

    def share(position: int, summaries: Sequence[frozenset[int]]) -> float:
        return sum(position in summary for summary in summaries) / len(summaries)

    return [
        (d.entity, d.triples, [(share(i, d.top5) + share(i, d.top10)) / 2 for i in range(len(d.triples))])
        for d in descriptions
    ]


def _by_place(order: Sequence[int]) -> list[float]:
    scores = [0.0] * len(order)
    for place, position in enumerate(order):
        scores[position] = -float(place)
    return scores


def asker(kb: KnowledgeBase, asked: Asked) -> Batched[Question, Sequence[str]]:
    """Our answers, best first."""

    def ask(questions: Sequence[Question]) -> list[Sequence[str]]:
        seeds = _given(kb, questions) if asked.gold_entities else None
        found = kb.ask_many([q.question for q in questions], model=asked.model, mode=asked.mode, seeds=seeds)
        return [[item.value for item in answer.answers] for answer in found]

    return Batched(ask)


def retriever(kb: KnowledgeBase, asked: Asked) -> Batched[Question, Sequence[Retrieved]]:
    """Our evidence, best first."""
    _, triple = _readers(kb.graph)

    def retrieve(questions: Sequence[Question]) -> list[Sequence[Retrieved]]:
        seeds = _given(kb, questions) if asked.gold_entities else None
        texts = [q.question for q in questions]
        found = kb.retriever.retrieve_many(texts, k=SHOWN, mode=asked.mode, seeds=seeds)
        return [
            [
                Retrieved([value_of(term) for term in piece.values], [triple(row) for row in piece.rows])
                for piece in own.evidence
            ]
            for own in found
        ]

    return Batched(retrieve)


def answer_baselines(kb: KnowledgeBase, asked: Asked) -> dict[str, Batched[Question, Sequence[str]]]:
    """By name: the value of the best piece; for `all` everything next to the seeds; for `retriever` what our own best
    path gives, read by nobody."""
    value, _ = _readers(kb.graph)
    seeds_of = _seeds(kb, asked)

    def best(baseline: Baseline) -> Batched[Question, Sequence[str]]:
        def ask(questions: Sequence[Question]) -> list[Sequence[str]]:
            found = baseline([q.question for q in questions], seeds_of(questions), kb.retriever)
            return [[value(term) for piece in pieces[:1] for term in piece.terms] for pieces in found]

        return Batched(ask)

    def around(questions: Sequence[Question]) -> list[Sequence[str]]:
        return [[value(term) for term in one_hop(seeds, kb.retriever)] for seeds in seeds_of(questions)]

    def alone(questions: Sequence[Question]) -> list[Sequence[str]]:
        return [pieces[0].values if pieces else [] for pieces in retriever(kb, asked).many(questions)]

    plain = {name: Batched(around) if name == "all" else best(baseline) for name, baseline in BASELINES.items()}
    return {**plain, "retriever": Batched(alone)}


def retrieval_baselines(kb: KnowledgeBase, asked: Asked) -> dict[str, Batched[Question, Sequence[Retrieved]]]:
    """By name: the plain retrievers over the same seeds."""
    value, triple = _readers(kb.graph)
    seeds_of = _seeds(kb, asked)

    def shown(piece: Piece) -> Retrieved:
        return Retrieved([value(term) for term in piece.terms], [triple(row) for row in piece.rows])

    def system(baseline: Baseline) -> Batched[Question, Sequence[Retrieved]]:
        def retrieve(questions: Sequence[Question]) -> list[Sequence[Retrieved]]:
            found = baseline([q.question for q in questions], seeds_of(questions), kb.retriever)
            return [[shown(piece) for piece in pieces[:SHOWN]] for pieces in found]

        return Batched(retrieve)

    return {name: system(baseline) for name, baseline in BASELINES.items()}


def linker(kb: KnowledgeBase) -> Batched[LinkedText, Links]:
    """Our mentions, and our entities for the gold spans."""

    def link(texts: Sequence[LinkedText]) -> list[Links]:
        spans = [[(m.start, m.end) for m in text.mentions if m.iri is not None] for text in texts]
        mentions = kb.link_many([text.text for text in texts])
        return list(zip(mentions, kb.link_given([text.text for text in texts], spans), strict=True))

    return Batched(link, 256)


def longest_match(kb: KnowledgeBase) -> LongestMatch:
    """The linker that knows labels alone."""
    return LongestMatch(label_entities(kb.graph))


def relater(kb: KnowledgeBase) -> tuple[Batched[str, Sequence[Triple]], Callable[[str], list[Triple]]]:
    """Our triples, and the baseline that joins neighbouring mentions of ours by the graph's most frequent predicate."""
    mentions: dict[str, Sequence[Mention]] = {}

    def relate(texts: Sequence[str]) -> list[Sequence[Triple]]:
        linked = kb.link_many(texts)
        mentions.update(zip(texts, linked, strict=True))
        found = kb.extractor.extract(texts, linked)
        return [[(item.s, item.p, item.o) for item in own] for own in found]

    def link(text: str) -> Sequence[Mention]:
        return mentions[text] if text in mentions else kb.link(text)

    return Batched(relate, 256), adjacent_pairs(link, frequent_relation(kb.graph))


def frequent_relation(graph: Graph) -> str:
    """The bare IRI of the predicate that joins entities most often."""
    kind = np.asarray(graph.kind)
    between = (kind[graph.s] == ENTITY) & (kind[graph.o] == ENTITY)
    counts = np.bincount(np.asarray(graph.p)[between], minlength=len(graph.terms))
    return graph.iri_of(int(np.argmax(counts)))


def name_encoder(kb: KnowledgeBase) -> Callable[[list[str]], NDArray[np.float32]]:
    """The snapshot's encoder, or the default one where the build skipped embedding."""
    from retrieval.encoder import SentenceEncoder

    return (kb.encoder if kb.snapshot.manifest.get("encoder") else SentenceEncoder()).encode


def labeller(kb: KnowledgeBase) -> Callable[[str], str]:
    """From a bare IRI to its label in the graph, else a name made from it."""

    @lru_cache(maxsize=65_536)
    def label(iri: str) -> str:
        term = kb.graph.id_of(kb.merges.canonical(iri))
        return kb.graph.label_of(term) if term >= 0 else name_of(iri)

    return label


def _given(kb: KnowledgeBase, questions: Sequence[Question]) -> list[list[Seed]]:
    """The gold entities as seeds; for a question without any in the graph what the retriever finds."""
    found = kb.retriever.find_seeds([q.question for q in questions], "graph")
    return [gold_seeds(q, own, kb.retriever) or own for q, own in zip(questions, found, strict=True)]


def _seeds(kb: KnowledgeBase, asked: Asked) -> Callable[[Sequence[Question]], list[list[Seed]]]:
    """The seeds of questions, looked for once."""
    known: dict[str, list[Seed]] = {}

    def seeds_of(questions: Sequence[Question]) -> list[list[Seed]]:
        missing = [q for q in questions if q.id not in known]
        if missing:
            texts = [q.question for q in missing]
            found = _given(kb, missing) if asked.gold_entities else kb.retriever.find_seeds(texts, asked.mode)
            known.update((q.id, own) for q, own in zip(missing, found, strict=True))
        return [known[q.id] for q in questions]

    return seeds_of


def _readers(graph: Graph) -> tuple[Callable[[int], str], Callable[[int], Triple]]:
    """From a term to its bare value, and from a row to its bare triple; strings are shared between triples."""
    value = lru_cache(maxsize=1 << 18)(graph.iri_of)

    def triple(row: int) -> Triple:
        return value(int(graph.s[row])), value(int(graph.p[row])), value(int(graph.o[row]))

    return value, triple


def _moves(values: Any, merges: Merges) -> dict[str, str]:
    distinct = list(dict.fromkeys(value for value in values if _IRI.match(value)))
    return dict(zip(distinct, merges.canonical_many(distinct), strict=True)) if distinct else {}


def _moved(triple: Triple, moved: dict[str, str]) -> Triple:
    s, p, o = (moved.get(term, term) for term in triple)
    return s, p, o
