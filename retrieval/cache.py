"""Vectors that are computed once: a cache by text, outside the snapshots, that outlives builds.

    FOLDER/MADE_BY/SHA256.rows     one file a batch: n keys of 16 bytes, then n vectors in float16

MADE_BY names the encoder's weights and how it computes; a text's key is the beginning of its SHA-256. A file has the
hash of its content as its name and never changes, so a torn or damaged one is recognised and removed, and its texts are
encoded again. There is one writer (the workspace is locked); readers need nothing.

float16 is the canonical form of a vector, with a cache or without: what is found equals, bit by bit, what would be
computed.
"""

import hashlib
import os
import shutil
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.snapshot import file_sha256
from kg.types import Encoder

_KEY = 16
_BATCH = 16_384
"""Texts encoded between two writes: what a killed process loses at most."""
_MOST_FILES = 64

Keys = NDArray[np.bytes_]
Rows = NDArray[np.float16]


class CachedEncoder:
    """An `Encoder` whose vectors are rounded to float16, and looked up in a cache where there is a folder for one.

    `encoded` counts the texts that were not found.
    """

    def __init__(self, encoder: Encoder, folder: Path | None = None) -> None:
        self._encoder = encoder
        self._parent = folder
        self._asked: list[Keys] = []
        self.encoded = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self._encoder.name

    @property
    def sha256(self) -> str:
        """The hash of the model's weights."""
        return self._encoder.sha256

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._encoder.dimension

    def encode(self, texts: list[str], *, progress: str | None = None) -> NDArray[np.float32]:
        """`encode_rows`, widened to float32."""
        return self.encode_rows(texts, progress=progress).astype(np.float32)

    def encode_rows(self, texts: list[str], *, progress: str | None = None) -> Rows:
        """Unit vectors, float16, shape (len(texts), dimension)."""
        if self._parent is None:
            self.encoded += len(texts)
            return self._encoder.encode(texts, progress=progress).astype(np.float16)
        keys = _keys(texts)
        distinct, first = np.unique(keys, return_index=True)
        self._asked.append(distinct)
        missing = [texts[i] for i in np.sort(first[~self._files.has(distinct)])]
        for start in range(0, len(missing), _BATCH):
            part = missing[start : start + _BATCH]
            more = len(missing) > _BATCH
            title = f"{progress} {start // _BATCH + 1}/{-(-len(missing) // _BATCH)}" if progress and more else progress
            self._files.append(_keys(part), self._encoder.encode(part, progress=title).astype(np.float16))
            self.encoded += len(part)
        return self._files.read(keys)

    def prune(self, *, exactly: bool = False) -> None:
        """Keeps what was asked for since this object was made, where that at least halves the cache or where it lies
        in many files, or in any case if `exactly`; removes what other encoders left."""
        if self._parent is None:
            return
        for other in self._parent.iterdir():
            if other != self._files.folder:
                shutil.rmtree(other, ignore_errors=True)
        asked = np.unique(np.concatenate(self._asked)) if self._asked else np.zeros(0, f"S{_KEY}")
        asked = asked[self._files.has(asked)]
        if exactly or 2 * len(asked) < len(self._files) or len(self._files.paths) > _MOST_FILES:
            self._files.keep(asked)

    @cached_property
    def _files(self) -> "RowFiles":
        made_by = f"{self.sha256}, {getattr(self._encoder, 'form', '')}, {self.dimension}"
        return RowFiles((self._parent or Path()) / hashlib.sha256(made_by.encode()).hexdigest()[:16], self.dimension)


class RowFiles:
    """Rows by key in files that never change. `paths` are the whole ones; opening removes the others."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self.folder = folder
        self._dimension = dimension
        self.paths: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.iterdir()):
            size = path.stat().st_size
            if path.suffix == ".rows" and size % self._width == 0 and file_sha256(path) == path.stem:
                self.paths.append(path)
            else:
                with suppress(OSError):
                    path.unlink()
        self._find()

    def __len__(self) -> int:
        """The number of rows, those counted twice that two files hold."""
        return sum(path.stat().st_size // self._width for path in self.paths)

    def has(self, keys: Keys) -> NDArray[np.bool_]:
        """Which of the keys are there."""
        if not len(self._known):
            return np.zeros(len(keys), np.bool_)
        return np.asarray(self._known[self._position(keys)] == keys)

    def read(self, keys: Keys) -> Rows:
        """The rows of keys that are all there."""
        rows = np.empty((len(keys), self._dimension), np.float16)
        position = self._position(keys) if len(keys) else np.zeros(0, np.int64)
        for number, path in enumerate(self.paths):
            here = np.flatnonzero(self._file[position] == number)
            if len(here):
                rows[here] = self._open(path)[1][self._place[position[here]]]
        return rows

    def append(self, keys: Keys, rows: Rows) -> None:
        """Adds rows, in one file."""
        self.paths = sorted({*self.paths, self._write(keys, rows)})
        self._find()

    def _write(self, keys: Keys, rows: Rows) -> Path:
        """Writes a file that appears under its name when it is whole and synced."""
        data = keys.tobytes() + np.ascontiguousarray(rows).tobytes()
        path = self.folder / f"{hashlib.sha256(data).hexdigest()}.rows"
        temporary = path.with_suffix(".tmp")
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def keep(self, keys: Keys) -> None:
        """Removes all rows but those of these keys, which are there; new files are whole before old ones go."""
        old, new = self.paths, []
        for start in range(0, len(keys), _BATCH):
            part = keys[start : start + _BATCH]
            new.append(self._write(part, self.read(part)))
        self.paths = sorted(set(new))
        self._find()
        for path in set(old) - set(new):
            path.unlink(missing_ok=True)

    @property
    def _width(self) -> int:
        return _KEY + 2 * self._dimension

    def _position(self, keys: Keys) -> NDArray[np.int64]:
        return np.minimum(np.searchsorted(self._known, keys), len(self._known) - 1).astype(np.int64)

    def _find(self) -> None:
        """Sorts all keys, with the file and the row where each lies."""
        keys = [np.asarray(self._open(path)[0]) for path in self.paths]
        self._known, first = np.unique(np.concatenate([np.zeros(0, f"S{_KEY}"), *keys]), return_index=True)
        self._file = np.repeat(np.arange(len(keys)), [len(part) for part in keys])[first]
        self._place = np.concatenate([np.zeros(0, np.int64), *(np.arange(len(part)) for part in keys)])[first]

    def _open(self, path: Path) -> tuple[Keys, Rows]:
        """The keys and rows of a file, memory-mapped."""
        count = path.stat().st_size // self._width
        if not count:
            return np.zeros(0, f"S{_KEY}"), np.zeros((0, self._dimension), np.float16)
        keys = np.memmap(path, f"S{_KEY}", "r", shape=(count,))
        return keys, np.memmap(path, np.float16, "r", offset=count * _KEY, shape=(count, self._dimension))


def _keys(texts: list[str]) -> Keys:
    """The beginning of each text's SHA-256, shape (len(texts),)."""
    joined = b"".join(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY] for text in texts)
    return np.frombuffer(joined, f"S{_KEY}")
