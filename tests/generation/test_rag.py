"""Held to brute-force enumeration, one sequence and one piece of evidence at a time."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from generation.generator import Seq2Seq, format_input, load_generator
from generation.rag import Rag
from kg.errors import ModelError
from tests.generation.tiny import WORDS, tiny_t5, word_tokenizer

QUESTION, EVIDENCES = "a b", ["c a", "b", "a a c b"]
DOCS = np.log([0.5, 0.3, 0.2])
END, LONGEST = 1, 3
Steps = dict[tuple[int, ...], NDArray[np.float64]]


def log_probs_by_step(generator: Seq2Seq, evidence: str, answers: list[tuple[int, ...]]) -> NDArray[np.float64]:
    """log p of each token of answers of one length, [n, T], given one piece of evidence."""
    encoded = generator.tokenizer([format_input(QUESTION, evidence)] * len(answers), return_tensors="pt")
    start = generator.model.config.decoder_start_token_id
    prefix = torch.tensor([[start, *ids[:-1]] for ids in answers])
    with torch.no_grad():
        logits = generator.model(input_ids=encoded["input_ids"], decoder_input_ids=prefix).logits
    return logits.log_softmax(-1).gather(-1, torch.tensor(answers)[..., None])[..., 0].double().numpy()


def marginal_by_hand(steps: NDArray[np.float64], mode: str) -> float:
    if mode == "sequence":
        return float(np.exp(DOCS + steps.sum(1)).sum())
    return float(np.exp(DOCS[:, None] + steps).sum(0).prod())


def every_sequence() -> list[tuple[int, ...]]:
    open_ended = [i for i in range(len(WORDS)) if i != END]
    ended = [(*ids, END) for n in range(LONGEST) for ids in itertools.product(open_ended, repeat=n)]
    return ended + list(itertools.product(open_ended, repeat=LONGEST))


@pytest.fixture(scope="module")
def every_step(seq2seq: Seq2Seq) -> Steps:
    """log p of each token of every sequence, [K, T]; sequences of one length go through the model together."""
    found = {}
    for _, group in itertools.groupby(sorted(every_sequence(), key=len), key=len):
        alike = list(group)
        by_evidence = np.array([log_probs_by_step(seq2seq, evidence, alike) for evidence in EVIDENCES])
        found |= {ids: by_evidence[:, i] for i, ids in enumerate(alike)}
    return found


def enumerate_texts(generator: Seq2Seq, every_step: Steps, mode: str) -> dict[str, float]:
    p: dict[str, float] = {}
    for ids, steps in every_step.items():
        value = marginal_by_hand(steps, mode)
        text = generator.tokenizer.decode(list(ids), skip_special_tokens=True)
        p[text] = p.get(text, 0.0) + value
    return p


@pytest.mark.parametrize(("mode", "decoding"), [("token", "thorough"), ("sequence", "thorough"), ("sequence", "fast")])
def test_generate_with_enough_beams_is_enumeration(
    seq2seq: Seq2Seq, every_step: Steps, mode: str, decoding: str
) -> None:
    expected = enumerate_texts(seq2seq, every_step, mode)
    assert sum(expected.values()) == pytest.approx(1, abs=1e-4)
    found = Rag(seq2seq).generate(
        QUESTION, EVIDENCES, DOCS, mode=mode, decoding=decoding, num_beams=200, max_new_tokens=LONGEST
    )
    assert {text: math.exp(log_prob) for text, log_prob in found} == pytest.approx(expected, abs=1e-5)
    assert [log_prob for _, log_prob in found] == sorted((log_prob for _, log_prob in found), reverse=True)


def test_fast_counts_what_was_not_found_as_impossible(seq2seq: Seq2Seq) -> None:
    rag = Rag(seq2seq)
    options = {"mode": "sequence", "num_beams": 2, "max_new_tokens": LONGEST}
    each = rag.generate_each(QUESTION, EVIDENCES, num_beams=2, max_new_tokens=LONGEST)
    expected: dict[str, float] = {}
    for prior, found in zip(DOCS, each, strict=True):
        for text, log_prob in found:
            expected[text] = expected.get(text, 0.0) + math.exp(prior + log_prob)
    fast = dict(rag.generate(QUESTION, EVIDENCES, DOCS, decoding="fast", **options))
    assert {text: math.exp(log_prob) for text, log_prob in fast.items()} == pytest.approx(expected, rel=1e-4)
    thorough = dict(rag.generate(QUESTION, EVIDENCES, DOCS, decoding="thorough", **options))
    assert thorough.keys() == fast.keys()
    assert all(thorough[text] >= fast[text] - 1e-5 for text in fast)


@pytest.mark.parametrize("mode", ["sequence", "token"])
def test_score_and_loss_are_the_marginal_by_hand(seq2seq: Seq2Seq, mode: str) -> None:
    candidates = ["a", "c b", "b b a"]
    expected = []
    for text in candidates:
        ids = tuple(seq2seq.tokenizer(text)["input_ids"])
        steps = np.array([log_probs_by_step(seq2seq, evidence, [ids])[0] for evidence in EVIDENCES])
        expected.append(math.log(marginal_by_hand(steps, mode)))
    (scores,) = Rag(seq2seq).score([QUESTION], [EVIDENCES], DOCS[None], [candidates], mode)
    assert scores == pytest.approx(expected, abs=1e-4)
    batch = -Rag(seq2seq).log_prob(
        [QUESTION] * 3, [EVIDENCES] * 3, torch.tensor(DOCS, dtype=torch.float32).expand(3, -1), candidates, mode
    )
    assert batch.tolist() == pytest.approx([-value for value in expected], abs=1e-4)


@pytest.mark.parametrize("mode", ["sequence", "token"])
def test_gradient_is_prior_minus_posterior_over_evidence(seq2seq: Seq2Seq, mode: str) -> None:
    logits = torch.tensor(DOCS, dtype=torch.float32)[None].requires_grad_()
    (-Rag(seq2seq).log_prob([QUESTION], [EVIDENCES], logits.log_softmax(-1), ["c"], mode)).sum().backward()
    steps = np.exp([log_probs_by_step(seq2seq, evidence, [(5, END)])[0] for evidence in EVIDENCES])
    likelihood = steps.prod(1, keepdims=True) if mode == "sequence" else steps
    posterior = np.exp(DOCS)[:, None] * likelihood
    posterior /= posterior.sum(0)
    expected = (np.exp(DOCS)[:, None] - posterior).sum(1)
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_lists_of_evidence_may_differ_in_length(seq2seq: Seq2Seq) -> None:
    rag = Rag(seq2seq)
    ragged = torch.tensor([[0.0, -torch.inf], [math.log(0.4), math.log(0.6)]])
    both = -rag.log_prob(["a", "b"], [["c"], ["a", "b"]], ragged, ["a", "b c"])
    first = -rag.log_prob(["a"], [["c"]], ragged[:1, :1], ["a"])
    second = -rag.log_prob(["b"], [["a", "b"]], ragged[1:], ["b c"])
    assert both.tolist() == pytest.approx([first.item(), second.item()], abs=1e-5)
    assert rag.log_prob(["a"], [[]], torch.zeros(1, 1), ["a"]).item() == -math.inf
    assert rag.generate("a", [], []) == []


def test_log_probs_of_the_wrong_shape_are_refused(seq2seq: Seq2Seq) -> None:
    with pytest.raises(ValueError, match=r"shape \(1, at least 3\)"):
        -Rag(seq2seq).log_prob([QUESTION], [EVIDENCES], torch.zeros(1, 2), ["a"])


def test_load_generator_reads_a_folder_and_says_what_is_wrong(tmp_path: Path, encoder_folder: Path) -> None:
    tiny_t5().save_pretrained(tmp_path / "t5")
    word_tokenizer().save_pretrained(tmp_path / "t5")
    loaded = load_generator(tmp_path / "t5")
    assert Rag(loaded).generate(QUESTION, EVIDENCES, DOCS, max_new_tokens=2)
    with pytest.raises(ModelError, match="not sequence-to-sequence"):
        load_generator(encoder_folder)
    with pytest.raises(ModelError, match=r"config\.json"):
        load_generator(tmp_path / "nothing")
    (tmp_path / "t5" / "model.safetensors").rename(tmp_path / "t5" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_generator(tmp_path / "t5")
