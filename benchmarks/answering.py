"""`python -m benchmarks.answering dbpedia|metaqa WORKSPACE`: questions answered, beside the baselines.

The workspace holds a built graph. A quarter of the entities is held out: nobody trains on a question that speaks of one
of them. Measured is by `limbeck eval`, over the held-out questions that the graph can answer: before any training,
after training on questions made from the graph alone, and after training on the others of all sets. Each step is a
command of its own, as users run them; `answering-NAME.json` has their reports.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

from benchmarks.record import data_file, write_record
from generation.teach import write_questions
from kg.graph import Graph
from kg.merges import Merges
from kg.snapshot import open_snapshot
from retrieval.neighbours import Neighbours
from retrieval.options import MOST_HOPS
from retrieval.path import Seed
from retrieval.question import Question, read_questions
from retrieval.targets import gold_terms, paths_to

SETS = {
    "dbpedia": ("lcquad-train", "qald9-train", "qald78-train", "simpledbpediaqa-valid"),
    "metaqa": ("metaqa/train-1hop", "metaqa/train-2hop", "metaqa/train-3hop"),
}
PARTS = 4
PER_SET = 4000
"""Most questions of a set to train on, and a quarter as many to ask."""
METRICS = ("n", "hits@1", "f1", "mrr", "exact_match", "recall@1", "recall@5", "recall@20", "recall@20_triples")


def main() -> None:
    """Splits, trains, evaluates, prints and records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answering", description=__doc__)
    parser.add_argument("name", choices=SETS)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--stages", nargs="*", default=["untrained", "made", "given"])
    parser.add_argument("--folder", type=Path, help="where the split questions and predictions stay; else nowhere")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        results = measure(options.name, options.workspace, folder, options.stages)
    write_record(f"answering-{options.name}", results, options={"stages": options.stages})


def measure(name: str, workspace: Path, folder: Path, stages: Sequence[str]) -> dict[str, Any]:
    """The reports by stage and set."""
    taught, asked = split(name, workspace, folder)
    results: dict[str, Any] = {}
    for stage in stages:
        facts: dict[str, Any] = {}
        if stage != "untrained":
            given = [part for path in taught for part in ("--questions", str(path))] if stage == "given" else []
            started = time.monotonic()
            limbeck(workspace, "train", *given)
            facts["train_s"] = round(time.monotonic() - started, 1)
        model = ["--model", "retriever"] if stage == "untrained" else []
        for path in asked:
            ways = {"entities given": ["--gold-entities"]}
            if name != "metaqa":
                ways["end to end"] = []
            for way, flags in ways.items():
                predictions = folder / f"{stage}-{path.stem}-{way.replace(' ', '-')}.jsonl"
                told = [*flags, *model, "--gold", str(path), "--predictions", str(predictions)]
                facts[f"{path.stem}, {way}"] = report = shortened(limbeck(workspace, "eval", "answers", *told))
                print(stage, path.stem, way, json.dumps(report), flush=True)
        if stage == "given" and name != "metaqa":
            told = ["--gold-entities", "--gold", str(asked[0])]
            facts["evidence, entities given"] = report = shortened(limbeck(workspace, "eval", "retrieval", *told))
            print(stage, "evidence", json.dumps(report), flush=True)
        results[stage] = facts
    return results


def limbeck(workspace: Path, *arguments: str) -> dict[str, Any]:
    """What a command prints as JSON. Exits where it fails."""
    command = [sys.executable, "-m", "limbeck.cli", *arguments, "--workspace", str(workspace), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed.")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def shortened(report: dict[str, Any]) -> dict[str, Any]:
    """The metrics of a report, with intervals, and those of the baselines."""
    own = {metric: round(report[metric], 3) for metric in METRICS if metric in report}
    intervals = {m: [round(x, 3) for x in bounds] for m, bounds in report["intervals"].items() if m in METRICS}
    others = {
        baseline: {metric: round(value, 3) for metric, value in values.items() if metric in METRICS}
        for baseline, values in report["baselines"].items()
    }
    return {**own, "intervals": intervals, "baselines": others}


def split(name: str, workspace: Path, folder: Path) -> tuple[list[Path], list[Path]]:
    """Files of questions to train on, and of held-out ones that the graph can answer, the single-entity ones of the
    first set once more by themselves. Beside them lie those that it cannot answer, for `benchmarks.coverage`."""
    every = {path: read_questions(data_file(f"questions/{path}.jsonl")) for path in SETS[name]}
    held = {iri for questions in every.values() for q in questions for iri in (_key(q), *q.entities) if held_out(iri)}
    taught, asked = [], []
    can_answer = derivable() if name == "dbpedia" else reachable(workspace)
    texts: set[str] = set()
    for path, questions in every.items():
        apart = [q for q in questions if held_out(_key(q))]
        is_answerable = [can_answer(q) for q in apart]
        kept = list(compress(apart, is_answerable))[: PER_SET // PARTS]
        texts |= {q.question for q in kept}
        stem = path.replace("/", "-")
        _write(
            folder / f"unanswerable-{stem}.jsonl", [q for q, can in zip(apart, is_answerable, strict=True) if not can]
        )
        asked.append(_write(folder / f"asked-{stem}.jsonl", kept))
        if path == "lcquad-train":
            single = [q for q in kept if len(q.entities) == 1 and q.form == "select"]
            asked.append(_write(folder / f"asked-{stem}-single.jsonl", single))
    for path, questions in every.items():
        free = [
            q for q in questions if not held & set(q.entities) and not held_out(_key(q)) and q.question not in texts
        ]
        taught.append(_write(folder / f"taught-{path.replace('/', '-')}.jsonl", free[:PER_SET]))
    return taught, asked


def held_out(key: str) -> bool:
    """Whether an entity is one of the quarter that nobody trains on."""
    return hashlib.blake2b(key.encode(), digest_size=4).digest()[0] % PARTS == 0


def derivable() -> Callable[[Question], bool]:
    """Whether the gold query gives an answer over the graph, as the data says."""
    lines = [line.split("\t") for line in data_file("questions/derivable.tsv").read_text("utf-8").splitlines()[1:]]
    known = {number for _, number, whole, _ in lines if whole != "none"}
    return lambda question: question.id in known


def reachable(workspace: Path) -> Callable[[Question], bool]:
    """Whether a gold answer lies within the question's hops of its entity."""
    folder = open_snapshot(workspace).folder
    neighbours = Neighbours.open(folder / "neighbours", Graph.open(folder / "graph"))
    merges = Merges.open(folder / "merges")

    def can_answer(question: Question) -> bool:
        entity = neighbours.graph.id_of(merges.canonical(question.entities[0]))
        values = [merges.canonical(value) for value in question.values]
        targets = gold_terms(values, neighbours.graph)
        seed = Seed(entity, -1, -1, 0.0)
        return entity >= 0 and bool(paths_to(seed, targets, neighbours, question.hops or MOST_HOPS))

    return can_answer


def _key(question: Question) -> str:
    return question.entities[0] if question.entities else question.id


def _write(path: Path, questions: Sequence[Question]) -> Path:
    write_questions(path, questions)
    return path


if __name__ == "__main__":
    main()
