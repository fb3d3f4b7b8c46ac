import math

import pytest
import torch
from torch import Tensor

from generation.decoding import beam_search

START, END, A, B = 0, 1, 2, 3
NEXT = {START: {A: 0.6, B: 0.4}, A: {END: 0.5, A: 0.5}, B: {END: 0.9, B: 0.1}}
"""After A anything goes, after B the end is near: the greedy choice A is the wrong one."""


def table(prefix: Tensor, parents: Tensor) -> Tensor:
    following = torch.full((*prefix.shape[:2], 4), -torch.inf)
    for g, group in enumerate(prefix[..., -1].tolist()):
        for n, last in enumerate(group):
            for token, p in NEXT.get(last, {END: 1.0}).items():
                following[g, n, token] = math.log(p)
    return following


def search(num_beams: int, max_new_tokens: int = 3) -> list[tuple[tuple[int, ...], float]]:
    first, second = beam_search(
        table, groups=2, start=START, end=END, num_beams=num_beams, max_new_tokens=max_new_tokens
    )
    assert first == second
    return [(ids, round(math.exp(log_prob), 6)) for ids, log_prob in first]


def test_one_beam_is_greedy_and_two_see_further() -> None:
    assert search(1)[0][0][0] == A
    assert search(2)[0] == ((B, END), 0.36)


def test_enough_beams_find_every_hypothesis_with_its_probability() -> None:
    assert dict(search(50)) == pytest.approx(
        {(A, END): 0.3, (A, A, END): 0.15, (A, A, A): 0.15, (B, END): 0.36, (B, B, END): 0.036, (B, B, B): 0.004}
    )


def test_hypotheses_are_cut_at_the_limit() -> None:
    assert dict(search(50, max_new_tokens=1)) == pytest.approx({(A,): 0.6, (B,): 0.4})


def test_parents_name_the_beam_that_goes_on() -> None:
    seen: list[Tensor] = []

    def watched(prefix: Tensor, parents: Tensor) -> Tensor:
        if seen:
            grown_from = seen[-1].gather(1, parents[..., None].expand(-1, -1, seen[-1].shape[-1]))
            assert torch.equal(prefix[..., :-1], grown_from)
        seen.append(prefix)
        return table(prefix, parents)

    beam_search(watched, groups=1, start=START, end=END, num_beams=3, max_new_tokens=3)
    assert len(seen) == 3
