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
        parts.append(f"## {_TITLES[name]}\n\n`{record['command']}`, commit {record['commit']}, {record['date']}.\n")
        parts.append(_table(record["results"]))
    return "\n".join(parts)


def _table(results: dict[str, Any]) -> str:
    head = ["questions", "n", "trained on", "Hits@1", "F1", *SYSTEMS, "published, whole sets"]
    rows = [head, ["---"] * len(head)]
    for stage, facts in results.items():
        for name, report in facts.items():
            if not isinstance(report, dict) or "hits@1" not in report:
                continue
            asked = name.removeprefix("asked-")
            others = [f"{report['baselines'][system]['hits@1']:.3f}" for system in SYSTEMS]
            own = [f"{_with_interval(report, metric)}" for metric in ("hits@1", "f1")]
            rows.append([asked, str(report["n"]), STAGES[stage], *own, *others, PUBLISHED.get(asked.split(",")[0], "")])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n" + _rest(results)


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
