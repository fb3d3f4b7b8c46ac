"""The flows: build, refresh, remove, unmerge, train, distil, promote, evaluate.

Each holds the workspace's lock and publishes once, at its end.

A flow's parameters are plain values, so that a deployment can run it: the workspace, the configuration file, sources
and questions beyond it, the steps to skip.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from flows.quiet import be_quiet

be_quiet()

from prefect import flow  # noqa: E402

from flows import pipeline  # noqa: E402
from flows.config import Config, check_skipped, config_from, configured, load_config  # noqa: E402
from flows.steps import step  # noqa: E402
from generation.options import Device  # noqa: E402
from kg.clean import clean  # noqa: E402
from kg.merges import Merges, check_merged  # noqa: E402
from kg.snapshot import Snapshot, new_folder, open_snapshot, write_lock  # noqa: E402
from kg.sources import Pulled, estimate, pull, without, write_pulled  # noqa: E402
from kg.sources.forecast import Prediction  # noqa: E402
from kg.terms import expand  # noqa: E402

P = ParamSpec("P")
R = TypeVar("R")


class Clock:
    """Runs steps and keeps how long each took, in seconds."""

    def __init__(self) -> None:
        self.durations: dict[str, float] = {}

    def run(self, name: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The step's result."""
        started = time.monotonic()
        result = step(function, name=name)(*args, **kwargs)
        self.durations[name] = self.durations.get(name, 0.0) + time.monotonic() - started
        return result


@flow(name="limbeck-build", validate_parameters=False)
def build(
    workspace: str,
    config: str | None = None,
    sources: Sequence[str] = (),
    questions: Sequence[str] = (),
    skip: Sequence[str] = (),
    budget: str | None = None,
) -> dict[str, Any]:
    """Builds a snapshot from the sources of the configuration and those given, publishes it; returns its manifest.

    budget: in place of the configuration's `clean.budget`, a share or a size.
    """
    options = configured(config, sources, questions, budget)
    return _build(Path(workspace), options, tuple(skip))


@flow(name="limbeck-refresh", validate_parameters=False)
def refresh(workspace: str, config: str | None = None, skip: Sequence[str] | None = None) -> dict[str, Any]:
    """Builds anew from the sources of the current snapshot, keeps its models, publishes, and returns the manifest.

    config: a file to take the place of the current snapshot's configuration; its sources only where it names some.
    skip: by default what the current snapshot's build left out.
    """
    parent = open_snapshot(Path(workspace))
    made_with = config_from(parent.manifest["config"])
    options = load_config(Path(config)) if config else made_with
    options = options if options.sources else replace(options, sources=made_with.sources)
    skipped = tuple(parent.manifest.get("skipped", ()) if skip is None else skip)
    return _build(Path(workspace), options, skipped, parent=parent, keep_models=True)


@flow(name="limbeck-remove", validate_parameters=False)
def remove(workspace: str, source: str, keep_models: bool = False) -> dict[str, Any]:
    """Takes one source or document out of the current snapshot, publishes what a build without it would give, and
    returns the manifest. No source is read again.

    source: a source's name or location, or a document's id. keep_models: do not train anew; the models still know what
    they learnt from it.
    """
    parent = open_snapshot(Path(workspace))
    made_with = config_from(parent.manifest["config"])
    left = without(made_with.sources, pipeline.pulled_before(parent), source)
    options = replace(made_with, sources=left.sources)
    return _rebuild(Path(workspace), options, parent, left.pulled, keep_models=keep_models)


@flow(name="limbeck-unmerge", validate_parameters=False)
def unmerge(workspace: str, iri: str) -> dict[str, Any]:
    """Takes back the merge of an IRI, now and in later builds, publishes, and returns the manifest; models stay."""
    parent = open_snapshot(Path(workspace))
    name = expand(iri)
    check_merged(Merges.open(parent.folder / "merges"), name)
    made_with = config_from(parent.manifest["config"])
    apart = tuple(sorted({*made_with.clean.apart, name}))
    options = replace(made_with, clean=replace(made_with.clean, apart=apart))
    pulled = pipeline.pulled_before(parent)
    return _rebuild(Path(workspace), options, parent, pulled, keep_models=True)


@flow(name="limbeck-train", validate_parameters=False)
def train(
    workspace: str, config: str | None = None, questions: Sequence[str] = (), device: Device | None = None
) -> dict[str, Any]:
    """Trains retriever and reader anew on the current graph, publishes, and returns the manifest. One that was killed
    goes on where it was.

    device: where to compute, in place of the configuration's `train.device`; the manifest does not keep it.
    """
    place = Path(workspace)
    work = partial(pipeline.train, device=device, workspace=place)
    made = _derive(place, config, ("models/",), "train", work, list(questions))
    pipeline.forget_training(place)
    return made


@flow(name="limbeck-distill", validate_parameters=False)
def distill(
    workspace: str, config: str | None = None, questions: Sequence[str] = (), device: Device | None = None
) -> dict[str, Any]:
    """Trains a student, publishes it beside the teacher, and returns the manifest; `promote` puts it in charge.

    device: as for `train`.
    """
    work = partial(pipeline.distil_student, device=device)
    return _derive(Path(workspace), config, ("models/student/",), "distill", work, list(questions))


