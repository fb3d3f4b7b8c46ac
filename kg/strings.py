"""A column of strings that is read from memory-mapped files.

Two files: `NAME.bin`, the UTF-8 bytes end to end, and `NAME.npy`, int64 offsets (n + 1). A sorted column (by bytes) can
be searched by bisection, so a dictionary of millions of terms opens at once and needs no hash table.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import map_array

_MANY = 64


class StringColumn(Sequence[str]):
    """Strings by position, memory-mapped."""

    def __init__(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self._data = data
        self._offsets = offsets

    @classmethod
    def open(cls, folder: Path, name: str) -> "StringColumn":
        """The column written by `write_strings`; raises FileNotFoundError."""
        offsets = map_array(folder / f"{name}.npy")
        path = folder / f"{name}.bin"
        if path.stat().st_size == 0:
            return cls(np.zeros(0, dtype=np.uint8), offsets)
        return cls(np.asarray(np.memmap(path, dtype=np.uint8, mode="r")), offsets)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        if isinstance(position, slice):
            return [self[i] for i in range(*position.indices(len(self)))]
        return self._bytes(int(position)).decode()

    def __iter__(self) -> Iterator[str]:
        for position in range(len(self)):
            yield self[position]

    def find(self, text: str) -> int:
        """The position of a string in a sorted column, or -1."""
        place = self._first_from(text.encode())
        return place if place < len(self) and self._bytes(place) == text.encode() else -1

    def starting_with(self, prefix: str) -> range:
        """The positions of the strings of a sorted column that start with `prefix`."""
        begin = self._first_from(prefix.encode())
        return range(begin, self._first_from(prefix.encode() + b"\xff"))

    def take(self, positions: NDArray[np.int32]) -> list[str]:
        """The strings at these positions, in their order; many at a time cost a tenth of one by one."""
        if len(positions) < _MANY:
            return [self[position] for position in positions.tolist()]
        taken: list[str] = self._array().take(np.asarray(positions, np.int64)).to_pylist()
        return taken

    def to_series(self) -> pl.Series:
        """All strings as one polars Series (read into memory)."""
        return pl.Series(self._array(), dtype=pl.String)

    def _array(self) -> Any:
        """The column as an Arrow array over the mapped files."""
        import pyarrow as pa

        offsets, data = (pa.py_buffer(np.ascontiguousarray(part)) for part in (self._offsets, self._data))
        return pa.LargeStringArray.from_buffers(len(self), offsets, data)

    def _first_from(self, wanted: bytes) -> int:
        """The first position whose bytes are not below `wanted`."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._bytes(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def _bytes(self, position: int) -> bytes:
        if not 0 <= position < len(self):
            raise IndexError(f"position {position} is outside a column of {len(self)} strings")
        return self._data[self._offsets[position] : self._offsets[position + 1]].tobytes()


def write_strings(folder: Path, name: str, strings: pl.Series) -> None:
    """Writes a polars string Series as a column; nulls become empty strings."""
    import pyarrow as pa

    array = strings.fill_null("").to_arrow().cast(pa.large_string())
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    data = array.buffers()[2]
    begin, end = int(offsets[0]), int(offsets[-1])
    (folder / f"{name}.bin").write_bytes(memoryview(data)[begin:end] if data is not None else b"")
    np.save(folder / f"{name}.npy", offsets - begin)
