import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyoxigraph as ox
import pytest

from kg.clean import CleanOptions, clean, finish
from kg.graph import write_graph
from kg.provenance import write_provenance
from kg.snapshot import Snapshot, new_folder, open_snapshot, publish, write_lock
from kg.store import write_store
from kg.types import SourceInfo
from kg.verify import verify
from tests.toy import RAW, statements_of

Spoil = Callable[[Path, dict[str, Any]], None]
BLANK = ("_:b0", "<http://a/note>", '"tab\\t, quote \\" and \\u0001"')


def build(workspace: Path, spoil: Spoil | None = None) -> Snapshot:
    """A snapshot of the toy graph; `spoil` changes the folder or the facts before they are hashed and published."""
    made = finish(clean(statements_of([*RAW, BLANK]), CleanOptions()).statements, CleanOptions())
    with write_lock(workspace), new_folder(workspace) as folder:
        graph = write_graph(folder / "graph", made.triples, rank=made.rank)
        write_store(folder / "store", made.triples)
        write_provenance(folder / "provenance", made.support, [SourceInfo("toy.nt", "dump")], [])
        counts = {"triples": len(graph), "entities": len(graph.entities), "predicates": len(graph.predicates)}
        facts = {"graph_sha256": made.triples.sha256(), "counts": counts}
        if spoil:
            spoil(folder, facts)
        return publish(workspace, folder, facts)


def test_a_whole_snapshot_has_no_problem(tmp_path: Path) -> None:
    build(tmp_path)
    assert verify(open_snapshot(tmp_path)) == []


def test_verifying_does_not_damage_what_it_reads(tmp_path: Path) -> None:
    snapshot = build(tmp_path)
    assert verify(snapshot) == verify(snapshot) == []


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    snapshot = build(tmp_path)
    with open(snapshot.folder / "graph" / "rank.npy", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7e")
    assert verify(snapshot)[0] == "graph/rank.npy has changed"


def test_a_missing_column_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    snapshot = build(tmp_path)
    (snapshot.folder / "graph" / "o.npy").unlink()
    found = verify(snapshot)
    assert found[0] == "graph/o.npy is missing"
    assert found[1].startswith("graph/ does not read: ")


def rewrite(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    path = folder / "graph" / f"{name}.npy"
    array = np.load(path)
    path.unlink()
    np.save(path, change(array))


def swap_first_two(array: Any) -> Any:
    return np.concatenate([array[1::-1], array[2:]])


def lose_a_triple(folder: Path, facts: dict[str, Any]) -> None:
    store = ox.Store(str(folder / "store"))
    store.remove(next(iter(store)))
    store.flush()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda folder, facts: facts["counts"].update(entities=5), "counts 5 entities, the columns hold 14"),
        (lambda folder, facts: facts["counts"].update(predicates=5), "counts 5 predicates, the columns hold 13"),
        (lambda folder, facts: facts["counts"].update(triples=5), "counts 5 triples, the SPARQL store holds 55"),
        (
            lambda folder, facts: facts["counts"].update(pulled=60, added=2, extracted=0, dropped={"duplicate": 6}),
            "counts 62 triples gained and 6 dropped, but 55 left",
        ),
        (lambda folder, facts: facts.update(graph_sha256="0" * 64), "columns hold another graph"),
        (lambda folder, facts: facts.update(graph_sha256="0" * 64), "SPARQL store holds another graph"),
        (lose_a_triple, "counts 55 triples, the SPARQL store holds 54"),
        (lambda folder, facts: rewrite(folder, "p", swap_first_two), "triples are not sorted"),
        (lambda folder, facts: rewrite(folder, "o", lambda o: o + 1000), "names a term that is not there"),
        (lambda folder, facts: rewrite(folder, "in_order", swap_first_two), "in_order is not sorted by object"),
        (lambda folder, facts: rewrite(folder, "in_order", np.zeros_like), "in_order is no permutation"),
        (lambda folder, facts: rewrite(folder, "in_ptr", lambda x: x + 1), "in_ptr does not fit"),
        (lambda folder, facts: rewrite(folder, "out_ptr", lambda x: x + 1), "out_ptr does not fit"),
        (lambda folder, facts: rewrite(folder, "rank", lambda x: x * np.nan), "a rank or an importance is no number"),
        (lambda folder, facts: rewrite(folder, "kind", lambda x: x[:-1]), "differ in number"),
        (lambda folder, facts: rewrite(folder, "importance", lambda x: x[:-1]), "columns differ in length"),
    ],
)
def test_a_view_that_disagrees_is_found_though_its_hashes_fit(tmp_path: Path, spoil: Spoil, problem: str) -> None:
    found = verify(build(tmp_path, spoil))
    assert any(problem in line for line in found), found


def test_provenance_for_another_graph_is_found(tmp_path: Path) -> None:
    def cut(folder: Path, facts: dict[str, Any]) -> None:
        path = folder / "provenance" / "pointer.npy"
        np.save(path, np.load(path)[:-1])

    assert verify(build(tmp_path, cut)) == ["provenance is kept for 54 of 55 triples"]


def test_the_manifest_of_the_toy_graph_can_be_read_as_json(tmp_path: Path) -> None:
    manifest = json.loads((build(tmp_path).folder / "manifest.json").read_text("utf-8"))
    assert manifest["counts"] == {"triples": 55, "entities": 14, "predicates": 13}
