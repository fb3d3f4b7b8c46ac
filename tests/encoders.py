"""A real encoder that needs no model: texts that share letters point the same way."""

import hashlib
import re
import zlib

import numpy as np
from numpy.typing import NDArray


class NgramEncoder:
    """Hashed counts of words and of character trigrams, as unit vectors."""

    def __init__(self, dimension: int = 256) -> None:
        self.dimension = dimension

    @property
    def name(self) -> str:
        return f"ngrams-{self.dimension}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    def encode(self, texts: list[str], *, progress: str | None = None) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                padded = f" {word} "
                for piece in [word, *(padded[i : i + 3] for i in range(len(padded) - 2))]:
                    vectors[row, zlib.crc32(piece.encode()) % self.dimension] += 1.0
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[norms[:, 0] == 0, 0] = 1.0
        return vectors / np.where(norms == 0, 1.0, norms)
