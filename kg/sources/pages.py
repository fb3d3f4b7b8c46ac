"""All rows of a graph pattern from an endpoint that gives at most so many at a time.

Sorting and OFFSET end at the server's row limit (Virtuoso: SR353), and Virtuoso 7 compares strings beyond Latin-1
wrongly, so the last key of a page cannot begin the next. The rows are divided by a hash instead: a page is all rows
whose MD5 of the subject, in hexadecimal, lies in a range, with so many ranges that each holds fewer rows than the
limit. A page that comes full may lack rows: it is thrown away and its range divided again, by the hash of the whole
row, which also breaks up a subject with more objects than a page holds.
"""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kg.errors import EndpointError, IncompletePull
from kg.sources.sparql import Binding, Endpoint, select
from kg.terms import iri_term, literal_term

SPACE = 1 << 32
NARROWEST = 1 << 8
FILL = 0.92
LEAST_LIMIT = 100
"""Fewer rows than asked for are taken for the server's row limit only if they are at least so many."""

_UNSAFE = re.compile(r'[\x00-\x20<>"{}|^`\\]')
_NOT_LABEL = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True)
class Slice:
    """A part of what is asked for: a graph pattern that binds ?s ?p ?o (?s ?o with one `predicate`) and its COUNT."""

    name: str
    pattern: str
    count: int
    predicate: str | None = None


@dataclass(frozen=True)
class _Range:
    """The rows whose subject's hash lies in `subjects`, and, unless None, whose own hash lies in `rows`."""

    subjects: tuple[int, int]
    rows: tuple[int, int] | None = None


class Pager:
    """Asks one endpoint, at most `limit` rows at a time."""

    def __init__(self, endpoint: Endpoint, *, graph: str | None, page_size: int) -> None:
        self.endpoint = endpoint
        self.limit = page_size
        self._from = f"FROM {iri_ref(graph)} " if graph else ""

    def learn_limit(self) -> None:
        """Lowers the limit to what the server gives when asked for that many rows of anything."""
        rows = self._rows(f"SELECT ?s ?p ?o {self._from}WHERE {{ ?s ?p ?o }} LIMIT {self.limit}")
        if len(rows) >= LEAST_LIMIT:
            self.limit = min(self.limit, len(rows))

    def count(self, pattern: str) -> int:
        """The endpoint's own count of the pattern's solutions."""
        rows = self._rows(f"SELECT (COUNT(*) AS ?n) {self._from}WHERE {{ {pattern} }}")
        return self._number(rows[0]) if len(rows) == 1 else self._no_number(rows)

    def counts(self, pattern: str, total: int) -> dict[str, int]:
        """The endpoint's count for each predicate ?p of a pattern, in the order of the IRIs; raises IncompletePull
        unless they sum to `total`."""
        rows = self._group("", pattern)
        if sum(rows.values()) != total and len(rows) >= LEAST_LIMIT:
            limit, work, rows = len(rows), _divide((0, SPACE), 4), {}
            while work:
                part = work.pop()
                found = self._group(f" FILTER({_between('MD5(STR(?p))', part)})", pattern)
                if len(found) < limit or part[1] - part[0] < NARROWEST:
                    rows |= found
                else:
                    work += _divide(part, 2)
        if sum(rows.values()) != total:
            raise IncompletePull(
                f"the SPARQL endpoint {self.endpoint.url} counts {total:,} triples in all, but {sum(rows.values()):,} "
                f"by predicate ({len(rows):,} predicates). It changes while it is read, or answers in part; try again, "
                "or use a dump."
            )
        return dict(sorted(rows.items()))

    def pages(self, part: Slice) -> Iterator[list[Binding]]:
        """The rows of a slice, page by page, in an order that only the data and the row limit decide."""
        if part.count <= self.limit:
            yield self._page(part, "")
            return
        work = self._cut(_Range((0, SPACE)), part.count) if part.predicate else self._cut_rows((0, SPACE), part.count)
        while work:
            piece = work.pop()
            rows = self._page(part, _condition(piece, part))
            if len(rows) < self.limit:
                yield rows
            else:
                work += self._finer(part, piece)

    def _finer(self, part: Slice, piece: _Range) -> list[_Range]:
        count = self.count(f"{part.pattern} {_condition(piece, part)}")
        if piece.rows is None:
            return self._cut_rows(piece.subjects, count)
        if piece.rows[1] - piece.rows[0] < NARROWEST:
            raise IncompletePull(
                f"{part.name}: the SPARQL endpoint {self.endpoint.url} gives at most {self.limit:,} rows at a time, "
                f"and more of them cannot be told apart: {count:,} by its own count. Use a dump of it."
            )
        return self._cut(piece, count)

    def _cut_rows(self, subjects: tuple[int, int], count: int) -> list[_Range]:
        return self._cut(_Range(subjects, (0, SPACE)), count)

    def _cut(self, piece: _Range, count: int) -> list[_Range]:
        """The range in so many pieces that each holds FILL of a page; the first is the last of the list."""
        pieces = max(2, math.ceil(count / (FILL * self.limit)))
        if piece.rows is None:
            return [_Range(subjects) for subjects in _divide(piece.subjects, pieces)]
        return [_Range(piece.subjects, rows) for rows in _divide(piece.rows, pieces)]

    def _page(self, part: Slice, condition: str) -> list[Binding]:
        names = "?s ?o" if part.predicate else "?s ?p ?o"
        return self._rows(f"SELECT {names} {self._from}WHERE {{ {part.pattern} {condition} }} LIMIT {self.limit}")

    def _group(self, condition: str, pattern: str) -> dict[str, int]:
        query = f"SELECT ?p (COUNT(*) AS ?n) {self._from}WHERE {{ {pattern}{condition} }} GROUP BY ?p"
        return {row["p"]["value"]: self._number(row) for row in self._rows(query) if "p" in row}

    def _rows(self, query: str) -> list[Binding]:
        answer = select(self.endpoint, query)
        if answer.max_rows:
            self.limit = min(self.limit, answer.max_rows)
        return answer.rows

    def _number(self, row: Binding) -> int:
        try:
            return int(row["n"]["value"])
        except (KeyError, TypeError, ValueError):
            return self._no_number([row])

    def _no_number(self, rows: list[Binding]) -> int:
        raise EndpointError(
            f"the SPARQL endpoint {self.endpoint.url} was asked for a COUNT and answered {str(rows)[:120]}. "
            "It needs SPARQL 1.1."
        )


