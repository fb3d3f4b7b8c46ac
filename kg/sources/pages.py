"""All rows of a graph pattern from an endpoint that gives at most so many at a time, proven by their number.

A page is a window of a slice: so many rows from an offset on, in the order in which the server happens to walk its
index. No standard promises that order, so nothing is believed: each page must give exactly as many rows as it was asked
for and the last must be the end; and all pages of a slice together must give as many different rows as the slice was
counted (`kg.sources.slices`). A server that changes its order from page to page repeats a row and is found out. Then,
and where blank nodes are named anew in every answer so that rows cannot be compared, the rows are divided by a hash
instead: a page is all rows whose MD5 lies in a range, and the server counts them first (`by_hash`). That costs a scan
of the slice for each page. Sorting was no way: ORDER BY with OFFSET ends at the server's row limit (Virtuoso: SR353),
and Virtuoso 7 compares strings beyond Latin-1 wrongly.

A page that is too much for the server is asked for in smaller parts. How many rows a page has follows from how long the
pages before it took, but never what the rows are.

Each answer carries a name that was made for its query, so that the answer to another is never taken for it.
"""

import hashlib
import itertools
import threading
from dataclasses import dataclass

import polars as pl

from kg.errors import EndpointError, IncompletePull, SourceError
from kg.sources.rows import MARK_OF_OBJECT, TERMS, csv_terms, iri_ref, json_columns, json_terms, scoped
from kg.sources.sparql import Binding, Endpoint, PassingError, back_off, bindings, fetch, retried, unexpected

LEAST_LIMIT = 100
"""Fewer rows than asked for are taken for the server's row limit only if they are at least so many."""
DIVISOR = 4
"""Into how many parts a page is divided that is too much."""
TARGET_S = 10.0
"""How long a page may take before the next are made smaller; a quarter of the timeout where that is less."""
DEEPEST = 8
"""Digits of the hash that may tell rows apart."""
MOST_BUCKETS = 4096

_MARK = "\0"
_PROBE = (
    ("<http://a/s>", "<http://a/p>", '"\\"q\\", \\\\ \\t\\n é中😀 \\r"@en'),
    ("<http://a/s>", "<http://a/p>", '""'),
    ("<http://a/s>", "<http://a/p>", '" 05"^^<http://a/type>'),
    ("<http://a/é>", "<http://a/p>", "<http://a/o,'x'>"),
)
"""Terms that a server must give back unharmed before it is asked for CSV."""


@dataclass(frozen=True)
class Slice:
    """A part of what is asked for: a graph pattern that binds ?s ?p ?o (?s ?o with one `predicate`) and its COUNT."""

    name: str
    pattern: str
    count: int
    predicate: str | None = None


@dataclass(frozen=True)
class _Range:
    """The rows whose MD5 begins with `digits` digits that make a number of `low` up to `high`."""

    digits: int = 0
    low: int = 0
    high: int = 1

    def condition(self, key: str) -> str:
        space = 16**self.digits
        tests = [f'{key} >= "{self.low:0{self.digits}x}"'] * (self.low > 0)
        tests += [f'{key} < "{self.high:0{self.digits}x}"'] * (self.high < space)
        return f"FILTER({' && '.join(tests)})" if tests else ""


class _TooMuchError(Exception):
    """A page by hash must be divided by hash."""


