import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kg.clean import CleanOptions, disk_bytes, finish, parse_size, prune
from kg.clean.size import running_bytes
from kg.errors import ConfigError
from kg.graph import write_graph
from kg.provenance import write_provenance
from kg.store import write_store
from kg.terms import RDF_TYPE, RDFS_LABEL
from tests.toy import statements_of

Triple = tuple[str, str, str]
NODES = st.integers(0, 5).map(lambda i: f"<http://a/{i}>")
PREDICATES = st.sampled_from([RDF_TYPE, RDFS_LABEL, "<http://a/p>", "<http://a/q>"])
OBJECTS = NODES | st.sampled_from(['"1"', '"one"@en', '"two"@en'])
TRIPLES = st.lists(st.tuples(NODES, PREDICATES, OBJECTS), min_size=1, max_size=25, unique=True)


Ids = NDArray[np.int32]


def coded(triples: list[Triple]) -> tuple[pl.Series, Ids, Ids, Ids]:
    names = sorted({term for triple in triples for term in triple}, key=str.encode)
    place = {name: i for i, name in enumerate(names)}
    s, p, o = (np.array([place[triple[i]] for triple in triples], np.int32) for i in range(3))
    return pl.Series(names), s, p, o


def pruned(triples: list[Triple], worth: Sequence[float], budget: float) -> list[bool]:
    terms, s, p, o = coded(triples)
    kept: list[bool] = prune(terms, s, p, o, np.array(worth, np.float32), budget).tolist()
    return kept


@given(TRIPLES, st.floats(0.01, 1), st.data())
def test_pruning_keeps_the_share_and_depends_on_no_order(
    triples: list[Triple], budget: float, data: st.DataObject
) -> None:
    worth = data.draw(st.lists(st.integers(0, 2), min_size=len(triples), max_size=len(triples)))
    kept = pruned(triples, worth, budget)
    assert sum(kept) == max(1, math.ceil(budget * len(triples) - 1e-9))
    order = data.draw(st.permutations(range(len(triples))))
    again = pruned([triples[i] for i in order], [worth[i] for i in order], budget)
    assert again == [kept[i] for i in order]


@given(TRIPLES, st.integers(0, 25), st.integers(0, 25))
def test_a_smaller_budget_keeps_a_part_of_what_a_larger_one_keeps(triples: list[Triple], one: int, other: int) -> None:
    small, large = sorted((min(one, len(triples)), min(other, len(triples))))
    worth = [len(o) for _, _, o in triples]
    few, many = (pruned(triples, worth, max(wanted, 1) / len(triples)) for wanted in (small, large))
    assert all(more for more, less in zip(many, few, strict=True) if less)


@given(TRIPLES, st.data())
def test_bytes_are_used_up_and_never_exceeded(triples: list[Triple], data: st.DataObject) -> None:
    terms, s, p, o = coded(triples)
    worth = np.arange(len(triples), dtype=np.float32)
    counts = np.array(data.draw(st.lists(st.integers(1, 9), min_size=len(triples), max_size=len(triples))))
    whole = disk_bytes(terms, s, p, o, statements=counts, documents=77)
    limit = data.draw(st.integers(whole - 3000, whole + 10))
    try:
        kept = prune(terms, s, p, o, worth, limit, statements=counts, documents=77)
    except ConfigError as error:
        least = int(str(error).split("at least ")[1].rstrip(".").replace(",", ""))
        assert limit < least
        assert prune(terms, s, p, o, worth, least, statements=counts, documents=77).sum() == 1
        return
    assert disk_bytes(terms, s[kept], p[kept], o[kept], statements=counts[kept], documents=77) <= limit
    assert kept.all() == (limit >= whole)


def test_names_and_classes_follow_the_first_fact_of_their_entity() -> None:
    triples = [
        ("<http://a/1>", RDFS_LABEL, '"one"'),
        ("<http://a/1>", "<http://a/p>", '"x"'),
        ("<http://a/1>", RDF_TYPE, "<http://a/C>"),
        ("<http://a/1>", "<http://a/q>", '"y"'),
        ("<http://a/2>", RDFS_LABEL, '"two"'),
        ("<http://a/2>", "<http://a/q>", '"z"'),
    ]
    worth = [0, 9, 5, 8, 10, 1]
    kept_at = [sum(kept) for kept in zip(*(pruned(triples, worth, i / 6) for i in range(1, 7)), strict=True)]
    assert np.argsort(np.negative(kept_at)).tolist() == [1, 2, 0, 3, 5, 4]


def test_a_name_that_the_iri_gives_and_a_foreign_class_are_kept_for_no_rule() -> None:
    about = "<http://dbpedia.org/resource/Ada_Lovelace>"
    triples = [
        (about, "<http://dbpedia.org/ontology/born>", '"1815"'),
        (about, RDFS_LABEL, '"Ada Lovelace"@en'),
        (about, RDFS_LABEL, '"The Enchantress of Numbers"@en'),
        (about, RDF_TYPE, "<http://dbpedia.org/ontology/Person>"),
        (about, RDF_TYPE, "<http://www.w3.org/2002/07/owl#Thing>"),
    ]
    worth = [9, 8, 2, 3, 1]
    kept_at = [sum(kept) for kept in zip(*(pruned(triples, worth, i / 5) for i in range(1, 6)), strict=True)]
    assert np.argsort(np.negative(kept_at)).tolist() == [0, 3, 2, 4, 1]


def test_sizes_have_units_and_others_are_refused() -> None:
    assert [parse_size(text) for text in ("10B", "2 kB", "2KiB", "0.5 mb", " 1 TiB ")] == [
        10,
        2000,
        2048,
        500_000,
        2**40,
    ]
    for text in ("200", "MB", "-1 MB", "1 XB", ""):
        with pytest.raises(ConfigError, match="is no size"):
            parse_size(text)
    with pytest.raises(ConfigError, match="is no size"):
        CleanOptions(budget="much")
    assert CleanOptions(budget="1 MB").kept == 1_000_000
    assert CleanOptions(budget=1).kept == 1.0


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_written_graph_stays_within_its_bytes(share: float, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    drawn = (4000 * draw.power(3, 30_000)).astype(int), draw.zipf(1.6, 30_000) % 50, draw.integers(0, 9000, 30_000)
    dbr, dbo = "http://dbpedia.org/resource", "http://dbpedia.org/ontology"
    triples = sorted(
        {(f"<{dbr}/Some_Entity_{a}>", f"<{dbo}/p{b}>", f"<{dbr}/Entity_{c}>") for a, b, c in zip(*drawn, strict=True)}
    )
    terms, s, p, o = coded(triples)
    limit = int(share * disk_bytes(terms, s, p, o))
    made = finish(statements_of(triples), CleanOptions(budget=f"{limit} B"))
    write_graph(tmp_path / "graph", made.triples, rank=made.rank)
    write_store(tmp_path / "store", made.triples)
    write_provenance(tmp_path / "provenance", made.support, [], [])
    written = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert 0.9 * limit <= written <= limit


def test_each_row_pays_for_what_is_new_in_it() -> None:
    triples = [("<http://a/1>", "<http://a/p>", "<http://a/2>"), ("<http://a/2>", "<http://a/p>", "<http://a/1>")]
    terms, s, p, o = coded(triples)
    first, both = running_bytes(terms, s, p, o)
    assert both - first < first
