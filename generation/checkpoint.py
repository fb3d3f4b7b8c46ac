"""Checkpoints of a training run, so that one that was killed goes on where it was.

A checkpoint is one safetensors file: what is trained, the optimiser's and the random numbers' state as tensors, the
rest as JSON in the file's metadata. It is written under another name, synced and renamed, so that there is always one
whole checkpoint. It carries a key of the run it belongs to, and another run does not read it.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

_FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class State:
    """Where a run is: facts that JSON can hold, and tensors by name."""

    facts: dict[str, Any]
    tensors: dict[str, Tensor]

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors under `NAME/`, by the rest of their names."""
        return {key.removeprefix(f"{name}/"): t for key, t in self.tensors.items() if key.startswith(f"{name}/")}


class Checkpoints:
    """The checkpoint of one run in a folder; None for `folder` keeps nothing. key: from `run_key`."""

    def __init__(self, folder: Path | None, key: str) -> None:
        self.folder, self.key = folder, key

    def save(self, facts: dict[str, Any], **parts: Mapping[str, Tensor]) -> None:
        """Replaces the checkpoint."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"{part}/{name}": tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for part, own in parts.items()
            for name, tensor in own.items()
        }
        temporary = self.folder / f"{_FILE}.tmp"
        save_file(tensors, temporary, {"key": self.key, "facts": json.dumps(facts)})
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, self.folder / _FILE)

    def load(self, title: str) -> State | None:
        """The state to go on from, or None; where there is a checkpoint, a line on stderr says which."""
        path = self.folder / _FILE if self.folder else None
        if path is None or not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                said = file.metadata() or {}
                if said.get("key") != self.key:
                    sys.stderr.write(f"{title}: the checkpoint in {path} is of another run and is not used\n")
                    return None
                facts = json.loads(said["facts"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            sys.stderr.write(f"{title}: the checkpoint in {path} cannot be read ({error}) and is not used\n")
            return None
        sys.stderr.write(f"{title}: goes on after {facts['steps']} steps of a run that was stopped\n")
        return State(facts, tensors)


def run_key(model: nn.Module, **facts: Any) -> str:
    """A hash of what makes two runs the same: these facts, and the names, shapes and kinds of the model's parameters,
    and which of them are trained."""
    shapes = [(name, list(p.shape), str(p.dtype), p.requires_grad) for name, p in model.named_parameters()]
    text = json.dumps([facts, shapes], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def trained(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: parameters that are not frozen, and buffers."""
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return parameters | dict(model.named_buffers())


@torch.no_grad()
def put_back(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copies tensors into the model's parameters and buffers of these names."""
    here = trained(model)
    for name, tensor in tensors.items():
        here[name].copy_(tensor)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state, by the parameter's number and the value's name."""
    state = optimizer.state_dict()["state"]
    return {f"{number}/{name}": torch.as_tensor(value) for number, own in state.items() for name, value in own.items()}


def put_back_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Sets the optimiser's state from `optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split("/", 1)
        state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def random_state(device: str) -> dict[str, Tensor]:
    """The state of PyTorch's random numbers."""
    return {"cpu": torch.get_rng_state()} | ({"cuda": torch.cuda.get_rng_state()} if device == "cuda" else {})


def put_back_random(tensors: Mapping[str, Tensor]) -> None:
    """Sets PyTorch's random numbers from `random_state`."""
    torch.set_rng_state(tensors["cpu"])
    if "cuda" in tensors:
        torch.cuda.set_rng_state(tensors["cuda"])
