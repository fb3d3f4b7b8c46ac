"""One training loop for the reader, the joint model and the student.

AdamW (Loshchilov and Hutter 2019) with linear warm-up and linear decay, mixed precision, and gradient accumulation that
changes the memory needed and not the result: every example weighs the same, however a batch is cut. On a CPU a seed
fixes the run, unless it falls behind `max_seconds` and the clock decides. A run that was killed goes on from its last
checkpoint, where it has a folder for them, to the same end.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from generation.checkpoint import (
    Checkpoints,
    State,
    optimizer_tensors,
    put_back,
    put_back_optimizer,
    put_back_random,
    random_state,
    run_key,
    trained,
)
from generation.options import Device, Precision
from kg.errors import ModelError
from kg.progress import progress as progress_bar

Example = TypeVar("Example")
LossFunction = Callable[[Sequence[Example]], Tensor]
"""From n examples to their n losses, one each, as one tensor that a gradient flows back from."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How to train.

    steps: optimiser steps; None goes over the examples `epochs` times. batch_size: examples per optimiser step.
    accumulate: the parts that a batch is cut into. learning_rates: from the beginning of a parameter's name to its
    rate; the longest that fits wins, `learning_rate` is for the rest. warmup: the share of steps in which the rate
    rises. clip: the largest norm of the gradient. max_seconds: the rate falls to 0, and training ends, by then.
    eval_every: steps between evaluations, None only at the end. patience: evaluations without improvement before
    training stops, None never. save_every: steps between checkpoints.
    """

    seed: int = 0
    epochs: int = 1
    steps: int | None = None
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-3
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    precision: Precision = "auto"
    device: Device = "auto"
    gradient_checkpointing: bool = False
    eval_every: int | None = None
    patience: int | None = None
    save_every: int = 25
    max_seconds: float | None = None


@dataclass(frozen=True)
class TrainReport:
    """What happened, in all parts of a run that was stopped.

    examples: how many were learned from, repetitions included. losses: the mean loss of each step. evaluations: (step,
    score), higher is better; the model is left as it was at `best_step`.
    """

    steps: int
    examples: int
    duration_s: float
    device: str
    precision: str
    losses: tuple[float, ...]
    evaluations: tuple[tuple[int, float], ...]
    best_step: int


def train(
    model: nn.Module,
    examples: Sequence[Example],
    loss: LossFunction[Example],
    options: TrainOptions,
    *,
    evaluate: Callable[[], float] | None = None,
    progress: str = "train",
    folder: Path | None = None,
) -> TrainReport:
    """A report, after `model` has learned from the examples.

    loss: called with parts of a batch; the model is on its device by then, in training mode and under autocast.
    evaluate: scores the model as it is, higher is better; called in evaluation mode under autocast without gradients.
    folder: where checkpoints are kept, the last one too: the same call takes from there what is done, and the caller
    removes the folder when it needs it no more.
    Raises ModelError if there is nothing to learn from, or if a loss is not a finite number.
    """
    if not examples:
        raise ModelError(
            "there are no examples to train on. Give questions, or build a graph that questions can be made of."
        )
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    model.to(device)
    _set_checkpointing(model, options.gradient_checkpointing)
    optimizer = torch.optim.AdamW(_groups(model, options))
    peaks = [group["lr"] for group in optimizer.param_groups]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    scaler = torch.amp.GradScaler(device, enabled=precision == "fp16")
    total = options.steps or options.epochs * math.ceil(len(examples) / options.batch_size)
    keeper = _Best(model, evaluate, options.patience, autocast(device, precision))
    run = {"options": asdict(options), "examples": len(examples), "device": device, "precision": precision}
    checkpoints = Checkpoints(folder, run_key(model, title=progress, **run))
    state = checkpoints.load(progress)
    if state and "report" in state.facts:
        put_back(model, state.part("model"))
        model.eval()
        return _report(state.facts["report"])
    losses: list[float] = []
    seen, started = 0, time.monotonic()
    with torch.random.fork_rng(), progress_bar(progress, total) as advance:
        torch.manual_seed(options.seed)
        if state:
            losses, seen = state.facts["losses"], state.facts["examples"]
            started -= state.facts["duration_s"]
            scaler.load_state_dict(state.facts["scaler"])
            put_back(model, state.part("model"))
            put_back_optimizer(optimizer, state.part("optimizer"))
            put_back_random(state.part("random"))
            keeper.put_back(state)
            advance(len(losses))
        batches = islice(_batches(examples, options, total), len(losses), None)
        for step, batch in enumerate(batches, start=len(losses) + 1):
            if keeper.is_to_stop:
                break
            elapsed = (time.monotonic() - started) / options.max_seconds if options.max_seconds else 0.0
            if elapsed >= 1:
                break
            done = elapsed if elapsed > step / total else (step - 1) / total
            rate = _rate(done, options.warmup, 1 / total)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * rate
            model.train()
            optimizer.zero_grad(set_to_none=True)
            losses.append(_backward(batch, loss, options.accumulate, scaler, device, precision, step))
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(parameters, options.clip)
            scaler.step(optimizer)
            scaler.update()
            seen += len(batch)
            advance(1)
            if options.eval_every and step % options.eval_every == 0:
                keeper.look(step)
            if step % options.save_every == 0:
                facts = {"steps": step, "losses": losses, "examples": seen, "duration_s": time.monotonic() - started}
                facts |= {"scaler": scaler.state_dict(), "best": keeper.facts()}
                parts = {"model": trained(model), "optimizer": optimizer_tensors(optimizer), "best": keeper.kept}
                checkpoints.save(facts, **parts, random=random_state(device))
    keeper.finish(len(losses))
    model.eval()
    report = TrainReport(
        steps=len(losses),
        examples=seen,
        duration_s=time.monotonic() - started,
        device=device,
        precision=precision,
        losses=tuple(losses),
        evaluations=tuple(keeper.evaluations),
        best_step=keeper.best_step,
    )
    checkpoints.save({"steps": len(losses), "report": asdict(report)}, model=trained(model))
    return report


def _report(said: dict[str, Any]) -> TrainReport:
    """A report as JSON gives it back."""
    losses, evaluations = tuple(said["losses"]), tuple((step, score) for step, score in said["evaluations"])
    return TrainReport(**{**said, "losses": losses, "evaluations": evaluations})


def choose_device(wanted: Device) -> str:
    """`cuda` or `cpu`. Raises ModelError if CUDA is wanted and not there."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            'device = "cuda" was asked for, but PyTorch finds no CUDA device. Use device = "auto" or "cpu".'
        )
    return wanted


