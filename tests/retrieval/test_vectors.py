"""Held to an exact search by NumPy."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.errors import ConfigError, EncoderMismatch
from retrieval import quantise as module
from retrieval.options import EmbedOptions
from retrieval.vectors import EntityIndex, write_vectors
from tests.encoders import NgramEncoder

QUERIES = ["stone bridge 17", "the old mill", "river 90"]


def texts(count: int) -> list[str]:
    draw = np.random.default_rng(4)
    nouns, kinds = (
        ("bridge", "mill", "river", "tower", "garden", "harbour"),
        ("stone", "old", "red", "northern", "lost"),
    )
    return [f"the {draw.choice(kinds)} {draw.choice(nouns)} {i} of {draw.choice(nouns)}" for i in range(count)]


def rows_of(encoder: NgramEncoder, described: list[str]) -> NDArray[np.float16]:
    return encoder.encode(described).astype(np.float16)


def share_found(folder: Path, encoder: NgramEncoder, described: list[str]) -> float:
    """Of the ten nearest to texts that are not there, those found; any that ties for the tenth place counts."""
    queries = encoder.encode(texts(len(described) + 100)[len(described) :])
    found, _ = EntityIndex.open(folder, encoder).nearest(queries, 10)
    every = queries @ rows_of(encoder, described).astype(np.float32).T
    tenth = np.sort(every, axis=1)[:, -10]
    return float((np.take_along_axis(every, found, 1) >= tenth[:, None] - 1e-6).mean())


def test_at_half_the_size_the_index_is_exact(tmp_path: Path) -> None:
    encoder, described = NgramEncoder(64), texts(500)
    entities = np.arange(1000, 1500, dtype=np.int32)
    facts = write_vectors(tmp_path, entities, rows_of(encoder, described), encoder, EmbedOptions(shrink=2))
    ids, scores = EntityIndex.open(tmp_path, encoder).nearest(encoder.encode(QUERIES), 10)
    every = encoder.encode(QUERIES) @ encoder.encode(described).T
    wanted = -np.sort(-every, axis=1)[:, :10]
    assert ids.dtype == np.int32
    assert scores == pytest.approx(wanted, abs=2e-3)
    assert np.take_along_axis(every, ids - 1000, 1) == pytest.approx(wanted, abs=2e-3)
    assert (facts["form"], facts["recall@10"]) == ("float16", 1.0)


def test_a_byte_a_dimension_is_the_default(tmp_path: Path) -> None:
    encoder, described = NgramEncoder(64), texts(3000)
    facts = write_vectors(tmp_path, np.arange(3000, dtype=np.int32), rows_of(encoder, described), encoder)
    assert facts["form"] == "8-bit scalars"
    assert 3.7 < facts["ratio"] <= 4
    assert share_found(tmp_path, encoder, described) >= 0.95


@pytest.mark.parametrize("flat", [10_000, 1_000])
def test_product_codes_keep_to_the_budget_and_tell_what_they_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flat: int
) -> None:
    monkeypatch.setattr(module, "FLAT", flat)
    monkeypatch.setattr(module, "PRODUCT_FROM", 2_000)
    encoder, described = NgramEncoder(256), texts(8000)
    entities = np.arange(8000, dtype=np.int32)
    facts = write_vectors(tmp_path, entities, rows_of(encoder, described), encoder, EmbedOptions(shrink=5))
    assert facts["ratio"] >= 5
    assert facts["bytes"] == sum(path.stat().st_size for path in tmp_path.iterdir() if path.suffix != ".json")
    assert ("in cells" in facts["form"]) == (flat == 1_000)
    found = share_found(tmp_path, encoder, described)
    assert found >= 0.6
    assert facts["recall@10"] == pytest.approx(found, abs=0.15)
    _, scores = EntityIndex.open(tmp_path, encoder).nearest(encoder.encode(described[:5]), 1)
    assert scores[:, 0] == pytest.approx(np.ones(5), abs=0.1)


@pytest.mark.parametrize(("memory", "where"), [(64, "in a graph"), (1, "in cells")])
def test_many_vectors_are_searched_by_a_graph_where_its_links_fit_else_by_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int, where: str
) -> None:
    monkeypatch.setattr(module, "FLAT", 1_000)
    encoder, described = NgramEncoder(128), texts(6000)
    entities = np.arange(6000, dtype=np.int32)
    options = EmbedOptions(memory=memory)
    facts = write_vectors(tmp_path, entities, rows_of(encoder, described), encoder, options)
    assert facts["form"].startswith("8-bit scalars, ") and where in facts["form"]
    assert facts["bytes"] <= memory * 2**20
    found = share_found(tmp_path, encoder, described)
    assert found >= 0.9
    assert facts["recall@10"] == pytest.approx(found, abs=0.1)


def test_a_search_looks_at_more_until_it_finds_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLAT", 1_000)
    encoder, described = NgramEncoder(128), texts(6000)
    rows, entities = rows_of(encoder, described), np.arange(6000, dtype=np.int32)
    found = []
    for width in (1, module._MOST_PROBES):
        monkeypatch.setattr(module, "_PROBES", width)
        monkeypatch.setattr(module, "_MOST_PROBES", width)
        found.append(write_vectors(tmp_path / f"{width}", entities, rows, encoder, EmbedOptions(memory=1))["recall@10"])
    monkeypatch.setattr(module, "_PROBES", 1)
    monkeypatch.setattr(module, "TARGET", sum(found) / 2)
    facts = write_vectors(tmp_path / "enough", entities, rows, encoder, EmbedOptions(memory=1))
    assert found[0] < sum(found) / 2 - 0.05
    assert facts["recall@10"] >= sum(found) / 2 - 0.05
    assert not facts["form"].endswith((", 1 of 309 looked at", f", {width} of 309 looked at"))


@pytest.mark.parametrize(("flat", "shrink"), [(10_000, 12), (1_000, 4)])
def test_equal_vectors_give_equal_bytes_whatever_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flat: int, shrink: int
) -> None:
    import faiss

    monkeypatch.setattr(module, "PRODUCT_FROM", 2_000)
    monkeypatch.setattr(module, "FLAT", flat)
    encoder = NgramEncoder(64)
    rows = rows_of(encoder, texts(4000))
    before = faiss.omp_get_max_threads()
    try:
        for threads in (1, 2, 3):
            faiss.omp_set_num_threads(threads)
            entities = np.arange(4000, dtype=np.int32)
            write_vectors(tmp_path / str(threads), entities, rows, encoder, EmbedOptions(shrink=shrink))
    finally:
        faiss.omp_set_num_threads(before)
    for path in (tmp_path / "1").iterdir():
        for threads in ("2", "3"):
            assert path.read_bytes() == (tmp_path / threads / path.name).read_bytes(), path.name


def test_code_sizes_leave_room_for_codebooks() -> None:
    for count in (20_000, 360_000, 5_000_000):
        for budget in (48, 96, 192):
            size, kept = module.code_size(count, 384, budget)
            assert kept % size == 0
            assert kept <= 384
            assert size == 1 or size + (1024 + 768) * kept / count <= budget
    assert module.code_size(10**9, 384, 96)[0] == 95


def test_fewer_entities_than_asked_for_are_filled_up(tmp_path: Path) -> None:
    encoder = NgramEncoder(16)
    write_vectors(tmp_path, np.array([7, 9], np.int32), rows_of(encoder, ["mill", "river"]), encoder)
    ids, _ = EntityIndex.open(tmp_path, encoder).nearest(encoder.encode(["a river"]), 4)
    assert ids.tolist() == [[9, 7, -1, -1]]


def test_no_entities_is_fine(tmp_path: Path) -> None:
    encoder = NgramEncoder(16)
    facts = write_vectors(tmp_path, np.zeros(0, np.int32), np.zeros((0, 16), np.float16), encoder)
    ids, scores = EntityIndex.open(tmp_path, encoder).nearest(encoder.encode(["a", "b"]), 3)
    assert (ids.tolist(), scores.shape, facts["vectors"]) == ([[-1] * 3] * 2, (2, 3), 0)


def test_another_encoder_is_refused_by_name(tmp_path: Path) -> None:
    write_vectors(tmp_path, np.array([1], np.int32), rows_of(NgramEncoder(16), ["mill"]), NgramEncoder(16))
    with pytest.raises(EncoderMismatch, match=r"made by ngrams-16 .* encoder is ngrams-32 "):
        EntityIndex.open(tmp_path, NgramEncoder(32))


def test_vectors_larger_than_float32_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"embed\.shrink must be at least 1, not 0\.5"):
        EmbedOptions(shrink=0.5)
