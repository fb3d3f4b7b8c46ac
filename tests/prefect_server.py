"""A real Prefect server with all its services, on a free port of the loopback, with a home of its own."""

from collections.abc import Iterator

import pytest

from flows.quiet import be_quiet
from flows.server import LocalServer

be_quiet()


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[LocalServer]:
    """The server; `url` is the address of its API."""
    with LocalServer(services=True) as server:
        assert server.url
        yield server
