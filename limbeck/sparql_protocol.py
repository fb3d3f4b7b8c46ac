"""The SPARQL 1.1 Protocol (W3C, 2013), query operation: GET, POST of a form, POST of the query itself.

The graph is read-only, so the update operation is refused with 403. There is one graph, so a request that names others
(`default-graph-uri`, `named-graph-uri`) is refused with 400 rather than answered from another one. Without a query it
answers with a description of the service (SPARQL 1.1 Service Description). Errors are plain text: 400 for the query,
406 for formats that are not there, 413 for a query too long, 415 for a body of another type, 503 with Retry-After for a
query that was stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from kg.errors import LimbeckError, QueryError, QueryStopped
from kg.store import form_of

Run = Callable[[str, str], bytes]
"""From a query and the name of a format in `kg.store` to the serialized result."""

MAX_QUERY_BYTES = 1 << 20
RESULT_TYPES = {
    "application/sparql-results+json": "json",
    "application/json": "json",
    "application/sparql-results+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
}
GRAPH_TYPES = {
    "text/turtle": "turtle",
    "application/x-turtle": "turtle",
    "application/turtle": "turtle",
    "application/n-triples": "nt",
    "text/plain": "nt",
    "application/rdf+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
}
_WRITTEN_AS = {"application/json": "application/sparql-results+json", "application/xml": None, "text/xml": None}
_OTHER_GRAPHS = ("default-graph-uri", "named-graph-uri", "using-graph-uri", "using-named-graph-uri")
_METHODS = "GET, HEAD, POST, OPTIONS"
_DESCRIPTION = """@prefix sd: <http://www.w3.org/ns/sparql-service-description#> .
@prefix formats: <http://www.w3.org/ns/formats/> .
[] a sd:Service ;
  sd:endpoint <{endpoint}> ;
  sd:supportedLanguage sd:SPARQL11Query ;
  sd:resultFormat formats:SPARQL_Results_JSON, formats:SPARQL_Results_XML, formats:SPARQL_Results_CSV,
    formats:SPARQL_Results_TSV, formats:Turtle, formats:N-Triples, formats:RDF_XML ;
  sd:defaultDataset [ a sd:Dataset ; sd:defaultGraph [ a sd:Graph ] ] .
"""


class _RefusedError(Exception):
    """A request that is answered with a status and a line of text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def sparql_router(run: Run, *, path: str = "/sparql") -> APIRouter:
    """Routes that answer SPARQL queries at `path` by `run`."""
    router = APIRouter()

    @router.api_route(path, methods=["GET", "HEAD", "POST", "OPTIONS"], include_in_schema=False)
    async def sparql(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": _METHODS, "Accept-Post": _ACCEPT_POST})
        try:
            return await _answer(request, run)
        except _RefusedError as refusal:
            return _text(refusal.status, str(refusal))
        except QueryStopped as error:
            return _text(503, str(error), headers={"Retry-After": "5"})
        except QueryError as error:
            return _text(400, str(error))
        except LimbeckError as error:
            return _text(500, str(error))

    return router


def choose_type(accept: str, offered: Sequence[str]) -> str | None:
    """The offered media type that an Accept header likes best, the first among equals; None if it takes none.

    >>> choose_type("text/csv;q=0.5, application/*", ["application/json", "text/csv"])
    'application/json'
    >>> choose_type("image/png", ["text/csv"]) is None
    True
    """
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]

    def quality(media: str) -> float:
        fits = {media: 3, media.split("/")[0] + "/*": 2, "*/*": 1}
        known = [(fits[name], q) for name, q in ranges if name in fits]
        return max(known)[1] if known else 0.0

    best = max(offered, key=quality)
    return best if quality(best) > 0 else None


_ACCEPT_POST = "application/sparql-query, application/x-www-form-urlencoded"


async def _answer(request: Request, run: Run) -> Response:
    parameters = parse_qsl(request.url.query, keep_blank_values=True)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST":
        if kind == "application/sparql-update":
            raise _RefusedError(403, "this graph is read-only: updates are refused.")
        if kind == "application/x-www-form-urlencoded":
            parameters += parse_qsl(await _body(request), keep_blank_values=True)
        elif kind == "application/sparql-query":
            parameters.append(("query", await _body(request)))
        else:
            raise _RefusedError(415, f"POST a body of type {_ACCEPT_POST.replace(', ', ' or ')}, not {kind or 'none'}.")
    names = [name for name, _ in parameters]
    if "update" in names:
        raise _RefusedError(403, "this graph is read-only: updates are refused.")
    for name in _OTHER_GRAPHS:
        if name in names:
            raise _RefusedError(400, f"there is one graph here; take {name} out of the request.")
    queries = [value for name, value in parameters if name == "query"]
    if len(queries) > 1:
        raise _RefusedError(400, f"expected one query, got {len(queries)}.")
    if not queries:
        if request.method == "POST":
            raise _RefusedError(400, "the parameter `query` is missing.")
        return Response(_DESCRIPTION.format(endpoint=request.url.replace(query="")), media_type="text/turtle")
    media, name = _format(queries[0], request.headers.get("accept", ""), dict(parameters))
    result = await run_in_threadpool(run, queries[0], name)
    return Response(result, media_type=media, headers={"Vary": "Accept", "X-Content-Type-Options": "nosniff"})


def _format(query: str, accept: str, parameters: Mapping[str, str]) -> tuple[str, str]:
    """The media type and the format's name. Where Accept leaves it open, a parameter `format` may say it."""
    types = GRAPH_TYPES if form_of(query) in ("CONSTRUCT", "DESCRIBE") else RESULT_TYPES
    wished = parameters.get("format", "")
    if accept.strip() in ("", "*/*") and (wished in types or wished in types.values()):
        accept = wished if wished in types else next(media for media, name in types.items() if name == wished)
    media = choose_type(accept, list(types))
    if media is None:
        raise _RefusedError(406, f"this result comes as {', '.join(types)}; the request accepts {accept} only.")
    return _WRITTEN_AS.get(media) or media, types[media]


async def _body(request: Request) -> str:
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MAX_QUERY_BYTES:
            raise _RefusedError(413, f"the query is longer than {MAX_QUERY_BYTES:,} bytes.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _RefusedError(400, f"the body is not UTF-8: {error.reason} at byte {error.start}.") from error


def _media_range(part: str) -> tuple[str, float]:
    media, *rest = (piece.strip().lower() for piece in part.split(";"))
    for piece in rest:
        name, _, value = piece.partition("=")
        if name.strip() == "q":
            try:
                return media, float(value)
            except ValueError:
                return media, 0.0
    return media, 1.0


def _text(status: int, text: str, *, headers: Mapping[str, str] | None = None) -> Response:
    return Response(text + "\n", status, media_type="text/plain; charset=utf-8", headers=dict(headers or {}))
