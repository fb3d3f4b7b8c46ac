"""`python -m benchmarks.joint SNAPSHOT QUESTIONS…`: the retriever frozen against trained together with the reader.

Both see the same batches of questions and gold answers through RAG's marginal, no gold path, from the same start and
seed; the one difference is whether the gradient moves the retriever's head. Twice: from the head as it comes, which is
the encoder's cosine (as Lewis et al. 2020 start from a retriever that was not trained on their task), and from one that
has learned alone before (`limbeck train`). Asked are questions about other entities that some path answers.
"""

import argparse
import tempfile
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import write_record
from evaluation.bootstrap import bootstrap_interval
from evaluation.metrics import f1, hits_at_1
from generation.answer import Teacher
from generation.generator import Generator
from generation.joint import train_together
from generation.options import TrainingOptions
from generation.teach import new_generator, read_all, split_by_entity
from retrieval.encoder import SentenceEncoder
from retrieval.open import open_retriever
from retrieval.question import Question
from retrieval.retriever import Retriever
from retrieval.scorer import PathScorer
from retrieval.synthetic import SyntheticOptions, make_questions
from retrieval.training import ScorerOptions, gold_seeds, make_examples, train_scorer

PUBLISHED = {"RAG-Sequence on Natural Questions, exact match": {"frozen": 41.2, "together": 44.0}}
"""Lewis et al. 2020 (arXiv 2005.11401), table 6."""
Scores = dict[str, list[float]]


def main() -> None:
    """Trains, asks, prints the table and writes `benchmarks/joint.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.joint", description=__doc__)
    parser.add_argument("snapshot", type=Path, help="a folder with graph/ and indexes")
    parser.add_argument("questions", type=Path, nargs="+", help="JSONL files of questions")
    parser.add_argument("--gold-entities", action="store_true", help="ask with the questions' own entities")
    parser.add_argument("--held-out", type=float, default=0.3, help="share of the entities that is asked about")
    parser.add_argument("--synthetic", type=int, default=0, help="questions made from the graph to train on besides")
    parser.add_argument("--reader-examples", type=int, default=1600)
    parser.add_argument("--joint-examples", type=int, default=800)
    parser.add_argument("--joint-epochs", type=int, default=4)
    parser.add_argument("--joint-rate", type=float, default=1e-3, help="learning rate of the retriever's head")
    parser.add_argument("--mode", choices=("sequence", "token"), default="sequence")
    parser.add_argument("--seeds", type=int, default=1, help="runs, of which the scores are the means")
    parser.add_argument("--pieces", type=int, default=6, help="pieces of evidence that an answer comes from")
    given = parser.parse_args()
    encoder = SentenceEncoder()
    retriever = open_retriever(given.snapshot, encoder)
    taught, asked = split_by_entity(read_all(given.questions), given.held_out)
    retriever.scorer = PathScorer(encoder.dimension)
    made = make_questions(retriever.neighbours, SyntheticOptions(count=given.synthetic)) if given.synthetic else []
    taught += split_by_entity(made, given.held_out)[0]
    asked = [example.question for example in make_examples(asked, retriever) if example.quality.max() > 0.3]
    rows: list[dict[str, Any]] = []
    for start in ("as it comes", "trained alone before"):
        found: dict[str, list[Scores]] = {}
        for seed in range(given.seeds):
            retriever.scorer = PathScorer(encoder.dimension)
            options = TrainingOptions(
                seed=seed, reader_examples=given.reader_examples, joint_examples=given.joint_examples, mode=given.mode,
                max_seconds=0, joint_epochs=given.joint_epochs, joint_rate=given.joint_rate,
            )  # fmt: skip
            once(start, retriever, encoder.folder, taught, asked, options, given, found)
        by_question = {name: means(runs) for name, runs in found.items()}
        by_question["together minus frozen"] = {
            metric: by_question["together"][metric] - by_question["frozen"][metric] for metric in by_question["frozen"]
        }
        for name, columns in by_question.items():
            row = {"retriever": start, "then": name, **summary(columns), "questions": len(asked)}
            rows.append(row)
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    names = [path.name for path in given.questions]
    facts = {"taught": len(taught), "measured": rows, "published": PUBLISHED}
    write_record("joint", facts, options=vars(given) | {"snapshot": given.snapshot.name, "questions": names})


def once(
    start: str,
    retriever: Retriever,
    encoder_folder: Path,
    taught: Sequence[Question],
    asked: Sequence[Question],
    options: TrainingOptions,
    given: argparse.Namespace,
    found: dict[str, list[Scores]],
) -> None:
    """Adds the scores of one seed: before the joint training, and after both kinds of it."""
    examples = make_examples(taught, retriever)
    if start != "as it comes":
        train_scorer(retriever, examples, ScorerOptions(seed=options.seed))
    head = deepcopy(retriever.scorer)
    with tempfile.TemporaryDirectory() as place:  # the reader learns alone once; the other runs take it from there
        for name in ("not trained further", "frozen", "together"):
            retriever.scorer = deepcopy(head)
            reader = new_generator(encoder_folder, options, [])
            joint = 0 if name == "not trained further" else options.joint_examples
            wanted = replace(options, joint_examples=joint, train_retriever=name == "together")
            train_together(retriever, reader, examples, wanted, folder=Path(place))
            found.setdefault(name, []).append(scores(retriever, reader, asked, given))


def scores(retriever: Retriever, reader: Generator, asked: Sequence[Question], given: argparse.Namespace) -> Scores:
    """Hits@1 and F1 of each question."""
    texts = [question.question for question in asked]
    seeds = retriever.find_seeds(texts, "hybrid")
    if given.gold_entities:
        seeds = [gold_seeds(question, own, retriever) or own for question, own in zip(asked, seeds, strict=True)]
    evidence = [got.evidence for got in retriever.retrieve_many(texts, k=given.pieces, seeds=seeds)]
    said = [[str(answer.value) for answer in p.answers] for p in Teacher(reader).predict(texts, evidence)]
    pairs = [(values, question.values) for values, question in zip(said, asked, strict=True)]
    return {"hits@1": [hits_at_1(*pair) for pair in pairs], "f1": [f1(*pair) for pair in pairs]}


def means(runs: Sequence[Scores]) -> dict[str, NDArray[np.float64]]:
    """By metric, the mean over the runs of each question's score."""
    return {metric: np.mean([run[metric] for run in runs], axis=0) for metric in runs[0]}


def summary(columns: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """The mean of each metric over questions, with its 95% interval."""
    told: dict[str, Any] = {}
    for metric, values in columns.items():
        told[metric] = round(float(values.mean()), 4)
        told[f"{metric} interval"] = [round(bound, 4) for bound in bootstrap_interval(values.tolist())]
    return told


if __name__ == "__main__":
    main()
