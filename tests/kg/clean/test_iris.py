from unicodedata import normalize
from urllib.parse import unquote_to_bytes

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from kg.clean.iris import decode, is_valid, normal_iris

DBR = "http://dbpedia.org/resource/"
_PIECES = ["e", "\u0300", "è", "%C3%A8", "%65", "%", "25", " ", "_", "%20", "/", "%2F", "?", "%23", "%ff", "%c3", "["]
_PIECES += ["\u200e", "%E2%80%8E", "\uf900", "豈", "\U0001d15e", "\\u00e8", "A", "%2525", "\x85", "&", "%26"]
_NAMES = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)


def title(name: str) -> str:
    """The page that an IRI's local name stands for."""
    plain = name.replace("\\u00e8", "è")
    text = unquote_to_bytes(plain.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    return normalize("NFC", text.replace(" ", "_"))


@given(st.lists(_NAMES, max_size=12))
@example(["\u200e\u0300", "E%CC%80", "%FFa\u0300"])
def test_two_iris_of_dbpedia_become_one_just_where_they_name_one_page(names: list[str]) -> None:
    new = normal_iris(pl.Series([f"<{DBR}{name}>" for name in names], dtype=pl.String))["new"]
    assert [title(term[1:-1].removeprefix(DBR)) for term in new] == [title(name) for name in names]
    assert len(set(new)) == len({title(name) for name in names})


@given(st.lists(_NAMES | st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=8), st.booleans())
def test_a_normal_iri_stays_as_it_is_and_is_valid_or_reported(names: list[str], dbpedia: bool) -> None:
    base = DBR if dbpedia else "http://example.org/"
    once = normal_iris(pl.Series([f"<{base}{name}>" for name in names], dtype=pl.String))
    assert once["valid"].to_list() == [is_valid(term) for term in once["new"]]
    twice = normal_iris(once["new"].filter(once["valid"]))
    assert twice["new"].to_list() == twice["term"].to_list()
    assert twice["valid"].all()


@given(st.text(max_size=20))
def test_a_decoded_iri_is_valid_and_stays_as_it_is(name: str) -> None:
    once = decode(f"<{DBR}{name}>")
    assert is_valid(once), once
    assert decode(once) == once


@given(st.binary(max_size=12))
def test_any_percent_encoded_bytes_give_a_valid_iri_of_the_same_bytes(data: bytes) -> None:
    name = "".join(f"%{byte:02x}" for byte in data)
    term = decode(f"<{DBR}{name}>")
    assert is_valid(term)
    assert title(term[1:-1].removeprefix(DBR)) == title(name)


def test_elsewhere_an_iri_differs_by_any_character() -> None:
    same_by_syntax = [
        "http://Example.org/a",
        "http://example.org/%7ea",
        "http://example.org/~a",
        "http://example.org:80/a",
    ]
    terms = [f"<{iri}>" for iri in same_by_syntax]
    assert normal_iris(pl.Series(terms))["new"].to_list() == terms
