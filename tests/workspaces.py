"""A small workspace with everything in it, built once a session: the toy graph, three sentences, the real encoder.

Its training is short, so tests must not expect more of the models than that they answer. The heavy imports are inside,
so that tests without it start at once.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kg.snapshot import Snapshot, new_folder, write_lock
from kg.terms import expand
from retrieval.question import Answer, Question
from tests.toy import QUESTIONS, TOY_NT

if TYPE_CHECKING:
    from flows.config import Config

TEXTS = (
    "Marie Curie was born in Warsaw.",
    "Ada Lovelace was born in London, and Charles Babbage too.",
    "Marjane Satrapi directed Persepolis.",
)


def small_config(sources: Path) -> "Config":
    """The options of the small workspace, over the files that `write_sources` writes. A teacher that has learnt so
    little is never sure, so nothing is refused."""
    from flows.config import Config
    from generation.options import TrainingOptions
    from kg.sources import SourceOptions
    from retrieval.options import RetrievalOptions

    locations = tuple(SourceOptions(str(sources / name)) for name in ("toy.nt", "texts.jsonl"))
    training = TrainingOptions(
        synthetic=60,
        held_out=0.2,
        reader_examples=40,
        joint_examples=8,
        scorer_epochs=2,
        batch_size=8,
    )
    return Config(sources=locations, train=training, retrieval=RetrievalOptions(refuse=0.0))


def write_sources(sources: Path) -> None:
    """Writes `toy.nt` and `texts.jsonl` into a folder."""
    sources.mkdir(parents=True, exist_ok=True)
    (sources / "toy.nt").write_text(TOY_NT, "utf-8")
    lines = (json.dumps({"id": f"text-{i}", "text": text}) for i, text in enumerate(TEXTS))
    (sources / "texts.jsonl").write_text("".join(line + "\n" for line in lines), "utf-8")


def build_workspace(workspace: Path, config: "Config", *, train: bool = True) -> Snapshot:
    """A published snapshot, made by the steps of `limbeck build` one by one."""
    from flows import pipeline
    from kg.clean import clean
    from kg.sources import pull

    with write_lock(workspace), new_folder(workspace) as folder:
        pulled = pull(config.sources)
        cleaned = clean(pulled.statements, config.clean)
        texts = pipeline.read_texts(folder, pulled, cleaned, config)
        facts = pipeline.publish_graph(folder, cleaned, texts, config) | {"live": "teacher", "skipped": []}
        facts |= pipeline.embed(folder, config, texts)
        if train:
            facts |= pipeline.train(folder, config, [])
        return pipeline.finish_snapshot(workspace, folder, facts, config, {})


def toy_questions() -> list[Question]:
    """The toy's questions with full IRIs, as `read_questions` would give them."""
    return [
        Question(
            f"toy-{i}",
            text,
            tuple(Answer("uri" if ":" in value else "literal", expand(value)) for value in answers),
            tuple(expand(name) for name in entities),
        )
        for i, (text, entities, answers) in enumerate(QUESTIONS)
    ]


@pytest.fixture(scope="session")
def small_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one trained snapshot. Publish nothing in it: copy it, or build another."""
    folder = tmp_path_factory.mktemp("small-workspace")
    write_sources(folder / "sources")
    build_workspace(folder / "workspace", small_config(folder / "sources"))
    return folder / "workspace"
