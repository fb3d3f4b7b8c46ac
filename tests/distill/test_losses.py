"""Held to PyTorch's own divergence and cross-entropy."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from distill.losses import distillation_loss
from kg.errors import ModelError

SEEDS, TEMPERATURES, ALPHAS = st.integers(0, 2**31), st.floats(0.5, 8.0), st.floats(0.0, 1.0)
LABELS = torch.tensor([[1, 4, 2], [0, -100, -100]])


def logits(seed: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    student, teacher = (3 * torch.randn(2, 3, 5, generator=draw, dtype=torch.float64) for _ in range(2))
    return student, teacher


@given(SEEDS, TEMPERATURES)
def test_alpha_one_is_the_divergence_at_the_temperature_times_its_square(seed: int, temperature: float) -> None:
    student, teacher = logits(seed)
    found = distillation_loss(student, teacher, LABELS, temperature=temperature, alpha=1.0)
    for row, count in enumerate((3, 1)):
        expected = functional.kl_div(
            (student[row, :count] / temperature).log_softmax(-1),
            (teacher[row, :count] / temperature).log_softmax(-1),
            log_target=True,
            reduction="batchmean",
        )
        assert found[row].item() == pytest.approx(temperature**2 * expected.item(), rel=1e-6, abs=1e-9)


@given(SEEDS, TEMPERATURES)
def test_alpha_zero_is_the_cross_entropy_at_no_temperature(seed: int, temperature: float) -> None:
    student, teacher = logits(seed)
    found = distillation_loss(student, teacher, LABELS, temperature=temperature, alpha=0.0)
    for row in range(2):
        expected = functional.cross_entropy(student[row], LABELS[row], ignore_index=-100)
        assert found[row].item() == pytest.approx(expected.item(), rel=1e-6)


@given(SEEDS, TEMPERATURES, ALPHAS)
def test_alpha_mixes_the_two(seed: int, temperature: float, alpha: float) -> None:
    student, teacher = logits(seed)
    soft, hard, both = (
        distillation_loss(student, teacher, LABELS, temperature=temperature, alpha=share) for share in (1.0, 0.0, alpha)
    )
    assert torch.allclose(both, alpha * soft + (1 - alpha) * hard)
    assert (soft >= -1e-9).all()


@given(SEEDS, TEMPERATURES)
def test_equal_distributions_cost_nothing_whatever_their_offset(seed: int, temperature: float) -> None:
    student, _ = logits(seed)
    found = distillation_loss(student, student + 7.0, LABELS, temperature=temperature, alpha=1.0)
    assert found.tolist() == pytest.approx([0.0, 0.0], abs=1e-9)


@given(SEEDS)
def test_tokens_without_a_label_do_not_count(seed: int) -> None:
    student, teacher = logits(seed)
    changed = student.clone()
    changed[1, 1:] += 5 * torch.arange(5)
    options = {"temperature": 2.0, "alpha": 0.6}
    before, after = (distillation_loss(each, teacher, LABELS, **options) for each in (student, changed))
    assert torch.equal(before, after)
    nothing = torch.full((2, 3), -100)
    assert distillation_loss(student, teacher, nothing, **options).tolist() == [0.0, 0.0]


def test_the_square_keeps_the_gradient_at_its_scale() -> None:
    """Hinton et al. 2015, section 2.1: the hotter, the nearer the gradient is to that of matching logits."""
    student, teacher = logits(3)
    student, teacher = (each - each.mean(-1, keepdim=True) for each in (student, teacher))
    student.requires_grad_()
    distillation_loss(
        student, teacher, torch.zeros(2, 3, dtype=torch.long), temperature=1e4, alpha=1.0
    ).sum().backward()
    assert student.grad is not None
    assert torch.allclose(student.grad, (student - teacher).detach() / 5 / 3, rtol=1e-2, atol=1e-4)


def test_different_vocabularies_are_refused() -> None:
    with pytest.raises(ModelError, match=r"\(6 and 5 tokens\)"):
        distillation_loss(torch.zeros(1, 2, 5), torch.zeros(1, 2, 6), LABELS[:1, :2], temperature=1.0, alpha=0.5)
