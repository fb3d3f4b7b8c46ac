"""A small build through the flows, once a session: the toy graph without one triple, which a text states."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distill.options import DistillOptions
from flows.config import commented_config
from flows.server import LocalServer
from tests.toy import TOY_NT, triples_of
from tests.workspaces import small_config

TEXTS = (
    "Ada Lovelace was born in London.",
    "Charles Babbage was born in London.",
    "Pierre Curie was born in Paris.",
    "Marie Curie was born in Warsaw.",
)
UNSAID = next(triple for triple in triples_of("dbr:Marie_Curie|dbo:birthPlace|dbr:Warsaw"))
"""What the source of triples leaves out, and the last text says."""
LESS_NT = TOY_NT.replace("{} {} {} .\n".format(*UNSAID), "")

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def run(prefect_server: LocalServer) -> Run:
    """Runs a flow of `flows.build` by its name, on the session's server."""

    def run(name: str, workspace: Path, **parameters: Any) -> dict[str, Any]:
        from flows import build as flows
        from flows.steps import run_flow

        return run_flow(getattr(flows, name), server=prefect_server, workspace=str(workspace), **parameters)

    return run


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration file over the small sources; its student has one layer, and the gate asks for no quality."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "toy.nt").write_text(LESS_NT, "utf-8")
    lines = (json.dumps({"id": f"text-{i}", "text": text}) for i, text in enumerate(TEXTS))
    (folder / "texts.jsonl").write_text("\n".join(lines), "utf-8")
    distill = DistillOptions(encoder_layers=1, examples=16, batch_size=4, keep_quality=0.0)
    (folder / "limbeck.toml").write_text(commented_config(replace(small_config(folder), distill=distill)), "utf-8")
    return folder / "limbeck.toml"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, run: Run, config: Path) -> Path:
    """A workspace with one whole build."""
    workspace = tmp_path_factory.mktemp("built") / "workspace"
    run("build", workspace, config=str(config))
    return workspace


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "workspace")


def toy(folder: Path) -> list[str]:
    (folder / "toy.nt").write_text(TOY_NT, "utf-8")
    return [str(folder / "toy.nt")]
