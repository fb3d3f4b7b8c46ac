from pathlib import Path
from typing import Any

import pytest

from generation.generator import Seq2Seq
from tests.generation.tiny import tiny_bart, tiny_t5, word_tokenizer, write_encoder


@pytest.fixture(scope="session", params=["t5", "bart"])
def seq2seq(request: Any) -> Seq2Seq:
    return Seq2Seq(tiny_t5() if request.param == "t5" else tiny_bart(), word_tokenizer(), max_length=64)


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))
