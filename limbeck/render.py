"""Results as lines of text for a terminal."""

import io
import json
import sys
from typing import TYPE_CHECKING, Any

from kg.errors import UsageError
from limbeck.answers import Answer, CitedTriple, Entity
from limbeck.knowledge_base import KnowledgeBase

if TYPE_CHECKING:
    from rich.table import Table

MOST_EVIDENCE = 3
MOST_TRIPLES = 4
RDF_AND_RESULTS = ("json", "csv", "tsv", "xml", "turtle", "nt")
UNCUT = 1 << 20
"""Width of a table that is not for a terminal, in characters."""


def answer_lines(answer: Answer) -> list[str]:
    """The answer, then the best evidence with its triples and where each comes from."""
    lines = [answer.text, ""]
    for piece in answer.evidence[:MOST_EVIDENCE]:
        lines.append(f"  {piece.score:.2f}  {piece.text}")
        lines += [f"        [{piece.source}]"] if piece.source else []
        lines += [f"        {line}" for triple in piece.triples[:MOST_TRIPLES] for line in _triple(triple)]
    total = sum(answer.duration_ms.values())
    return [*lines, f"  {answer.model}, snapshot {answer.snapshot}, {total:.0f} ms"]


def entity_lines(entity: Entity) -> list[str]:
    """Label, types, triples in both directions."""
    lines = [f"{entity.label}  <{entity.iri}>", f"  {', '.join(entity.types) or 'no type'}", ""]
    lines += [f"  {line}" for triple in entity.triples for line in _triple(triple)]
    if entity.incoming:
        lines += ["", "  said of it:"]
        lines += [f"  {line}" for triple in entity.incoming for line in _triple(triple)]
    return lines


def gate_lines(report: dict[str, Any]) -> list[str]:
    """Teacher against student."""
    head = f"{'':10}{'Hits@1':>10}{'F1':>10}{'ms':>10}{'MB':>10}"
    rows = [
        f"{name:10}{report[name]['hits_at_1']:10.3f}{report[name]['f1']:10.3f}{report[name]['duration_ms']:10.1f}"
        f"{report[name]['megabytes']:10.1f}"
        for name in ("teacher", "student")
    ]
    said = "the student is in charge" if report["passed"] else "the teacher stays in charge"
    if report.get("already"):
        said += " already; nothing was published"
    return [head, *rows, f"{report['n']} held-out questions: {said}"]


def sparql(kb: KnowledgeBase, text: str, form: str) -> str:
    """A query's results in a format, or as a table of short names. Raises QueryError, also past the limits on time and
    memory of `kg.query_pool`."""
    from kg.query_pool import QueryPool
    from kg.store import form_of

    if form not in ("table", *RDF_AND_RESULTS):
        raise UsageError(f"the format {form!r} is not known; choose table, {', '.join(RDF_AND_RESULTS)}.")
    graph = form_of(text) in ("CONSTRUCT", "DESCRIBE")
    with QueryPool(kb.snapshot.folder / "store", workers=1) as pool:
        data = pool.run(text, ("nt" if graph else "json") if form == "table" else form).decode()
    if form == "table":
        return _triples_table(data) if graph else _results_table(json.loads(data))
    return data if data.endswith("\n") else data + "\n"


def table_text(table: "Table") -> str:
    """A table as text: as wide as the terminal, with long values folded; as wide as its values where stdout is none.
    What looks like markup is shown as it is."""
    from rich.console import Console

    for column in table.columns:
        column.overflow = "fold"
    out = io.StringIO()
    width = None if sys.stdout.isatty() else UNCUT
    Console(file=out, width=width, color_system=None, markup=False, emoji=False, highlight=False).print(table)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().split("\n")[:-1])


def _results_table(results: dict[str, Any]) -> str:
    if "boolean" in results:
        return "yes\n" if results["boolean"] else "no\n"
    names = results["head"]["vars"]
    return _table(names, [[_short(row.get(name)) for name in names] for row in results["results"]["bindings"]])


def _triples_table(data: str) -> str:
    import pyoxigraph as ox

    from kg.terms import shorten

    triples = ox.parse(data, format=ox.RdfFormat.N_TRIPLES)
    rows = [[shorten(term.value) for term in (quad.subject, quad.predicate, quad.object)] for quad in triples]
    return _table(["s", "p", "o"], rows)


def _table(names: list[str], rows: list[list[str]]) -> str:
    from rich import box
    from rich.table import Table

    table = Table(*names, box=box.SIMPLE)
    for row in rows:
        table.add_row(*row)
    return table_text(table)


def _short(term: dict[str, Any] | None) -> str:
    from kg.terms import shorten

    if term is None:
        return ""
    value = term["value"]
    if isinstance(value, dict):  # a triple that is quoted
        return f"<< {' '.join(_short(value[part]) for part in ('subject', 'predicate', 'object'))} >>"
    return shorten(value)


def _triple(triple: CitedTriple) -> list[str]:
    return [f"{triple.text}  [{'; '.join(triple.sources[:2])}]"]
