"""Training p(z|x) from questions and their answers alone: no gold paths.

The loss is -log sum over z of p(z|x) F1(z), F1 that of the path's answers against the gold ones: the marginal
likelihood of RAG (Lewis et al. 2020) with the exact answer sets in the generator's place. It takes seconds, and gives
the joint training with the real generator (`generation.joint`) its start.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.progress import progress
from kg.values import same_value
from retrieval.evidence import Path, Seed, gather
from retrieval.question import FORMS, Question
from retrieval.retriever import Retriever, mask, masked_texts, pairs
from retrieval.search import pad_paths, search
from retrieval.targets import gold_terms, paths_to

CANDIDATES = 192
"""Most paths per question in training."""


@dataclass(frozen=True)
class ScorerOptions:
    """epochs over the questions; batch_size in questions; learning rate of Adam; dropout on the question's vector;
    seed of the order."""

    epochs: int = 12
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    dropout: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class Example:
    """One question ready for training: its candidate paths (n), their quality in 0 to 1 (n), the vectors of the
    question under its masks (m, D), which of these each path is scored against (n), that of the whole question (D),
    its form."""

    question: Question
    paths: list[Path]
    quality: NDArray[np.float32]
    masked: NDArray[np.float32]
    place: list[int]
    whole: NDArray[np.float32]
    form: int


def make_examples(questions: Sequence[Question], retriever: Retriever, *, title: str = "paths") -> list[Example]:
    """The questions that have answers and paths around their seeds, with these paths as candidates. Where none leads to
    an answer, all have quality 0, and only the form is learned. Seeds are the gold entities where they are given, else
    what the retriever finds."""
    found = retriever.find_seeds([question.question for question in questions], "graph")
    seeds = [gold_seeds(question, own, retriever) or own for question, own in zip(questions, found, strict=True)]
    texts = [
        text for question, own in zip(questions, seeds, strict=True) for text in masked_texts(question.question, own)
    ]
    vectors = (
        dict(zip(texts, retriever.encoder.encode(texts, progress="encode questions"), strict=True)) if texts else {}
    )
    examples = []
    with progress(title, len(questions)) as advance:
        for question, own in zip(questions, seeds, strict=True):
            example = _example(question, own, vectors, retriever) if own and question.answers else None
            if example is not None:
                examples.append(example)
            advance(1)
    return examples


def train_scorer(retriever: Retriever, examples: Sequence[Example], options: ScorerOptions) -> list[float]:
    """The mean loss per epoch; the retriever's scorer is trained in place."""
    torch.manual_seed(options.seed)
    order = np.random.default_rng(options.seed)
    scorer = retriever.scorer.train()
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    losses = []
    with progress("train retriever", options.epochs * len(examples)) as advance:
        for _ in range(options.epochs):
            total = 0.0
            shuffled = order.permutation(len(examples))
            for start in range(0, len(examples), options.batch_size):
                batch = [examples[i] for i in shuffled[start : start + options.batch_size]]
                loss = scorer_loss(retriever, batch, dropout=options.dropout)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += float(loss.detach()) * len(batch)
                advance(len(batch))
            losses.append(total / max(len(examples), 1))
    scorer.eval()
    return losses


def scorer_loss(retriever: Retriever, batch: Sequence[Example], *, dropout: float = 0.0) -> Tensor:
    """The mean of -log sum_z p(z|x) quality(z) and of -log p(form|x) over a batch."""
    scores = score_batch(retriever, batch, dropout=dropout)
    log_p = torch.log_softmax(scores, -1)
    quality = torch.zeros_like(scores)
    for place, example in enumerate(batch):
        quality[place, : len(example.paths)] = torch.from_numpy(example.quality)
    has_target = quality.sum(-1) > 0
    marginal = torch.logsumexp(log_p + torch.log(quality.clamp(min=1e-9)), -1)
    forms = retriever.scorer.form_log_probs(torch.from_numpy(np.stack([example.whole for example in batch])))
    form_loss = torch.nn.functional.nll_loss(forms, torch.tensor([example.form for example in batch]))
    return -(marginal * has_target).sum() / has_target.sum().clamp(min=1) + form_loss


