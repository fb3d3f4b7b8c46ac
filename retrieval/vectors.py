"""The entity index: one vector per entity, in as many bytes as the options allow.

    entities.faiss   codes (`retrieval.quantise`)         entities.npy   which terms are entities, a bit a term
    project.npy      the queries' map, where there is one  encoder.json   the encoder's name and hash, and the facts

Another encoder than the one that made the vectors is refused.
"""

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kg.errors import EncoderMismatch
from kg.graph import Ids
from kg.types import Encoder
from retrieval.options import EmbedOptions
from retrieval.quantise import Quantised, Rows, quantise, recall

_MEASURED = 256
"""Vectors that recall is measured with: not fitted to, and not found as their own neighbours."""


class EntityIndex:
    """Nearest entities by vector. `entities[i]` is the graph id of the index's i-th vector."""

    def __init__(self, quantised: Quantised, entities: Ids) -> None:
        self.quantised = quantised
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
        project = folder / "project.npy"
        quantised = Quantised(index, np.load(project) if project.exists() else None, made_by["index"]["form"])
        bits = np.unpackbits(np.load(folder / "entities.npy"))
        return cls(quantised, np.flatnonzero(bits).astype(np.int32))

    def nearest(self, vectors: NDArray[np.float32], k: int) -> tuple[Ids, NDArray[np.float32]]:
        """Entity ids and inner products, shape (n, k), best first; -1 where there are fewer than `k`."""
        if not len(self.entities):
            return np.full((len(vectors), k), -1, np.int32), np.full((len(vectors), k), -np.inf, np.float32)
        places, scores = self.quantised.search(vectors, k)
        return np.where(places >= 0, self.entities[np.maximum(places, 0)], -1).astype(np.int32), scores


def write_vectors(
    folder: Path, entities: Ids, rows: Rows, encoder: Encoder, options: EmbedOptions | None = None
) -> dict[str, Any]:
    """Writes the index of one vector per entity: `entities` ascending, `rows` unit vectors in float16, shape (n,
    dimension).

    Returns what the manifest says of it: form, vectors, bytes (all files of the index), ratio (float32 vectors to
    that), and recall@10 against exact search, for a sample of the vectors that nothing was fitted to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count, dimension = rows.shape
    options = options or EmbedOptions()
    wanted = 4 * dimension / options.shrink
    np.save(folder / "entities.npy", np.packbits(np.bincount(entities) > 0))
    known = (folder / "entities.npy").stat().st_size / max(count, 1)
    measured = np.sort(np.random.default_rng(1).choice(count, min(count, _MEASURED), replace=False))
    held_out = measured if count > 4 * _MEASURED else None
    quantised = quantise(rows, wanted - known, memory=options.memory * 2**20, without=held_out)
    faiss.write_index(quantised.index, str(folder / "entities.faiss"))
    if quantised.project is not None:
        np.save(folder / "project.npy", quantised.project)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.name != "encoder.json")
    facts = {
        "form": quantised.form,
        "vectors": count,
        "bytes": size,
        "ratio": round(4 * dimension * count / size, 2),
        "recall@10": round(recall(rows, quantised, rows[measured].astype(np.float32), own=measured), 4),
    }
    made_by = {"name": encoder.name, "sha256": encoder.sha256, "dimension": dimension, "index": facts}
    (folder / "encoder.json").write_text(json.dumps(made_by), "utf-8")
    return facts
