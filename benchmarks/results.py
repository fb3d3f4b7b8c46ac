"""`python -m benchmarks.results`: the table of `docs/results.md`, made from the committed records of `benchmarks/`."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "results.md"
PUBLISHED = {
    "lcquad-train": "KGQAn F1 0.52, NSQA 0.44",
    "qald9-train": "KGQAn F1 0.44, LingTeQA 0.535",
    "metaqa-train-1hop": "EmbedKGQA .975, NSM .971, SSKGQA .991 Hits@1",
    "metaqa-train-2hop": "EmbedKGQA .988, NSM .999, SSKGQA .997 Hits@1",
    "metaqa-train-3hop": "EmbedKGQA .948, NSM .989, SSKGQA .996 Hits@1",
}
STAGES = {"untrained": "none", "made": "questions made from the graph", "given": "questions about other entities"}
SYSTEMS = ("dense", "bm25", "ppr", "all")


def main() -> None:
    """Writes the file."""
    TARGET.write_text(page(), "utf-8")


def page() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for name in _TITLES:
        path = HERE / f"answering-{name}.json"
        if not path.exists():
            continue
        record = json.loads(path.read_text("utf-8"))
        parts.append(f"## {_TITLES[name]}\n\n{_source(record)}")
        parts.append(_table(record["results"]))
    for name, title, table in (("joint", "Frozen against together", _joint), ("asking", "Speed", _asking)):
        path = HERE / f"{name}.json"
        if path.exists():
            record = json.loads(path.read_text("utf-8"))
            parts.append(f"## {title}\n\n{_source(record)}\n{table(record['results'])}\n")
    return "\n".join(parts)


def _source(record: dict[str, Any]) -> str:
    return f"`{record['command']}`, commit {record['commit']}, {record['date']}.\n"


def _rows(rows: list[list[str]]) -> str:
    """A table whose first row is the head."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])


def _table(results: dict[str, Any]) -> str:
    head = ["questions", "n", "trained on", "Hits@1", "F1", *SYSTEMS, "published, whole sets"]
    rows = [head]
    for stage, facts in results.items():
        for name, report in facts.items():
            if not isinstance(report, dict) or "hits@1" not in report:
                continue
            asked = name.removeprefix("asked-")
            others = [f"{report['baselines'][system]['hits@1']:.3f}" for system in SYSTEMS]
            own = [f"{_with_interval(report, metric)}" for metric in ("hits@1", "f1")]
            rows.append([asked, str(report["n"]), STAGES[stage], *own, *others, PUBLISHED.get(asked.split(",")[0], "")])
    return _rows(rows) + "\n" + _rest(results)


def _joint(results: dict[str, Any]) -> str:
    """The retriever's head frozen or trained with the reader: means, and the difference question by question."""
    rows = [["retriever's head", "then", "n", "Hits@1", "F1"]]
    for row in results["measured"]:
        own = [
            f"{row[m]:.3f} ({row[m + ' interval'][0]:.3f} to {row[m + ' interval'][1]:.3f})" for m in ("hits@1", "f1")
        ]
        rows.append([row["retriever"], row["then"], str(row["questions"]), *own])
    return _rows(rows)


def _asking(results: dict[str, Any]) -> str:
    return _rows([["", "figure"], *([name, str(value)] for name, value in results.items())])


def _with_interval(report: dict[str, Any], metric: str) -> str:
    low, high = report["intervals"][metric]
    return f"**{report[metric]:.3f}** ({low:.2f} to {high:.2f})"


def _rest(results: dict[str, Any]) -> str:
    lines = []
    for stage, facts in results.items():
        if "train_s" in facts:
            lines.append(f"Training on {STAGES[stage]}: {facts['train_s'] / 60:.1f} minutes on two cores.")
        evidence = facts.get("evidence, entities given")
        if evidence:
            lines.append(
                f"A gold answer lies within the first 20 triples of evidence for {evidence['recall@20_triples']:.3f} "
                f"of the {evidence['n']} questions of lcquad-train, entities given."
            )
    return "\n" + "\n".join(lines) + "\n"


_TITLES = {"dbpedia": "DBpedia", "metaqa": "MetaQA"}
_HEAD = """# Results

Made by `python -m benchmarks.results` from the records in `benchmarks/`. A quarter of the entities is held out, and
only questions about them are asked, those that the graph can answer; Hits@1 and F1 with 95% bootstrap intervals. The
columns after F1 are the Hits@1 of plain baselines in the same run, with the same seeds: triples by dense similarity,
triples by BM25, personalised PageRank from the seeds (as HippoRAG), all triples in reach. Published figures are of
complete test sets over complete graphs, so they tell where the field stands, not a ranking.
"""


if __name__ == "__main__":
    main()