class Pager:
    """Asks one endpoint, at most `limit` rows at a time, and `size` rows just now. Several threads may use it."""

    def __init__(self, endpoint: Endpoint, *, graph: str | None, page_size: int) -> None:
        self.endpoint = endpoint
        self.limit = self.size = page_size
        self.csv = False
        self._from = f"FROM {iri_ref(graph)} " if graph else ""
        self._short = 0
        self._lock = threading.Lock()

    @property
    def most(self) -> int:
        """The most rows to ask for just now; one below the limit, so that a row too many is seen."""
        return max(1, min(self.size, self.limit - 1))

    def learn_form(self) -> None:
        """Chooses CSV where the server gives it, and gives every term unharmed; else it stays with JSON."""
        values = " ".join(f"({' '.join(row)})" for row in _PROBE)
        select = f"SELECT ?s ?p ?o ({MARK_OF_OBJECT} AS ?t_{_MARK})"
        query, mark = _marked(f"{select} WHERE {{ VALUES (?s ?p ?o) {{ {values} }} }}")

        def gives() -> bool:
            try:
                terms = csv_terms(fetch(self.endpoint, query, form="csv").body, mark=f"t_{mark}", predicate=None)
            except ValueError:
                return False
            return sorted(terms.rows()) == sorted(_PROBE)

        try:
            self.csv = retried(self.endpoint, gives)
        except SourceError:
            self.endpoint.pace.check()

    def count(self, pattern: str, *, distinct: bool = False) -> int:
        """The endpoint's own count of the pattern's solutions, or of the different ones."""
        inner = f"{{ SELECT DISTINCT ?s ?p ?o WHERE {{ {pattern} }} }}" if distinct else pattern
        return retried(self.endpoint, lambda: self._count(inner))

    def counts(self, pattern: str) -> tuple[int, dict[str, int]]:
        """The endpoint's count of a pattern's solutions, and of those of each predicate ?p in the order of the IRIs;
        raises IncompletePull unless they agree."""
        return retried(self.endpoint, lambda: self._agreeing(pattern))

    def window(self, part: Slice, low: int, high: int) -> pl.DataFrame:
        """The rows from `low` up to `high` of a slice as columns of TERMS; raises EndpointError, IncompletePull."""
        return self._exactly(part, "", low, high, attempt=0, last=high == part.count)

    def by_hash(self, part: Slice) -> pl.DataFrame:
        """The rows of a slice as columns of TERMS, divided by their MD5; raises EndpointError, IncompletePull."""
        pages = [pl.DataFrame(schema=TERMS)]
        work = [(_Range(), part.count, 0)]
        while work:
            piece, count, attempt = work.pop()
            if count <= self.most:
                condition = piece.condition(_key(part))
                try:
                    pages.append(self._exactly(part, condition, 0, count, attempt=attempt, page=len(pages)))
                    continue
                except _TooMuchError:
                    attempt += 1
            found = retried(self.endpoint, lambda piece=piece, count=count: self._buckets(part, piece, count))  # type: ignore[misc]
            work += [(finer, count, attempt) for finer, count in found]
        return pl.concat(pages)

    def _exactly(
        self,
        part: Slice,
        condition: str,
        low: int,
        high: int,
        *,
        attempt: int,
        last: bool = True,
        page: int | None = None,
    ) -> pl.DataFrame:
        """The rows of a window, each but once, asked for until they are exactly so many.

        last: nothing may come behind them. page: the number of a page by hash, which no windows may divide: raises
        _TooMuchError where it must be divided.
        """
        before: pl.DataFrame | None = None
        while True:
            try:
                terms = self._page(part, condition, low, high, last=last)
                if terms.hash_rows().n_unique() < len(terms) and (before is None or not before.equals(terms)):
                    before = terms  # a union of graphs may repeat a triple, but then it does so again
                    raise PassingError(self._wrong(part, "repeats rows within a page"))
                return scoped(terms, low if page is None else page)
            except PassingError as failure:
                back_off(self.endpoint, failure, attempt)
                attempt += 1
                if failure.too_much and high - low > 1:
                    self._shrink(high - low)
                    if page is not None:
                        raise _TooMuchError from failure
                    step = min(self.most, max(1, (high - low) // DIVISOR))
                    edges = [*range(low, high, step), high]
                    return pl.concat(
                        self._exactly(part, condition, a, b, attempt=attempt, last=last and b == high)
                        for a, b in itertools.pairwise(edges)
                    )

    def _page(self, part: Slice, condition: str, low: int, high: int, *, last: bool) -> pl.DataFrame:
        rows = high - low
        limit = rows + (last and (rows < self.limit))
        names = "?s" if part.predicate else "?s ?p"
        names += f" ?o ({MARK_OF_OBJECT} AS ?t_{_MARK})" if self.csv else f" (?o AS ?o_{_MARK})"
        where = f"{self._from}WHERE {{ {part.pattern} {condition} }}"
        query, mark = _marked(f"SELECT {names} {where} LIMIT {limit}" + (f" OFFSET {low}" if low else ""))
        response = fetch(self.endpoint, query, form="csv" if self.csv else "json")
        self._note(response.max_rows)
        if self.csv:
            try:
                terms = csv_terms(response.body, mark=f"t_{mark}", predicate=part.predicate)
            except ValueError as error:
                raise unexpected(self.endpoint, response, "SPARQL CSV", str(error)) from error
        elif (columns := json_columns(response.body, o=f"o_{mark}", predicate=part.predicate)) is not None:
            terms = columns
        else:
            found = bindings(self.endpoint, response)
            try:
                terms = json_terms(found, o=f"o_{mark}", predicate=part.predicate)
            except (KeyError, TypeError, AttributeError) as error:
                reason = f"gave a row that is not SPARQL JSON: {type(error).__name__}: {error}"
                raise PassingError(EndpointError(str(self._wrong(part, reason)))) from error
        if len(terms) > rows:
            raise PassingError(self._wrong(part, f"gives {len(terms):,} rows where it counts {rows:,}"))
        if len(terms) < rows:
            self._learn(len(terms))
            reason = f"gives {len(terms):,} rows where it counts {rows:,}"
            raise PassingError(self._wrong(part, reason), too_much=True)
        self._took(rows, response.seconds)
        return terms

    def _buckets(self, part: Slice, piece: _Range, count: int) -> list[tuple[_Range, int]]:
        """A range in ranges of not more rows than a page takes, where the hash can tell them apart, and their counts;
        the first is the last of the list."""
        width, digits = piece.high - piece.low, 1
        while 16**digits * width * self.most < 2 * count and 16 ** (digits + 1) * width <= MOST_BUCKETS:
            digits += 1
        if piece.digits + digits > DEEPEST:
            raise self._wrong(
                part, f"gives at most {self.limit:,} rows at a time, and {count:,} rows cannot be told apart"
            )
        depth = piece.digits + digits
        key = _key(part)
        select = f"SELECT ?b (COUNT(*) AS ?n_{_MARK}) {self._from}"
        inner = f"{part.pattern} {piece.condition(key)} BIND(SUBSTR({key}, 1, {depth}) AS ?b)"
        query, mark = _marked(f"{select}WHERE {{ {inner} }} GROUP BY ?b")
        try:
            rows = {int(row["b"]["value"], 16): int(row[f"n_{mark}"]["value"]) for row in self._rows(query)}
        except (KeyError, TypeError, ValueError) as error:
            raise PassingError(self._wrong(part, f"does not count by MD5: {error}")) from error
        if sum(rows.values()) != count:
            raise PassingError(self._wrong(part, f"counts {sum(rows.values()):,} rows by MD5, {count:,} without"))
        ranges, low, held = list[tuple[_Range, int]](), piece.low * 16**digits, 0
        for bucket, here in sorted(rows.items()):
            if held and held + here > self.most:
                ranges.append((_Range(depth, low, bucket), held))
                low, held = bucket, 0
            held += here
        return [*ranges, (_Range(depth, low, piece.high * 16**digits), held)][::-1]

    def _count(self, inner: str) -> int:
        query, mark = _marked(f"SELECT (COUNT(*) AS ?n_{_MARK}) {self._from}WHERE {{ {inner} }}")
        rows = self._rows(query)
        count = self._number(rows[0], mark) if len(rows) == 1 else self._no_number(rows)
        self.endpoint.pace.answered = True
        return count

    def _agreeing(self, pattern: str) -> tuple[int, dict[str, int]]:
        total = self._count(pattern)
        rows = self._group("", pattern) if total else {}
        if sum(rows.values()) != total and len(rows) >= LEAST_LIMIT:
            limit, work, rows = len(rows), [_Range()], {}
            while work:
                part = work.pop()
                found = self._group(part.condition("MD5(STR(?p))"), pattern)
                if len(found) < limit or part.digits == DEEPEST:
                    rows |= found
                else:
                    work += [_Range(part.digits + 1, low, low + 1) for low in range(part.low * 16, part.high * 16)]
        if sum(rows.values()) != total:
            raise PassingError(
                IncompletePull(
                    f"the SPARQL endpoint {self.endpoint.url} counts {total:,} triples in all, but "
                    f"{sum(rows.values()):,} by predicate ({len(rows):,} predicates). It changes while it is read, or "
                    "answers in part; try again, or use a dump."
                )
            )
        return total, dict(sorted(rows.items()))

    def _group(self, condition: str, pattern: str) -> dict[str, int]:
        select = f"SELECT ?p (COUNT(*) AS ?n_{_MARK}) {self._from}"
        query, mark = _marked(f"{select}WHERE {{ {pattern} {condition} }} GROUP BY ?p")
        return {row["p"]["value"]: self._number(row, mark) for row in self._rows(query) if "p" in row}

    def _rows(self, query: str) -> list[Binding]:
        response = fetch(self.endpoint, query, form="json")
        self._note(response.max_rows)
        return bindings(self.endpoint, response)

    def _number(self, row: Binding, mark: str) -> int:
        try:
            return int(row[f"n_{mark}"]["value"])
        except (KeyError, TypeError, ValueError):
            return self._no_number([row])

    def _no_number(self, rows: list[Binding]) -> int:
        error = EndpointError(
            f"the SPARQL endpoint {self.endpoint.url} was asked for a COUNT and answered {str(rows)[:120]}. "
            "It needs SPARQL 1.1."
        )
        raise PassingError(error) if self.endpoint.pace.answered else error

    def _wrong(self, part: Slice, reason: str) -> IncompletePull:
        return IncompletePull(f"{part.name}: the SPARQL endpoint {self.endpoint.url} {reason}.")

    def _note(self, max_rows: int | None) -> None:
        if max_rows:
            self.limit = min(self.limit, max_rows)

    def _learn(self, rows: int) -> None:
        """Takes it for the server's row limit if two pages in succession end short with as many rows."""
        with self._lock:
            if rows == self._short and rows >= LEAST_LIMIT:
                self.limit = min(self.limit, rows)
            self._short = rows

    def _took(self, rows: int, seconds: float) -> None:
        target_s = min(TARGET_S, self.endpoint.timeout_s / 4)
        with self._lock:
            if seconds > target_s:
                self.size = max(1, min(self.size, int(rows * target_s / seconds)))
            elif seconds < target_s / 2 and rows > self.size // 2:
                self.size = min(self.limit, self.size * 2)

    def _shrink(self, rows: int) -> None:
        with self._lock:
            self.size = max(1, min(self.size, rows // DIVISOR))


def _marked(query: str) -> tuple[str, str]:
    """(the query with a name made for it in the place of _MARK, that name)."""
    mark = hashlib.sha256(query.encode()).hexdigest()[:8]
    return query.replace(_MARK, mark), mark


def _key(part: Slice) -> str:
    """What the rows of a slice are divided by. A blank node has no STR in SPARQL 1.1: it counts as the empty string."""
    middle = "" if part.predicate else ', STR(?p), " "'
    return f'MD5(CONCAT(COALESCE(STR(?s), ""), " "{middle}, COALESCE(STR(?o), "")))'
