"""The HTTP service: `/ask`, `/sparql`, `/health` and a page that lists them. It takes functions, and knows no class.

    GET  /ask?question=…&model=…&mode=…
    POST /ask  {"question", "model"?, "mode"?}

`/ask` answers with the JSON object of `limbeck ask --json`. Errors are {"error": text} with 400 for wrong use, 503 for
what may pass, 500 for the rest.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html import escape
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse

from kg.errors import LimbeckError, NoSnapshot, QueryStopped, UsageError
from limbeck.answers import MAX_QUESTION, check_question
from limbeck.sparql_protocol import Run, sparql_router

Ask = Callable[[str, str | None, str | None], dict[str, Any]]
"""From a question, the model's name and the mode to what `limbeck ask --json` prints."""
"""Most characters of a question."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<style>
body{{font:16px/1.5 sans-serif;max-width:44em;margin:3em auto;padding:0 1em}}
input{{font:inherit;width:100%}}
</style>
</head><body><h1>{name}</h1>
<form action="ask"><label>Ask a question <input name="question" required></label></form>
<form action="sparql"><label>Send a SPARQL query
<input name="query" value="SELECT * {{ ?s ?p ?o }} LIMIT 10"></label></form>
<ul>
<li><code>/ask?question=…</code>: an answer with its evidence, as JSON</li>
<li><code>/sparql?query=…</code>: SPARQL 1.1 Protocol, read-only</li>
<li><code>/health</code>: what is served</li>
</ul></body></html>
"""


class _BadRequestError(UsageError):
    """A request to /ask that is no question."""


def service_app(
    ask: Ask,
    query: Run,
    health: Callable[[], dict[str, Any]],
    *,
    name: str = "Limbeck",
    close: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The service. `health` gives what /health shows; `close` is called when the server stops."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        close()

    app = FastAPI(title=name, lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(sparql_router(query))

    @app.api_route("/ask", methods=["GET", "POST"])
    async def answer(request: Request) -> Response:
        try:
            question, model, mode = await _question(request)
            return JSONResponse(await run_in_threadpool(ask, question, model, mode))
        except LimbeckError as error:
            return JSONResponse({"error": str(error)}, _status(error))

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def show_health() -> Response:
        try:
            return JSONResponse({"status": "ok", **await run_in_threadpool(health)})
        except LimbeckError as error:
            return JSONResponse({"status": "failed", "error": str(error)}, 503)

    @app.api_route("/", methods=["GET", "HEAD"])
    async def index() -> Response:
        return HTMLResponse(_PAGE.format(name=escape(name)))

    return app


async def _question(request: Request) -> tuple[str, str | None, str | None]:
    fields: Any = dict(request.query_params)
    if request.method == "POST":
        data = b""
        async for part in request.stream():
            data += part
            if len(data) > 8 * MAX_QUESTION:
                raise _BadRequestError(f"the question is too long: at most {MAX_QUESTION:,} characters.")
        try:
            fields = json.loads(data)
        except ValueError as error:
            raise _BadRequestError(f'expected JSON like {{"question": "…"}}: {error}.') from error
    wrong = not isinstance(fields, dict) or any(
        not isinstance(fields.get(key), str) and fields.get(key) is not None for key in ("question", "model", "mode")
    )
    if wrong or not (fields.get("question") or "").strip():
        raise _BadRequestError(
            'expected a question: /ask?question=… or a POST of {"question": "…", "model"?, "mode"?}.'
        )
    check_question(fields["question"])
    return fields["question"].strip(), fields.get("model"), fields.get("mode")


def _status(error: LimbeckError) -> int:
    if isinstance(error, (QueryStopped, NoSnapshot)):
        return 503
    return 400 if isinstance(error, UsageError) else 500
