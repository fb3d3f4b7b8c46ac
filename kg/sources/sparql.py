"""One SPARQL SELECT over HTTP (SPARQL 1.1 Protocol, results in JSON or CSV), asked so that no answer is taken for more
than it is.

Reasons that pass (429, 500, 502, 503, 504, a reset or a cut-off answer, a timeout, a partial answer, and from an
endpoint that has answered before also a page of HTML) are met by asking again, after exponential back-off with jitter
or the time that Retry-After names. All others end at once. Several threads may ask one endpoint: never more at the same
time than it has connections, and a 429 or 503 makes all of them wait.
"""

import email.utils
import http.client
import json
import os
import random
import socket
import sys
import threading
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from kg.errors import EndpointError, IncompletePull, SourceError
from kg.sources.options import SourceOptions, password_of, without_credentials

TRANSIENT = (429, 500, 502, 503, 504)
TOO_MUCH = (500, 504)
"""What a server answers that could not do all the work in its time: half of it may go."""
LONGEST_WAIT_S = 120.0

Binding = dict[str, dict[str, str]]
Form = Literal["json", "csv"]
_T = TypeVar("_T")


class Pace:
    """What all connections to one endpoint share: how many they are, when the next may ask, and whether to go on."""

    def __init__(self, connections: int) -> None:
        self.slots = threading.BoundedSemaphore(connections)
        self.ended = threading.Event()
        self.answered = False
        """Whether a well-formed answer has come: the address is right, so nonsense may pass."""
        self._not_before = 0.0

    def hold(self, wait_s: float) -> None:
        """Lets nobody ask for some seconds."""
        self._not_before = max(self._not_before, time.monotonic() + wait_s)

    def wait(self, wait_s: float = 0.0) -> None:
        """Returns after some seconds, and not before the endpoint may be asked. Raises EndpointError if all is over."""
        until = time.monotonic() + wait_s
        while (left := max(until, self._not_before) - time.monotonic()) > 0:
            self.ended.wait(left)
            self.check()

    def check(self) -> None:
        """Raises EndpointError if another connection has failed for good."""
        if self.ended.is_set():
            raise EndpointError("another connection to the endpoint failed; this one was ended.")


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and how patiently. `url` carries no credentials."""

    url: str
    user: str | None
    password: str | None
    timeout_s: float
    retries: int
    wait_s: float
    pace: Pace = field(compare=False)


@dataclass(frozen=True)
class Response:
    """A whole body, its media type, the most rows that the server says it gives (X-SPARQL-MaxRows), if it does, and how
    long it took."""

    body: bytes
    kind: str
    max_rows: int | None
    seconds: float


class PassingError(Exception):
    """A failure that may pass: the error to raise when patience ends, the seconds the server asks to wait, whether to
    ask for less may help, and whether the server is busy for everybody."""

    def __init__(
        self, error: SourceError, *, wait_s: float | None = None, too_much: bool = False, busy: bool = False
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s
        self.too_much = too_much
        self.busy = busy


def connect(options: SourceOptions) -> Endpoint:
    """The endpoint that the options name, its password from the environment; nothing is sent yet. Raises SourceError
    where the variable is not set."""
    user = urlsplit(options.location).username
    variable = (password_of(options.location) or "").removeprefix("$").strip("{}")
    if variable and variable not in os.environ:
        raise SourceError(
            f"the password of the SPARQL endpoint {options.label} is to come from the environment variable {variable}, "
            "which is not set."
        )
    return Endpoint(
        url=without_credentials(options.location),
        user=unquote(user) if user else None,
        password=os.environ.get(variable, "") if user else None,
        timeout_s=options.timeout_s,
        retries=options.retries,
        wait_s=options.wait_s,
        pace=Pace(options.connections),
    )


def retried(endpoint: Endpoint, work: Callable[[], _T]) -> _T:
    """What some work gives in the end, begun anew after each failure that may pass; raises EndpointError,
    IncompletePull."""
    attempt = 0
    while True:
        try:
            return work()
        except PassingError as failure:
            back_off(endpoint, failure, attempt)
            attempt += 1


def back_off(endpoint: Endpoint, failure: PassingError, attempt: int) -> None:
    """Waits before a request is sent again that has failed `attempt` times before this one; raises the failure's error
    where patience ends."""
    wait_s = failure.wait_s
    if wait_s is None:
        wait_s = min(LONGEST_WAIT_S, endpoint.wait_s * 2**attempt) * random.uniform(0.5, 1.5)  # noqa: S311
    if attempt >= endpoint.retries or wait_s > LONGEST_WAIT_S:
        if isinstance(failure.error, EndpointError):
            failure.error.may_pass = True
        raise failure.error from failure
    endpoint.pace.check()
    sys.stderr.write(f"{failure.error} Asking again in {wait_s:.1f} s.\n")
    if failure.busy:
        endpoint.pace.hold(wait_s)
    endpoint.pace.wait(wait_s)


def fetch(endpoint: Endpoint, query: str, *, form: Form) -> Response:
    """The whole body that one request brings, of whatever media type; raises PassingError, EndpointError."""
    from SPARQLWrapper import BASIC, POST, SPARQLExceptions, SPARQLWrapper

    class Wrapper(SPARQLWrapper):  # type: ignore[misc]
        def _createRequest(self) -> Any:  # noqa: N802
            """The request, whose credentials do not follow a redirect."""
            request = super()._createRequest()
            secret = request.headers.pop("Authorization", None)
            if secret is not None:
                request.add_unredirected_header("Authorization", secret)
            return request

    wrapper = Wrapper(endpoint.url, agent="limbeck")
    wrapper.setMethod(POST)
    wrapper.setReturnFormat(form)
    wrapper.setOnlyConneg(True)
    wrapper.timeout = endpoint.timeout_s
    if endpoint.user is not None:
        wrapper.setHTTPAuth(BASIC)
        wrapper.setCredentials(endpoint.user, endpoint.password)
    wrapper.setQuery(query)
    try:
        with endpoint.pace.slots:
            endpoint.pace.wait()
            endpoint.pace.check()
            started = time.monotonic()
            with wrapper.query().response as response:
                body = _read_all(response, started + endpoint.timeout_s)
            seconds = time.monotonic() - started
    except SPARQLExceptions.SPARQLWrapperException as error:
        cause = error.__context__
        words = str(error).partition("Response:")[2]
        if isinstance(cause, urllib.error.HTTPError):
            _check_place(endpoint, cause.headers.get("Location") or cause.url)
            raise _refused(endpoint, cause.code, cause.headers, words.strip().removeprefix("b'")) from error
        raise EndpointError(f"the SPARQL endpoint {endpoint.url} failed: {error}.") from error
    except urllib.error.HTTPError as error:
        with error:
            _check_place(endpoint, error.headers.get("Location") or error.url)
            raise _refused(endpoint, error.code, error.headers, _read_some(error)) from error
    except (TimeoutError, http.client.HTTPException, OSError) as error:
        raise _unreachable(endpoint, error) from error
    _check_place(endpoint, response.geturl())
    _check_whole(endpoint, response.status, response.headers)
    kind = response.headers.get("Content-Type", "no content type").partition(";")[0].strip()
    limit = response.headers.get("X-SPARQL-MaxRows", "")
    return Response(body, kind, int(limit) if limit.isdecimal() else None, seconds)


def unexpected(endpoint: Endpoint, response: Response, expected: str, reason: str = "") -> Exception:
    """The error for a body that is not what was asked for; one that may pass where the endpoint has given better."""
    shown = _first_words(response.body[:400].decode("utf-8", "replace"))
    wrong = f"the SPARQL endpoint {endpoint.url} answered HTTP 200 with {response.kind} that is not {expected}: {shown}"
    if expected.rpartition(" ")[2].lower() in response.kind:
        return PassingError(EndpointError(f"{wrong} … ({reason}). The answer was cut off, perhaps."))
    error = EndpointError(f"{wrong} Check that the address is that of a SPARQL endpoint.")
    return PassingError(error) if endpoint.pace.answered else error


def _read_all(response: Any, end: float) -> bytes:
    """The body, if it comes whole before `end` (on the monotonic clock): a trickle would never time out."""
    parts = []
    while part := response.read1(1 << 20):
        parts.append(part)
        if time.monotonic() > end:
            raise TimeoutError
    body = b"".join(parts)
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and len(body) < int(length):
        raise http.client.IncompleteRead(body, int(length) - len(body))
    return body


def _check_place(endpoint: Endpoint, url: str) -> None:
    """Raises EndpointError after a redirect, which loses the query."""
    if url.partition("#")[0] != endpoint.url.partition("#")[0]:
        moved = without_credentials(url).partition("?")[0]
        raise EndpointError(f"the SPARQL endpoint {endpoint.url} redirects to {moved}. Give that address.")


def _refused(endpoint: Endpoint, status: int, headers: Any, body: str) -> Exception:
    advice = {
        401: "Put user and password into the address: https://USER:$VARIABLE@host/….",
        403: "The server does not allow this; ask its operator.",
        404: "Check the address: most endpoints end in /sparql.",
        429: "The server wants fewer requests; try again later.",
    }.get(
        status, "Try again later, with a smaller page_size, or from a dump." if status >= 500 else "Check the address."
    )
    error = EndpointError(f"the SPARQL endpoint {endpoint.url} answered HTTP {status}: {_first_words(body)} {advice}")
    if status not in TRANSIENT:
        return error
    wait_s = _retry_after(headers)
    return PassingError(error, wait_s=wait_s, too_much=status in TOO_MUCH, busy=status in (429, 503))


def _unreachable(endpoint: Endpoint, error: Exception) -> Exception:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return PassingError(
            EndpointError(
                f"the SPARQL endpoint {endpoint.url} gave no answer within {endpoint.timeout_s:g} s. "
                "Raise timeout_s, or lower page_size."
            ),
            too_much=True,
        )
    if isinstance(reason, ConnectionRefusedError):
        return EndpointError(
            f"the SPARQL endpoint {endpoint.url} refuses the connection. Is the server running, and the port right?"
        )
    if isinstance(reason, socket.gaierror):
        return EndpointError(f"the host of the SPARQL endpoint {endpoint.url} is not known. Check the address.")
    if isinstance(reason, http.client.IncompleteRead):
        reason = f"the answer was cut off after {len(reason.partial)} bytes"
    error = EndpointError(
        f"the connection to the SPARQL endpoint {endpoint.url} broke: {reason or type(reason).__name__}. "
        "Try again later."
    )
    return PassingError(error)


def _check_whole(endpoint: Endpoint, status: int, headers: Any) -> None:
    state = headers.get("X-SQL-State")
    if state or status == 206:
        message = _first_words(headers.get("X-SQL-Message") or "")
        raise PassingError(
            IncompletePull(
                f"the SPARQL endpoint {endpoint.url} gave only a part of an answer (HTTP {status}, X-SQL-State "
                f"{state}): {message} Its own time limit is too short for this query: lower page_size, select less, or "
                "use a dump."
            ),
            too_much=True,
        )


def bindings(endpoint: Endpoint, response: Response) -> list[Binding]:
    """The rows of a body of SPARQL JSON; raises PassingError, EndpointError."""
    try:
        value = json.loads(response.body, strict=False)
        rows = value["results"]["bindings"]
        if not isinstance(rows, list):
            raise TypeError("bindings is no list")
    except (ValueError, KeyError, TypeError) as error:
        raise unexpected(endpoint, response, "SPARQL JSON", str(error)) from error
    return rows


def _retry_after(headers: Any) -> float | None:
    """Seconds to wait by RFC 9110, 10.2.3: a number, or a date."""
    value = (headers.get("Retry-After") or "").strip() if headers else ""
    if value.isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def _read_some(response: Any) -> str:
    try:
        return str(response.read(2000).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException):
        return ""


def _first_words(body: str) -> str:
    words = " ".join(body.replace("\\n", " ").split())
    return (words[:160] + "…" if len(words) > 160 else words) or "an empty body."
