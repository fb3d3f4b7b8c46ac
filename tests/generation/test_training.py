import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from generation import training
from generation.training import TrainOptions, TrainReport, train
from kg.errors import ModelError

Point = tuple[list[float], float]


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(x)))[:, 0]


def points(n: int) -> list[Point]:
    draw = torch.Generator().manual_seed(1)
    rows = torch.rand(n, 3, generator=draw)
    return [(row.tolist(), float(row.sum() - 1)) for row in rows]


def run(examples: list[Point], **options: object) -> tuple[Line, TrainReport]:
    model = Line()

    def loss(batch: Sequence[Point]) -> Tensor:
        return (model(torch.tensor([x for x, _ in batch])) - torch.tensor([y for _, y in batch])).square()

    return model, train(model, examples, loss, TrainOptions(**{"precision": "fp32", "device": "cpu", **options}))  # type: ignore[arg-type]


def test_micro_batches_equal_one_batch() -> None:
    whole, report = run(points(22), batch_size=8, epochs=3)
    for parts in (3, 4, 8):
        cut, cut_report = run(points(22), batch_size=8, epochs=3, accumulate=parts)
        assert cut_report.losses == pytest.approx(report.losses, abs=1e-6)
        for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-6)


def test_one_step_is_adamw_with_clipping() -> None:
    examples = points(4)
    model, _ = run(examples, steps=1, batch_size=4, learning_rate=0.1, clip=0.01, warmup=0.0, weight_decay=0.0)
    reference = Line()
    optimizer = torch.optim.AdamW(reference.parameters(), lr=0.1, weight_decay=0.0)
    x, y = torch.tensor([x for x, _ in examples]), torch.tensor([y for _, y in examples])
    (reference(x) - y).square().mean().backward()
    nn.utils.clip_grad_norm_(reference.parameters(), 0.01)
    optimizer.step()
    for a, b in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


@contextmanager
def learning_rates() -> Iterator[list[float]]:
    """The rate of each optimiser step, of a model with one group of parameters."""
    rates: list[float] = []

    def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
        (rate,) = {group["lr"] for group in optimizer.param_groups}
        rates.append(rate)

    handle = register_optimizer_step_pre_hook(note)
    try:
        yield rates
    finally:
        handle.remove()


def test_the_rate_rises_to_its_peak_and_falls_towards_zero() -> None:
    with learning_rates() as rates:
        run(points(10), steps=10, batch_size=10, learning_rate=0.4, warmup=0.3)
    rising, falling = [1 / 4, 2 / 4, 3 / 4], [7 / 7, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7]
    assert rates == pytest.approx([0.4 * share for share in rising + falling])


def test_without_warm_up_the_rate_starts_at_its_peak() -> None:
    with learning_rates() as rates:
        run(points(10), steps=4, batch_size=10, learning_rate=0.4, warmup=0.0)
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize(("step_s", "steps"), [(1.0, 10), (2.5, 4), (0.001, 50)])
def test_a_run_behind_its_time_lowers_the_rate_by_the_clock(
    monkeypatch: pytest.MonkeyPatch, step_s: float, steps: int
) -> None:
    now = 0.0
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: now))
    model = nn.Linear(1, 1)

    def loss(batch: Sequence[float]) -> Tensor:
        nonlocal now
        now += step_s
        return model(torch.tensor([list(batch)]).T)[:, 0]

    options = TrainOptions(steps=50, batch_size=1, learning_rate=0.4, warmup=0.0, max_seconds=10.0, precision="fp32")
    with learning_rates() as rates:
        report = train(model, [1.0], loss, options)
    assert (report.steps, report.duration_s) == (steps, pytest.approx(steps * step_s))
    assert rates == pytest.approx([0.4 * (1 - step / steps) for step in range(steps)])


def test_matrices_decay_and_vectors_do_not() -> None:
    """Without a gradient AdamW's step is the decay alone: 1 - rate x decay, at rates 0.1 and 0.05."""
    model = Line()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    options = TrainOptions(steps=2, learning_rate=0.1, warmup=0.0, weight_decay=0.5, precision="fp32", device="cpu")
    train(model, [[1.0, 2.0, 3.0]], lambda batch: 0 * model(torch.tensor(batch)), options)
    for name, parameter in model.named_parameters():
        left = (1 - 0.1 * 0.5) * (1 - 0.05 * 0.5) if name.endswith("weight") else 1.0
        assert torch.allclose(parameter, left * before[name], rtol=1e-6, atol=0), name


def test_learns_and_counts() -> None:
    _, report = run(points(50), batch_size=8, epochs=40, learning_rate=0.02)
    assert report.steps == 40 * math.ceil(50 / 8) == len(report.losses)
    assert report.examples == 40 * 50
    assert report.losses[-1] < 0.1 * report.losses[0]


