from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.pointer import IGNORED, PointerReader, Source, _runs
from generation.rag import Rag
from generation.reader import Reader, ReaderOptions

QUESTIONS = ["where was ada born ?", "who is the field of alan lovelace ?"]
EVIDENCES = ["ada lovelace | birth place | maida vale london", "alan turing | field | logic"]


@pytest.fixture(scope="module")
def reader(encoder_folder: Path) -> Reader:
    made = Reader.from_encoder(encoder_folder, ReaderOptions(output_vocabulary_size=12, max_length=64))
    torch.manual_seed(1)
    for name, parameter in made.model.named_parameters():
        if "encoder." not in name and "norm" not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return made


def test_logits_are_a_normalised_log_distribution(reader: Reader) -> None:
    ids, mask = reader.source(QUESTIONS, EVIDENCES)
    logits = reader.model(ids, mask, labels=reader.labels(["maida vale", "logic"])).logits
    assert logits.shape[-1] == len(reader.tokenizer)
    assert torch.allclose(logits.exp().sum(-1), torch.ones(logits.shape[:2]), atol=1e-5)
    assert torch.isfinite(logits).all()


def test_mixture_is_that_of_the_paper(reader: Reader) -> None:
    """The dense distribution, put together in plain Python from the parts."""
    ids, mask = reader.source(QUESTIONS, EVIDENCES)
    labels = reader.labels(["maida vale", "logic"])
    source = reader.model.encode(ids, mask)
    step = reader.model._decode(source, reader.model._shifted(labels)[:, None])
    logits = reader.model(ids, mask, labels=labels).logits
    for n in range(2):
        for t in range(labels.shape[1]):
            gate = step.gate[n, 0, t].exp().item()
            p = np.zeros(len(reader.tokenizer))
            for token, log_p in zip(reader.model.config.output_vocabulary, step.small[n, 0, t], strict=True):
                p[token] += gate * log_p.exp().item()
            for token, log_p in zip(ids[n].tolist(), step.copy[n, 0, t], strict=True):
                p[token] += (1 - gate) * log_p.exp().item()
            p = (1 - 1e-5) * p + 1e-5 / len(p)
            assert logits[n, t].exp().tolist() == pytest.approx(p.tolist(), abs=1e-5)


def test_only_the_evidence_is_copied(reader: Reader) -> None:
    ids, mask = reader.source(QUESTIONS[:1], EVIDENCES[:1])
    source = reader.model.encode(ids, mask)
    copied = reader.tokenizer.convert_ids_to_tokens(ids[source.copyable].tolist())
    assert copied == [*reader.tokenizer.tokenize(EVIDENCES[0]), "[SEP]"]


def test_token_log_probs_are_those_of_the_logits(reader: Reader) -> None:
    ids, mask = reader.source(QUESTIONS, EVIDENCES)
    labels = reader.labels(["maida vale ada 3", "who"])
    logits = reader.model(ids, mask, labels=labels).logits
    expected = logits.gather(-1, labels.clamp(min=0)[..., None])[..., 0] * (labels != IGNORED)
    found = reader.model.token_log_probs(ids, mask, labels)
    assert torch.allclose(found, expected, atol=1e-4)


def test_candidates_of_many_pairs_score_as_each_by_itself(reader: Reader) -> None:
    candidates = [["london", "maida vale", "ada"], ["logic"]]
    questions, evidences = [QUESTIONS[0], QUESTIONS[1]], [EVIDENCES, [EVIDENCES[1], ""]]
    options = [candidates, [["turing", "who who who"], []]]
    found = reader.score_many(questions, evidences, options, batch_size=3)
    for q, question in enumerate(questions):
        for z, evidence in enumerate(evidences[q]):
            for c, candidate in enumerate(options[q][z]):
                alone, _ = reader.token_log_probs([question], [evidence], [candidate])
                assert found[q][z][c] == pytest.approx(alone.sum().item(), abs=1e-4)
    assert found[1][1].shape == (0,)
    again = reader.score(questions[0], evidences[0], options[0])
    assert again[0].tolist() == pytest.approx(found[0][0].tolist(), abs=1e-5)


