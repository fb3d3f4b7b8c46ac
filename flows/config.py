"""The configuration: one frozen dataclass per step, filled from one TOML file.

Every key has a default. An unknown key or a value of the wrong type is refused, with the place and the nearest known
name. `commented_config` writes the file that `limbeck init` gives.
"""

import dataclasses
import difflib
import json
import re
import tomllib
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distill.options import DistillOptions
from generation.options import TrainingOptions
from kg.clean import CleanOptions
from kg.errors import ConfigError, UsageError
from kg.relations.extract import RelationOptions
from kg.sources import SourceOptions
from retrieval.options import EmbedOptions, RetrievalOptions

STEPS = ("text", "clean", "embed", "train")
"""What `--skip` may name."""


@dataclass(frozen=True)
class TextOptions:
    """abstracts: read the graph's own abstracts besides the text sources. max_abstracts: how many at most, in the order
    of their IRIs. min_confidence: triples read with less are not taken into the graph."""

    abstracts: bool = True
    max_abstracts: int = 5_000
    min_confidence: float = 0.5


@dataclass(frozen=True)
class ScheduleOptions:
    """When deployments run, as cron expressions in UTC; an empty one leaves that deployment without a schedule."""

    build: str = ""
    refresh: str = "0 3 * * *"
    distill: str = "0 5 * * 0"
    evaluate: str = "0 6 * * *"


@dataclass(frozen=True)
class Config:
    """All options. questions: JSONL files of questions to train on; encoder: name or path of the sentence encoder."""

    sources: tuple[SourceOptions, ...] = ()
    questions: tuple[str, ...] = ()
    encoder: str = "all-MiniLM-L6-v2"
    clean: CleanOptions = field(default_factory=CleanOptions)
    text: TextOptions = field(default_factory=TextOptions)
    relations: RelationOptions = field(default_factory=RelationOptions)
    embed: EmbedOptions = field(default_factory=EmbedOptions)
    retrieval: RetrievalOptions = field(default_factory=RetrievalOptions)
    train: TrainingOptions = field(default_factory=TrainingOptions)
    distill: DistillOptions = field(default_factory=DistillOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)


def load_config(path: Path | None) -> Config:
    """The configuration in a file; the defaults for None. Relative paths in it count from the file's folder.

    Raises ConfigError.
    """
    if path is None:
        return Config()
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no configuration file {path}. `limbeck init` writes one.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error.strerror}.") from error
    config: Config = _fill(Config, data, str(path), "")
    if any(not source.location.strip() for source in config.sources):
        raise ConfigError(f"{path}: sources.location is empty; give the path or address of a source.")
    base = path.parent
    return dataclasses.replace(
        config,
        sources=tuple(
            dataclasses.replace(source, location=_rebase(source.location, base)) for source in config.sources
        ),
        questions=tuple(_rebase(name, base) for name in config.questions),
        clean=dataclasses.replace(
            config.clean, ontology=_rebase(config.clean.ontology, base) if config.clean.ontology else ""
        ),
        encoder=_rebase(config.encoder, base) if (base / config.encoder).is_dir() else config.encoder,
    )


def configured(
    config: str | None, sources: Sequence[str], questions: Sequence[str], budget: str | None = None
) -> Config:
    """The configuration of a file, with more sources and question files. Raises ConfigError without any source,
    UsageError for an empty one."""
    options = load_config(Path(config)) if config else Config()
    if any(not location.strip() for location in sources):
        raise UsageError("--source is empty; give the path or address of a source.")
    more = tuple(SourceOptions(_absolute(location)) for location in sources)
    asked = tuple(str(Path(name).resolve()) for name in questions)
    options = dataclasses.replace(options, sources=(*options.sources, *more), questions=(*options.questions, *asked))
    if budget is not None:
        kept = float(budget) if re.fullmatch(r"\d+(\.\d+)?", budget) else budget
        options = dataclasses.replace(options, clean=dataclasses.replace(options.clean, budget=kept))
    if not options.sources:
        raise ConfigError("there is no source. Give --source PATH_OR_URL, or [[sources]] in the configuration.")
    return options


