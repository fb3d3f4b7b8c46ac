"""`limbeck eval`: our systems over gold data, beside plain baselines, as one JSON object or a table.

Seven kinds: answers, retrieval, linking, relations, importance, truth, generation. A triple's truth is scored without
looking the triple up. `model` is the answerer's name for answers, and the method's for the rest.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from evaluation import baselines, gold
from evaluation import run as evaluate
from evaluation.report import Evaluation, report_table, write_predictions
from kg.clean.ranker import train_ranker
from kg.errors import UsageError
from limbeck import systems
from limbeck.knowledge_base import KnowledgeBase, open_knowledge_base
from limbeck.render import table_text
from retrieval.question import read_questions

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """The gold file, how many of its items are taken, how questions are asked."""

    gold: Path
    limit: int | None
    asked: systems.Asked

    def read(self, reader: Callable[[Path], list[T]]) -> list[T]:
        """The items to measure on."""
        return reader(self.gold)[: self.limit]


def run(
    workspace: Path,
    kind: str,
    gold: Path,
    *,
    limit: int | None = None,
    predictions: Path | None = None,
    gold_entities: bool = False,
    model: str | None = None,
    mode: str = "hybrid",
    trained: bool = False,
    ranker: Path | None = None,
    as_json: bool = False,
) -> None:
    """Prints the report of one kind of evaluation; `predictions` takes a line per item.

    trained, ranker: see `limbeck.systems.Asked`. Raises UsageError for an unknown kind, a limit below 1, or a file that
    cannot be read or written.
    """
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is nothing that can be evaluated; choose {', '.join(KINDS)}.")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit must be at least 1, not {limit}.")
    for path in (predictions, ranker):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{path.name} cannot be written to {path}: there is no folder {path.parent}.")
    if kind != "importance" and (trained or ranker):
        raise UsageError(f"--trained and --ranker belong to `limbeck eval importance`, not to {kind}.")
    kb = open_knowledge_base(workspace)
    result = KINDS[kind](kb, Job(gold, limit, systems.Asked(model, mode, gold_entities, trained, ranker)))
    if predictions is not None:
        write_predictions(predictions, result.predictions)
    if as_json:
        print(json.dumps(result.report, ensure_ascii=False))
    else:
        table = report_table(result.report, title=f"{kind}, {gold.name}, snapshot {kb.snapshot.id}")
        print(table_text(table), end="")


def answers(kb: KnowledgeBase, job: Job) -> Evaluation:
    """Answers to questions."""
    return evaluate.evaluate_answers(
        systems.canonical_questions(job.read(read_questions), kb.merges),
        systems.asker(kb, job.asked),
        baselines=systems.answer_baselines(kb, job.asked),
        model=job.asked.model or kb.live_model,
        snapshot=kb.snapshot.id,
    )


def retrieval(kb: KnowledgeBase, job: Job) -> Evaluation:
    """Evidence for questions."""
    return evaluate.evaluate_retrieval(
        systems.canonical_questions(job.read(read_questions), kb.merges),
        systems.retriever(kb, job.asked),
        baselines=systems.retrieval_baselines(kb, job.asked),
        model=f"paths, {job.asked.mode}",
        snapshot=kb.snapshot.id,
    )


def linking(kb: KnowledgeBase, job: Job) -> Evaluation:
    """Mentions in texts."""
    return evaluate.evaluate_linking(
        systems.canonical_mentions(job.read(gold.read_mentions), kb.merges),
        systems.linker(kb),
        known=lambda iri: kb.graph.id_of(iri) >= 0,
        baselines={"longest label": systems.longest_match(kb)},
        model="aliases and descriptions",
        snapshot=kb.snapshot.id,
    )


def relations(kb: KnowledgeBase, job: Job) -> Evaluation:
    """Triples that texts state."""
    relate, adjacent = systems.relater(kb)
    return evaluate.evaluate_relations(
        systems.canonical_relations(job.read(gold.read_relations), kb.merges),
        relate,
        baselines={"adjacent, frequent predicate": adjacent},
        model="distant supervision",
        snapshot=kb.snapshot.id,
    )


def importance(kb: KnowledgeBase, job: Job) -> Evaluation:
    """The triples that a summary of an entity holds."""
    frequency = baselines.predicate_counts(kb.graph)
    items = systems.canonical_descriptions(job.read(gold.read_importance), kb.merges)
    plain = {
        "order of the file": baselines.in_order,
        "random": baselines.at_random,
        "predicate frequency": baselines.predicate_frequency(lambda p: frequency.get(p, 0)),
    }
    untrained = systems.summariser(kb)
    trained = job.asked.trained
    if job.asked.ranker is not None:
        train_ranker(systems.examples(items), graph=kb.graph).save(job.asked.ranker)
    return evaluate.evaluate_importance(
        items,
        systems.trained_summariser(kb, items) if trained else untrained,
        baselines={**plain, "untrained": untrained} if trained else plain,
        model="importance, trained on the other entities" if trained else "importance",
        snapshot=kb.snapshot.id,
    )


def truth(kb: KnowledgeBase, job: Job) -> Evaluation:
    """Whether triples are true, told by the rest of the graph and by the names of their ends."""
    from kg.clean.plausibility import plausibility

    frequency = baselines.predicate_counts(kb.graph)
    claims = systems.canonical_claims(job.read(gold.read_truth), kb.merges)
    return evaluate.evaluate_truth(
        claims,
        lambda triples: plausibility(kb.graph, triples, encode=systems.name_encoder(kb)).tolist(),
        baselines={"predicate frequency": baselines.predicate_frequency(lambda p: frequency.get(p, 0))},
        model="plausibility",
        snapshot=kb.snapshot.id,
    )


def generation(kb: KnowledgeBase, job: Job) -> Evaluation:
    """Texts that say triples."""
    from generation.verbalise import verbalise

    label = systems.labeller(kb)
    return evaluate.evaluate_generation(
        job.read(gold.read_generation),
        lambda triples: verbalise(triples, label),
        baselines={"template": baselines.template(label)},
        model="rules",
        snapshot=kb.snapshot.id,
    )


KINDS: dict[str, Callable[[KnowledgeBase, Job], Evaluation]] = {
    "answers": answers,
    "retrieval": retrieval,
    "linking": linking,
    "relations": relations,
    "importance": importance,
    "truth": truth,
    "generation": generation,
}
