"""Files read as streams, whatever compression their name tells."""

import bz2
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from kg.errors import ParseError, SourceError

CHUNK_BYTES = 4 << 20
LINE_BYTES = 64 << 20
"""The longest line read, so that a small compressed file without a line end cannot fill the memory."""


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """The decompressed bytes of a plain, .gz, .bz2 or .zst file.

    Raises SourceError if the file cannot be read, ParseError if it is damaged or cut off.
    """
    try:
        with _open(path) as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ParseError(f"{path} is damaged or cut off: {error}. Get the file again.") from error
    except OSError as error:
        if error.errno is None:
            raise ParseError(f"{path} is damaged: {error}. Get the file again.") from error
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error


def line_chunks(
    stream: IO[bytes],
    *,
    path: Path,
    chunk_bytes: int = CHUNK_BYTES,
    first_bytes: int | None = None,
    line_bytes: int = LINE_BYTES,
) -> Iterator[bytes]:
    """Pieces of about `chunk_bytes` bytes (the first one of `first_bytes`), each ending after a line end, but for the
    last.

    Raises ParseError for a line that spans pieces and is longer than `line_bytes`.
    """
    parts: list[bytes] = []
    held = 0
    size = first_bytes or chunk_bytes
    while data := stream.read(size):
        size = chunk_bytes
        end = data.rfind(b"\n") + 1
        held += data.index(b"\n") if end else len(data)
        if held > line_bytes:
            raise ParseError(f"{path}: a line is longer than {line_bytes} bytes. Check that this is the right file.")
        if end:
            yield b"".join([*parts, data[:end]])
            parts, data = [], data[end:]
            held = len(data)
        parts.append(data)
    if held:
        yield b"".join(parts)


def _open(path: Path) -> IO[bytes]:
    suffix = path.suffix.lower()
    if suffix in (".gz", ".zst") and path.stat().st_size == 0:  # their readers take it for nothing compressed
        raise EOFError("it is empty")
    if suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if suffix == ".bz2":
        return bz2.open(path, "rb")
    if suffix == ".zst":
        return io.BufferedReader(_Zstandard(path), 1 << 20)
    return path.open("rb")


class _Zstandard(io.RawIOBase):
    """Zstandard frames, one after the other; unlike the library's reader it notices a last frame that is cut off."""

    def __init__(self, path: Path) -> None:
        import zstandard

        self._file = path.open("rb")
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._error = zstandard.ZstdError
        self._frame: Any = None
        self._ready = b""
        self._input = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            if not self._input:
                self._input = self._file.read(1 << 20)
                if not self._input:
                    if self._frame is not None:
                        raise EOFError("the last frame has no end")
                    return 0
            self._advance()
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()

    def _advance(self) -> None:
        if self._frame is None:
            self._frame = self._new()
        try:
            self._ready = self._frame.decompress(self._input)
        except self._error as error:
            raise EOFError(str(error)) from error
        self._input = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None
