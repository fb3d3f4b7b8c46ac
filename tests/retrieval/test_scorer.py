"""Held to the formula of the module, written again in NumPy path by path."""

from pathlib import Path as File

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from kg.errors import ModelError
from retrieval.features import FIRST_WEIGHTS, NAMES
from retrieval.options import MOST_HOPS
from retrieval.scorer import SHAPES, PathScorer
from tests.scorers import shaken

D, WIDTH, RELATIONS = 6, 4, 5
N = -1
PATHS = [
    [[[0, N, N], [N, N, N]], [[1, 3, N], [N, N, N]], [[4, 2, 0], [N, N, N]], [[2, N, N], [3, N, N]]],
    [[[2, 2, N], [N, N, N]], [[3, N, N], [N, N, N]], [[1, N, N], [N, N, N]], [[N, N, N], [N, N, N]]],
]
PLACE = [[[0, 0], [1, 0], [1, 1], [0, 1]], [[1, 0], [0, 0], [1, 0], [0, 0]]]
SHAPE = [[0, 1, 2, 3], [1, 0, 4, N]]
HINTS = torch.tensor([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0]])


def trained_scorer() -> PathScorer:
    return shaken(PathScorer(D, width=WIDTH))


def inputs() -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(5)
    masked, whole, relations = (
        torch.nn.functional.normalize(torch.randn(*shape, generator=draw), dim=-1)
        for shape in ((2, 2, D), (2, D), (RELATIONS, 2, D))
    )
    features = torch.randn(2, 4, len(NAMES), generator=draw)
    return masked, whole, torch.tensor(PLACE), relations, torch.tensor(PATHS), torch.tensor(SHAPE), features


def branch_by_hand(
    weights: dict[str, NDArray[np.float64]], q: NDArray[np.float64], relations: NDArray[np.float64], path: list[int]
) -> float:
    if not path:
        return 0.0
    names, kinds = relations[:, 0], relations[:, 1]
    asked = weights["question.weight"] @ q + weights["question.bias"]
    cosine = sum(q @ names[relation] for relation in path) / len(path) ** 0.7
    walked = sum(names[relation] @ weights["steps"][hop] for hop, relation in enumerate(path))
    return float(weights["cosine"] * cosine + asked @ (walked + kinds[path[-1]] @ weights["kinds"]))


def test_scores_are_the_formula() -> None:
    scorer, given = trained_scorer(), inputs()
    weights = {name: tensor.double().numpy() for name, tensor in scorer.state_dict().items()}
    masked, whole, _, relations, _, _, features = (tensor.double().numpy() for tensor in given)
    with torch.no_grad():
        scores, nothing, shapes = scorer(*given)
    for b in range(2):
        expected = [
            sum(
                branch_by_hand(weights, masked[b, PLACE[b][n][i]], relations, [r for r in PATHS[b][n][i] if r >= 0])
                for i in range(2)
            )
            + features[b, n] @ weights["weights"]
            + weights["shape_bias"][SHAPE[b][n]]
            if SHAPE[b][n] >= 0
            else -np.inf
            for n in range(4)
        ]
        assert scores[b].tolist() == pytest.approx(expected, abs=1e-4)
        large = whole[b] * D**0.5
        assert nothing[b].item() == pytest.approx(
            (weights["nothing.weight"] @ large + weights["nothing.bias"])[0], abs=1e-4
        )
        assert shapes[b].tolist() == pytest.approx(weights["shape.weight"] @ large + weights["shape.bias"], abs=1e-4)
        forms = weights["form.weight"] @ large + weights["form.bias"] + weights["form_hint"] * HINTS[b].numpy()
        p = np.exp(forms) / np.exp(forms).sum()
        with torch.no_grad():
            found = scorer.form_log_probs(given[1], HINTS)[b].exp()
        assert found.tolist() == pytest.approx(p, abs=1e-5)


def test_padding_has_no_probability_and_a_gradient_reaches_every_weight() -> None:
    scorer, given = trained_scorer(), inputs()
    scores, nothing, shapes = scorer(*given)
    assert scores[1, 3].item() == -np.inf
    assert torch.softmax(scores, -1)[1, 3].item() == 0.0
    forms = scorer.form_log_probs(given[1], HINTS)
    (
        torch.logsumexp(scores, -1).sum() + nothing.sum() + shapes.log_softmax(-1)[:, 0].sum() + forms[:, 1].sum()
    ).backward()
    for name, parameter in scorer.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_what_stands_in_the_padding_changes_no_score() -> None:
    scorer, (masked, whole, place, relations, paths, shape, features) = trained_scorer(), inputs()
    with torch.no_grad():
        scores = scorer(masked, whole, place, relations, paths, shape, features)[0]
        fewer = scorer(
            masked[:1], whole[:1], place[:1, :2], relations, paths[:1, :2, :, :2], shape[:1, :2], features[:1, :2]
        )
        features[1, 3] = 100.0
        again = scorer(masked, whole, place, relations, paths, shape, features)[0]
    assert fewer[0][0].tolist() == pytest.approx(scores[0, :2].tolist(), abs=1e-5)
    assert torch.equal(again, scores)


