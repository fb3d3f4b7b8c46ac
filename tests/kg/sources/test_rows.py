import csv
import io
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.sources.rows import csv_terms, json_columns, json_terms, of_source, scoped

XSD = "http://www.w3.org/2001/XMLSchema#"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
iris = texts.map(lambda text: "http://a/" + text)
nodes = st.one_of(
    iris.map(lambda iri: {"type": "uri", "value": iri}),
    texts.map(lambda label: {"type": "bnode", "value": "nodeID://b" + label}),
)
literals = st.one_of(
    texts.map(lambda text: {"type": "literal", "value": text}),
    st.tuples(texts, st.sampled_from(["en", "zh-Hant"])).map(
        lambda pair: {"type": "literal", "value": pair[0], "xml:lang": pair[1]}
    ),
    st.tuples(texts, st.sampled_from([XSD + "string", XSD + "date", "http://a/type"])).map(
        lambda pair: {"type": "typed-literal", "value": pair[0], "datatype": pair[1]}
    ),
)
rows = st.lists(
    st.fixed_dictionaries(
        {"s": nodes, "p": iris.map(lambda iri: {"type": "uri", "value": iri}), "o": nodes | literals}
    ),
    max_size=4,
)


def as_csv(bindings: list[dict[str, dict[str, str]]], *, quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    """What a server would write for them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n", quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["s", "p", "o", "t_1"])
    for row in bindings:
        o = row["o"]
        mark = ""
        if "literal" in o["type"]:
            mark = "@" + o["xml:lang"] if "xml:lang" in o else o.get("datatype", XSD + "string")
        writer.writerow([row["s"]["value"], row["p"]["value"], o["value"], mark])
    return text.getvalue().encode()


@settings(max_examples=50)
@given(rows, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_csv_gives_the_terms_that_json_gives(bindings: list[dict[str, dict[str, str]]], quoting: int) -> None:
    found = csv_terms(as_csv(bindings, quoting=quoting), mark="t_1", predicate=None)
    assert found.equals(json_terms(bindings, o="o", predicate=None))


@settings(max_examples=50)
@given(rows)
def test_json_by_columns_gives_the_terms_that_it_gives_row_by_row(bindings: list[dict[str, dict[str, str]]]) -> None:
    for ascii_only in (True, False):
        body = json.dumps({"head": {}, "results": {"bindings": bindings}}, ensure_ascii=ascii_only).encode()
        found = json_columns(body, o="o", predicate=None)
        assert found is not None or not bindings
        assert found is None or found.equals(json_terms(bindings, o="o", predicate=None))


@pytest.mark.parametrize(
    "term", [{}, {"type": "uri"}, {"type": "literal", "value": "x"}, {"type": "uri", "value": "_:b"}, None]
)
def test_json_that_is_not_plain_is_left_to_be_read_row_by_row(term: dict[str, str] | None) -> None:
    rest = {"p": {"type": "uri", "value": "http://a/p"}, "o": {"type": "literal", "value": "x"}}
    body = json.dumps({"results": {"bindings": [{"s": term, **rest}]}}).encode()
    assert json_columns(body, o="o", predicate=None) is None
    assert json_columns(body[:-3], o="o", predicate=None) is None


@given(rows, st.data())
def test_csv_that_is_cut_off_lacks_rows_or_is_refused(
    bindings: list[dict[str, dict[str, str]]], data: st.DataObject
) -> None:
    body = as_csv(bindings)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    try:
        found = csv_terms(cut, mark="t_1", predicate=None)
    except ValueError:
        return
    assert len(found) < len(bindings)
    assert found.equals(json_terms(bindings[: len(found)], o="o", predicate=None))


@pytest.mark.parametrize(
    "body", [b"", b"<html>\n", b"s,o,t_2\n", b"s,p,o\n", b's,o,t_1\n"a,b\n', b"s,o,t_1\na,b,c,d\n"]
)
def test_what_is_no_answer_to_the_query_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        csv_terms(body, mark="t_1", predicate="http://a/p")


def test_blank_nodes_of_one_answer_get_its_page_and_those_of_a_source_its_number() -> None:
    terms = pl.DataFrame({"s": ["_:b0", "<http://a/s>"], "p": ["<http://a/p>"] * 2, "o": ["_:nodeID_1", '"_:b0"']})
    found = scoped(terms, 7).with_columns(of_source("s3x", 5))
    assert found["s"].to_list() == ["_:s3xr5xp7xb0", "<http://a/s>"]
    assert found["o"].to_list() == ["_:s3xnodeID_1", '"_:b0"']
