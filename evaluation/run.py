"""Runs a system over gold data and reports: each function takes systems as functions, so it knows no concrete one.

Each gives an `Evaluation`: the report (metrics, intervals, baselines) and a prediction per item. A baseline has the
same signature as the system it stands beside. `duration_s` is the system's own time. All raise UsageError where there
is no gold. A system given as `Batched` gets many items at a time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluation.bootstrap import bootstrap_interval, interval_of, percentile_interval, resampled_sums
from evaluation.gold import Claim, Description, LinkedText, RelatedText, Triple, VerbalizedTriples
from evaluation.metrics import (
    Counts,
    exact_match,
    f1,
    f_at_k,
    hits_at_1,
    known_link_counts,
    link_counts,
    mrr,
    precision_recall_f1,
    recall_at,
    roc_auc,
    set_counts,
)
from evaluation.report import Evaluation, Scores, report
from evaluation.text_metrics import text_scores
from kg.errors import UsageError
from kg.progress import progress
from kg.types import Mention
from kg.values import canonical_value
from retrieval.question import Question

Item = TypeVar("Item")
Output = TypeVar("Output")
Ask = Callable[[Question], Sequence[str]]
"""From a question to bare values, best first."""
Relate = Callable[[str], Sequence[Triple]]
Score = Callable[[Sequence[Triple]], Sequence[float]]
"""From triples to a score each, higher is better."""
Verbalize = Callable[[Sequence[Triple]], str]


@dataclass(frozen=True)
class Retrieved:
    """A piece of evidence: the bare values it gives as answers, and the triples it shows, in their order."""

    values: Sequence[str]
    triples: Sequence[Triple]


Retrieve = Callable[[Question], Sequence[Retrieved]]
"""From a question to evidence, best first, at least 20 pieces where there are so many."""


class Linker(Protocol):
    """Finds mentions in a text, and names the entity of given spans."""

    def link(self, text: str) -> Sequence[Mention]:
        """The mentions of a text."""

    def disambiguate(self, text: str, spans: Sequence[tuple[int, int]]) -> Sequence[str | None]:
        """The IRI of each span, None for none."""


Links = tuple[list[Mention], list[str | None]]
"""The mentions of a text, and the IRIs of its gold spans."""


@dataclass(frozen=True)
class Batched(Generic[Item, Output]):
    """A system over many items at once, at most `size` of them; called with one it gives one."""

    many: Callable[[Sequence[Item]], Sequence[Output]]
    size: int = 64

    def __call__(self, item: Item) -> Output:
        """The output for one item."""
        return self.many([item])[0]


def evaluate_answers(
    questions: Sequence[Question],
    ask: Ask,
    *,
    baselines: Mapping[str, Ask] | None = None,
    model: str | None = None,
    snapshot: str | None = None,
) -> Evaluation:
    """hits@1, f1, mrr and exact_match, means over questions."""
    metrics = {"hits@1": hits_at_1, "f1": f1, "mrr": mrr, "exact_match": exact_match}

    def scores(items: Sequence[Question], answers: Sequence[Sequence[str]]) -> Scores:
        rows = list(zip(items, answers, strict=True))
        return _means({name: [metric(values, q.values) for q, values in rows] for name, metric in metrics.items()})

    def line(item: Question, values: Sequence[str]) -> dict[str, Any]:
        found = {name: metric(values, item.values) for name, metric in metrics.items()}
        return {"id": item.id, "question": item.question, "gold": item.values, "predicted": list(values), **found}

    return _evaluate("answers", questions, ask, baselines, scores, line, model, snapshot)


def evaluate_retrieval(
    questions: Sequence[Question],
    retrieve: Retrieve,
    *,
    baselines: Mapping[str, Retrieve] | None = None,
    model: str | None = None,
    snapshot: str | None = None,
) -> Evaluation:
    """recall@1, recall@5, recall@20: the share of questions with a gold answer in the first pieces of evidence;
    recall@20_triples: the share with one at an end of the first 20 distinct triples, pieces in order; and triples: the
    mean number of distinct triples in the first 20 pieces."""

    def measures(item: Question, found: Sequence[Retrieved]) -> dict[str, float]:
        values = [piece.values for piece in found]
        triples = list(dict.fromkeys(triple for piece in found[:20] for triple in piece.triples))
        ends = [(s, o) for s, _, o in triples]
        return {
            **{f"recall@{k}": recall_at(values, item.values, k=k) for k in (1, 5, 20)},
            "recall@20_triples": recall_at(ends, item.values, k=20),
            "triples": len(triples),
        }

    def scores(items: Sequence[Question], outputs: Sequence[Sequence[Retrieved]]) -> Scores:
        rows = [measures(item, found) for item, found in zip(items, outputs, strict=True)]
        return _means({name: [row[name] for row in rows] for name in rows[0]})

    def line(item: Question, found: Sequence[Retrieved]) -> dict[str, Any]:
        evidence = [{"values": list(piece.values), "triples": list(piece.triples)} for piece in found[:20]]
        return {"id": item.id, "gold": item.values, "evidence": evidence, **measures(item, found)}

    return _evaluate("retrieval", questions, retrieve, baselines, scores, line, model, snapshot)


def evaluate_linking(
    texts: Sequence[LinkedText],
    linker: Linker | Batched[LinkedText, Links],
    *,
    known: Callable[[str], bool],
    baselines: Mapping[str, Linker | Batched[LinkedText, Links]] | None = None,
    model: str | None = None,
    snapshot: str | None = None,
) -> Evaluation:
    """Micro precision, recall and f1 on exact span and IRI, f1_known, and accuracy_given_spans over gold with an IRI.

    known: whether the graph holds an IRI.
    """

    def system(linker: Linker | Batched[LinkedText, Links]) -> Callable[[LinkedText], Links]:
        if isinstance(linker, Batched):
            return linker
        return lambda item: (list(linker.link(item.text)), list(linker.disambiguate(item.text, _spans(item))))

    def right(item: LinkedText, iris: Sequence[str | None]) -> int:
        gold = [mention.iri for mention in item.mentions if mention.iri is not None]
        pairs = zip(gold, iris, strict=True)
        return sum(iri is not None and canonical_value(iri) == canonical_value(wanted) for wanted, iri in pairs)

    def scores(items: Sequence[LinkedText], outputs: Sequence[Links]) -> Scores:
        rows = list(zip(items, outputs, strict=True))
        exact = _micro([link_counts(found, item.mentions) for item, (found, _) in rows])
        over_known = _micro([known_link_counts(found, item.mentions, known=known) for item, (found, _) in rows])
        given = np.array([(right(item, iris), len(_spans(item))) for item, (_, iris) in rows], dtype=np.float64)
        return Scores(
            {**exact.values, "f1_known": over_known.values["f1"], "accuracy_given_spans": _share(given.sum(0))},
            {
                **exact.intervals,
                "f1_known": over_known.intervals["f1"],
                "accuracy_given_spans": interval_of(given, lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1)),
            },
        )

    def line(item: LinkedText, output: Links) -> dict[str, Any]:
        mentions = [{"start": m.start, "end": m.end, "iri": m.iri, "score": m.score} for m in output[0]]
        gold = [{"start": m.start, "end": m.end, "iri": m.iri} for m in item.mentions]
        given = [[*span, iri] for span, iri in zip(_spans(item), output[1], strict=True)]
        return {"id": item.id, "text": item.text, "gold": gold, "mentions": mentions, "given_spans": given}

    others = {name: system(baseline) for name, baseline in (baselines or {}).items()}
    return _evaluate("linking", texts, system(linker), others, scores, line, model, snapshot)


def evaluate_relations(
    texts: Sequence[RelatedText],
    relate: Relate,
    *,
    baselines: Mapping[str, Relate] | None = None,
    model: str | None = None,
    snapshot: str | None = None,
) -> Evaluation:
    """Micro precision, recall and f1 on exact triples; by_split where the gold has splits."""

    def scores(items: Sequence[RelatedText], outputs: Sequence[Sequence[Triple]]) -> Scores:
        counts = [set_counts(found, item.triples) for item, found in zip(items, outputs, strict=True)]
        whole = _micro(counts)
        splits = {}
        for split in sorted({item.split for item in items if item.split is not None}):
            part = [row for item, row in zip(items, counts, strict=True) if item.split == split]
            splits[split] = {"n": len(part), **_micro(part).values}
        return Scores(whole.values, whole.intervals, {"by_split": splits} if splits else {})

    def line(item: RelatedText, found: Sequence[Triple]) -> dict[str, Any]:
        return {"id": item.id, "text": item.text, "gold": item.triples, "triples": list(found)}

    return _evaluate("relations", texts, _on("text", relate), _all_on("text", baselines), scores, line, model, snapshot)


def evaluate_importance(
    descriptions: Sequence[Description],
    score: Score,
    *,
    baselines: Mapping[str, Score] | None = None,
    model: str | None = None,
    snapshot: str | None = None,
) -> Evaluation:
    """f@5 and f@10 against each human summary, means over summaries and then over entities. Ties keep their order."""

    def measures(item: Description, values: Sequence[float]) -> dict[str, float]:
        ranked = _best_first(values)
        return {"f@5": f_at_k(ranked, item.top5, k=5), "f@10": f_at_k(ranked, item.top10, k=10)}

    def scores(items: Sequence[Description], outputs: Sequence[Sequence[float]]) -> Scores:
        rows = [measures(item, values) for item, values in zip(items, outputs, strict=True)]
        return _means({name: [row[name] for row in rows] for name in ("f@5", "f@10")})

    def line(item: Description, values: Sequence[float]) -> dict[str, Any]:
        return {"entity": item.entity, "ranked": _best_first(values), **measures(item, values)}

    systems = _all_on("triples", baselines)
    return _evaluate("importance", descriptions, _on("triples", score), systems, scores, line, model, snapshot)


def evaluate_truth(
    claims: Sequence[Claim],
    score: Score,
    *,
    baselines: Mapping[str, Score] | None = None,
    model: str | None = None,
    snapshot: str | None = None,
    samples: int = 1000,
) -> Evaluation:
    """roc_auc of the scores of triples, all scored in one call."""
    _need_gold("truth", claims)
    truths = np.array([claim.true for claim in claims])
    draws = np.random.default_rng(0).integers(0, len(claims), (samples, len(claims)))
    triples = [claim.triple for claim in claims]

    def scores(values: NDArray[np.float64]) -> Scores:
        interval = percentile_interval([roc_auc(values[draw], truths[draw]) for draw in draws])
        return Scores({"roc_auc": roc_auc(values, truths)}, {"roc_auc": interval})

    started = time.monotonic()
    values = np.asarray(score(triples), dtype=np.float64)
    duration_s = time.monotonic() - started
    others = {
        name: Scores({"roc_auc": roc_auc(baseline(triples), truths)}) for name, baseline in (baselines or {}).items()
    }
    lines = [
        {"triple": claim.triple, "true": claim.true, "score": value}
        for claim, value in zip(claims, values.tolist(), strict=True)
    ]
    made = report(len(claims), scores(values), others, model=model, snapshot=snapshot, duration_s=duration_s)
    return Evaluation(made, lines)


def evaluate_generation(
    items: Sequence[VerbalizedTriples],
    verbalize: Verbalize,
    *,
    baselines: Mapping[str, Verbalize] | None = None,
    model: str | None = None,
    snapshot: str | None = None,
) -> Evaluation:
    """bleu, chrf and rouge_l of the texts said for triples."""

    def scores(items: Sequence[VerbalizedTriples], texts: Sequence[str]) -> Scores:
        return Scores(*text_scores(texts, [item.texts for item in items]))

    def line(item: VerbalizedTriples, text: str) -> dict[str, Any]:
        return {"id": item.id, "triples": item.triples, "text": text, "references": item.texts}

    systems = _all_on("triples", baselines)
    return _evaluate("generation", items, _on("triples", verbalize), systems, scores, line, model, snapshot)


def _evaluate(
    title: str,
    items: Sequence[Item],
    system: Callable[[Item], Output],
    baselines: Mapping[str, Callable[[Item], Output]] | None,
    scores: Callable[[Sequence[Item], Sequence[Output]], Scores],
    line: Callable[[Item, Output], dict[str, Any]],
    model: str | None,
    snapshot: str | None,
) -> Evaluation:
    _need_gold(title, items)
    started = time.monotonic()
    outputs = _outputs(f"evaluate {title}", items, system)
    duration_s = time.monotonic() - started
    others = {
        name: scores(items, _outputs(f"baseline {name}", items, baseline))
        for name, baseline in (baselines or {}).items()
    }
    made = report(len(items), scores(items, outputs), others, model=model, snapshot=snapshot, duration_s=duration_s)
    return Evaluation(made, [line(item, output) for item, output in zip(items, outputs, strict=True)])


def _outputs(title: str, items: Sequence[Item], system: Callable[[Item], Output]) -> list[Output]:
    size = system.size if isinstance(system, Batched) else 1
    outputs: list[Output] = []
    with progress(title, len(items)) as advance:
        for start in range(0, len(items), size):
            part = items[start : start + size]
            outputs += system.many(part) if isinstance(system, Batched) else [system(item) for item in part]
            advance(len(part))
    return outputs


def _need_gold(title: str, items: Sequence[object]) -> None:
    if not items:
        raise UsageError(f"there is nothing to evaluate {title} on: the gold file has no lines.")


def _means(columns: Mapping[str, Sequence[float]]) -> Scores:
    return Scores(
        {name: float(np.mean(values)) for name, values in columns.items()},
        {name: bootstrap_interval(values) for name, values in columns.items()},
    )


def _micro(counts: Sequence[Counts]) -> Scores:
    names = ("precision", "recall", "f1")
    values = precision_recall_f1(np.sum(counts, axis=0)).tolist()
    samples = precision_recall_f1(resampled_sums(counts))
    intervals = {name: percentile_interval(samples[:, column]) for column, name in enumerate(names)}
    return Scores(dict(zip(names, values, strict=True)), intervals)


def _share(pair: NDArray[np.float64]) -> float:
    return float(pair[0] / pair[1]) if pair[1] else float("nan")


def _spans(item: LinkedText) -> list[tuple[int, int]]:
    return [(mention.start, mention.end) for mention in item.mentions if mention.iri is not None]


def _best_first(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda position: -scores[position])


def _on(name: str, system: Callable[[Any], Output]) -> Callable[[Any], Output]:
    if isinstance(system, Batched):
        many = system.many

        def run(items: Sequence[Any]) -> Sequence[Output]:
            return many([getattr(item, name) for item in items])

        return Batched(run, system.size)
    return lambda item: system(getattr(item, name))


def _all_on(name: str, systems: Mapping[str, Callable[[Any], Output]] | None) -> dict[str, Callable[[Any], Output]]:
    return {key: _on(name, system) for key, system in (systems or {}).items()}
