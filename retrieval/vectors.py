"""The entity index: one vector per entity in FAISS (Douze et al. 2024, arXiv 2401.08281), by inner product.

Up to `FLAT` entities the search is exact over float16 vectors; beyond that an inverted file with 8-bit scalar
quantisation keeps memory at one byte a dimension. The file names the encoder and its hash; another encoder is refused.
"""

import json
import math
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from kg.errors import EncoderMismatch
from kg.graph import Ids
from kg.types import Encoder

FLAT = 100_000
"""Most vectors that are searched one by one."""
_PROBES = 24


class EntityIndex:
    """Nearest entities by vector. `entities[i]` is the graph id of the index's i-th vector."""

    def __init__(self, index: faiss.Index, entities: Ids) -> None:
        self._index = index
        self.entities = entities

    @classmethod
    def open(cls, folder: Path, encoder: Encoder) -> "EntityIndex":
        """The index written by `write_vectors`. Raises EncoderMismatch if another encoder made it."""
        made_by = json.loads((folder / "encoder.json").read_text("utf-8"))
        if made_by["sha256"] != encoder.sha256:
            raise EncoderMismatch(
                f"the vectors in {folder} were made by {made_by['name']} ({made_by['sha256'][:12]}…), but the "
                "configured "
                f"encoder is {encoder.name} ({encoder.sha256[:12]}…). Configure that one, or build again."
            )
        index = faiss.read_index(str(folder / "entities.faiss"), faiss.IO_FLAG_MMAP)
        return cls(index, np.load(folder / "entities.npy", mmap_mode="r"))

    def nearest(self, vectors: NDArray[np.float32], k: int) -> tuple[Ids, NDArray[np.float32]]:
        """Entity ids and inner products, shape (n, k), best first; -1 where there are fewer than `k`."""
        if not len(self.entities):
            return np.full((len(vectors), k), -1, np.int32), np.full((len(vectors), k), -np.inf, np.float32)
        scores, places = self._index.search(np.ascontiguousarray(vectors, np.float32), k)
        ids = np.where(places >= 0, np.asarray(self.entities)[np.maximum(places, 0)], -1)
        return ids.astype(np.int32), scores


def write_vectors(folder: Path, entities: Ids, texts: list[str], encoder: Encoder) -> None:
    """Encodes one text per entity and writes the index."""
    folder.mkdir(parents=True, exist_ok=True)
    vectors = encoder.encode(texts, progress="embed entities")
    (folder / "encoder.json").write_text(
        json.dumps({"name": encoder.name, "sha256": encoder.sha256, "dimension": encoder.dimension}), "utf-8"
    )
    np.save(folder / "entities.npy", entities.astype(np.int32))
    faiss.write_index(_build(vectors, encoder.dimension), str(folder / "entities.faiss"))


def _build(vectors: NDArray[np.float32], dimension: int) -> faiss.Index:
    if len(vectors) <= FLAT:
        index = faiss.index_factory(dimension, "SQfp16", faiss.METRIC_INNER_PRODUCT)
    else:
        cells = int(4 * math.sqrt(len(vectors)))
        index = faiss.index_factory(dimension, f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
        sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), 40 * cells), replace=False)
        index.train(vectors[np.sort(sample)])
        index.nprobe = _PROBES  # type: ignore[attr-defined]
    if not index.is_trained:
        index.train(vectors)
    if len(vectors):
        index.add(vectors)
    return index
