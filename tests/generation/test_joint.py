"""Joint training on the toy graph with a tiny reader."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from generation.joint import Joint, joint_examples, joint_loss, reader_examples, train_together
from generation.options import TrainingOptions
from generation.rag import Rag
from generation.reader import Reader
from kg.terms import value_of
from retrieval.evidence import gather
from retrieval.retriever import Retriever
from retrieval.training import Example, make_examples, score_batch
from tests.toy_graph import toy_retriever
from tests.workspaces import toy_questions


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    toy_retriever(folder)
    return folder


@pytest.fixture
def retriever(toy_folder: Path) -> Retriever:
    torch.manual_seed(1)
    return toy_retriever(toy_folder)


@pytest.fixture
def examples(retriever: Retriever) -> list[Example]:
    return make_examples(toy_questions(), retriever)


@pytest.fixture
def reader(encoder_folder: Path) -> Reader:
    return Reader.from_encoder(encoder_folder)


def test_the_loss_is_the_sum_over_all_evidence(retriever: Retriever, examples: list[Example], reader: Reader) -> None:
    """With all paths as evidence: -log sum over z of softmax(score)(z) p(y|x,z), one piece at a time."""
    items = joint_examples(examples, retriever, count=3)
    with torch.no_grad():
        losses = joint_loss(retriever, reader, items, TrainingOptions(evidence=10_000))
    for item, loss in zip(items, losses.tolist(), strict=True):
        with torch.no_grad():
            scores = score_batch(retriever, [item.example])[0][0].double().numpy()
        pieces = [gather(path, retriever.neighbours) for path in item.example.paths]
        there = [place for place, found in enumerate(pieces) if found is not None]
        prior = np.exp(scores[there]) / np.exp(scores[there]).sum()
        likelihood = [
            math.exp(reader.score(item.example.question.question, [found.text], [[item.answer]])[0][0])
            for found in pieces
            if found is not None
        ]
        assert loss == pytest.approx(-math.log(float(prior @ np.array(likelihood))), rel=1e-3)


def test_the_mode_decides_the_marginal(retriever: Retriever, examples: list[Example], reader: Reader) -> None:
    """Over two answers' worth of tokens, where RAG-Sequence and RAG-Token part."""
    items = [
        replace(item, answer=f"{item.answer} {item.answer}") for item in joint_examples(examples, retriever, count=3)
    ]
    losses: dict[str, list[float]] = {}
    for mode in ("sequence", "token"):
        with torch.no_grad():
            found = joint_loss(retriever, reader, items, TrainingOptions(evidence=10_000, mode=mode))
        losses[mode] = found.tolist()
        for item, loss in zip(items, losses[mode], strict=True):
            question = item.example.question.question
            pieces = [gather(path, retriever.neighbours) for path in item.example.paths]
            there = [place for place, piece in enumerate(pieces) if piece is not None]
            texts = [piece.text for piece in pieces if piece is not None]
            with torch.no_grad():
                log_p = score_batch(retriever, [item.example])[0][:, there].log_softmax(-1)
                expected = -Rag(reader).log_prob([question], [texts], log_p, [item.answer], mode=mode)
            assert loss == pytest.approx(float(expected), rel=1e-4)
    assert losses["token"] != pytest.approx(losses["sequence"], rel=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_gold_path_is_among_the_evidence_even_if_it_scores_worst(
    retriever: Retriever, examples: list[Example], reader: Reader, count: int
) -> None:
    for example in [item.example for item in joint_examples(examples, retriever, count=3)]:
        with torch.no_grad():
            scores = score_batch(retriever, [example])[0][0].double().numpy()
        pieces = [gather(path, retriever.neighbours) for path in example.paths]
        ranked = [place for place in np.argsort(-scores).tolist() if pieces[place] is not None]
        worst = ranked[-1]
        quality = np.eye(len(example.paths), dtype=np.float32)[worst]
        shown = [worst, *ranked[: count - 1]]
        assert len(ranked) > len(shown)
        found = [piece for piece in (pieces[place] for place in shown) if piece is not None]
        answer = found[0].labels[0]
        prior = np.exp(scores[shown]) / np.exp(scores[shown]).sum()
        log_p = reader.score(example.question.question, [piece.text for piece in found], [[answer]] * count)
        expected = -math.log(float(prior @ np.exp(np.concatenate(log_p).astype(float))))
        item = Joint(replace(example, quality=quality), answer)
        with torch.no_grad():
            (loss,) = joint_loss(retriever, reader, [item], TrainingOptions(evidence=count)).tolist()
        assert loss == pytest.approx(expected, rel=1e-3)


def test_the_gradient_reaches_the_scorer_and_the_reader(
    retriever: Retriever, examples: list[Example], reader: Reader
) -> None:
    items = joint_examples(examples, retriever, count=4)
    joint_loss(retriever, reader, items, TrainingOptions(evidence=3)).sum().backward()
    for name in ("question.weight", "cosine", "shape_bias"):
        gradient = dict(retriever.scorer.named_parameters())[name].grad
        assert gradient is not None and torch.isfinite(gradient).all() and gradient.abs().sum() > 0, name
    reached = [name for name, p in reader.model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert any(name.startswith("encoder.") for name in reached)
    assert any(name.startswith("pointer_query") for name in reached)


def test_the_gradient_moves_belief_to_the_evidence_that_explains_the_answer(
    retriever: Retriever, examples: list[Example], reader: Reader
) -> None:
    """Prior minus posterior (Lewis et al. 2020): one step down the gradient raises the likelihood."""
    items = joint_examples(examples, retriever, count=len(examples))
    options = TrainingOptions(evidence=4)
    optimizer = torch.optim.SGD(retriever.scorer.parameters(), lr=0.01)
    before = joint_loss(retriever, reader, items, options).sum()
    before.backward()
    optimizer.step()
    with torch.no_grad():
        assert joint_loss(retriever, reader, items, options).sum() < before


def test_joint_examples_give_a_gold_answer_that_the_evidence_spells_out(
    retriever: Retriever, examples: list[Example]
) -> None:
    items = joint_examples(examples, retriever, count=100)
    assert len(items) == len(examples)
    labels = retriever.neighbours.graph
    for item in items:
        gold = {labels.label_of(labels.terms.find(f"<{v}>")) if "://" in v else v for v in item.example.question.values}
        assert item.answer in gold
    assert len(joint_examples(examples, retriever, count=2)) == 2
    assert joint_examples(examples, retriever, count=3, seed=5) == joint_examples(examples, retriever, count=3, seed=5)
    assert joint_examples([], retriever, count=3) == []


def test_reader_examples_show_evidence_with_the_answer_in_it(retriever: Retriever, examples: list[Example]) -> None:
    made = reader_examples(examples, retriever, count=20)
    assert len(made) == 20
    questions = {example.question.question: example for example in examples}
    for each in made:
        assert each.answer in each.evidence
        example = questions[each.question]
        pieces = [gather(path, retriever.neighbours) for path in example.paths]
        (piece,) = {found.values: found for found in pieces if found and found.text == each.evidence}.values()
        assert {value_of(value) for value in piece.values} & set(example.question.values)
    assert {each.question for each in made} == set(questions)
    assert len(reader_examples(examples, retriever, count=1000)) == 4 * len(examples)
    assert reader_examples([], retriever, count=5) == []


def test_training_together_changes_both_and_lowers_the_loss(
    retriever: Retriever, examples: list[Example], reader: Reader
) -> None:
    options = TrainingOptions(reader_examples=32, joint_examples=8, batch_size=4, evidence=3, frozen_layers=0)
    before = {name: p.detach().clone() for name, p in retriever.scorer.named_parameters()}
    first, second = train_together(retriever, reader, examples, options)
    assert (first.examples, first.steps) == (32, 8)
    assert second is not None and (second.examples, second.steps) == (8, 2)
    assert np.mean(first.losses[-2:]) < np.mean(first.losses[:2])
    assert any(not torch.equal(p, before[name]) for name, p in retriever.scorer.named_parameters())
    assert not retriever.scorer.training and not reader.model.training


@pytest.mark.parametrize("layers", [0, 2])
def test_frozen_layers_stay_through_both_stages(
    retriever: Retriever, examples: list[Example], reader: Reader, layers: int
) -> None:
    before = {name: parameter.detach().clone() for name, parameter in reader.model.named_parameters()}
    options = TrainingOptions(
        reader_examples=8, joint_examples=4, batch_size=4, evidence=2, frozen_layers=layers, precision="fp32"
    )
    _, second = train_together(retriever, reader, examples, options)
    assert second is not None
    frozen = ("encoder.embeddings.", *(f"encoder.encoder.layer.{layer}." for layer in range(layers)))
    after = dict(reader.model.named_parameters())
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith(frozen))
    for layer in range(layers, 4):
        name = f"encoder.encoder.layer.{layer}.output.dense.weight"
        assert not torch.equal(after[name], before[name])
