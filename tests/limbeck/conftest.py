import shutil
from pathlib import Path

import pytest

from tests.toy import TOY_NT


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    (tmp_path / "toy.nt").write_text(TOY_NT, "utf-8")
    return tmp_path / "toy.nt"


@pytest.fixture
def copied(small_workspace: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small_workspace, tmp_path / "copied")
