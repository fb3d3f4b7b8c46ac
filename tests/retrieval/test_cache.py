from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import cache as module
from retrieval.cache import CachedEncoder
from tests.encoders import NgramEncoder

TEXTS = ["a mill", "a river", "", "a mill", "Zürich", "\ud800 alone"]


class CountingEncoder(NgramEncoder):
    """Remembers what it was asked to encode."""

    def __init__(self, dimension: int = 32) -> None:
        super().__init__(dimension)
        self.seen: list[str] = []

    def encode(
        self, texts: list[str], *, progress: str | None = None
    ) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
        self.seen += texts
        return super().encode(texts, progress=progress)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.rows"))


def test_a_text_is_encoded_once_and_found_the_same(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    wanted = CachedEncoder(encoder).encode_rows(TEXTS)
    encoder.seen = []
    first = CachedEncoder(encoder, tmp_path)
    assert np.array_equal(first.encode_rows(TEXTS), wanted)
    assert (sorted(encoder.seen), first.encoded) == (sorted(set(TEXTS)), len(set(TEXTS)))
    again = CachedEncoder(encoder, tmp_path)
    assert np.array_equal(again.encode_rows([*TEXTS[::-1], "new"])[:-1], wanted[::-1])
    assert (encoder.seen[len(set(TEXTS)) :], again.encoded) == (["new"], 1)
    assert np.array_equal(again.encode(TEXTS), wanted.astype(np.float32))
    assert again.encode_rows([]).shape == (0, 32)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=5), st.integers(1, 3))
def test_batches_and_orders_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, calls: list[list[str]], batch: int
) -> None:
    folder, encoder = tmp_path_factory.mktemp("cache"), NgramEncoder(8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BATCH", batch)
        cached = CachedEncoder(encoder, folder)
        for texts in calls:
            assert np.array_equal(cached.encode_rows(texts), encoder.encode(texts).astype(np.float16))
        assert cached.encoded == len({text for texts in calls for text in texts})
        cached.prune()
        last = CachedEncoder(encoder, folder)
        for texts in calls:
            assert np.array_equal(last.encode_rows(texts), encoder.encode(texts).astype(np.float16))
        assert last.encoded == 0


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "torn"])
def test_what_is_damaged_is_encoded_again(tmp_path: Path, damage: str) -> None:
    encoder = NgramEncoder(32)
    wanted = CachedEncoder(encoder, tmp_path).encode_rows(TEXTS)
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[-5] ^= 1
        path.write_bytes(data)
    elif damage == "torn":
        path.rename(path.with_suffix(".tmp"))
    else:
        path.write_bytes(data[:-7] if damage == "cut" else b"")
    healed = CachedEncoder(encoder, tmp_path)
    assert np.array_equal(healed.encode_rows(TEXTS), wanted)
    assert healed.encoded == len(set(TEXTS))
    assert [each.suffix for each in tmp_path.rglob("*.*")] == [".rows"]
    assert CachedEncoder(encoder, tmp_path).encode_rows(TEXTS).tobytes() == wanted.tobytes()


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = CachedEncoder(NgramEncoder(32), tmp_path)
    cached.encode_rows(["kept"])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            cached.encode_rows(["kept", "new"])
    assert len(files(tmp_path)) == len(list(tmp_path.rglob("*.*"))) == 1
    again = CachedEncoder(NgramEncoder(32), tmp_path)
    again.encode_rows(["kept", "new"])
    assert again.encoded == 1


def test_pruning_keeps_what_was_asked_for_and_one_encoder(tmp_path: Path) -> None:
    CachedEncoder(NgramEncoder(8), tmp_path).encode_rows(["other encoder"])
    CachedEncoder(NgramEncoder(32), tmp_path).encode_rows([str(number) for number in range(100)])
    few = CachedEncoder(NgramEncoder(32), tmp_path)
    few.encode_rows(["7", "8", "9", "new"])
    size = sum(path.stat().st_size for path in files(tmp_path))
    few.prune()
    assert sum(path.stat().st_size for path in files(tmp_path)) == 4 * (16 + 64) < size
    after = CachedEncoder(NgramEncoder(32), tmp_path)
    after.encode_rows(["new", "9", "8", "7"])
    assert after.encoded == 0
    after.encode_rows(["10"])
    assert after.encoded == 1


def test_pruning_leaves_alone_what_is_mostly_in_use(tmp_path: Path) -> None:
    CachedEncoder(NgramEncoder(32), tmp_path).encode_rows(["a", "b", "c"])
    before = files(tmp_path)
    used = CachedEncoder(NgramEncoder(32), tmp_path)
    used.encode_rows(["a", "b"])
    used.prune()
    assert files(tmp_path) == before


def test_many_files_become_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_FILES", 3)
    cached = CachedEncoder(NgramEncoder(32), tmp_path)
    for text in "abcde":
        cached.encode_rows([text])
    assert len(files(tmp_path)) == 5
    cached.prune()
    assert len(files(tmp_path)) == 1
    assert np.array_equal(cached.encode_rows(list("edcba")), NgramEncoder(32).encode(list("edcba")).astype(np.float16))
    assert cached.encoded == 5


def test_another_way_of_computing_does_not_share_vectors(tmp_path: Path) -> None:
    encoder = NgramEncoder(32)
    CachedEncoder(encoder, tmp_path).encode_rows(["a"])
    encoder.form = "bfloat16"  # type: ignore[attr-defined]
    other = CachedEncoder(encoder, tmp_path)
    other.encode_rows(["a"])
    assert other.encoded == 1
