"""Training p(z|x) from questions and their answers alone: no gold paths.

The loss is -log sum over z of p(z|x) F1(z), F1 that of the path's answers against the gold ones: the marginal
likelihood of RAG (Lewis et al. 2020) with the exact answer sets in the generator's place. Where no path leads to an
answer, `nothing` is right. It takes seconds, and gives the joint training with the real generator (`generation.joint`)
its start.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.arrays import join_rows
from kg.graph import Graph, Ids
from kg.progress import progress
from kg.values import same_value
from retrieval.asked import Asked, Prepared, prepare
from retrieval.candidates import Candidates, distinct, single
from retrieval.evidence import countable
from retrieval.finalists import finalists
from retrieval.path import Path, Seed
from retrieval.question import FORMS, Question, form_hints
from retrieval.retriever import Retriever
from retrieval.scorer import ASKED, SHAPES
from retrieval.search import as_candidates, search
from retrieval.targets import gold_terms, paths_to

CANDIDATES = 72
"""Candidates per question in training: the best by the scorer as it is, a third as many of each shape, as many drawn
from all, and those that lead to an answer."""
_MOST_SEEDS = 8
"""Seeds from which the way to the answers is looked for, the likeliest."""
_MOST_FAR = 2
"""The same for paths of three relations."""
_MOST_REACHING = 8
"""Paths from one seed that lead to an answer, the best."""


@dataclass(frozen=True)
class ScorerOptions:
    """epochs over the questions in each round; batch_size in questions. rates: learning rates of AdamW for the
    matrices, of which the one is taken that suits questions to validate by best: few questions soon make a matrix know
    them by heart, many need it. plain_rate: that of the weights of features and of biases; pull: how strongly these are
    held to where they began, so that questions of one kind do not spoil them for others. dropout on the question's
    vector; seed of the order. rounds: how often the candidates are looked for, first by the scorer as it is, then by
    what it has learnt."""

    epochs: int = 8
    batch_size: int = 32
    rates: tuple[float, ...] = (1e-4, 5e-4, 3e-3)
    plain_rate: float = 1e-2
    pull: float = 0.03
    weight_decay: float = 1e-3
    dropout: float = 0.1
    seed: int = 0
    rounds: int = 2


Reaching = tuple[int, tuple[int, ...]]
"""A seed, by its place, and the relations of a path from it that leads to an answer."""


@dataclass(frozen=True)
class Example:
    """One question ready for training: its candidates (N) as paths and columns, their features (N, F), their quality
    in 0 to 1 (N), the vectors of the question, its form; reaching: the paths that lead to an answer."""

    question: Question
    prepared: Prepared
    paths: list[Path]
    columns: Candidates
    features: NDArray[np.float32]
    quality: NDArray[np.float32]
    form: int
    reaching: tuple[Reaching, ...] = ()


def make_examples(
    questions: Sequence[Question], retriever: Retriever, *, given: bool = True, title: str = "paths"
) -> list[Example]:
    """The questions that have answers and paths around their seeds, with these paths as candidates.

    given: seeds are the gold entities where they are given, else what the retriever finds.
    """
    found = retriever.find_seeds([question.question for question in questions], "graph")
    if given:
        found = [gold_seeds(question, own, retriever) or own for question, own in zip(questions, found, strict=True)]
    ready = prepare([question.question for question in questions], found, retriever.encoder, retriever.classes)
    examples = []
    with progress(title, len(questions)) as advance:
        for question, prepared in zip(questions, ready, strict=True):
            example = make_example(question, prepared, retriever) if prepared.seeds and question.answers else None
            if example is not None:
                examples.append(example)
            advance(1)
    return examples


def refresh_examples(examples: Sequence[Example], retriever: Retriever, *, title: str = "paths") -> list[Example]:
    """The same questions with the candidates that the scorer finds now."""
    made = []
    with progress(title, len(examples)) as advance:
        for example in examples:
            again = make_example(example.question, example.prepared, retriever, reaching=example.reaching)
            made.append(example if again is None else again)
            advance(1)
    return made


def make_example(
    question: Question, prepared: Prepared, retriever: Retriever, *, reaching: tuple[Reaching, ...] | None = None
) -> Example | None:
    """One question with its candidates, None without any. reaching: where it is known already."""
    neighbours, form = retriever.neighbours, question.form
    asked = retriever.asked(prepared)
    found = search(asked, neighbours, retriever.options, explore=True)
    found = found.take(np.flatnonzero((found.shape == ASKED) == (form == "ask")))
    chosen = [_sample(found)]
    targets = np.zeros(0, np.int32)
    if form == "select":
        values = [retriever.resolve(value) if "://" in value else value for value in question.values]
        targets = gold_terms(values, neighbours.graph)
        reaching = _reaching(prepared.seeds, targets, retriever) if reaching is None else reaching
        chosen += _as_candidates(asked, reaching)
    best = finalists(asked, distinct(join_rows(chosen)), neighbours, retriever.classes, most=10**6)
    if not best.paths:
        return None
    quality = [
        _quality(question, path, answers, targets, neighbours.graph)
        for path, answers in zip(best.paths, best.answers, strict=True)
    ]
    return Example(
        question,
        prepared,
        best.paths,
        best.columns,
        best.features,
        np.array(quality, np.float32),
        FORMS.index(form),
        reaching or (),
    )


def _sample(found: Candidates) -> Candidates:
    """The best candidates of all, the best of each shape, and some from anywhere, so that what training lifts is known
    to be wrong, too."""
    rows = [np.arange(min(CANDIDATES, len(found)))]
    rows += [np.flatnonzero(found.shape == shape)[: CANDIDATES // 3] for shape in range(len(SHAPES))]
    rows.append(np.random.default_rng(len(found)).integers(0, max(len(found), 1), min(CANDIDATES, len(found))))
    return found.take(np.unique(np.concatenate(rows)))


def _reaching(seeds: Sequence[Seed], targets: Ids, retriever: Retriever) -> tuple[Reaching, ...]:
    """The paths that lead from the likelier seeds to the targets, found from both ends; long ones, which cost the most,
    only where no short one does."""
    found: list[Reaching] = []
    for hops, most in ((min(2, retriever.options.hops), _MOST_SEEDS), (retriever.options.hops, _MOST_FAR)):
        for number, seed in enumerate(seeds[:most] if not found else ()):
            best = paths_to(seed, targets, retriever.neighbours, hops)[:_MOST_REACHING]
            found += [(number, path.relations) for path, _ in best]
    return tuple(found)


def _as_candidates(asked: Asked, reaching: Sequence[Reaching]) -> list[Candidates]:
    lengths = sorted({len(relations) for _, relations in reaching})
    parts = [[own for own in reaching if len(own[1]) == length] for length in lengths]
    return [
        as_candidates(asked, *single(np.array([n for n, _ in own]), np.array([r for _, r in own], np.int64)), hops - 1)
        for hops, own in zip(lengths, parts, strict=True)
    ]


def _quality(question: Question, path: Path, answers: Ids, targets: Ids, graph: Graph) -> float:
    """How good the answers of a path are: F1, or right or wrong."""
    if question.form == "ask":
        wanted = question.values[0].casefold() in ("true", "yes")
        return float(wanted == bool(np.isin(path.target, answers)))
    if question.form == "count":
        return float(countable(graph, answers) and same_value(str(len(answers)), question.values[0]))
    common = len(np.intersect1d(answers, targets))
    return 2 * common / (len(answers) + len(targets)) if common else 0.0


def train_scorer(
    retriever: Retriever, examples: Sequence[Example], options: ScorerOptions, *, validation: Sequence[Example] = ()
) -> list[float]:
    """The mean loss per epoch; the retriever's scorer is trained in place. After each round but the last the candidates
    are looked for anew, by what the scorer has learnt. validation: chooses among `options.rates`; without any the
    middle one is taken."""
    torch.manual_seed(options.seed)
    order = np.random.default_rng(options.seed)
    rates = sorted(options.rates)
    rate, losses = rates[len(rates) // 2], list[float]()
    for number in range(options.rounds):
        if number:
            examples = refresh_examples(examples, retriever)
        elif validation and len(rates) > 1:
            rate, losses = _best_rate(retriever, examples, options, validation, rates)
            continue
        losses += _one_round(retriever, examples, options, rate, order)
    return losses


def _best_rate(
    retriever: Retriever,
    examples: Sequence[Example],
    options: ScorerOptions,
    validation: Sequence[Example],
    rates: Sequence[float],
) -> tuple[float, list[float]]:
    """(rate, losses) of the round that makes the answers of other questions likeliest; the scorer is left as it was
    after it."""
    start = deepcopy(retriever.scorer.state_dict())
    tried = []
    for rate in rates:
        retriever.scorer.load_state_dict(start)
        losses = _one_round(retriever, examples, options, rate, np.random.default_rng(options.seed))
        with torch.no_grad():
            size = options.batch_size
            parts = [validation[i : i + size] for i in range(0, len(validation), size)]
            lost = sum(float(scorer_loss(retriever, part)) * len(part) for part in parts)
        tried.append((lost, rate, losses, deepcopy(retriever.scorer.state_dict())))
    _, rate, losses, state = min(tried, key=lambda item: item[0])
    retriever.scorer.load_state_dict(state)
    return rate, losses


def _one_round(
    retriever: Retriever, examples: Sequence[Example], options: ScorerOptions, rate: float, order: np.random.Generator
) -> list[float]:
    """The mean loss per epoch of `options.epochs` over the same candidates."""
    scorer = retriever.scorer.train()
    few = [parameter for parameter in scorer.parameters() if parameter.dim() < 2]
    many = [parameter for parameter in scorer.parameters() if parameter.dim() > 1]
    first = [parameter.detach().clone() for parameter in few]
    rates = [options.plain_rate, max(rate, 1e-12)]
    groups = [{"params": few, "weight_decay": 0.0}, {"params": many, "weight_decay": options.weight_decay}]
    optimizer = torch.optim.AdamW(groups, lr=options.plain_rate)
    total = options.epochs * -(-len(examples) // options.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=max(total, 1))
    losses = []
    with progress("train retriever", options.epochs * len(examples)) as advance:
        for _ in range(options.epochs):
            summed = 0.0
            shuffled = order.permutation(len(examples))
            for start in range(0, len(examples), options.batch_size):
                batch = [examples[i] for i in shuffled[start : start + options.batch_size]]
                loss = scorer_loss(retriever, batch, dropout=options.dropout)
                moved = [((now - before) ** 2).sum() for now, before in zip(few, first, strict=True)]
                loss = loss + options.pull * torch.stack(moved).sum()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                summed += float(loss.detach()) * len(batch)
                advance(len(batch))
            losses.append(summed / max(len(examples), 1))
    scorer.eval()
    return losses


def scorer_loss(retriever: Retriever, batch: Sequence[Example], *, dropout: float = 0.0) -> Tensor:
    """The mean over a batch of -log p(right|x), -log p(form|x) and -log p(shape|x): p(right|x) = sum_z p(z|x)
    quality(z), or p(nothing|x) where no candidate is right; the shape is that of the best candidates."""
    scores, nothing, shapes = score_batch(retriever, batch, dropout=dropout)
    device = scores.device
    quality = torch.zeros_like(scores)
    for place, example in enumerate(batch):
        quality[place, : len(example.paths)] = torch.from_numpy(example.quality).to(device)
    asks = torch.tensor([FORMS[example.form] == "ask" for example in batch], device=device)
    answerable = quality.sum(-1) > 0
    nothing = nothing.masked_fill(asks, -torch.inf)
    log_p = torch.log_softmax(torch.cat([scores, nothing[:, None]], -1), -1)
    right = torch.logsumexp(log_p[:, :-1] + torch.log(quality.clamp(min=1e-9)), -1)
    right = torch.where(answerable, right, log_p[:, -1])
    counted = answerable | ~asks
    whole = torch.from_numpy(np.stack([example.prepared.whole for example in batch])).to(device)
    hints = torch.tensor([form_hints(example.question.question) for example in batch], device=device)
    forms = retriever.scorer.form_log_probs(whole, hints)
    form_loss = torch.nn.functional.nll_loss(forms, torch.tensor([example.form for example in batch], device=device))
    likely = torch.stack([torch.from_numpy(_best_shapes(example)) for example in batch]).to(device)
    shape = torch.logsumexp(torch.log_softmax(shapes, -1) + torch.log(likely.clamp(min=1e-9)), -1)
    lost = torch.where(counted, right, 0.0) + torch.where(answerable, shape, 0.0)
    return -lost.sum() / counted.sum().clamp(min=1) + form_loss


def _best_shapes(example: Example) -> NDArray[np.float32]:
    """1 for each shape that a candidate of the best quality has, (S,)."""
    likely = np.zeros(len(SHAPES), np.float32)
    likely[example.columns.shape[example.quality >= example.quality.max() - 1e-6]] = 1.0
    return likely


def score_batch(
    retriever: Retriever, batch: Sequence[Example], *, dropout: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Unnormalised scores (B, longest) on the scorer's device, -inf for padding, those of `nothing` (B,) and of the
    shapes (B, S)."""
    device = retriever.scorer.cosine.device
    longest = max(len(example.paths) for example in batch)
    masks = max(len(example.prepared.masked) for example in batch)
    dimension, hops = batch[0].prepared.masked.shape[1], batch[0].columns.relations.shape[-1]
    masked = np.zeros((len(batch), masks, dimension), np.float32)
    whole = np.stack([example.prepared.whole for example in batch])
    place = np.zeros((len(batch), longest, 2), np.int64)
    paths = np.full((len(batch), longest, 2, hops), -1, np.int64)
    shapes = np.full((len(batch), longest), -1, np.int64)
    features = np.zeros((len(batch), longest, batch[0].features.shape[1]), np.float32)
    for row, example in enumerate(batch):
        n = len(example.paths)
        masked[row, : len(example.prepared.masked)] = example.prepared.masked
        place[row, :n] = example.prepared.place[example.columns.seeds]
        paths[row, :n] = example.columns.relations
        shapes[row, :n] = example.columns.shape
        features[row, :n] = example.features
    inputs = [torch.from_numpy(array).to(device) for array in (masked, whole, place, paths, shapes, features)]
    keep = torch.nn.functional.dropout(inputs[0], dropout, training=dropout > 0)
    relations = retriever.relation_vectors.to(device)
    result: tuple[Tensor, Tensor, Tensor] = retriever.scorer(keep, inputs[1], inputs[2], relations, *inputs[3:])
    return result


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
