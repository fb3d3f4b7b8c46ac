"""What the commands do that change a workspace or read one: flows run in this process, files, status."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import SnapshotError
from kg.snapshot import current_id, open_snapshot, point_to, snapshot_before, snapshot_ids, write_lock
from limbeck.knowledge_base import open_knowledge_base

if TYPE_CHECKING:
    from flows.config import Config
    from generation.options import Device


def build(
    workspace: Path,
    config: Path | None,
    sources: Sequence[str],
    questions: Sequence[str],
    skip: Sequence[str],
    budget: str | None = None,
) -> dict[str, Any]:
    """Runs the flow `build` here; returns the report of the snapshot."""
    from kg.sources.options import kind_of

    for source in _checked(config, sources, questions, skip, budget).sources:
        kind_of(source.location)
    given = {"sources": list(sources), "questions": list(questions), "skip": list(skip), "budget": budget}
    return report(_run("build", workspace, config=_name(config), **given))


def refresh(workspace: Path, config: Path | None) -> dict[str, Any]:
    """Runs the flow `refresh` here."""
    open_snapshot(workspace)
    return report(_run("refresh", workspace, config=_name(config)))


def remove(workspace: Path, source: str, *, keep_models: bool) -> dict[str, Any]:
    """Runs the flow `remove` here."""
    open_snapshot(workspace)
    return report(_run("remove", workspace, source=source, keep_models=keep_models))


def merges(workspace: Path) -> dict[str, Any]:
    """The log of merges of the current snapshot."""
    from kg.merges import Merges
    from kg.terms import value_of

    snapshot = open_snapshot(workspace)
    rows = [
        {"from": value_of(merged), "to": value_of(to), "reason": reason, "score": round(score, 4)}
        for merged, to, reason, score in Merges.open(snapshot.folder / "merges")
    ]
    return {"snapshot": snapshot.id, "merges": rows}


def merge_lines(result: dict[str, Any]) -> list[str]:
    """The log of merges as text."""
    return [f"{row['from']} -> {row['to']} ({row['reason']}, {row['score']:.2f})" for row in result["merges"]]


def unmerge(workspace: Path, iri: str) -> dict[str, Any]:
    """Runs the flow `unmerge` here."""
    open_snapshot(workspace)
    return report(_run("unmerge", workspace, iri=iri))


def train(
    workspace: Path, config: Path | None, questions: Sequence[str], device: "Device | None" = None
) -> dict[str, Any]:
    """Runs the flow `train` here."""
    _check_asked(workspace, config, questions, device)
    return report(_run("train", workspace, config=_name(config), questions=list(questions), device=device))


def distill(
    workspace: Path, config: Path | None, questions: Sequence[str], device: "Device | None" = None
) -> dict[str, Any]:
    """Runs the flow `distill` here."""
    _check_asked(workspace, config, questions, device)
    return report(_run("distill", workspace, config=_name(config), questions=list(questions), device=device))


def promote(workspace: Path, config: Path | None) -> dict[str, Any]:
    """Runs the flow `promote` here; returns the gate's report."""
    open_snapshot(workspace)
    return _run("promote", workspace, config=_name(config))


def rollback(workspace: Path) -> dict[str, Any]:
    """Makes the snapshot before the current one current (see `snapshot_before`). Raises NoSnapshot if there is none."""
    with write_lock(workspace):
        point_to(workspace, snapshot_before(workspace).id)
    return status(workspace)


def deploy(workspace: Path, config: Path | None, api_url: str | None) -> dict[str, Any]:
    """Registers the deployments; returns their names and schedules."""
    from flows.config import load_config
    from flows.deploy import deploy as register

    schedule = load_config(config).schedule
    return register(workspace, config, schedule=schedule, api_url=api_url)


def estimate(
    config: Path | None, sources: Sequence[str], questions: Sequence[str], skip: Sequence[str] = ()
) -> dict[str, Any]:
    """What a build would pull."""
    from flows import pipeline
    from kg.sources import estimate as look

    rows = look(_checked(config, sources, questions, skip).sources)
    expected = pipeline.forecast(rows, skip)
    return {"dry_run": True, "sources": rows, **({} if expected is None else asdict(expected))}


