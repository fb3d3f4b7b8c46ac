from decimal import Decimal

import polars as pl
import pyoxigraph as ox
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg.clean.literals import UNITS, XSD, ill_typed, normal_literals, stored_form
from kg.terms import literal_term

KINDS = ["integer", "byte", "nonNegativeInteger", "decimal", "double", "float", "boolean", "date", "dateTime"]
KINDS += [
    "dateTimeStamp",
    "time",
    "gYear",
    "gYearMonth",
    "gMonthDay",
    "gMonth",
    "gDay",
    "duration",
    "token",
    "anyURI",
    "string",
]

_SIGN = st.sampled_from(["", "-", "+"])
_NUMBER = st.builds(
    "".join,
    st.tuples(_SIGN, st.from_regex(r"0{0,3}[0-9]{0,20}(\.[0-9]{0,19}0{0,9})?([Ee][+-]?[0-9]{1,3})?", fullmatch=True)),
)
_DAY = st.from_regex(r"-?0?[0-9]{4}-[0-3][0-9]-[0-3][0-9](Z|[+-](00:00|05:30))?", fullmatch=True)
_CLOCK = st.from_regex(r"[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,9}0{0,2})?(Z|-05:00)?", fullmatch=True)
_PARTIAL = st.from_regex(r"(-?[0-9]{2,5}(-[01][0-9])?|--[01][0-9](-[0-3][0-9])?|---[0-3][0-9])Z?", fullmatch=True)
_WORDS = st.sampled_from(
    ["true", "1", "TRUE", "INF", "+INF", "nan", "P12M", "PT60S", "-P0D", "", " 5", "1_0", "a\n\"b'"]
)
_ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
_TEXTS = _NUMBER | _DAY | _CLOCK | _PARTIAL | _WORDS | st.tuples(_DAY, _CLOCK).map("T".join) | _ANY


def from_store(terms: list[str]) -> list[str]:
    """What a store gives back: the independent answer."""
    store = ox.Store()
    lines = (f"<x:{position}> <x:p> {term} .\n" for position, term in enumerate(terms))
    store.bulk_load("".join(lines).encode(), format=ox.RdfFormat.N_TRIPLES)
    found = {int(quad.subject.value[2:]): str(quad.object) for quad in store}
    return [found[position] for position in range(len(terms))]


def normal(*terms: str, languages: tuple[str, ...] = ("en",)) -> list[tuple[str, str | None]]:
    frame = normal_literals(pl.Series(terms, dtype=pl.String), languages)
    assert frame["term"].to_list() == list(terms)
    return list(frame.select("new", "reason").iter_rows())


@given(st.lists(st.tuples(_TEXTS, st.sampled_from(KINDS)), max_size=12))
@example([("0.00001", "float"), ("99.99999", "float"), ("16777217", "float"), ("1.10", "decimal"), ("-0.0", "decimal")])
@example([("999999999999999", "double"), ("-0", "double"), ("9223372036854775808", "integer"), ("24:00:00", "time")])
def test_a_typed_literal_takes_the_form_that_a_store_gives_back(values: list[tuple[str, str]]) -> None:
    terms = [literal_term(text, datatype=XSD + kind) for text, kind in values]
    assert stored_form(pl.Series(terms, dtype=pl.String)).to_list() == from_store(terms)


@given(st.lists(st.tuples(_TEXTS, st.sampled_from([*KINDS, "", "@EN", UNITS + "kilometre"])), max_size=8))
def test_a_normal_literal_stays_as_it_is(values: list[tuple[str, str]]) -> None:
    def term(text: str, kind: str) -> str:
        if kind.startswith("@"):
            return literal_term(text, language=kind[1:])
        return literal_term(text, datatype=kind if ":" in kind else XSD + kind if kind else None)

    once = [new for new, reason in normal(*(term(*value) for value in values)) if reason is None]
    assert normal(*once) == [(new, None) for new in once]


@given(st.lists(_NUMBER, max_size=8))
def test_a_number_with_a_unit_keeps_its_exact_value(texts: list[str]) -> None:
    terms = [literal_term(text, datatype=UNITS + "squareKilometre") for text in texts]
    for text, (new, _) in zip(texts, normal(*terms), strict=True):
        said = new.split('"')[1]
        if said != text:
            assert Decimal(said) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "5"),
        ("5.0", "5"),
        ("+05.00", "5"),
        ("-0.0", "0"),
        (".50", "0.5"),
        ("1.8796E8", "187960000"),
        ("1.5e-3", "0.0015"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1E999", "1E999"),
        ("NaN", "NaN"),
        ("5 to 6", "5 to 6"),
        ("1,000", "1,000"),
    ],
)
def test_one_literal_for_one_number_with_a_unit(text: str, expected: str) -> None:
    term = literal_term(text, datatype=UNITS + "centimetre")
    assert normal(term) == [(literal_term(expected, datatype=UNITS + "centimetre"), None)]


def test_units_are_not_converted() -> None:
    metre, centimetre = (
        literal_term(text, datatype=UNITS + unit) for text, unit in (("1", "metre"), ("100", "centimetre"))
    )
    assert normal(metre, centimetre) == [(metre, None), (centimetre, None)]


@pytest.mark.parametrize("text", ["Tom &amp; Jerry", "'''bold''' [[link|x]]", "<br />", "5.0", "cafe\u0301", "a  b"])
def test_a_text_is_not_touched(text: str) -> None:
    for term in (literal_term(text), literal_term(text, language="en")):
        assert normal(term) == [(term, None)]


@pytest.mark.parametrize(
    ("languages", "kept"),
    [
        (("en",), ["", "en", "en-gb"]),
        (("en-GB", "de"), ["", "en-gb", "de-at-1996"]),
        (("*",), ["", "en", "en-gb", "eng", "de-at-1996"]),
        ((), [""]),
    ],
)
def test_a_range_of_languages_takes_its_subtags(languages: tuple[str, ...], kept: list[str]) -> None:
    tags = ["", "en", "en-gb", "eng", "de-at-1996"]
    found = normal(*(literal_term("x", language=tag) for tag in tags), languages=languages)
    assert [tag for tag, (_, reason) in zip(tags, found, strict=True) if reason is None] == kept
    assert {reason for _, reason in found} <= {None, "other language"}


@pytest.mark.parametrize(
    ("text", "kind", "wrong"),
    [
        ("1999-02-30", "date", True),
        ("2000-02-29", "date", False),
        ("1900-02-29", "date", True),
        ("1999-02-01", "gYear", True),
        ("99", "gYear", True),
        ("-0044", "gYear", False),
        ("--02-29", "gMonthDay", False),
        ("--13", "gMonth", True),
        ("12:61:00", "time", True),
        ("2000-01-01T12:00:00.5Z", "dateTime", False),
        ("five", "integer", True),
        ("1e3", "double", False),
        ("yes", "boolean", True),
        ("anything", "token", False),
    ],
)
def test_what_cannot_be_read_as_its_type_is_found_and_stays(text: str, kind: str, wrong: bool) -> None:
    term = literal_term(text, datatype=XSD + kind)
    assert ill_typed(pl.Series([term, '"x"', "<http://a/b>"])).to_list() == [wrong, False, False]
    if wrong:
        assert normal(term) == [(term, None)]
