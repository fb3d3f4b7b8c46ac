from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.values import canonical_value, same_value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://dbpedia.org/resource/%C3%8Ele-de-France", "http://dbpedia.org/resource/I\u0302le-de-France"),
        ("http://dbpedia.org/resource/I%CC%82le-de-France", "http://dbpedia.org/resource/%C3%8Ele-de-France"),
        ("http://metaqa.example/entity/%24", "http://metaqa.example/entity/$"),
        ("6.0E7", "60000000"),
        ("1.2742e+07", "12742000"),
        ("-0.0", "0"),
        ("007", "7"),
        ("YES", "true"),
        ("no", "false"),
        (" Oxford  Blue ", "oxford blue"),
        ("STRASSE", "straße"),
    ],
)
def test_the_same_value_written_twice_is_the_same(one: str, other: str) -> None:
    assert same_value(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1912-04-02", "1912"),
        ("1912-04-02", "1912-04-03"),
        ("true", "1"),
        ("15", "15.5"),
        ("http://dbpedia.org/resource/Paris", "http://dbpedia.org/resource/paris"),
        ("http://dbpedia.org/resource/Paris", "Paris"),
        ("²", "2"),
        ("nan", "inf"),
        ("http://x/%E9", "http://x/%E8"),
        ("urn:isbn:AbC", "urn:isbn:aBc"),
        ("12345678901234567890123456781", "12345678901234567890123456782"),
        ("http://x/a%20b", "http://x/a%20B"),
    ],
)
def test_different_values_stay_different(one: str, other: str) -> None:
    assert not same_value(one, other)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_numbers_compare_as_decimals_do(number: Decimal) -> None:
    assert same_value(str(number), f"{number:E}")
    assert not same_value(str(number), str(number + Decimal("0.001")))


@given(st.text())
def test_the_canonical_form_is_reached_in_one_step_for_literals(text: str) -> None:
    once = canonical_value(text)
    assert "://" in once or canonical_value(once) == once
