"""A run that is killed goes on where it was, and ends as one that was left alone."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from generation.training import TrainOptions, TrainReport, train

SCRIPT = """
import json, sys, time
from pathlib import Path
from safetensors.torch import save_file
from tests.generation.test_checkpoint import Net, OPTIONS, run

place = Path(sys.argv[1])
model = Net()

def watched(batch):
    print(json.dumps(batch), flush=True)
    time.sleep(float(sys.argv[2]))
    return model.loss(batch)

report = run(model, watched, place / "checkpoints", OPTIONS)
save_file(model.state_dict(), place / "model.safetensors")
(place / "report.json").write_text(json.dumps({"losses": report.losses, "evaluations": report.evaluations,
    "examples": report.examples, "best": report.best_step}))
"""
OPTIONS = TrainOptions(
    epochs=6, batch_size=8, accumulate=2, eval_every=4, save_every=5, precision="bf16", device="cpu", learning_rate=0.02
)
STEPS, PARTS = 6 * 4, 6 * 8
"""Of the 26 examples in batches of eight; each batch but the last of a pass has two parts, and so has that."""


class Net(nn.Module):
    """With dropout, so that the random numbers must go on too, and a frozen layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.frozen, self.first, self.last = nn.Linear(1, 8), nn.Linear(8, 8), nn.Linear(8, 1)
        self.drop = nn.Dropout(0.3)
        self.frozen.requires_grad_(False)

    def loss(self, batch: Sequence[int]) -> Tensor:
        x = torch.tensor(batch, dtype=torch.float32)[:, None] / 26
        return (self.last(self.drop(self.first(self.frozen(x)).relu()))[:, 0].float() - torch.sin(6 * x[:, 0])).square()


def run(model: Net, loss: object, folder: Path | None, options: TrainOptions) -> TrainReport:
    """Training on 26 numbers. The score is best at step 8: before the last stop, so that state must be kept."""
    return train(
        model,
        list(range(26)),
        loss,  # type: ignore[arg-type]
        options,
        evaluate=lambda: -abs(float(model.last.bias.detach()) + 0.135),
        folder=folder,
    )


def process(place: Path, seconds_a_part: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(place), str(seconds_a_part)], stdout=subprocess.PIPE, text=True
    )


def test_a_run_killed_in_the_middle_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for place in (whole, killed):
        place.mkdir()
    with process(whole, 0) as left_alone:
        everything = left_alone.stdout.read().splitlines()  # type: ignore[union-attr]
    assert left_alone.returncode == 0 and len(everything) == PARTS

    parts: list[list[str]] = []
    for last_part in (17, 14):
        with process(killed, 0.05) as stopped:
            parts.append([next(stopped.stdout) for _ in range(last_part)])  # type: ignore[call-overload, arg-type]
            stopped.send_signal(signal.SIGKILL)
        assert stopped.returncode == -signal.SIGKILL
        assert not (killed / "report.json").exists()
    with process(killed, 0) as resumed:
        parts.append(resumed.stdout.read().splitlines())  # type: ignore[union-attr]
    assert resumed.returncode == 0
    assert [line.strip() for line in parts[1]] != everything[:14]
    assert parts[2] == everything[-len(parts[2]) :] and len(parts[2]) < PARTS - 17

    assert json.loads((killed / "report.json").read_text()) == json.loads((whole / "report.json").read_text())
    report = json.loads((killed / "report.json").read_text())
    assert (len(report["losses"]), report["best"]) == (STEPS, 8)
    first, second = (load_file(place / "model.safetensors") for place in (whole, killed))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    model, again = Net(), Net()
    report = run(model, model.loss, tmp_path, OPTIONS)

    def never(batch: Sequence[int]) -> Tensor:
        raise AssertionError("trained again")

    assert run(again, never, tmp_path, OPTIONS) == report
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert not again.training


def test_checkpoints_change_nothing(tmp_path: Path) -> None:
    model, plain = Net(), Net()
    report, expected = run(model, model.loss, tmp_path, OPTIONS), run(plain, plain.loss, None, OPTIONS)
    assert (report.losses, report.evaluations) == (expected.losses, expected.evaluations)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters(), strict=True))


def test_the_checkpoint_of_another_run_or_a_damaged_one_is_named_and_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Net()
    run(model, model.loss, tmp_path, replace(OPTIONS, seed=1))
    expected = run(plain := Net(), plain.loss, None, OPTIONS)
    (path,) = tmp_path.iterdir()
    for damage, words in ((False, "is of another run"), (True, "cannot be read")):
        if damage:
            path.write_bytes(path.read_bytes()[:100])
        report = run(fresh := Net(), fresh.loss, tmp_path, OPTIONS)
        assert words in capsys.readouterr().err
        assert report.losses == expected.losses
    model.first.requires_grad_(False)
    run(model, model.loss, tmp_path, OPTIONS)
    assert "is of another run" in capsys.readouterr().err
