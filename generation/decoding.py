"""Beam search over anything that gives log probabilities of the next token.

No length penalty: hypotheses are ranked by their log probability, so that with enough beams the search is exhaustive
and exact. A hypothesis ends with the end token or when it is cut at `max_new_tokens`, so that the probabilities of all
hypotheses add up to one.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Hypothesis = tuple[tuple[int, ...], float]
"""Token ids, with the end token if it was said, and their log probability."""

NextLogProbs = Callable[[Tensor, Tensor], Tensor]
"""From prefixes [G, N, t] and the beams they go on from, [G, N], to log probabilities [G, N, V] of the next token."""


def beam_search(
    next_log_probs: NextLogProbs,
    *,
    groups: int,
    start: int,
    end: int,
    num_beams: int,
    max_new_tokens: int,
    device: torch.device | str = "cpu",
) -> list[list[Hypothesis]]:
    """The best hypotheses of each of G independent searches, best first, at most `num_beams` and none impossible.

    A finished hypothesis stays in the beam and competes with those still growing.
    """
    prefix = torch.full((groups, 1, 1), start, device=device)
    scores = torch.zeros(groups, 1, device=device)
    parents = torch.zeros(groups, 1, dtype=torch.long, device=device)
    done = torch.zeros(groups, 1, dtype=torch.bool, device=device)
    for _ in range(max_new_tokens):
        following = next_log_probs(prefix, parents).float()
        at_rest = torch.full_like(following, -torch.inf)
        at_rest[..., end] = 0.0
        following = torch.where(done[..., None], at_rest, following)
        vocabulary = following.shape[-1]
        every = (scores[..., None] + following).flatten(1)
        scores, best = every.topk(min(num_beams, every.shape[1]), dim=1)
        parents, tokens = best // vocabulary, best % vocabulary
        grown = prefix.gather(1, parents[..., None].expand(-1, -1, prefix.shape[-1]))
        prefix = torch.cat([grown, tokens[..., None]], -1)
        done = done.gather(1, parents) | (tokens == end)
        if bool((done | scores.isneginf()).all()):
            break
    return [
        [(_until(ids, end), score) for ids, score in zip(group, log_probs, strict=True) if score > -torch.inf]
        for group, log_probs in zip(prefix[:, :, 1:].tolist(), scores.tolist(), strict=True)
    ]


def _until(ids: list[int], end: int) -> tuple[int, ...]:
    return tuple(ids[: ids.index(end) + 1] if end in ids else ids)
