"""Results as lines of text for a terminal."""

import io
from collections.abc import Iterable
from typing import Any

from kg.errors import UsageError
from limbeck.answers import Answer, CitedTriple, Entity
from limbeck.knowledge_base import KnowledgeBase

MOST_EVIDENCE = 3
MOST_TRIPLES = 4
RDF_AND_RESULTS = ("json", "csv", "tsv", "xml", "turtle", "nt")


def answer_lines(answer: Answer) -> list[str]:
    """The answer, then the best evidence with its triples and where each comes from."""
    lines = [answer.text, ""]
    for piece in answer.evidence[:MOST_EVIDENCE]:
        lines.append(f"  {piece.score:.2f}  {piece.text}")
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
    return [head, *rows, f"{report['n']} held-out questions: {said}"]


def sparql(kb: KnowledgeBase, text: str, form: str) -> str:
    """A query's results in a format, or as a table of short names."""
    from kg.store import query, serialize, without_network

    if form != "table":
        if form not in RDF_AND_RESULTS:
            raise UsageError(f"the format {form!r} is not known; choose table, {', '.join(RDF_AND_RESULTS)}.")
        data = without_network(text, lambda: serialize(query(kb.store, text), form).decode())
        return data if data.endswith("\n") else data + "\n"
    return without_network(text, lambda: _table(query(kb.store, text)))


def _table(results: Any) -> str:
    import pyoxigraph as ox
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from kg.terms import shorten

    if isinstance(results, ox.QueryBoolean):
        return "yes\n" if results else "no\n"
    columns: Iterable[str] = ("s", "p", "o")
    if isinstance(results, ox.QuerySolutions):
        columns = [variable.value for variable in results.variables]
    table = Table(*columns, box=box.SIMPLE)
    for row in results:
        cells = row if isinstance(results, ox.QuerySolutions) else (row.subject, row.predicate, row.object)
        table.add_row(*("" if term is None else shorten(term.value) for term in cells))
    out = io.StringIO()
    Console(file=out, width=160).print(table)
    return out.getvalue()


def _triple(triple: CitedTriple) -> list[str]:
    return [f"{triple.text}  [{'; '.join(triple.sources[:2])}]"]
