import polars as pl

from kg.relations.consistency import MIN_SUBJECTS, keep_consistent

CAPITAL, SPOUSE = "<http://x/capital>", "<http://x/spouse>"


def frame(rows: list[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["s", "p", "o"], orient="row")


def test_a_second_value_of_a_functional_predicate_is_dropped_and_nothing_else() -> None:
    countries = [(f"<http://x/c{i}>", CAPITAL, f"<http://x/town{i}>") for i in range(MIN_SUBJECTS)]
    couples = [(f"<http://x/p{i}>", SPOUSE, f"<http://x/q{i}{j}>") for i in range(MIN_SUBJECTS) for j in range(2)]
    graph = frame(countries + couples)
    misread = ("<http://x/c0>", CAPITAL, "<http://x/town5>")
    kept = [
        countries[0],
        ("<http://x/c99>", CAPITAL, "<http://x/town5>"),
        ("<http://x/p0>", SPOUSE, "<http://x/q99>"),
    ]
    read = frame([kept[0], misread, *kept[1:], misread])
    assert keep_consistent(read, graph).rows() == kept


def test_a_predicate_that_is_rarely_used_is_not_judged() -> None:
    graph = frame([("<http://x/a>", CAPITAL, "<http://x/b>")])
    read = frame([("<http://x/a>", CAPITAL, "<http://x/c>")])
    assert keep_consistent(read, graph).rows() == read.rows()
