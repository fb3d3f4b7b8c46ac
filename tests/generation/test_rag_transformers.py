"""Held to transformers' own RAG on the same weights: T5 and BART generate, DPR reads, nothing retrieves."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    DPRConfig,
    DPRQuestionEncoder,
    RagConfig,
    RagSequenceForGeneration,
    RagTokenForGeneration,
)

from generation.generator import Seq2Seq
from generation.rag import Rag
from generation.reader import ReaderExample, train_reader
from generation.training import TrainOptions
from tests.generation.tiny import WORDS, tiny_bart, tiny_t5, word_tokenizer

QUESTIONS = ["a b", "c"]
EVIDENCES = [["c a", "b a", "a c"], ["b b", "a b", "c c"]]
"""All equally long: when it decodes, transformers' RagSequence has no attention mask."""
ANSWERS = ["c b a", "a"]
DOC_SCORES = torch.tensor([[0.3, -1.0, 2.0], [1.5, 0.0, -0.5]])
THEIRS = {"sequence": RagSequenceForGeneration, "token": RagTokenForGeneration}


@pytest.fixture(params=["t5", "bart"])
def ours(request: Any) -> Seq2Seq:
    return Seq2Seq(tiny_t5(seed=3) if request.param == "t5" else tiny_bart(seed=3), word_tokenizer())


def rag_of_transformers(ours: Seq2Seq, mode: str) -> Any:
    """Their model around our generator and a new question encoder."""
    torch.manual_seed(1)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    dpr = DPRConfig(vocab_size=len(WORDS), max_position_embeddings=16, projection_dim=8, **shape)
    config = RagConfig.from_question_encoder_generator_configs(dpr, ours.model.config, n_docs=len(EVIDENCES[0]))
    config.generator.bos_token_id = getattr(
        config.generator, "bos_token_id", None
    )  # it asks T5 for one, which has none
    return THEIRS[mode](config=config, question_encoder=DPRQuestionEncoder(dpr), generator=ours.model).eval()


def context(ours: Seq2Seq) -> dict[str, Tensor]:
    """What the generator reads, in the order that transformers has it in: all evidence of a question, then the next."""
    ids, mask = ours.source([q for q in QUESTIONS for _ in EVIDENCES[0]], [e for own in EVIDENCES for e in own])
    return {"context_input_ids": ids, "context_attention_mask": mask}


def labels(ours: Seq2Seq) -> Tensor:
    """The answers as transformers wants them: it shifts them to the left itself, so the start token comes first."""
    start, pad = ours.model.config.decoder_start_token_id, ours.model.config.pad_token_id
    ids = ours.labels(ANSWERS)
    return torch.nn.functional.pad(ids.masked_fill(ids < 0, pad), (1, 0), value=start)


@pytest.mark.parametrize("mode", ["sequence", "token"])
def test_losses_equal_those_of_transformers(ours: Seq2Seq, mode: str) -> None:
    theirs = rag_of_transformers(ours, mode)
    with torch.no_grad():
        expected = theirs(**context(ours), doc_scores=DOC_SCORES, labels=labels(ours), reduce_loss=False).loss
        found = -Rag(ours).log_prob(QUESTIONS, EVIDENCES, DOC_SCORES.log_softmax(-1), ANSWERS, mode)
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("mode", ["sequence", "token"])
def test_gradients_of_generator_and_question_encoder_equal_those_of_transformers(ours: Seq2Seq, mode: str) -> None:
    theirs = rag_of_transformers(ours, mode)
    asked = ours.tokenizer(QUESTIONS, padding=True, return_tensors="pt")
    passages = torch.randn(len(QUESTIONS), len(EVIDENCES[0]), 8, generator=torch.Generator().manual_seed(2))

    def doc_scores() -> Tensor:
        vectors = theirs.question_encoder(asked["input_ids"], asked["attention_mask"]).pooler_output
        return torch.einsum("bd,bkd->bk", vectors, passages)

    def gradients(loss: Tensor) -> dict[str, Tensor]:
        theirs.zero_grad()
        loss.sum().backward()
        return {name: p.grad.clone() for name, p in theirs.named_parameters() if p.grad is not None}

    expected = gradients(theirs(**context(ours), doc_scores=doc_scores(), labels=labels(ours), reduce_loss=False).loss)
    found = gradients(-Rag(ours).log_prob(QUESTIONS, EVIDENCES, doc_scores().log_softmax(-1), ANSWERS, mode))
    assert found.keys() == expected.keys()
    reached = [name for name, gradient in expected.items() if gradient.abs().max() > 1e-6]
    assert {"question_encoder" in name for name in reached} == {True, False}
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, atol=1e-4, rtol=1e-3), name


def test_probabilities_of_the_next_token_equal_those_of_transformers(ours: Seq2Seq) -> None:
    """Every answer of one token, so the whole distribution at the first step and the end's at the second."""
    theirs = rag_of_transformers(ours, "token")
    docs = DOC_SCORES.log_softmax(-1)
    with torch.no_grad():
        logits = theirs(**context(ours), doc_scores=DOC_SCORES, decoder_input_ids=labels(ours)[:, :1]).logits
        mixed = theirs.marginalize(logits, DOC_SCORES)[:, 0]
    for place, question in enumerate(QUESTIONS):
        found = Rag(ours).generate(
            question, EVIDENCES[place], docs[place].numpy(), mode="token", num_beams=len(WORDS), max_new_tokens=1
        )
        by_text: dict[str, float] = {}
        for token, log_p in enumerate(mixed[place].tolist()):
            text = ours.tokenizer.decode([token], skip_special_tokens=True)
            by_text[text] = by_text.get(text, 0.0) + torch.tensor(log_p).exp().item()
        assert {text: torch.tensor(log_p).exp().item() for text, log_p in found} == pytest.approx(by_text, abs=1e-5)


@pytest.mark.parametrize("mode", ["sequence", "token"])
def test_answers_of_a_trained_generator_equal_those_of_transformers(ours: Seq2Seq, mode: str) -> None:
    """It has learned to say the evidence backwards, so that answers end, and none is empty: for an empty one
    transformers' RagSequence forgets the probability of the evidence."""
    examples = [
        ReaderExample(question, piece, " ".join(reversed(piece.split())))
        for question, own in zip(QUESTIONS, EVIDENCES, strict=True)
        for piece in own
    ]
    train_reader(ours, examples, TrainOptions(epochs=60, batch_size=6, learning_rate=2e-2, precision="fp32"))
    ours.model.config.pad_token_id = WORDS.index("<unk>")  # its beam search fills up with the end token if this is 0
    theirs = rag_of_transformers(ours, mode)
    config = ours.model.config
    given = {name: getattr(config, name) for name in ("decoder_start_token_id", "eos_token_id", "pad_token_id")}
    seen = set()
    for doc_scores in (DOC_SCORES, DOC_SCORES.roll(1, -1), DOC_SCORES.roll(2, -1)):
        said = theirs.generate(
            **context(ours), doc_scores=doc_scores, num_beams=8, length_penalty=0.0, max_new_tokens=6, **given
        )
        docs = doc_scores.log_softmax(-1).numpy()
        for place, question in enumerate(QUESTIONS):
            found = Rag(ours).generate(
                question, EVIDENCES[place], docs[place], mode=mode, num_beams=8, max_new_tokens=6
            )
            assert found[0][0] == ours.tokenizer.decode(said[place], skip_special_tokens=True)
            seen.add(found[0][0])
    assert len(seen) > 1 and "" not in seen