def line_of(row: Binding, predicate: str | None) -> str:
    """The N-Triples line of a row with s, p, o; what is no legal term is written so that a parser refuses it."""
    p = _iri(predicate) if predicate else _term(row["p"])
    return f"{_term(row['s'])} {p} {_term(row['o'])} ."


def iri_ref(iri: str) -> str:
    """An IRI as a SPARQL query writes it; raises EndpointError for one that cannot be written."""
    if _UNSAFE.search(iri):
        raise EndpointError(f"{iri!r} is no IRI that a SPARQL query can name. Leave it out, or use a dump.")
    return iri_term(iri)


def is_safe(iri: str) -> bool:
    """Whether a SPARQL query can name the IRI."""
    return _UNSAFE.search(iri) is None


def _term(binding: dict[str, str]) -> str:
    kind, value = binding["type"], binding["value"]
    if kind == "uri":
        return _iri(value)
    if kind == "bnode":
        return "_:" + _NOT_LABEL.sub(lambda match: f"_{ord(match.group()):x}_", value)
    return literal_term(value, language=binding.get("xml:lang"), datatype=binding.get("datatype"))


def _iri(value: str) -> str:
    if _UNSAFE.search(value):
        value = _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04X}", value)
    return iri_term(value)


def _condition(piece: _Range, part: Slice) -> str:
    """A blank node has no STR in SPARQL 1.1: it counts as the empty string, so that its rows are not lost."""
    subject = 'COALESCE(STR(?s), "")'
    tests = [_between(f"MD5({subject})", piece.subjects)]
    if piece.rows:
        middle = "" if part.predicate else ", STR(?p)"
        tests.append(_between(f'MD5(CONCAT({subject}{middle}, " ", COALESCE(STR(?o), "")))', piece.rows))
    tests = [test for test in tests if test]
    return f"FILTER({' && '.join(tests)})" if tests else ""


def _between(key: str, bounds: tuple[int, int]) -> str:
    low, high = bounds
    tests = [f'{key} >= "{low:08x}"'] * (low > 0) + [f'{key} < "{high:08x}"'] * (high < SPACE)
    return " && ".join(tests)


def _divide(bounds: tuple[int, int], pieces: int) -> list[tuple[int, int]]:
    low, high = bounds
    pieces = min(pieces, high - low)
    edges = [low + (high - low) * i // pieces for i in range(pieces + 1)]
    return list(itertools.pairwise(edges))[::-1]
