"""What the documents show must work: commands parse, files and make targets exist, TOML loads, names are real."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from flows.config import load_config
from limbeck.answers import Answer
from limbeck.cli import app
from limbeck.knowledge_base import KnowledgeBase

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SHIPPED = ("examples/", "docs/", "tests/", "kg/", "retrieval/", "generation/", "evaluation/", "distill/", "flows/")


def blocks(document: Path, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(document.read_text("utf-8")) if name == language]


def shell_lines(document: Path) -> Iterator[list[str]]:
    """The words of each command in the `sh` blocks and in the demonstration's list of what to try next."""
    for body in blocks(document, "sh"):
        for line in body.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield words


def commands(document: Path) -> list[list[str]]:
    return [words[1:] for words in shell_lines(document) if Path(words[0]).name == "limbeck"]


@pytest.mark.parametrize(
    "words",
    [pytest.param(words, id=" ".join(words)) for document in DOCUMENTS for words in commands(document)],
)
def test_limbeck_commands_parse(words: list[str]) -> None:
    group = typer.main.get_command(app)
    context = group.make_context("limbeck", words[:1], resilient_parsing=True)
    command = group.get_command(context, words[0])  # type: ignore[attr-defined]
    assert command is not None, f"there is no command {words[0]}"
    command.make_context(words[0], words[1:], parent=context)


def test_the_readme_shows_every_command() -> None:
    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert names <= {words[0] for words in commands(ROOT / "README.md")}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {words[1] for words in shell_lines(document) if words[0] == "make" and len(words) > 1}
    named |= set(re.findall(r"`make ([a-z]+)`", document.read_text("utf-8")))
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_exist(document: Path) -> None:
    text = document.read_text("utf-8")
    linked = [document.parent / target for target in LINK.findall(text)]
    quoted = [ROOT / name for name in re.findall(r"[`\s]((?:\w+/)+[\w.-]+)", text) if name.startswith(SHIPPED)]
    missing = [str(path) for path in linked + quoted if not path.exists() and path.name == path.name.lower()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_toml_blocks_load(document: Path, tmp_path: Path) -> None:
    for body in blocks(document, "toml"):
        tomllib.loads(body)
        (tmp_path / "limbeck.toml").write_text(body, "utf-8")
        load_config(tmp_path / "limbeck.toml")


def test_the_readme_shows_the_python_api_as_it_is() -> None:
    owners = {"kb": KnowledgeBase, "answer": Answer}
    found = [
        (node.value.id, node.attr)
        for body in blocks(ROOT / "README.md", "python")
        for node in ast.walk(ast.parse(body))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in owners
    ]
    fields = set(Answer.__dataclass_fields__)
    wrong = [(name, attr) for name, attr in found if not hasattr(owners[name], attr) and attr not in fields]
    assert found
    assert not wrong
