from pathlib import Path

import pytest

from generation.reader import Reader, ReaderExample, train_reader
from generation.training import TrainOptions
from tests.evidence import piece
from tests.generation.tiny import write_encoder

QUESTION = "where was ada born?"
EVIDENCE = (
    piece("ada lovelace | birth place | london", ("london",), 0.5),
    piece("ada | place | maida vale", ("maida vale",), 0.3),
    piece("alan turing | field | logic; analysis", ("logic", "analysis"), 0.15),
)


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def teacher(encoder_folder: Path) -> Reader:
    """A tiny reader that has learned a little. Train a copy, not this one."""
    reader = Reader.from_encoder(encoder_folder)
    examples = [ReaderExample(QUESTION, each.text, each.labels[0]) for each in EVIDENCE] * 8
    train_reader(reader, examples, TrainOptions(batch_size=8, epochs=4, learning_rate=1e-3), frozen_layers=-1)
    return reader
