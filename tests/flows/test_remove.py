from pathlib import Path

import pytest

import limbeck
from kg.errors import UsageError
from kg.snapshot import current_id, open_snapshot
from kg.terms import RDFS_LABEL, iri_term
from kg.verify import verify
from limbeck.jobs import merge_lines, merges
from tests.builds import UNSAID, Run

Q90 = "http://www.wikidata.org/entity/Q90"


def test_what_is_left_without_a_source_equals_a_build_without_it(
    run: Run, copied: Path, config: Path, tmp_path: Path
) -> None:
    made = run("remove", copied, source=str(config.parent / "texts.jsonl"))
    text = config.read_text("utf-8")
    sections = text.split("[[sources]]")
    others = [part for part in sections[1:] if "texts.jsonl" not in part.partition("[clean]")[0]]
    rest = "\n[clean]" + text.partition("[clean]")[2]
    alone = tmp_path / "alone.toml"
    alone.write_text(sections[0] + "".join(f"[[sources]]{part.partition('[clean]')[0]}" for part in others) + rest)
    fresh = run("build", tmp_path / "fresh", config=str(alone))
    assert made["parts"] == fresh["parts"]
    assert made["counts"] == fresh["counts"]
    assert made["config"] == fresh["config"]
    kb = limbeck.open(copied)
    assert UNSAID not in {kb.graph.triple(row) for row in range(len(kb.graph))}
    assert not verify(kb.snapshot)
    files = sorted(path.name for path in (tmp_path / "fresh" / "cache").rglob("*.rows"))
    assert files  # and the cache holds no vector of a removed text
    assert len(list((copied / "cache").rglob("*.rows"))) <= len(files)


def test_a_removed_document_stays_away_when_the_source_is_read_again(run: Run, copied: Path) -> None:
    run("remove", copied, source="text-3", keep_models=True)
    kb = limbeck.open(copied)
    assert "text-3" not in list(kb.provenance.document_ids)
    assert UNSAID not in {kb.graph.triple(row) for row in range(len(kb.graph))}
    assert (copied / "snapshots" / kb.snapshot.id / "models" / "reader").is_dir()
    run("refresh", copied)
    assert "text-3" not in list(limbeck.open(copied).provenance.document_ids)


def test_a_merge_is_listed_and_taken_back_for_good(run: Run, copied: Path) -> None:
    listed = merges(copied)
    (row,) = (row for row in listed["merges"] if row["from"] == Q90)
    assert (row["to"], row["reason"], row["score"]) == ("http://dbpedia.org/resource/Paris", "same as", 1.0)
    assert f"{Q90} -> http://dbpedia.org/resource/Paris (same as, 1.00)" in merge_lines(listed)
    before = current_id(copied)
    with pytest.raises(UsageError, match=f"Paris was not merged into another entity. It stands for {Q90}"):
        run("unmerge", copied, iri="dbr:Paris")
    assert current_id(copied) == before
    for step in ("unmerge", "refresh"):
        run(step, copied, **({"iri": Q90} if step == "unmerge" else {}))
        kb = limbeck.open(copied)
        assert kb.graph.id_of(Q90) >= 0
        assert kb.merges.canonical(Q90) == Q90
        labels = {o for s, p, o in map(kb.graph.triple, range(len(kb.graph))) if (s, p) == (iri_term(Q90), RDFS_LABEL)}
        assert labels == {'"City of Light"@en'}
        assert not verify(open_snapshot(copied))
