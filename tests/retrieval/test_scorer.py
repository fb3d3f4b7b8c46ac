"""Held to the formula of the module, written again in NumPy path by path."""

from pathlib import Path as File

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from kg.errors import ModelError
from retrieval.options import MOST_HOPS
from retrieval.scorer import PathScorer

D, WIDTH, RELATIONS = 6, 4, 5
PATHS = [[[0, -1, -1], [1, 3, -1], [4, 2, 0]], [[2, 2, -1], [3, -1, -1], [-1, -1, -1]]]
PLACE = [[0, 1, 1], [1, 0, 0]]


def trained_scorer() -> PathScorer:
    """A scorer none of whose weights is at its start."""
    torch.manual_seed(3)
    scorer = PathScorer(D, width=WIDTH)
    with torch.no_grad():
        for parameter in scorer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return scorer.eval()


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(5)
    questions = torch.nn.functional.normalize(torch.randn(2, 2, D), dim=-1)
    relations = torch.nn.functional.normalize(torch.randn(RELATIONS, 2, D), dim=-1)
    return questions, torch.tensor(PLACE), relations, torch.tensor(PATHS), torch.log(torch.rand(2, 3))


def score_by_hand(
    scorer: PathScorer, q: NDArray[np.float64], relations: NDArray[np.float64], path: list[int], seed_log_p: float
) -> float:
    weights = {name: tensor.double().numpy() for name, tensor in scorer.state_dict().items()}
    names, kinds = relations[:, 0], relations[:, 1]
    mean = sum(names[r] for r in path) / len(path)
    cosine = q @ mean / np.linalg.norm(mean)
    asked = weights["question.weight"] @ q + weights["question.bias"]
    walked = sum(names[r] @ weights["steps"][hop] for hop, r in enumerate(path)) + kinds[path[-1]] @ weights["kinds"]
    bias = weights["hop_bias"][len(path) - 1]
    return float(weights["cosine"] * cosine + asked @ walked + bias + weights["seed_weight"] * seed_log_p)


def test_scores_and_their_softmax_are_the_formula() -> None:
    scorer, (questions, place, relations, paths, seed_log_p) = trained_scorer(), inputs()
    with torch.no_grad():
        scores = scorer(questions, place, relations, paths, seed_log_p)
    for b in range(2):
        expected = [
            score_by_hand(
                scorer,
                questions[b, PLACE[b][n]].double().numpy(),
                relations.double().numpy(),
                [r for r in PATHS[b][n] if r >= 0],
                float(seed_log_p[b, n]),
            )
            if PATHS[b][n][0] >= 0
            else -np.inf
            for n in range(3)
        ]
        assert scores[b].tolist() == pytest.approx(expected, abs=1e-4)
        p = np.exp(np.array(expected) - max(expected))
        assert torch.softmax(scores[b], -1).tolist() == pytest.approx((p / p.sum()).tolist(), abs=1e-5)


def test_padding_has_no_probability_and_no_gradient() -> None:
    scorer, (questions, place, relations, paths, seed_log_p) = trained_scorer(), inputs()
    scores = scorer(questions, place, relations, paths, seed_log_p)
    assert scores[1, 2].item() == -np.inf
    assert torch.softmax(scores, -1)[1, 2].item() == 0.0
    torch.logsumexp(scores, -1).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in scorer.parameters() if p.grad is not None)


def test_more_padding_changes_no_score() -> None:
    scorer, (questions, place, relations, paths, seed_log_p) = trained_scorer(), inputs()
    short = scorer(questions[:1], place[:1, :2], relations, paths[:1, :2, :2], seed_log_p[:1, :2])
    assert short[0].tolist() == pytest.approx(
        scorer(questions, place, relations, paths, seed_log_p)[0, :2].tolist(), abs=1e-5
    )


def test_an_untrained_scorer_ranks_relations_by_their_cosine() -> None:
    questions, _, relations, _, _ = inputs()
    every = torch.arange(RELATIONS)[None, :, None]
    with torch.no_grad():
        place, seed_log_p = torch.zeros(1, RELATIONS, dtype=torch.long), torch.zeros(1, RELATIONS)
        scores = PathScorer(D)(questions[:1], place, relations, every, seed_log_p)
    assert scores[0].argsort().tolist() == (relations[:, 0] @ questions[0, 0]).argsort().tolist()


def test_forms_are_a_distribution_and_an_untrained_scorer_takes_a_question_for_a_select() -> None:
    questions = inputs()[0][0]
    p = trained_scorer().form_log_probs(questions).exp()
    assert p.sum(-1).tolist() == pytest.approx([1.0, 1.0])
    assert PathScorer(D).form_log_probs(questions).argmax(-1).tolist() == [0, 0]


def test_a_saved_scorer_gives_the_same_scores(tmp_path: File) -> None:
    scorer = trained_scorer()
    scorer.save(tmp_path)
    again = PathScorer.open(tmp_path)
    assert not again.training
    assert torch.equal(again(*inputs()), scorer(*inputs()))


@pytest.mark.parametrize("change", ["fewer hops", "no question layer", "one more"])
def test_a_scorer_of_another_shape_is_refused(tmp_path: File, change: str) -> None:
    trained_scorer().save(tmp_path)
    state = load_file(tmp_path / "scorer.safetensors")
    if change == "fewer hops":
        state["steps"] = state["steps"][: MOST_HOPS - 1].contiguous()
    elif change == "no question layer":
        del state["question.weight"]
    else:
        state["gate"] = torch.zeros(1)
    save_file(state, tmp_path / "scorer.safetensors")
    with pytest.raises(ModelError, match="another version"):
        PathScorer.open(tmp_path)


def test_a_damaged_or_missing_scorer_is_named(tmp_path: File) -> None:
    with pytest.raises(ModelError, match=r"scorer\.safetensors"):
        PathScorer.open(tmp_path)
    (tmp_path / "scorer.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0not json")
    with pytest.raises(ModelError, match="cannot be read"):
        PathScorer.open(tmp_path)