def test_seed_decides_the_order() -> None:
    first, second, other = (run(points(20), batch_size=4, seed=seed)[1].losses for seed in (1, 1, 2))
    assert first == second != other


def test_callers_random_numbers_are_left_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    model = nn.Linear(1, 1)
    torch.manual_seed(7)
    train(model, [1.0], lambda batch: model(torch.tensor([batch]))[:, 0], TrainOptions(steps=1, precision="fp32"))
    assert torch.equal(torch.rand(3), expected)


def test_learning_rates_go_by_the_longest_beginning_of_the_name() -> None:
    start = Line()
    model, _ = run(points(8), steps=3, batch_size=8, learning_rates={"f": 0.1, "first.weight": 0.0}, weight_decay=0.0)
    assert torch.equal(model.first.weight, start.first.weight)
    assert not torch.equal(model.first.bias, start.first.bias)
    assert not torch.equal(model.last.weight, start.last.weight)


def test_frozen_parameters_stay() -> None:
    model = Line()
    model.first.requires_grad_(False)
    before = model.first.weight.clone()
    train(model, [[1.0, 2.0, 3.0]], lambda batch: model(torch.tensor(batch)), TrainOptions(steps=2))
    assert torch.equal(model.first.weight, before)
    model.requires_grad_(False)
    with pytest.raises(ModelError, match="all are frozen"):
        train(model, [[1.0, 2.0, 3.0]], lambda batch: model(torch.tensor(batch)), TrainOptions(steps=2))


def test_loss_that_is_not_finite_is_refused_with_its_step() -> None:
    model = nn.Linear(1, 1)
    calls = iter(range(10))

    def loss(batch: Sequence[float]) -> Tensor:
        value = model(torch.tensor([batch]).T)[:, 0]
        return value / 0 if next(calls) == 2 else value

    with pytest.raises(ModelError, match="at step 3"):
        train(model, [1.0, 2.0], loss, TrainOptions(epochs=5, precision="fp32"))


def test_wrong_use_is_refused() -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(ModelError, match="no examples"):
        train(model, [], lambda batch: torch.zeros(0), TrainOptions())
    with pytest.raises(ModelError, match=r"shape \(1,\), got \(\)"):
        train(model, [1.0], lambda batch: model(torch.ones(1, 1)).mean(), TrainOptions())
    with pytest.raises(ModelError, match="fp16"):
        train(model, [1.0], lambda batch: torch.zeros(1), TrainOptions(precision="fp16", device="cpu"))
    with pytest.raises(ModelError, match="gradient checkpointing"):
        train(model, [1.0], lambda batch: torch.zeros(1), TrainOptions(gradient_checkpointing=True))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_refused() -> None:
    with pytest.raises(ModelError, match=r'finds no CUDA device\. Use device = "auto" or "cpu"'):
        run(points(2), steps=1, device="cuda")
    assert training.choose_device("auto") == "cpu"


def test_best_evaluation_is_kept_and_patience_ends_training() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    seen: list[float] = []

    def evaluate() -> float:
        seen.append(model.weight.item())
        return -abs(len(seen) - 2)

    report = train(
        model,
        [1.0] * 100,
        lambda batch: model(torch.tensor([list(batch)]).T)[:, 0],
        TrainOptions(batch_size=1, eval_every=5, patience=3, learning_rate=0.01, precision="fp32"),
        evaluate=evaluate,
    )
    assert [step for step, _ in report.evaluations] == [5, 10, 15, 20, 25]
    assert report.best_step == 10 and report.steps == 25
    assert model.weight.item() == seen[1]


def test_time_budget_ends_training() -> None:
    model = nn.Linear(1, 1)
    report = train(
        model,
        [1.0] * 10,
        lambda batch: model(torch.tensor([list(batch)]).T)[:, 0],
        TrainOptions(steps=10_000_000, batch_size=10, max_seconds=0.2),
    )
    assert 0 < report.steps < 10_000_000


def test_bfloat16_computes_in_bfloat16_and_keeps_float32_weights() -> None:
    model = nn.Linear(2, 1)
    kinds = set()

    def loss(batch: Sequence[list[float]]) -> Tensor:
        value = model(torch.tensor(batch))[:, 0]
        kinds.add(value.dtype)
        return value.square()

    report = train(model, [[1.0, 2.0]], loss, TrainOptions(steps=2, precision="bf16", device="cpu"))
    assert kinds == {torch.bfloat16} and model.weight.dtype == torch.float32 and report.precision == "bf16"