def choose_precision(wanted: Precision, device: str) -> str:
    """`bf16`, `fp16` or `fp32`: `auto` takes bfloat16 where the processor computes in it, else float16 on CUDA, else
    float32. Raises ModelError for float16 on a CPU.
    """
    if wanted == "fp16" and device == "cpu":
        raise ModelError('precision = "fp16" needs CUDA. Use "auto", "bf16" or "fp32".')
    if wanted != "auto":
        return wanted
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "fp32"


def autocast(device: str, precision: str) -> AbstractContextManager[None]:
    """The context in which to compute in that precision."""
    kind = torch.float16 if precision == "fp16" else torch.bfloat16
    context: AbstractContextManager[None] = torch.autocast(device, dtype=kind, enabled=precision != "fp32")
    return context


class _Best:
    """Keeps the parameters of the best evaluation."""

    def __init__(
        self,
        model: nn.Module,
        evaluate: Callable[[], float] | None,
        patience: int | None,
        precision: AbstractContextManager[None],
    ) -> None:
        self.model, self.evaluate, self.patience, self.precision = model, evaluate, patience, precision
        self.evaluations: list[tuple[int, float]] = []
        self.best_step, self._best = 0, -math.inf
        self.kept: dict[str, Tensor] = {}

    @property
    def is_to_stop(self) -> bool:
        """Whether the last `patience` evaluations were no better than the best one."""
        worse = sum(1 for at, _ in self.evaluations if at > self.best_step)
        return self.patience is not None and worse >= self.patience

    def look(self, step: int) -> None:
        """Evaluates."""
        if self.evaluate is None:
            return
        self.model.eval()
        with torch.no_grad(), self.precision:
            score = self.evaluate()
        self.evaluations.append((step, score))
        if score > self._best:
            self._best, self.best_step = score, step
            self.kept = {name: tensor.detach().clone() for name, tensor in trained(self.model).items()}

    def finish(self, step: int) -> None:
        """Evaluates the last step if that is still to do, and puts the best parameters back."""
        if self.evaluate is None:
            self.best_step = step
            return
        if not self.evaluations or self.evaluations[-1][0] != step:
            self.look(step)
        if self.best_step != step:
            put_back(self.model, self.kept)

    def facts(self) -> dict[str, Any]:
        """What a checkpoint says besides `kept`."""
        return {"evaluations": self.evaluations, "step": self.best_step, "score": self._best}

    def put_back(self, state: State) -> None:
        """Sets all from a checkpoint."""
        said = state.facts["best"]
        self.evaluations = [(step, score) for step, score in said["evaluations"]]
        self.best_step, self._best = said["step"], said["score"]
        device = next(self.model.parameters()).device
        self.kept = {name: tensor.to(device) for name, tensor in state.part("best").items()}


