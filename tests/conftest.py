"""What all tests share: options, and the real parts they run against.

Property tests run without a deadline: a slow machine is no failure.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.prefect_server import prefect_server as prefect_server
from tests.virtuoso import INSTALL, Virtuoso, is_installed
from tests.workspaces import small_workspace as small_workspace

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
settings.register_profile("limbeck", deadline=None)
settings.load_profile("limbeck")

SHARED = Path(__file__).parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves slow tests out unless they are asked for; a skip says that a part is missing."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow and not config.getoption("--slow"):
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.fixture(scope="session")
def virtuoso() -> Iterator[Virtuoso]:
    """A running Virtuoso; skips where it is not installed, but fails under CI, which must install it."""
    if not is_installed():
        if os.environ.get("CI"):
            pytest.fail(f"Virtuoso is missing; {INSTALL}")
        pytest.skip(INSTALL)
    with Virtuoso(allowed=(SHARED,) if SHARED.is_dir() else ()) as server:
        yield server


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data beside the checkout; skips where there are none."""
    if not SHARED.is_dir():
        pytest.skip(f"no development data in {SHARED}")
    return SHARED