def status(workspace: Path) -> dict[str, Any]:
    """The current snapshot, the model in charge (None if none is trained), and all snapshots. problem: why the current
    snapshot does not open, or None. Raises NoSnapshot if there is no snapshot at all."""
    manifest: dict[str, Any] = {}
    problem = None
    try:
        manifest = open_snapshot(workspace).manifest
    except SnapshotError as error:
        if not snapshot_ids(workspace):
            raise
        problem = str(error)
    files = manifest.get("files", ())
    trained = any(name.startswith("models/") for name in files)
    return {
        "workspace": str(workspace),
        "snapshot": current_id(workspace),
        "problem": problem,
        "live": manifest.get("live") if trained else None,
        "counts": manifest.get("counts"),
        "encoder": (manifest.get("encoder") or {}).get("name"),
        "student": any(name.startswith("models/student/") for name in files),
        "previous": manifest.get("previous"),
        "snapshots": snapshot_ids(workspace),
        "sources": manifest.get("sources", []),
    }


def verify(workspace: Path) -> dict[str, Any]:
    """The problems of the current snapshot."""
    from kg.verify import verify as check

    snapshot = open_snapshot(workspace)
    return {"snapshot": snapshot.id, "problems": check(snapshot), "files": len(snapshot.manifest["files"])}


def link_file(workspace: Path, file: Path | None) -> None:
    """Writes a line of mentions for each line of text."""
    kb = open_knowledge_base(workspace)

    def mentions(texts: list[str]) -> list[dict[str, Any]]:
        return [
            {"mentions": [{"start": m.start, "end": m.end, "iri": m.iri, "score": round(m.score, 6)} for m in found]}
            for found in kb.link_many(texts)
        ]

    _each_text(file, mentions)


def relate_file(workspace: Path, file: Path | None) -> None:
    """Writes a line of triples for each line of text."""
    kb = open_knowledge_base(workspace)

    def triples(texts: list[str]) -> list[dict[str, Any]]:
        return [
            {
                "triples": [[r.s, r.p, r.o] for r in found],
                "scores": [round(r.score, 6) for r in found],
                "spans": [[r.start, r.end] for r in found],
            }
            for found in kb.relate_many(texts)
        ]

    _each_text(file, triples)


def report(manifest: dict[str, Any]) -> dict[str, Any]:
    """What `--json` prints of a snapshot's manifest."""
    counts = dict(manifest["counts"])
    facts = ("live", "training", "distillation", "compression", "vectors", "forecast", "peak_rss_bytes", "skipped")
    return {
        "snapshot": manifest["id"],
        **counts,
        "duration_s": manifest["duration_s"],
        **{name: manifest[name] for name in facts if manifest.get(name) is not None},
    }


def build_lines(result: dict[str, Any]) -> list[str]:
    """The report as text."""
    if result.get("dry_run"):
        return [*(f"{source['name']}: {_facts(source)}" for source in result["sources"]), _forecast_line(result)]
    most_first = sorted(result["dropped"].items(), key=lambda item: (-item[1], item[0]))
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in most_first)
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result["duration_s"].items())
    flagged = ", ".join(f"{count:,} {reason}" for reason, count in sorted(result["flagged"].items()))
    return [
        f"snapshot {result['snapshot']}",
        f"  {result['pulled']:,} triples pulled, {result['extracted']:,} read from text, {result['triples']:,} "
        f"published ({result['entities']:,} entities, {result['predicates']:,} predicates)",
        f"  dropped: {dropped or 'none'}",
        *([f"  against the ontology: {flagged}"] if flagged else []),
        *([f"{_forecast_check(result['forecast'])} of what came"] if "forecast" in result else []),
        *([_cost_line(result["compression"])] if "compression" in result else []),
        f"  {steps}; peak memory {result['peak_rss_bytes'] / 2**20:,.0f} MiB",
    ]


def _forecast_line(expected: dict[str, Any]) -> str:
    """What a build is expected to take, as text."""
    if "triples" not in expected:
        return "how long it takes, only pulling tells: more than one hop from the seeds"
    steps = ", ".join(f"{name} {seconds:,.0f} s" for name, seconds in expected["duration_s"].items())
    total, peak = sum(expected["duration_s"].values()), expected["peak_rss_bytes"] / 2**20
    return f"about {expected['triples']:,} triples, {total:,.0f} s ({steps}), {peak:,.0f} MiB of memory"