def score_batch(retriever: Retriever, batch: Sequence[Example], *, dropout: float = 0.0) -> Tensor:
    """Unnormalised scores (B, longest) on the scorer's device, -inf for padding."""
    device = retriever.scorer.cosine.device
    longest = max(len(example.paths) for example in batch)
    hops = max(len(path.relations) for example in batch for path in example.paths)
    dimension = batch[0].masked.shape[1]
    questions = torch.zeros(len(batch), max(len(example.masked) for example in batch), dimension)
    which = torch.zeros(len(batch), longest, dtype=torch.long)
    relations = torch.full((len(batch), longest, hops), -1)
    seed_log_p = torch.zeros(len(batch), longest)
    for place, example in enumerate(batch):
        padded = pad_paths(example.paths)
        relations[place, : padded.shape[0], : padded.shape[1]] = padded
        questions[place, : len(example.masked)] = torch.from_numpy(example.masked)
        which[place, : len(example.paths)] = torch.tensor(example.place)
        seed_log_p[place, : len(example.paths)] = torch.tensor([path.seed.log_p for path in example.paths])
    questions = torch.nn.functional.dropout(questions, dropout, training=dropout > 0)
    inputs = (questions, which, retriever.relation_vectors, relations, seed_log_p)
    scores: Tensor = retriever.scorer(*(tensor.to(device) for tensor in inputs))
    return scores


def gold_seeds(question: Question, found: Sequence[Seed], retriever: Retriever) -> list[Seed]:
    """The gold entities as sure seeds, at their mention's place where the question shows it."""
    graph = retriever.neighbours.graph
    spans = {seed.entity: (seed.start, seed.end) for seed in reversed(found)}
    seeds = []
    for entity in dict.fromkeys(graph.id_of(retriever.resolve(iri)) for iri in question.entities):
        if entity < 0:
            continue
        named = re.search(rf"(?<!\w){re.escape(graph.label_of(entity))}(?!\w)", question.question, re.IGNORECASE)
        start, end = spans.get(entity) or (named.span() if named else (-1, -1))
        seeds.append(Seed(entity, start, end, 0.0))
    return seeds


def _example(
    question: Question, seeds: Sequence[Seed], vectors: dict[str, NDArray[np.float32]], retriever: Retriever
) -> Example | None:
    neighbours, form = retriever.neighbours, FORMS.index(question.form)
    text = question.question
    if question.form == "ask":
        orders = pairs(seeds)[:2]
        masked = [vectors[mask(text, *pair)] for pair in orders]
        around = [neighbours.relations_of(first.entity)[: CANDIDATES // 2].tolist() for first, _ in orders]
        paths = [
            Path(first, (relation,), "ask", second.entity)
            for (first, second), relations in zip(orders, around, strict=True)
            for relation in relations
        ]
        place = [number for number, relations in enumerate(around) for _ in relations]
        wanted = "yes" if question.values[0].casefold() in ("true", "yes") else "no"
        pieces = [gather(path, neighbours) for path in paths]
        quality = np.array([piece is not None and piece.labels[0] == wanted for piece in pieces], np.float32)
    else:
        masked = [vectors[mask(text, seed)] for seed in seeds]
        by_seed = {id(seed): number for number, seed in enumerate(seeds)}
        found = search(
            seeds, np.stack(masked), neighbours, retriever.scorer, retriever.relation_vectors, retriever.options
        ).paths
        if question.form == "select":
            values = [retriever.resolve(value) if "://" in value else value for value in question.values]
            targets = gold_terms(values, neighbours.graph)
            reaching = [path for seed in seeds for path in paths_to(seed, targets, neighbours, retriever.options.hops)]
            known = {(path.seed.entity, path.relations) for path, _ in reaching}
            others = [path for path in found if (path.seed.entity, path.relations) not in known]
            reaching = reaching[: CANDIDATES // 4]
            paths = [path for path, _ in reaching] + others[: CANDIDATES - len(reaching)]
            quality = np.array([value for _, value in reaching] + [0.0] * (len(paths) - len(reaching)), np.float32)
        else:
            paths = found[:CANDIDATES]
            counts = [gather(Path(path.seed, path.relations, "count"), neighbours) for path in paths]
            right = [piece is not None and same_value(piece.labels[0], question.values[0]) for piece in counts]
            quality = np.array(right, np.float32)
        place = [by_seed[id(path.seed)] for path in paths]
    if not paths:
        return None
    return Example(question, paths, quality, np.stack(masked), place, vectors[text], form)