def test_rag_over_the_reader_is_exact(reader: Reader) -> None:
    """All answers of up to two tokens add up to one, and each has the marginal that scoring gives it."""
    docs = np.log([0.6, 0.4])
    for mode in ("token", "sequence"):
        found = Rag(reader).generate(QUESTIONS[0], EVIDENCES, docs, mode=mode, num_beams=3000, max_new_tokens=2)
        assert np.exp([log_prob for _, log_prob in found]).sum() == pytest.approx(1, abs=1e-3)
    rag = Rag(reader)
    found = dict(rag.generate(QUESTIONS[0], EVIDENCES, docs, mode="sequence", num_beams=200, max_new_tokens=4))
    texts = [text for text in found if len(reader.tokenizer.tokenize(text)) == 1 and "##" not in text][:5]
    assert texts
    alone = [reader.score(QUESTIONS[0], EVIDENCES, [[text], [text]]) for text in texts]
    (scores,) = rag.score([QUESTIONS[0]], [EVIDENCES], docs[None], [texts], "sequence")
    expected = [np.logaddexp(docs[0] + a[0][0], docs[1] + a[1][0]) for a in alone]
    assert scores.tolist() == pytest.approx(expected, abs=1e-4)


def test_transformers_generate_finds_what_ours_does(reader: Reader) -> None:
    ids, mask = reader.source(QUESTIONS, EVIDENCES)
    with torch.inference_mode():
        theirs = reader.model.generate(
            input_ids=ids, attention_mask=mask, num_beams=4, length_penalty=0.0, max_new_tokens=5
        )
    for row, question, evidence in zip(theirs, QUESTIONS, EVIDENCES, strict=True):
        (ours,) = reader.generate(question, [evidence], num_beams=4, max_new_tokens=5)
        assert reader.spell([row.tolist()], [evidence])[0] == ours[0][0]


def test_saved_model_loads_as_a_transformers_model(reader: Reader, tmp_path: Path) -> None:
    reader.model.save_pretrained(tmp_path)
    loaded = PointerReader.from_pretrained(tmp_path).eval()
    ids, mask = reader.source(QUESTIONS, EVIDENCES)
    labels = reader.labels(["london", "logic"])
    assert torch.equal(loaded.token_log_probs(ids, mask, labels), reader.model.token_log_probs(ids, mask, labels))


def test_answers_are_spelled_as_the_evidence_writes_them(reader: Reader) -> None:
    ids = reader.labels(["maida vale"])[0].tolist()
    assert reader.spell([ids], ["x", "Ada | birth place | Maida Vale"]) == ["Maida Vale"]
    assert reader.spell([ids], ["nothing"]) == ["maida vale"]


def test_marks_inside_a_text_are_text(reader: Reader) -> None:
    ids, _ = reader.source(["where [SEP] was ada ?"], ["[CLS] ada [SEP] london"])
    assert (ids == reader.tokenizer.sep_token_id).sum() == 2 and (ids == reader.tokenizer.cls_token_id).sum() == 1


def test_no_gradient_is_lost_or_broken(reader: Reader) -> None:
    labels = reader.labels(["maida vale", "who yes"])
    reader.model.freeze_encoder(-1)
    reader.model.zero_grad()
    reader.model.token_log_probs(*reader.source(QUESTIONS, EVIDENCES), labels).sum().backward()
    for name, parameter in reader.model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_frozen_layers_stay_and_the_rest_trains(encoder_folder: Path) -> None:
    model = Reader.from_encoder(encoder_folder).model
    model.freeze_encoder(2)
    trained = {
        name.split(".layer.")[1][0] for name, p in model.named_parameters() if p.requires_grad and ".layer." in name
    }
    assert trained == {"2", "3"}
    assert not any(p.requires_grad for p in model.encoder.embeddings.parameters())


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=2, max_size=8), st.lists(st.integers(0, 2), min_size=1, max_size=6), st.data()
)
def test_runs_count_matching_tokens_backwards(source: list[int], prefix: list[int], data: st.DataObject) -> None:
    longest = data.draw(st.integers(1, 4))
    first = data.draw(st.integers(0, len(source) - 1))
    ids = torch.tensor([source])
    copyable = torch.arange(len(source))[None] >= first
    held = Source(ids, torch.zeros(1, len(source), 1), torch.ones_like(copyable), copyable)
    found = _runs(held, torch.tensor([[prefix]]), longest)[0, 0]
    for t in range(len(prefix)):
        for s in range(len(source)):
            run = 0
            while run < min(longest, t + 1) and s - run >= max(first, 1) and prefix[t - run] == source[s - run - 1]:
                run += 1
            assert found[t, s] == run
