from collections.abc import Iterator
from typing import Any

import httpx
import polars as pl
import pytest

from kg.errors import ModelError, NoSnapshot, UsageError
from kg.query_pool import QueryPool
from kg.store import write_store
from limbeck.endpoint import serving
from limbeck.service import service_app
from tests.toy import CLEAN, ranked

ERRORS = {"use": UsageError("wrong use"), "empty": NoSnapshot("build first"), "broken": ModelError("no model")}


def ask(question: str, model: str | None, mode: str | None) -> dict[str, Any]:
    if question in ERRORS:
        raise ERRORS[question]
    return {"question": question, "model": model, "mode": mode}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = tmp_path_factory.mktemp("service") / "store"
    write_store(store, ranked(pl.DataFrame(sorted(CLEAN), schema=["s", "p", "o"], orient="row")))
    pool = QueryPool(store, workers=1)
    with serving(service_app(ask, pool.run, lambda: {"snapshot": "s1"}, name="A & B", close=pool.close)) as base:
        yield base


@pytest.fixture
def client(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
        yield client


def test_ask_takes_a_question_by_get_and_by_post(client: httpx.Client) -> None:
    wanted = {"question": "Où est Paris?", "model": "student", "mode": None}
    assert client.get("/ask", params={"question": " Où est Paris? ", "model": "student"}).json() == wanted
    assert client.post("/ask", json={"question": "Où est Paris?", "model": "student", "mode": None}).json() == wanted


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"question": 5}', b'{"question": "  "}', b'{"question": "x", "model": 1}', b"{" * 20_000]
)
def test_ask_refuses_what_is_no_question(client: httpx.Client, body: bytes) -> None:
    response = client.post("/ask", content=body)
    assert response.status_code == 400
    assert response.json()["error"]


def test_ask_refuses_a_question_that_is_missing_or_too_long(client: httpx.Client) -> None:
    assert client.get("/ask").status_code == 400
    assert "2,001 characters" in client.get("/ask", params={"question": "x" * 2001}).json()["error"]


@pytest.mark.parametrize(("question", "status"), [("use", 400), ("empty", 503), ("broken", 500)])
def test_errors_come_as_json_with_their_words(client: httpx.Client, question: str, status: int) -> None:
    response = client.get("/ask", params={"question": question})
    assert (response.status_code, response.json()) == (status, {"error": str(ERRORS[question])})


def test_health_index_and_sparql_are_served(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok", "snapshot": "s1"}
    page = client.get("/")
    assert "A &amp; B" in page.text and "/sparql" in page.text
    assert "http://" not in page.text and "https://" not in page.text
    assert client.get("/sparql", params={"query": "ASK { dbr:Paris ?p ?o }"}).json()["boolean"] is True
    assert client.get("/docs").status_code == 404
