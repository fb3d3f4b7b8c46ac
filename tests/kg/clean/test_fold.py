from collections import defaultdict

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kg.clean.fold import SUPPORT, fold
from kg.statements import Statements
from kg.terms import PREFIXES
from tests.toy import statements_of

DBR, DBO, DBP = (PREFIXES[name] for name in ("dbr", "dbo", "dbp"))
Triple = tuple[str, str, str]


def triple(s: str, p: str, o: str) -> Triple:
    """From short names: `d:` and `r:` begin a mapped and a raw predicate; objects in quotes are literals."""
    predicate = (DBO if p.startswith("d:") else DBP) + p[2:]
    return f"<{DBR}{s}>", f"<{predicate}>", o if o.startswith('"') else f"<{DBR}{o}>"


def folded(triples: list[Triple]) -> dict[Triple, Triple]:
    statements = Statements(*_columns(triples))
    s, p, o = (statements.rows[name].to_numpy() for name in "spo")
    new_p, new_o = fold(statements.terms, s, p, o)
    assert new_p.dtype == p.dtype and new_o.dtype == o.dtype
    before, after = (
        [statements.terms.gather(x).to_list() for x in columns] for columns in ((s, p, o), (s, new_p, new_o))
    )
    return dict(zip(zip(*before, strict=True), zip(*after, strict=True), strict=True))


def _columns(triples: list[Triple]) -> tuple[pl.Series, pl.DataFrame]:
    statements = statements_of(triples)
    return statements.terms, statements.rows.select("s", "p", "o").unique()


def test_a_raw_statement_goes_into_the_mapped_one_of_its_name() -> None:
    raw, mapped = triple("Ada", "r:birthplace", "London"), triple("Ada", "d:birthPlace", "London")
    other = triple("Ada", "r:deathPlace", "London")
    assert folded([raw, mapped, other]) == {raw: mapped, mapped: mapped, other: other}


def test_values_are_folded_all_or_none() -> None:
    raw = [triple("Ada", "r:field", o) for o in ("Logic", "Poetry")]
    mapped = triple("Ada", "d:field", "Logic")
    assert folded([*raw, mapped]) == {x: x for x in (*raw, mapped)}
    both = [mapped, triple("Ada", "d:field", "Poetry")]
    assert folded([*raw, *both]) == dict(zip(raw, both, strict=True)) | {x: x for x in both}


def test_a_text_is_one_value_in_any_type_but_not_in_another_unit() -> None:
    date = triple("Ada", "d:birthDate", f'"1815-12-10"^^<{PREFIXES["xsd"]}date>')
    raw = triple("Ada", "r:birthDate", '"1815-12-10"@en')
    assert folded([date, raw])[raw] == date
    metre, foot = (
        triple("Ada", p, f'"5"^^<http://dbpedia.org/datatype/{unit}>')
        for p, unit in (("d:height", "metre"), ("r:height", "foot"))
    )
    assert folded([metre, foot])[foot] == foot


def test_other_names_are_learnt_from_the_data_if_they_say_the_same_both_ways() -> None:
    people = [f"P{i}" for i in range(SUPPORT)]
    same = [triple(x, p, f"C{x}") for x in people for p in ("r:placeOfBirth", "d:birthPlace")]
    result = folded(same)
    assert {result[x][1] for x in same} == {f"<{DBO}birthPlace>"}
    assert all(folded(same[2:])[x] == x for x in same[2:]), "too few"
    father = [triple(x, p, f"F{x}") for x in people for p in ("r:father", "d:parent")]
    mother = [triple(x, "d:parent", f"M{x}") for x in people]
    result = folded([*father, *mother])
    assert all(result[x] == x for x in father), "a father is a parent, but that is not all"


_NAMES = st.sampled_from(["a", "b", "c"])
_OBJECTS = st.sampled_from(["A", "B", '"1"', '"1"@en', f'"1"^^<{PREFIXES["xsd"]}gYear>', '"2"'])
_TRIPLES = st.lists(
    st.builds(triple, _NAMES, st.builds("{}:{}".format, st.sampled_from("dr"), _NAMES), _OBJECTS), min_size=1
)


@given(_TRIPLES)
def test_folding_agrees_with_the_rule_written_out(triples: list[Triple]) -> None:
    def value(term: str) -> str:
        return term.split('"')[1] if term.startswith('"') else term

    mapped: dict[tuple[str, str], set[str]] = defaultdict(set)
    raw: dict[tuple[str, str], set[str]] = defaultdict(set)
    for s, p, o in triples:
        local = p.rsplit("/", 1)[1]
        (raw if p.startswith(f"<{DBP}") else mapped)[s, local].add(value(o))
    for before, after in folded(triples).items():
        key = before[0], before[1].rsplit("/", 1)[1]
        gone = before[1].startswith(f"<{DBP}") and raw[key] <= mapped[key]
        assert gone == (before != after)
        assert after in triples
        if gone:
            assert after[1] == before[1].replace(DBP, DBO) and value(after[2]) == value(before[2])


def test_nothing_is_folded_where_nothing_is() -> None:
    none = np.zeros(0, np.uint32)
    assert [len(column) for column in fold(pl.Series([], dtype=pl.String), none, none, none)] == [0, 0]
