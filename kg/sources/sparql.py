"""One SPARQL SELECT over HTTP (SPARQL 1.1 Protocol, results in SPARQL 1.1 JSON), asked so that no answer is taken for
more than it is.

Reasons that pass (429, 500, 502, 503, 504, a reset or a cut-off answer, a timeout, a partial answer) are met by asking
again, after exponential back-off with jitter or the time that Retry-After names. All others end at once.
"""

import email.utils
import http.client
import json
import math
import os
import random
import socket
import sys
import time
import urllib.error
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from kg.errors import EndpointError, IncompletePull, SourceError
from kg.sources.options import SourceOptions, password_of, without_credentials

TRANSIENT = (429, 500, 502, 503, 504)
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 120.0

Binding = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and how patiently. `url` carries no credentials."""

    url: str
    user: str | None
    password: str | None
    timeout_s: float
    retries: int


@dataclass(frozen=True)
class Answer:
    """The rows of a result, and the most rows that the server says it gives (X-SPARQL-MaxRows), if it does."""

    rows: list[Binding]
    max_rows: int | None


class _PassingError(Exception):
    """A failure that may pass: the error to raise when patience ends, and the seconds the server asks to wait."""

    def __init__(self, error: SourceError, wait_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


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
    )


def select(endpoint: Endpoint, query: str) -> Answer:
    """The whole answer to a SELECT query. Raises EndpointError, or IncompletePull if the server gave a part only."""
    for attempt in range(endpoint.retries + 1):
        try:
            return _ask(endpoint, query)
        except _PassingError as failure:
            wait_s = failure.wait_s
            if wait_s is None:
                wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * random.uniform(0.5, 1.5)  # noqa: S311
            if attempt == endpoint.retries or wait_s > LONGEST_WAIT_S:
                if isinstance(failure.error, EndpointError):
                    failure.error.may_pass = True
                raise failure.error from failure
            sys.stderr.write(f"{failure.error} Asking again in {wait_s:.1f} s.\n")
            time.sleep(wait_s)
    raise AssertionError("unreachable")


def _ask(endpoint: Endpoint, query: str) -> Answer:
    from SPARQLWrapper import BASIC, JSON, POST, SPARQLExceptions, SPARQLWrapper

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
    wrapper.setReturnFormat(JSON)
    wrapper.setOnlyConneg(True)
    wrapper.setTimeout(math.ceil(endpoint.timeout_s))
    if endpoint.user is not None:
        wrapper.setHTTPAuth(BASIC)
        wrapper.setCredentials(endpoint.user, endpoint.password)
    wrapper.setQuery(query)
    try:
        response = wrapper.query().response
        with response:
            body = response.read()
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
    return _read_answer(endpoint, body, response.headers)


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
    return _PassingError(error, _retry_after(headers)) if status in TRANSIENT else error


def _unreachable(endpoint: Endpoint, error: Exception) -> Exception:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return _PassingError(
            EndpointError(
                f"the SPARQL endpoint {endpoint.url} gave no answer within {endpoint.timeout_s:g} s. "
                "Raise timeout_s, or lower page_size."
            )
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
    return _PassingError(error)


def _check_whole(endpoint: Endpoint, status: int, headers: Any) -> None:
    state = headers.get("X-SQL-State")
    if state or status == 206:
        message = _first_words(headers.get("X-SQL-Message") or "")
        raise _PassingError(
            IncompletePull(
                f"the SPARQL endpoint {endpoint.url} gave only a part of an answer (HTTP {status}, X-SQL-State "
                f"{state}): {message} Its own time limit is too short for this query: lower page_size, select less, or "
                "use a dump."
            )
        )


def _read_answer(endpoint: Endpoint, body: bytes, headers: Any) -> Answer:
    kind = headers.get("Content-Type", "no content type").partition(";")[0].strip()
    shown = _first_words(body[:400].decode("utf-8", "replace"))
    wrong = f"the SPARQL endpoint {endpoint.url} answered HTTP 200 with {kind} that is not SPARQL JSON: {shown}"
    try:
        value = json.loads(body, strict=False)
    except ValueError as error:
        if "json" in kind:
            raise _PassingError(EndpointError(f"{wrong} … ({error}). The answer was cut off, perhaps.")) from error
        raise EndpointError(f"{wrong} Check that the address is that of a SPARQL endpoint.") from error
    try:
        rows = value["results"]["bindings"]
        if not isinstance(rows, list):
            raise TypeError("bindings is no list")
    except (KeyError, TypeError) as error:
        raise EndpointError(f"{wrong} Check that the address is that of a SPARQL endpoint.") from error
    limit = headers.get("X-SPARQL-MaxRows", "")
    return Answer(rows, int(limit) if limit.isdecimal() else None)


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