def test_an_untrained_scorer_ranks_relations_by_their_cosine_and_features_by_their_first_weights() -> None:
    masked, whole, _, relations, _, _, _ = inputs()
    scorer = PathScorer(D)
    paths = torch.full((1, RELATIONS, 2, MOST_HOPS), -1)
    paths[0, :, 0, 0] = torch.arange(RELATIONS)
    zeros = torch.zeros(1, RELATIONS, 2, dtype=torch.long)
    features = torch.zeros(1, RELATIONS, len(NAMES))
    with torch.no_grad():
        scores = scorer(masked[:1], whole[:1], zeros, relations, paths, zeros[..., 0], features)[0][0]
        assert scores.argsort().tolist() == (relations[:, 0] @ masked[0, 0]).argsort().tolist()
        for place, weight in enumerate(FIRST_WEIGHTS):
            one = features.clone()
            one[0, 0, place] = 1.0
            moved = scorer(masked[:1], whole[:1], zeros, relations, paths, zeros[..., 0], one)[0][0] - scores
            assert moved.tolist() == pytest.approx([weight, *[0.0] * (RELATIONS - 1)], abs=1e-5)


@pytest.mark.parametrize(("hints", "form"), [((1.0, 0, 0), 0), ((0.5, 1.0, 0), 1), ((0, 0, 1.0), 2)])
def test_an_untrained_scorer_takes_the_form_from_the_hints(hints: tuple[float, ...], form: int) -> None:
    p = PathScorer(D).form_log_probs(inputs()[1], torch.tensor([hints, hints])).exp()
    assert p.sum(-1).tolist() == pytest.approx([1.0, 1.0])
    assert p.argmax(-1).tolist() == [form, form]


def test_what_is_projected_for_all_relations_is_what_each_alone_scores() -> None:
    scorer, (masked, whole, _, relations, _, _, _) = trained_scorer(), inputs()
    steps = scorer.project(relations).steps_of(masked[0].numpy(), whole[0].numpy(), HINTS[0].tolist())
    all_of_them = np.arange(RELATIONS)
    steps.learn(all_of_them[::2])
    steps.learn(all_of_them)
    tables = (steps.cosine, steps.learnt(0), steps.kinds)
    for relation in range(RELATIONS):
        for place in range(2):
            paths = torch.tensor([[[[relation, N, N], [N, N, N]]]])
            features, where = torch.zeros(1, 1, len(NAMES)), torch.tensor([[[place, 0]]])
            with torch.no_grad():
                alone = scorer(masked[:1], whole[:1], where, relations, paths, torch.zeros(1, 1).long(), features)
            parts = sum(table[place, relation] for table in tables)
            assert parts + steps.shapes[0] == pytest.approx(alone[0].item(), abs=1e-4)
    with torch.no_grad():
        _, nothing, shapes = scorer(*inputs())
        assert steps.forms == pytest.approx(scorer.form_log_probs(whole, HINTS)[0].numpy(), abs=1e-5)
    assert steps.nothing == pytest.approx(nothing[0].item(), abs=1e-5)
    assert steps.hops == pytest.approx(shapes[0].log_softmax(-1)[:MOST_HOPS].numpy(), abs=1e-5)
    assert len(steps.shapes) == len(SHAPES)


def test_a_saved_scorer_gives_the_same_scores(tmp_path: File) -> None:
    scorer = trained_scorer()
    scorer.save(tmp_path)
    again = PathScorer.open(tmp_path)
    assert not again.training
    assert all(torch.equal(one, other) for one, other in zip(again(*inputs()), scorer(*inputs()), strict=True))


@pytest.mark.parametrize("change", ["fewer hops", "fewer features", "no question layer", "one more"])
def test_a_scorer_of_another_shape_is_refused(tmp_path: File, change: str) -> None:
    trained_scorer().save(tmp_path)
    state = load_file(tmp_path / "scorer.safetensors")
    if change == "fewer hops":
        state["steps"] = state["steps"][: MOST_HOPS - 1].contiguous()
    elif change == "fewer features":
        state["weights"] = state["weights"][1:].contiguous()
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
