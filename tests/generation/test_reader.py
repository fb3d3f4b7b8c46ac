import copy
import itertools
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from generation.generator import LONGEST, score_many
from generation.pointer import PointerReader
from generation.rag import Rag
from generation.reader import Reader, ReaderExample, ReaderOptions, output_vocabulary, spaced_layers, train_reader
from generation.training import TrainOptions
from kg.errors import ModelError
from tests.generation.tiny import write_encoder

PEOPLE, PLACES, FIELDS = (
    ["ada", "alan", "lovelace", "turing"],
    ["london", "maida vale", "vale london"],
    ["logic", "analysis"],
)
TRAINING = TrainOptions(
    epochs=12, batch_size=16, learning_rate=3e-3, learning_rates={"encoder.": 1e-3}, precision="fp32"
)


def examples() -> list[ReaderExample]:
    made = []
    for who, place, field in itertools.product(PEOPLE, PLACES, FIELDS):
        evidence = f"{who} | birth place | {place} ; {who} | field | {field}"
        made.append(ReaderExample(f"what is the birth place of {who} ?", evidence, place))
        made.append(ReaderExample(f"what is the field of {who} ?", evidence, field))
        made.append(ReaderExample(f"how many birth place of {who} ?", evidence, "1"))
    return made


@pytest.fixture(scope="module")
def trained(encoder_folder: Path) -> Reader:
    reader = Reader.from_encoder(encoder_folder, ReaderOptions(output_vocabulary_size=8, max_length=64))
    report = train_reader(reader, examples(), TRAINING, frozen_layers=-1)
    assert report.losses[-1] < 0.3 * report.losses[0]
    return reader


def test_learns_to_copy_what_is_asked_for(trained: Reader) -> None:
    evidence = "Ada | birth place | Maida Vale ; Ada | field | Analysis"
    for question, answer in (
        ("What is the birth place of Ada ?", "Maida Vale"),
        ("What is the field of Ada ?", "Analysis"),
    ):
        assert trained.generate(question, [evidence])[0][0][0] == answer
        right, wrong = trained.score(question, [evidence], [["Maida Vale", "Analysis"]])[0]
        assert (right > wrong) == (answer == "Maida Vale")


def test_learns_to_say_what_the_evidence_does_not_hold(trained: Reader) -> None:
    evidence = "ada | birth place | london ; ada | field | logic"
    assert trained.generate("how many birth place of ada ?", [evidence])[0][0][0] == "1"


def test_training_is_repeatable(encoder_folder: Path) -> None:
    options = TrainOptions(steps=3, batch_size=8, precision="fp32", seed=5)
    weights = []
    for _ in range(2):
        reader = Reader.from_encoder(encoder_folder)
        report = train_reader(reader, examples(), options)
        weights.append((report.losses, reader.model.state_dict()))
    assert weights[0][0] == weights[1][0]
    assert all(torch.equal(value, weights[1][1][name]) for name, value in weights[0][1].items())


def test_gradient_checkpointing_changes_no_result(encoder_folder: Path) -> None:
    losses = []
    for checkpointing in (False, True):
        options = TrainOptions(steps=3, batch_size=8, precision="fp32", gradient_checkpointing=checkpointing)
        losses.append(train_reader(Reader.from_encoder(encoder_folder), examples(), options).losses)
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_gradient_checkpointing_changes_no_gradient(encoder_folder: Path) -> None:
    found: list[dict[str, Tensor]] = []
    for checkpointing in (False, True):
        reader = Reader.from_encoder(encoder_folder)

        def keep(*_: object, reader: Reader = reader) -> None:
            found.append({name: p.grad.clone() for name, p in reader.model.named_parameters() if p.grad is not None})

        handle = register_optimizer_step_pre_hook(keep)
        options = TrainOptions(steps=1, batch_size=8, precision="fp32", gradient_checkpointing=checkpointing)
        try:
            train_reader(reader, examples(), options, frozen_layers=1)
        finally:
            handle.remove()
    plain, checkpointed = found
    assert plain.keys() == checkpointed.keys() and any("encoder.layer" in name for name in plain)
    for name, gradient in plain.items():
        assert torch.allclose(checkpointed[name], gradient, atol=1e-7), name


def test_saved_reader_scores_alike(
    trained: Reader, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.save(tmp_path)
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    opened = Reader.open(tmp_path)
    assert not caplog.records
    arguments = ("where was ada born ?", ["ada | birth place | london"], [["london", "logic"]])
    assert opened.score(*arguments)[0].tolist() == trained.score(*arguments)[0].tolist()
    assert opened.max_length == 64
    theirs = PointerReader.from_pretrained(tmp_path)
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in trained.model.state_dict().items())


