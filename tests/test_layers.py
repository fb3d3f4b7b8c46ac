"""Who may import whom, read from the source; and what importing the front door loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("kg", "retrieval", "generation", "evaluation", "distill", "flows", "limbeck")
HEAVY = ("torch", "transformers", "sentence_transformers", "spacy", "faiss", "prefect", "pandas", "networkx")


def imported(source: str) -> Iterator[tuple[str, int]]:
    """The top packages that a module imports, at any depth and under TYPE_CHECKING too, with their lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0], node.lineno


def modules(layer: str) -> list[Path]:
    found = sorted((ROOT / layer).rglob("*.py"))
    assert found, f"{layer} has no modules"
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_one_way(layer: str) -> None:
    above = LAYERS[LAYERS.index(layer) + 1 :]
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(layer)
        for name, line in imported(path.read_text("utf-8"))
        if name in above
    ]
    assert not wrong


@pytest.mark.parametrize("layer", [layer for layer in LAYERS if layer != "flows"])
def test_only_flows_import_prefect(layer: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in modules(layer)
        for name, line in imported(path.read_text("utf-8"))
        if name == "prefect"
    ]
    assert not wrong


@pytest.mark.parametrize("layer", LAYERS)
def test_no_package_imports_tests_or_examples(layer: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(layer)
        for name, line in imported(path.read_text("utf-8"))
        if name in ("tests", "examples", "benchmarks")
    ]
    assert not wrong


def test_every_package_is_a_layer() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks"} == set(LAYERS)


def test_imports_are_found_wherever_they_stand() -> None:
    source = "if TYPE_CHECKING:\n    from a.b import c\ndef f():\n    import d.e, g\nfrom . import own\n"
    assert sorted(imported(source)) == [("a", 2), ("d", 4), ("g", 4)]


@pytest.mark.parametrize("module", ["limbeck", "limbeck.cli", "limbeck.jobs"])
def test_the_front_door_loads_no_heavy_library(module: str) -> None:
    script = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
