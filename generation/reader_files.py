"""How a reader lies on disk: whole, or as what differs from an encoder that is there anyway.

config.json, tokenizer…, model.safetensors      whole, as transformers writes it
config.json, difference.safetensors             the changed tensors in float16; the file's metadata names the SHA-256
                                                of the encoder's model.safetensors that the rest comes from
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer, BertConfig

from generation.pointer import PointerReader
from generation.reader_config import PointerReaderConfig
from kg.errors import ModelError
from kg.snapshot import file_sha256

DIFFERENCE = "difference.safetensors"
_WEIGHTS = "model.safetensors"


def load_encoder(folder: Path) -> tuple[BertConfig, dict[str, Tensor]]:
    """The configuration of the BERT encoder in a local folder, and its tensors as BertModel names them.

    Raises ModelError.
    """
    kind = _kind(folder)
    if kind != "bert":
        raise ModelError(f"the built-in reader needs a BERT encoder; {folder} holds a model of type {kind!r}.")
    try:
        tensors = load_file(folder / _WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the encoder's weights in {folder / _WEIGHTS} cannot be read: {error}") from error
    return BertConfig.from_pretrained(folder), {name.removeprefix("bert."): t.float() for name, t in tensors.items()}


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a local folder; it takes "[SEP]" in a text for text. Raises ModelError."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, config=BertConfig(), local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"the tokenizer in {folder} cannot be read: {error}") from error
    tokenizer.split_special_tokens = True
    return tokenizer


def save_reader(model: PointerReader, tokenizer: Any, max_length: int, folder: Path, base: Path | None) -> None:
    """Writes configuration and weights, and without a base the tokenizer too."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.max_source_length = max_length
    model.config.save_pretrained(folder)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if base is None:
        save_file(tensors, folder / _WEIGHTS, {"format": "pt"})
        tokenizer.save_pretrained(folder)
        return
    given = model.encoder_names(load_encoder(base)[1])
    changed = {name: t.half() for name, t in tensors.items() if name not in given or not torch.equal(t, given[name])}
    save_file(changed, folder / DIFFERENCE, {"base_sha256": _sha256(base)})


def open_reader(folder: Path, base: Path | None) -> tuple[PointerReader, Any, int]:
    """(model, tokenizer, max_length). Raises ModelError if files are missing or damaged, or the base is another one."""
    kind = _kind(folder)
    if kind != PointerReaderConfig.model_type:
        raise ModelError(f"{folder} holds a model of type {kind!r}, expected a {PointerReaderConfig.model_type}.")
    config = PointerReaderConfig.from_pretrained(folder)
    model = PointerReader(config)
    try:
        if (folder / DIFFERENCE).is_file():
            tokenizer_folder, tensors = _joined(folder, base, model)
        else:
            tokenizer_folder, tensors = folder, load_file(folder / _WEIGHTS)
        model.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"the reader in {folder} cannot be read: {error}. Train it again.") from error
    return model, load_tokenizer(tokenizer_folder), config.max_source_length


def _joined(folder: Path, base: Path | None, model: PointerReader) -> tuple[Path, dict[str, Tensor]]:
    """(the base's folder, all tensors), the changed ones put over the base's."""
    if base is None:
        raise ModelError(f"the reader in {folder} is stored without its encoder. Give the encoder's folder as `base`.")
    with safe_open(folder / DIFFERENCE, framework="pt") as file:
        wanted = file.metadata()["base_sha256"]
    found = _sha256(base)
    if found != wanted:
        raise ModelError(
            f"the reader in {folder} belongs to an encoder with SHA-256 {wanted[:12]}…, "
            f"but {base / _WEIGHTS} has {found[:12]}…. Use that encoder, or train the reader again."
        )
    changed = {name: tensor.float() for name, tensor in load_file(folder / DIFFERENCE).items()}
    return base, {**model.encoder_names(load_encoder(base)[1]), **changed}


def _sha256(base: Path) -> str:
    try:
        return file_sha256(base / _WEIGHTS)
    except OSError as error:
        raise ModelError(f"the encoder's weights {base / _WEIGHTS} cannot be read: {error.strerror}.") from error


def _kind(folder: Path) -> str:
    path = folder / "config.json"
    try:
        return str(json.loads(path.read_text("utf-8")).get("model_type"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing: {folder} holds no model.") from error
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {error}") from error