def _backward(
    batch: list[Example],
    loss: LossFunction[Example],
    accumulate: int,
    scaler: torch.amp.GradScaler,
    device: str,
    precision: str,
    step: int,
) -> float:
    """The mean loss of a batch, whose gradient is left in the parameters."""
    total = 0.0
    size = math.ceil(len(batch) / accumulate)
    for begin in range(0, len(batch), size):
        part = batch[begin : begin + size]
        with autocast(device, precision):
            each = loss(part)
        if each.shape != (len(part),):
            raise ModelError(
                f"the loss of {len(part)} examples must have shape ({len(part)},), got {tuple(each.shape)}."
            )
        if not bool(torch.isfinite(each).all()):
            raise ModelError(
                f"the loss is not a finite number at step {step} ({each.detach().float().tolist()}). "
                'Lower learning_rate, or set precision = "fp32".'
            )
        mean = each.float().sum() / len(batch)
        scaler.scale(mean).backward()  # type: ignore[no-untyped-call]
        total += float(mean.detach())
    return total


def _batches(examples: Sequence[Example], options: TrainOptions, total: int) -> Iterator[list[Example]]:
    """`total` batches, each pass in a new order that the seed fixes."""
    order = torch.Generator().manual_seed(options.seed)
    made = 0
    while True:
        shuffled = torch.randperm(len(examples), generator=order).tolist()
        for begin in range(0, len(shuffled), options.batch_size):
            if made >= total:
                return
            made += 1
            yield [examples[i] for i in shuffled[begin : begin + options.batch_size]]


def _groups(model: nn.Module, options: TrainOptions) -> list[dict[str, object]]:
    """Parameter groups by learning rate; matrices decay, vectors do not."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            fitting = [start for start in options.learning_rates if name.startswith(start)]
            rate = options.learning_rates[max(fitting, key=len)] if fitting else options.learning_rate
            decay = options.weight_decay if parameter.dim() > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    if not groups:
        raise ModelError("no parameter of the model can be trained: all are frozen.")
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


def _rate(done: float, warmup: float, least: float) -> float:
    """The factor on the learning rate when this share of training is done: up to 1, and down to 0."""
    if done < warmup:
        return (done + least) / (warmup + least)
    return (1 - done) / (1 - warmup) if warmup < 1 else 1.0


def _set_checkpointing(model: nn.Module, wanted: bool) -> None:
    if not wanted:
        return
    able: list[Any] = [m for m in model.modules() if getattr(m, "supports_gradient_checkpointing", False)]
    if not able:
        raise ModelError(
            f"{type(model).__name__} does not support gradient checkpointing. Set gradient_checkpointing = false."
        )
    for module in able:
        if hasattr(module, "activation_checkpointing_enable"):  # the name that transformers 6 keeps
            module.activation_checkpointing_enable({"use_reentrant": False})
        else:
            module.gradient_checkpointing_enable({"use_reentrant": False})
