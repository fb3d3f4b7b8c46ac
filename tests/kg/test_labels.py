import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kg.labels import names, readable
from kg.terms import literal_term, name_of, value_of

_PARTS = st.sampled_from(
    [
        "http://a/resource/",
        "http://a/ontology/",
        "http://a/property/",
        "http://a/",
        "http://a#",
        "Category:",
        "%41",
        "%",
    ]
)
_WORDS = st.text(st.sampled_from("aBcDEz_ 1/#éÉ%(:"), max_size=10)


@given(st.lists(st.one_of(_PARTS, _WORDS), max_size=4).map("".join))
def test_names_are_those_of_name_of(iri: str) -> None:
    assert names(pl.Series([iri], dtype=pl.String)).to_list() == [name_of(iri)]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.sampled_from([None, "en", "zh-hant"]))
def test_a_literal_reads_as_its_text(text: str, language: str | None) -> None:
    term = literal_term(text, language=language)
    assert readable(pl.Series([term], dtype=pl.String)).to_list() == [value_of(term)]
