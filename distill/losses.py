"""Losses of distillation (Hinton et al. 2015, arXiv 1503.02531)."""

import torch
from torch import Tensor

from kg.errors import ModelError


def distillation_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float, alpha: float, ignored: int = -100
) -> Tensor:
    """alpha T^2 KL(teacher || student) + (1 - alpha) cross-entropy, per example, shape (B,).

    student, teacher: log probabilities or logits, shape (B, T, V). labels: shape (B, T), `ignored` where there is none.
    Both sides are softened by the temperature; the means run over the labelled tokens. Raises ModelError if the
    vocabularies differ.
    """
    if student.shape[-1] != teacher.shape[-1]:
        raise ModelError(
            f"teacher and student have different vocabularies ({teacher.shape[-1]} and {student.shape[-1]} tokens). "
            "Give both the same tokenizer, or distil from the teacher's answers with alpha = 0."
        )
    present = labels != ignored
    count = present.sum(-1).clamp(min=1)
    soft = torch.log_softmax(teacher / temperature, -1)
    learnt = torch.log_softmax(student / temperature, -1)
    divergence = ((soft.exp() * (soft - learnt)).sum(-1) * present).sum(-1) / count
    right = torch.log_softmax(student, -1).gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    cross_entropy = -(right * present).sum(-1) / count
    return alpha * temperature**2 * divergence + (1 - alpha) * cross_entropy
