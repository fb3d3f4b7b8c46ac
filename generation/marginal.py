"""The marginal over evidence: RAG-Sequence and RAG-Token (Lewis et al. 2020, arXiv 2005.11401, section 2.1).

    RAG-Sequence    p(y | x) = sum over z of p(z | x) prod over t of p(y_t | x, z, y_<t)
    RAG-Token       p(y | x) = prod over t of sum over z of p(z | x) p(y_t | x, z, y_<t)

B questions, K pieces of evidence each, T tokens, V words. A piece of evidence that is not there has log probability
-inf, and neither values nor gradients become nan by it.
"""

import torch
from torch import Tensor


def rag_sequence_log_prob(doc_log_probs: Tensor, token_log_probs: Tensor, mask: Tensor) -> Tensor:
    """log p(y | x) of RAG-Sequence: [B].

    doc_log_probs: log p(z | x), [B, K]. token_log_probs: log p(y_t | x, z, y_<t), [B, K, T]. mask: [B, T], false on
    padding.
    """
    kept = torch.where(mask.bool()[:, None, :], token_log_probs, 0.0)
    return safe_logsumexp(doc_log_probs + kept.sum(-1), 1)


def rag_token_log_prob(doc_log_probs: Tensor, token_log_probs: Tensor, mask: Tensor) -> Tensor:
    """log p(y | x) of RAG-Token: [B]; arguments as in `rag_sequence_log_prob`."""
    kept = torch.where(mask.bool()[:, None, :], token_log_probs, 0.0)
    mixed = safe_logsumexp(doc_log_probs[:, :, None] + kept, 1)
    return torch.where(mask.bool(), mixed, 0.0).sum(-1)


def mix_token_distributions(doc_log_probs: Tensor, log_probs: Tensor) -> Tensor:
    """The log distributions over the next token, mixed over the evidence: [B, T, V].

    doc_log_probs: [B, K]. log_probs: [B, K, T, V].
    """
    return safe_logsumexp(doc_log_probs[:, :, None, None] + log_probs, 1)


def sequence_token_distributions(doc_log_probs: Tensor, log_probs: Tensor, forced: Tensor) -> Tensor:
    """The log distributions over the next token under RAG-Sequence, [B, T, V]: mixed by what the tokens so far leave
    of the evidence, p(z | x, y_<t) in proportion to p(z | x) prod over s < t of p(y_s | x, z, y_<s).

    doc_log_probs: [B, K]. log_probs: [B, K, T, V]. forced: log p(y_t | x, z, y_<t) of the tokens that are there, 0 on
    padding, [B, K, T].
    """
    left = (doc_log_probs[:, :, None] + forced.cumsum(-1) - forced).log_softmax(1)
    return safe_logsumexp(left[..., None] + log_probs, 1)


def safe_logsumexp(values: Tensor, dim: int) -> Tensor:
    """log sum exp along `dim`; where all values are -inf the result is -inf and the gradient 0, not nan."""
    possible = (values > -torch.inf).any(dim, keepdim=True)
    summed = torch.where(possible, values, 0.0).logsumexp(dim)
    return torch.where(possible.squeeze(dim), summed, -torch.inf)
