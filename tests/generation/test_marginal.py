import math

import pytest
import torch

from generation.marginal import (
    mix_token_distributions,
    rag_sequence_log_prob,
    rag_token_log_prob,
    sequence_token_distributions,
)

DOCS = torch.tensor([[0.7, 0.3]]).log()
TOKENS = torch.tensor([[[0.5, 0.2], [0.1, 0.9]]]).log()
BOTH = torch.tensor([[True, True]])


def test_sequence_sums_products() -> None:
    assert rag_sequence_log_prob(DOCS, TOKENS, BOTH).exp().item() == pytest.approx(0.7 * 0.5 * 0.2 + 0.3 * 0.1 * 0.9)


def test_token_multiplies_sums() -> None:
    expected = (0.7 * 0.5 + 0.3 * 0.1) * (0.7 * 0.2 + 0.3 * 0.9)
    assert rag_token_log_prob(DOCS, TOKENS, BOTH).exp().item() == pytest.approx(expected)


def test_padding_does_not_count_whatever_it_holds() -> None:
    first = torch.tensor([[True, False]])
    for value in (0.0, -torch.inf, torch.nan):
        tokens = TOKENS.clone()
        tokens[..., 1] = value
        for log_prob in (rag_sequence_log_prob, rag_token_log_prob):
            assert log_prob(DOCS, tokens, first).exp().item() == pytest.approx(0.7 * 0.5 + 0.3 * 0.1)


def test_mixture_is_a_distribution_and_agrees_with_rag_token() -> None:
    torch.manual_seed(0)
    docs = torch.randn(2, 3).log_softmax(-1)
    log_probs = torch.randn(2, 3, 4, 5).log_softmax(-1)
    mixed = mix_token_distributions(docs, log_probs)
    assert torch.allclose(mixed.exp().sum(-1), torch.ones(2, 4))
    answer = torch.randint(5, (2, 4))
    tokens = log_probs.gather(-1, answer[:, None, :, None].expand(-1, 3, -1, -1))[..., 0]
    expected = mixed.gather(-1, answer[..., None])[..., 0].sum(-1)
    assert torch.allclose(rag_token_log_prob(docs, tokens, torch.ones(2, 4)), expected, atol=1e-5)


def test_what_comes_next_is_a_distribution_whose_product_is_rag_sequence() -> None:
    torch.manual_seed(0)
    docs = torch.randn(2, 3).log_softmax(-1)
    log_probs = torch.randn(2, 3, 4, 5).log_softmax(-1)
    answer = torch.randint(5, (2, 4))
    tokens = log_probs.gather(-1, answer[:, None, :, None].expand(-1, 3, -1, -1))[..., 0]
    found = sequence_token_distributions(docs, log_probs, tokens)
    assert torch.allclose(found.exp().sum(-1), torch.ones(2, 4))
    product = found.gather(-1, answer[..., None])[..., 0].sum(-1)
    assert torch.allclose(rag_sequence_log_prob(docs, tokens, torch.ones(2, 4)), product, atol=1e-5)


def test_absent_evidence_changes_neither_value_nor_gradient() -> None:
    for log_prob in (rag_sequence_log_prob, rag_token_log_prob):
        docs = torch.cat([DOCS, torch.tensor([[-torch.inf]])], 1).requires_grad_()
        tokens = torch.cat([TOKENS, torch.zeros(1, 1, 2)], 1).requires_grad_()
        value = log_prob(docs, tokens, BOTH)
        assert torch.allclose(value, log_prob(DOCS, TOKENS, BOTH))
        value.sum().backward()
        assert docs.grad is not None and tokens.grad is not None
        assert torch.isfinite(docs.grad).all() and torch.isfinite(tokens.grad).all()
        assert docs.grad[0, 2] == 0


def test_impossible_answer_is_minus_infinity_with_zero_gradient() -> None:
    for log_prob in (rag_sequence_log_prob, rag_token_log_prob):
        docs = torch.full((1, 2), -torch.inf, requires_grad=True)
        value = log_prob(docs, TOKENS, BOTH)
        assert value.item() == -math.inf
        value.sum().backward()
        assert docs.grad is not None and (docs.grad == 0).all()


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    docs = torch.randn(2, 3, dtype=torch.double, requires_grad=True)
    tokens = torch.randn(2, 3, 4, dtype=torch.double, requires_grad=True)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    for log_prob in (rag_sequence_log_prob, rag_token_log_prob):
        assert torch.autograd.gradcheck(lambda d, t, f=log_prob: f(d, t, mask), (docs, tokens))