def check_skipped(steps: Sequence[str]) -> None:
    """Raises ConfigError for a step that cannot be left out."""
    unknown = [name for name in steps if name not in STEPS]
    if unknown:
        raise ConfigError(f"{unknown[0]!r} is no step that can be skipped; choose from {', '.join(STEPS)}.")


def config_from(data: dict[str, Any]) -> Config:
    """The configuration from the plain values of `as_dict`."""
    config: Config = _fill(Config, data, "the manifest", "")
    return config


def as_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain values, as the manifest records it."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(config))
    return plain


def commented_config(config: Config | None = None) -> str:
    """A TOML file with every option, its default and what it means."""
    shown = config or Config()
    lines = ["# Limbeck's configuration. Everything here is a default: take out what you do not change.", ""]
    lines += [f"questions = {_toml(shown.questions)}  # JSONL files of questions to train on, besides those made here"]
    lines += [f"encoder = {_toml(shown.encoder)}  # a sentence-transformers model: name or folder", ""]
    lines += ["# Where triples and texts come from: a SPARQL endpoint, an RDF dump, or a text JSONL file.", ""]
    for source in shown.sources or (SourceOptions("http://localhost:8890/sparql"),):
        mark = "" if shown.sources else "# "
        lines += [f"{mark}[[sources]]", *(mark + line for line in _section(source)), ""]
    for name in ("clean", "text", "relations", "embed", "retrieval", "train", "distill", "schedule"):
        options = getattr(shown, name)
        lines += [f"# {' '.join((type(options).__doc__ or '').split())}", f"[{name}]", *_section(options), ""]
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    """Lists for tuples, and no None, as TOML and JSON have it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _section(options: Any) -> list[str]:
    values = ((item.name, getattr(options, item.name)) for item in dataclasses.fields(options))
    return [f"{name} = {_toml(value)}" for name, value in values if value is not None]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return str(value)


def _rebase(name: str, base: Path) -> str:
    if _is_url(name) or Path(name).is_absolute():
        return name
    return str(base / name)


def _absolute(location: str) -> str:
    return location if _is_url(location) else str(Path(location).resolve())


def _is_url(location: str) -> bool:
    return location.lower().startswith(("http://", "https://"))


def _fill(cls: Any, data: Any, file: str, place: str) -> Any:
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: [{place}] must be a table.")
    hints = typing.get_type_hints(cls)
    known = [item.name for item in dataclasses.fields(cls)]
    for key in data:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
            raise ConfigError(f"{file}: {_join(place, key)} is not an option; {hint}")
    for item in dataclasses.fields(cls):
        needed = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if needed and item.name not in data:
            raise ConfigError(f"{file}: {_join(place, item.name)} is missing.")
    values = {key: _convert(hints[key], value, file, _join(place, key)) for key, value in data.items()}
    try:
        return cls(**values)
    except UsageError as error:
        raise ConfigError(f"{file}: {error}") from error


def _convert(hint: Any, value: Any, file: str, place: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _fill(hint, value, file, place)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{file}: {place} must be a list, not {value!r}.")
        return tuple(_convert(arguments[0], item, file, place) for item in value)
    if origin is typing.Literal:
        if value not in arguments:
            raise ConfigError(f"{file}: {place} must be one of {', '.join(map(repr, arguments))}, not {value!r}.")
        return value
    if origin in (typing.Union, types.UnionType):
        kinds = tuple(kind for kind in arguments if kind is not type(None))
        fitting = (kind for kind in kinds if isinstance(kind, type) and isinstance(value, kind))
        return _convert(next(fitting, kinds[0]), value, file, place)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{file}: {place} must be {_KINDS.get(hint, hint.__name__)}, not {value!r}.")
    return value


_KINDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
