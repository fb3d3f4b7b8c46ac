import pyoxigraph as ox
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg.terms import PREFIXES, expand, iri_term, literal_term, name_of, parse_literal, shorten
from kg.terms import value_of as value

XSD = "http://www.w3.org/2001/XMLSchema#"
LANGUAGES = st.none() | st.sampled_from(["en", "EN-us", "zh-hant"])
DATATYPES = st.none() | st.sampled_from([XSD + "string", XSD + "date", "http://dbpedia.org/datatype/metre"])


@given(st.text(), LANGUAGES, DATATYPES)
@example("\ufffe\uffff\x7f\x00", None, None)
def test_a_literal_is_written_as_oxigraph_writes_it(text: str, language: str | None, datatype: str | None) -> None:
    if language:
        reference = ox.Literal(text, language=language)
    else:
        reference = ox.Literal(text, datatype=ox.NamedNode(datatype) if datatype else None)
    assert literal_term(text, language=language, datatype=datatype) == str(reference)


@given(st.text(), LANGUAGES, DATATYPES)
def test_a_literal_is_read_back_whole(text: str, language: str | None, datatype: str | None) -> None:
    term = literal_term(text, language=language, datatype=datatype)
    kept = None if language or datatype == XSD + "string" else datatype
    assert parse_literal(term) == (text, language and language.lower(), kept)
    assert value(term) == text


@given(st.text())
def test_a_literal_is_read_as_oxigraph_reads_it(text: str) -> None:
    escaped = "".join(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}" for char in text)
    [quad] = ox.parse(f'<x:s> <x:p> "{escaped}" .', format=ox.RdfFormat.N_TRIPLES)
    assert isinstance(quad.object, ox.Literal)
    assert parse_literal(f'"{escaped}"')[0] == quad.object.value == text


@pytest.mark.parametrize("term", ["<http://a/>", '"open', 'x"', '"a"b', '"a"@', '"a"^^http://a/', "_:b0", ""])
def test_what_is_no_literal_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match="not a literal"):
        parse_literal(term)


@pytest.mark.parametrize("prefix", sorted(PREFIXES))
def test_prefixed_names_expand_and_shorten(prefix: str) -> None:
    name = f"{prefix}:Some_name"
    assert shorten(expand(name)) == name
    assert expand(iri_term(expand(name))) == expand(name)


def test_names_without_a_known_prefix_stay() -> None:
    assert expand("http://a/b") == "http://a/b"
    assert expand("nope:b") == "nope:b"
    assert shorten("http://a/b") == "http://a/b"


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        ("http://dbpedia.org/resource/Ada_Lovelace", "Ada Lovelace"),
        ("http://dbpedia.org/resource/AC/DC", "AC/DC"),
        ("http://dbpedia.org/resource/%22D%22_Is_for_Deadbeat", '"D" Is for Deadbeat'),
        ("http://dbpedia.org/resource/Category:English_poets", "English poets"),
        ("http://dbpedia.org/ontology/populationTotal", "population total"),
        ("http://metaqa.example/entity/Joel%20Zwick", "Joel Zwick"),
        ("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", "type"),
    ],
)
def test_a_name_is_made_from_an_iri(iri: str, name: str) -> None:
    assert name_of(iri) == name