def test_saved_difference_holds_only_what_changed(encoder_folder: Path, tmp_path: Path) -> None:
    reader = Reader.from_encoder(encoder_folder, ReaderOptions(encoder_layers=3))
    train_reader(reader, examples(), TrainOptions(steps=2, batch_size=8), frozen_layers=1)
    reader.save(tmp_path / "part", base=encoder_folder)
    stored = load_file(tmp_path / "part" / "difference.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert not any(name.startswith(("encoder.embeddings.", "encoder.encoder.layer.0.")) for name in stored)
    opened = Reader.open(tmp_path / "part", base=encoder_folder)
    arguments = ("where was ada born ?", ["ada | birth place | london"], [["london", "logic"]])
    assert opened.score(*arguments)[0].tolist() == pytest.approx(reader.score(*arguments)[0].tolist(), abs=0.05)
    for name, tensor in reader.model.state_dict().items():
        assert torch.equal(opened.model.state_dict()[name], stored[name].float() if name in stored else tensor)


def test_another_base_is_refused(encoder_folder: Path, tmp_path: Path) -> None:
    reader = Reader.from_encoder(encoder_folder)
    reader.save(tmp_path / "part", base=encoder_folder)
    other = write_encoder(tmp_path / "other", seed=1)
    with pytest.raises(ModelError, match="belongs to an encoder with SHA-256"):
        Reader.open(tmp_path / "part", base=other)
    with pytest.raises(ModelError, match="stored without its encoder"):
        Reader.open(tmp_path / "part")


def test_damaged_or_foreign_folders_are_refused(encoder_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no model"):
        Reader.open(tmp_path / "none")
    with pytest.raises(ModelError, match="expected a pointer_reader"):
        Reader.open(encoder_folder)
    Reader.from_encoder(encoder_folder).save(tmp_path / "whole")
    with pytest.raises(ModelError, match="needs a BERT encoder"):
        Reader.from_encoder(tmp_path / "whole")
    Reader.open(tmp_path / "whole")
    (tmp_path / "whole" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match="cannot be read"):
        Reader.open(tmp_path / "whole")
    shutil.copytree(encoder_folder, tmp_path / "broken")
    (tmp_path / "broken" / "config.json").write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        Reader.from_encoder(tmp_path / "broken")


def test_layers_kept_are_the_bases(encoder_folder: Path) -> None:
    whole = Reader.from_encoder(encoder_folder).model.state_dict()
    part = Reader.from_encoder(encoder_folder, ReaderOptions(encoder_layers=2)).model
    assert part.config.kept_layers == spaced_layers(4, 2) == [0, 3]
    assert torch.equal(
        part.state_dict()["encoder.encoder.layer.1.output.dense.weight"],
        whole["encoder.encoder.layer.3.output.dense.weight"],
    )
    with pytest.raises(ModelError, match="between 1 and the 4 layers"):
        Reader.from_encoder(encoder_folder, ReaderOptions(encoder_layers=5))


def test_output_vocabulary_holds_the_end_and_frequent_tokens(trained: Reader) -> None:
    tokenizer = trained.tokenizer
    ids = output_vocabulary(tokenizer, ["logic", "logic", "vale"], 8)
    assert ids == sorted(set(ids))
    tokens = tokenizer.convert_ids_to_tokens(ids)
    assert {"[SEP]", "yes", "no", "1", "2", "3", "logic", "vale"} == set(tokens)


def test_gradient_reaches_the_evidence_that_answers(trained: Reader) -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    evidence = ["alan | field | logic", "ada | birth place | london", "ada | field | analysis"]
    loss = -Rag(trained).log_prob(["what is the birth place of ada ?"], [evidence], logits.log_softmax(-1), ["london"])
    assert loss.shape == (1,)
    loss.sum().backward()
    assert logits.grad is not None
    assert logits.grad.argmin() == 1 and logits.grad[0, 1] < 0


def test_long_evidence_is_cut(trained: Reader) -> None:
    ids, _ = trained.source(["where was ada born ?"], ["ada | birth place | london ; " * 30])
    assert ids.shape[1] == 64
    assert trained.generate("where was ada born ?", ["ada | birth place | london ; " * 30])[0]


def test_a_literal_of_a_thousand_words_is_scored_by_its_beginning(trained: Reader) -> None:
    long = " ".join(["london"] * 1000)
    evidence = f"ada | birth place | {long}"
    (scores,) = trained.score("where was ada born ?", [evidence], [[long, " ".join(["london"] * LONGEST), "london"]])
    assert np.isfinite(scores).all()
    assert scores[0] == pytest.approx(float(scores[1]), abs=1e-5)


def test_many_candidates_are_scored_as_few_are(trained: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches get smaller, down to one pair each, equal pairs are read once, and nothing else changes."""
    questions = [f"where was {who} born ?" for who in ("ada", "alan", "lovelace", "turing", "ada")]
    evidence = [["ada | birth place | london", "alan | birth place | maida vale"]] * 5
    candidates = [[["london", "maida vale"], ["london"]]] * 5
    at_once = score_many(trained, questions, evidence, candidates)
    encoded: list[int] = []
    encode = PointerReader.encode
    monkeypatch.setattr(
        PointerReader, "encode", lambda self, ids, mask: (encoded.append(len(ids)), encode(self, ids, mask))[1]
    )
    monkeypatch.setattr("generation.generator._MOST_LETTERS", 1)
    one_by_one = score_many(trained, questions, evidence, candidates)
    assert encoded == [1] * 8
    for whole, own in zip(at_once, one_by_one, strict=True):
        for first, second in zip(whole, own, strict=True):
            assert first == pytest.approx(second, abs=1e-4)


def test_rounded_weights_score_as_autocast_does(trained: Reader) -> None:
    arguments = ("where was ada born ?", ["ada | birth place | london"], [["london", "logic"]])
    reader = Reader(copy.deepcopy(trained.model), trained.tokenizer, trained.max_length, "bf16")
    expected = reader.score(*arguments)[0].tolist()
    assert reader.rounded() is reader and reader.model.pointer_key.weight.dtype == torch.bfloat16
    assert reader.score(*arguments)[0].tolist() == expected
    assert trained.rounded().model.pointer_key.weight.dtype == torch.float32
