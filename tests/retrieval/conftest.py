from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.store import open_store
from retrieval.neighbours import Neighbours
from retrieval.retriever import Retriever
from tests.toy_graph import toy_retriever


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clean toy graph with its indexes, by the encoder of `tests.encoders`."""
    folder = tmp_path_factory.mktemp("toy")
    toy_retriever(folder)
    return folder


@pytest.fixture
def retriever(toy_folder: Path) -> Retriever:
    """An untrained retriever of the test's own."""
    return toy_retriever(toy_folder)


@pytest.fixture(scope="session")
def neighbours(toy_folder: Path) -> Neighbours:
    return toy_retriever(toy_folder).neighbours


@pytest.fixture(scope="session")
def store(toy_folder: Path) -> ox.Store:
    return open_store(toy_folder / "store")
