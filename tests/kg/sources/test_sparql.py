import socket
from collections.abc import Iterator

import pytest

from kg.errors import EndpointError, IncompletePull, SourceError, UsageError
from kg.sources import SourceOptions
from kg.sources.sparql import bindings, connect, fetch, retried
from tests.loopback import Reply, count_reply, serve


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARQL_SECRET", "secret")


HTML = {"Content-Type": "text/html"}
QUERY = "SELECT ?n WHERE { }"
SOME = b'{"head": {"vars": ["n"]}, "results": {"bindings": [{"n": {"type": "lit'


def ask(url: str, *, retries: int = 0, timeout_s: float = 10) -> int:
    endpoint = connect(SourceOptions(url, retries=retries, timeout_s=timeout_s))
    rows = retried(endpoint, lambda: bindings(endpoint, fetch(endpoint, QUERY, form="json")))
    return int(rows[0]["n"]["value"])


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(b"<html><h1>Welcome</h1>", headers=HTML), EndpointError, "HTTP 200 with text/html.*<html><h1>Welcome"),
        (Reply(b"<html>gone", 404, HTML), EndpointError, "HTTP 404: .*<html>gone.*end in /sparql"),
        (Reply(b"who?", 401, HTML), EndpointError, "HTTP 401: .*USER:"),
        (Reply(b"no verb", 400, HTML), EndpointError, "HTTP 400: .*no verb"),
        (Reply(b"SR353 too many", 500, HTML), EndpointError, "HTTP 500: .*SR353 too many"),
        (Reply(b"busy", 503, HTML), EndpointError, "HTTP 503: busy"),
        (Reply(SOME), EndpointError, "not SPARQL JSON.*cut off"),
        (Reply(SOME, length=1000), EndpointError, f"cut off after {len(SOME)} bytes"),
        (Reply(b'{"error": "x"}'), EndpointError, 'not SPARQL JSON: {"error"'),
        (Reply(b"[]"), EndpointError, "not SPARQL JSON"),
        (Reply(b'{"boolean": true}'), EndpointError, "not SPARQL JSON"),
        (Reply(count_reply(1).body, 206), IncompletePull, "only a part of an answer"),
        (
            Reply(
                count_reply(1).body, headers={"X-SQL-State": "S1TAT", "X-SQL-Message": "Returning incomplete results"}
            ),
            IncompletePull,
            "S1TAT.*Returning incomplete results.*page_size",
        ),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error_that_says_so(
    reply: Reply, error: type[SourceError], words: str
) -> None:
    with serve(lambda _: reply) as server, pytest.raises(error, match=words) as caught:
        ask(server.url.replace("//", "//me:$SPARQL_SECRET@"))
    assert server.url in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(server.queries) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_asked_again(status: int, capfd: pytest.CaptureFixture[str]) -> None:
    replies = iter([Reply(b"busy", status, {"Retry-After": "0"}), count_reply(7)])
    with serve(lambda _: next(replies)) as server:
        assert ask(server.url.replace("//", "//me:$SPARQL_SECRET@"), retries=1) == 7
    assert len(server.queries) == 2
    assert f"HTTP {status}" in capfd.readouterr().err


def test_a_cut_off_or_partial_answer_is_asked_again() -> None:
    partial = Reply(count_reply(3).body, headers={"X-SQL-State": "S1TAT"})
    replies: Iterator[Reply] = iter([Reply(SOME, length=1000), partial, count_reply(7)])
    with serve(lambda _: next(replies)) as server:
        assert ask(server.url, retries=2) == 7


def test_html_is_not_asked_again() -> None:
    with serve(lambda _: Reply(b"<html>", headers=HTML)) as server, pytest.raises(EndpointError):
        ask(server.url, retries=3)
    assert len(server.queries) == 1


def test_a_wait_that_is_too_long_is_not_waited_for() -> None:
    busy = Reply(b"busy", 503, {"Retry-After": "86400"})
    with serve(lambda _: busy) as server, pytest.raises(EndpointError, match="HTTP 503"):
        ask(server.url, retries=3)
    assert len(server.queries) == 1


def test_a_refused_connection_and_an_unknown_host_end_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/sparql"
        with pytest.raises(EndpointError, match=r"refuses the connection\. Is the server running"):
            ask(url, retries=3)
    with pytest.raises(EndpointError, match=r"no-such-host\.invalid"):
        ask("http://no-such-host.invalid/sparql")


def test_silence_ends_with_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/sparql"
        with pytest.raises(EndpointError, match=r"no answer within 0\.5 s\. Raise timeout_s"):
            ask(url, timeout_s=0.5)


def test_a_password_comes_from_the_environment_and_goes_into_the_header_only() -> None:
    with serve(lambda _: count_reply(1)) as server:
        ask(server.url.replace("//", "//me:$SPARQL_SECRET@"))
    assert server.headers[0]["Authorization"] == "Basic bWU6c2VjcmV0"


def test_a_password_that_is_not_in_the_environment_is_asked_for_by_its_variable() -> None:
    with pytest.raises(SourceError, match="variable NOT_SET, which is not set"):
        ask("http://me:$NOT_SET@127.0.0.1:1/sparql")


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="environment variable") as caught:
        SourceOptions("https://me:secret@example.org/sparql")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_gets_no_credentials(status: int) -> None:
    with serve(lambda _: Reply(b"no query", 400)) as other:
        moved = Reply(b"", status, {"Location": other.url})
        with serve(lambda _: moved) as server, pytest.raises(EndpointError, match=f"redirects to {other.url}. Give"):
            ask(server.url.replace("//", "//me:$SPARQL_SECRET@"))
    assert all("Authorization" not in headers for headers in other.headers)