@flow(name="limbeck-promote", validate_parameters=False)
def promote(workspace: str, config: str | None = None) -> dict[str, Any]:
    """Puts the student in charge if it passes the gate; returns the gate's report, with `snapshot` where it passed.

    A student that is in charge keeps its report, marked `already`; nothing is published.
    """
    place = Path(workspace)
    clock = Clock()
    with write_lock(place):
        parent = open_snapshot(place)
        if parent.manifest.get("live") == "student":
            return {**parent.manifest["gate"], "snapshot": parent.id, "already": True}
        options = _options(parent, config)
        report = clock.run("gate", pipeline.judge, parent.folder, options)
        if not report["passed"]:
            return report
        with new_folder(place, parent) as folder:
            facts = {**_facts(parent), "live": "student", "gate": report}
            made = clock.run("publish", pipeline.finish_snapshot, place, folder, facts, options, clock.durations)
    return {**report, "snapshot": made.id}


@flow(name="limbeck-evaluate", validate_parameters=False)
def evaluate(workspace: str, config: str | None = None) -> dict[str, Any]:
    """The gate's report on the current snapshot, as a regular check; nothing is published."""
    parent = open_snapshot(Path(workspace))
    report = Clock().run("evaluate", pipeline.judge, parent.folder, _options(parent, config))
    return {**report, "snapshot": parent.id, "live": parent.manifest.get("live")}


def _build(
    workspace: Path,
    options: Config,
    skip: tuple[str, ...],
    *,
    parent: Snapshot | None = None,
    keep_models: bool = False,
) -> dict[str, Any]:
    """Pulls, builds and publishes. parent: what it holds of a source that has not changed is not pulled again."""
    check_skipped(skip)
    clock = Clock()
    with write_lock(workspace):
        staging = workspace / "pulls"
        known = pipeline.known_sources(parent) if parent else {}
        forecast = None if parent else pipeline.forecast(clock.run("estimate", estimate, options.sources), skip)
        places = {"folder": staging, "quarantine": workspace / "quarantine"}
        pulled = clock.run("pull", pull, options.sources, **places, skip_text="text" in skip, known=known)
        made = _publish(workspace, options, skip, parent, pulled, clock, keep_models=keep_models, forecast=forecast)
        pipeline.forget_pulls(staging)
    return made.manifest


def _rebuild(
    workspace: Path, options: Config, parent: Snapshot, pulled: Pulled, *, keep_models: bool
) -> dict[str, Any]:
    """Publishes what a build from the options would give, from what was pulled before."""
    skip = tuple(parent.manifest.get("skipped", ()))
    with write_lock(workspace):
        made = _publish(workspace, options, skip, parent, pulled, Clock(), keep_models=keep_models, forget=True)
    return made.manifest


def _publish(
    workspace: Path,
    options: Config,
    skip: tuple[str, ...],
    parent: Snapshot | None,
    pulled: Pulled,
    clock: Clock,
    *,
    keep_models: bool,
    forecast: Prediction | None = None,
    forget: bool = False,
) -> Snapshot:
    """Everything after the pull. forecast: what was expected of it, for the manifest to say how good that was. forget:
    take out of the cache of vectors all that is not used any more."""
    reads = not {"text", "embed"} <= set(skip)
    encoder = pipeline.open_encoder(options, workspace / "cache") if reads else None
    with new_folder(workspace) as folder:
        clock.run("keep", write_pulled, folder, pulled)
        if "clean" in skip:
            cleaned = clock.run("clean", pipeline.unclean, pulled.statements)
        else:
            cleaned = clock.run("clean", clean, pulled.statements, options.clean)
        if "text" in skip:
            texts = pipeline.no_texts(pulled, cleaned)
        else:
            texts = clock.run("text", pipeline.read_texts, folder, pulled, cleaned, options, encoder)
        facts = clock.run("store", pipeline.publish_graph, folder, cleaned, texts, options)
        facts |= {"skipped": list(skip)}
        if "embed" not in skip:
            facts |= clock.run("embed", pipeline.embed, folder, options, texts, encoder)
            if encoder is not None:
                encoder.prune(exactly=forget)
            if keep_models and parent is not None and pipeline.keep_models(parent, folder, facts):
                facts |= {name: parent.manifest.get(name) for name in ("live", "training", "distillation", "gate")}
            elif "train" not in skip:
                facts |= clock.run("train", partial(pipeline.train, workspace=workspace), folder, options, [])
        facts |= pipeline.forecast_facts(forecast, pulled, clock.durations)
        made = clock.run("publish", pipeline.finish_snapshot, workspace, folder, facts, options, clock.durations)
    pipeline.forget_training(workspace)
    return made


def _derive(
    workspace: Path,
    config: str | None,
    without: tuple[str, ...],
    name: str,
    function: Callable[[Path, Config, list[str]], dict[str, Any]],
    questions: list[str],
) -> dict[str, Any]:
    """A snapshot with the current one's files, but for what the function writes anew."""
    clock = Clock()
    with write_lock(workspace):
        parent = open_snapshot(workspace)
        options = _options(parent, config)
        with new_folder(workspace, parent, without=without) as folder:
            facts = {**_facts(parent), **clock.run(name, function, folder, options, questions)}
            made = clock.run("publish", pipeline.finish_snapshot, workspace, folder, facts, options, clock.durations)
    return made.manifest


def _options(parent: Snapshot, config: str | None) -> Config:
    """Those of a file, but for what the graph was made with: a later refresh needs it."""
    made_with = config_from(parent.manifest["config"])
    if not config:
        return made_with
    kept = {name: getattr(made_with, name) for name in ("sources", "clean", "text", "relations")}
    return replace(load_config(Path(config)), **kept)


def _facts(parent: Snapshot) -> dict[str, Any]:
    """What a snapshot says besides what publishing adds."""
    added = ("format", "id", "previous", "files", "parts", "config", "duration_s", "peak_rss_bytes")
    return {name: value for name, value in parent.manifest.items() if name not in added}