def _forecast_check(forecast: dict[str, Any]) -> str:
    """How good a forecast was, as text."""
    told = ((name, forecast[name]) for name in ("triples", "duration_s", "peak_rss_bytes"))
    words = {"triples": "triples", "duration_s": "time", "peak_rss_bytes": "memory"}
    return "  expected: " + ", ".join(f"{words[name]} {row['ratio']:.0%}" for name, row in told if "ratio" in row)


def _cost_line(cost: dict[str, Any]) -> str:
    """What a budget cost, as text."""
    (before, after), (estimated, written) = cost["triples"], cost["bytes"]
    sizes = f"{written / 1e6:,.1f} MB on disk of about {estimated / 1e6:,.1f} MB"
    line = f"  budget: {after:,} of {before:,} triples, {sizes}"
    if not cost["questions"]:
        return f"{line}; no question to judge by"
    return f"{line}; {cost['answerable']:.1%} of {cost['questions']:,} answerable questions still are"


def status_lines(result: dict[str, Any]) -> list[str]:
    """The status as text."""
    if result["problem"]:
        return [
            f"snapshot {result['snapshot'] or 'unknown'} in {result['workspace']} does not open",
            f"  {result['problem']}",
            *(f"  there is snapshot {name}" for name in result["snapshots"]),
        ]
    counts = result["counts"]
    answering = f"the {result['live']} answers" if result["live"] else "no model is trained, see `limbeck train`"
    return [
        f"snapshot {result['snapshot']} in {result['workspace']}",
        f"  {counts['triples']:,} triples, {counts['entities']:,} entities, {counts['predicates']:,} predicates",
        f"  encoder {result['encoder'] or 'none'}; {answering}; "
        f"{'a student is there' if result['student'] else 'no student'}",
        *(f"  source {source['name']} ({source['kind']})" for source in result["sources"]),
        f"  {len(result['snapshots'])} snapshots; `limbeck rollback` goes back to {result['previous'] or 'none'}",
    ]


def verify_lines(result: dict[str, Any]) -> list[str]:
    """The problems, or that there is none."""
    return result["problems"] or [
        f"snapshot {result['snapshot']}: {result['files']} files and both views of the graph agree"
    ]


def deploy_lines(result: dict[str, Any]) -> list[str]:
    """The deployments as text."""
    return [f"{item['name']}: {item.get('schedule') or 'no schedule'}" for item in result["deployments"]]


def _checked(
    config: Path | None,
    sources: Sequence[str],
    questions: Sequence[str],
    skip: Sequence[str],
    budget: str | None = None,
) -> "Config":
    """The configuration of a build, whose question files can be read and whose skipped steps there are."""
    from flows.config import check_skipped, configured

    check_skipped(skip)
    options = configured(_name(config), sources, questions, budget)
    _check_questions(options.questions)
    return options


def _check_asked(
    workspace: Path, config: Path | None, questions: Sequence[str], device: "Device | None" = None
) -> None:
    """Raises NoSnapshot without a snapshot, what `_check_questions` raises for those to train on, and ModelError for a
    device that is not there."""
    from flows.config import config_from, load_config

    snapshot = open_snapshot(workspace)
    options = load_config(config) if config else config_from(snapshot.manifest["config"])
    _check_questions([*options.questions, *questions])
    if device == "cuda":
        from generation.training import choose_device

        choose_device(device)


def _check_questions(paths: Sequence[str]) -> None:
    """Raises UsageError or ParseError for a file of questions that cannot be read, before anything starts."""
    from retrieval.question import read_questions

    for path in paths:
        read_questions(Path(path))


def _run(name: str, workspace: Path, **parameters: Any) -> dict[str, Any]:
    """What a flow returns. Its server starts beside the imports."""
    from flows.server import start_server

    with start_server() or nullcontext() as server:
        from flows import build as flows
        from flows.steps import run_flow

        made = run_flow(getattr(flows, name), server=server, workspace=str(workspace), **parameters)
    return dict(made)


def _each_text(file: Path | None, annotate: Callable[[list[str]], list[dict[str, Any]]]) -> None:
    from kg.sources.text import read_documents

    documents = read_documents(file or Path("/dev/stdin"))
    for start in range(0, len(documents), 256):
        part = documents[start : start + 256]
        for document, found in zip(part, annotate([document.text for document in part]), strict=True):
            sys.stdout.write(json.dumps({"id": document.id, "text": document.text, **found}, ensure_ascii=False) + "\n")


def _name(config: Path | None) -> str | None:
    return str(config) if config else None


def _facts(source: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in source.items() if name != "name")
