import hashlib
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.graph import BLANK, CLASS, ENTITY, LITERAL, PREDICATE, Graph, write_graph
from kg.terms import RDF_TYPE, RDFS_LABEL
from tests.toy import CLEAN, ranked

DBR = "http://dbpedia.org/resource/"
_NODES = st.sampled_from([f"<http://a/{name}>" for name in "abcdé"] + ["_:b"])
_PREDICATES = st.sampled_from([RDF_TYPE, RDFS_LABEL, "<http://a/p>", "<http://a/q>"])
TRIPLES = st.sets(st.tuples(_NODES, _PREDICATES, _NODES | st.sampled_from(['"x"@en', '"y"'])), min_size=1, max_size=25)


def graph_of(folder: Path, triples: Iterable[tuple[str, str, str]]) -> Graph:
    frame = pl.DataFrame(list(triples), schema=["s", "p", "o"], orient="row")
    return write_graph(folder, ranked(frame))


@settings(max_examples=40)
@given(TRIPLES)
def test_rows_are_those_of_a_plain_search(triples: set[tuple[str, str, str]]) -> None:
    with TemporaryDirectory() as folder:
        graph = graph_of(Path(folder), triples)
        assert set(graph.frame().iter_rows()) == triples
        multigraph = nx.MultiDiGraph([(s, o) for s, _, o in triples])
        for number, term in enumerate(graph.terms):
            leaving = graph.out_rows(number)
            assert {graph.triple(row) for row in range(leaving.start, leaving.stop)} == {
                t for t in triples if t[0] == term
            }
            arriving = [graph.triple(int(row)) for row in graph.in_rows(number)]
            assert sorted(arriving) == sorted(t for t in triples if t[2] == term)
            assert graph.degree(number) == (multigraph.degree(term) if term in multigraph else 0)


@settings(max_examples=40)
@given(TRIPLES, _NODES, _PREDICATES, _NODES)
def test_a_triple_is_found_where_it_is_and_nowhere_else(
    triples: set[tuple[str, str, str]], s: str, p: str, o: str
) -> None:
    with TemporaryDirectory() as folder:
        graph = graph_of(Path(folder), triples)
        for row in range(len(graph)):
            assert graph.row_of(int(graph.s[row]), int(graph.p[row]), int(graph.o[row])) == row
        ids = [graph.terms.find(term) for term in (s, p, o)]
        if min(ids) < 0:
            return
        assert (graph.row_of(*ids) >= 0) == ((s, p, o) in triples)
        objects = {graph.terms[int(i)] for i in graph.objects(ids[0], ids[1])}
        subjects = {graph.terms[int(i)] for i in graph.subjects(ids[2], ids[1])}
        assert objects == {t[2] for t in triples if t[:2] == (s, p)}
        assert subjects == {t[0] for t in triples if t[1:] == (p, o)}


def test_the_same_triples_give_the_same_files(tmp_path: Path) -> None:
    graph_of(tmp_path / "a", sorted(CLEAN))
    graph_of(tmp_path / "b", sorted(CLEAN, reverse=True))
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


def test_the_toy_graph_answers_as_reckoned(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, CLEAN)
    paris, ada = graph.id_of(DBR + "Paris"), graph.id_of(DBR + "Ada_Lovelace")
    country = graph.id_of("http://dbpedia.org/ontology/country")
    assert [graph.label_of(int(i)) for i in graph.objects(paris, country)] == ["France"]
    assert [graph.label_of(int(i)) for i in graph.types_of(ada)] == ["person"]
    assert graph.label_of(graph.id_of(DBR + "Radioactive_(film)")) == "Radioactive (film)"
    assert graph.iri_of(ada) == DBR + "Ada_Lovelace"
    assert graph.id_of(DBR + "Nobody") == -1


def test_kinds_of_terms(tmp_path: Path) -> None:
    owl_class = "<http://www.w3.org/2002/07/owl#Class>"
    triples = {
        ("<http://a/ada>", RDF_TYPE, "<http://a/Poet>"),
        ("<http://a/Poet>", RDF_TYPE, owl_class),
        ("<http://a/ada>", RDF_TYPE, "<http://a/lady>"),
        ("<http://a/lady>", RDF_TYPE, "<http://a/Title>"),
        ("_:b", "<http://a/knows>", "<http://a/ada>"),
        ("<http://a/ada>", RDFS_LABEL, '"Ada"'),
    }
    graph = graph_of(tmp_path, triples)
    kinds = {term: int(graph.kind[number]) for number, term in enumerate(graph.terms)}
    assert kinds == {
        "<http://a/ada>": ENTITY,
        "<http://a/lady>": ENTITY,
        "<http://a/Poet>": CLASS,
        "<http://a/Title>": CLASS,
        owl_class: CLASS,
        "<http://a/knows>": PREDICATE,
        RDF_TYPE: PREDICATE,
        RDFS_LABEL: PREDICATE,
        '"Ada"': LITERAL,
        "_:b": BLANK,
    }


def test_a_graph_without_types_has_no_classes(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path, {("<http://a/ada>", RDFS_LABEL, '"Ada"'), ("<http://a/b>", "<http://a/p>", "<http://a/ada>")}
    )
    assert CLASS not in np.asarray(graph.kind)
    assert graph.label_of(graph.id_of("http://a/ada")) == "Ada"
    assert graph.type_id == -1
    assert len(graph.types_of(graph.id_of("http://a/ada"))) == 0


def test_an_english_label_comes_before_one_without_language_before_others(tmp_path: Path) -> None:
    a, name = "<http://a/a>", "<http://xmlns.com/foaf/0.1/name>"
    graph = graph_of(tmp_path, {(a, RDFS_LABEL, '"A-de"@de'), (a, RDFS_LABEL, '"A"'), (a, name, '"A-en"@en')})
    assert graph.label_of(graph.id_of("http://a/a")) == "A-en"


def test_the_graphs_hash_is_that_of_its_sorted_lines() -> None:
    triples = sorted(CLEAN, key=lambda triple: [term.encode() for term in triple])
    lines = [f"{s} {p} {o} .\n" for s, p, o in triples]
    made = ranked(pl.DataFrame(list(CLEAN), schema=["s", "p", "o"], orient="row"))
    assert made.sha256() == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_page_of_w3_org_is_an_entity_and_a_declared_class_is_a_class(tmp_path: Path) -> None:
    skos, owl_class = "<http://www.w3.org/2004/02/skos/core#Concept>", "<http://www.w3.org/2002/07/owl#Class>"
    triples = {
        ("<http://a/tim>", "<http://a/founded>", "<http://www.w3.org/>"),
        ("<http://a/tim>", "<http://a/wrote>", "<http://www.w3.org/TR/rdf11-concepts/>"),
        ("<http://a/tim>", "<http://a/coined>", skos),
        ("<http://a/Idle>", RDF_TYPE, owl_class),
        ("_:union", RDF_TYPE, owl_class),
        ("<http://a/tim>", RDF_TYPE, '"person"'),
        ("<http://a/Both>", RDF_TYPE, owl_class),
        ("<http://a/Both>", RDF_TYPE, "<http://a/Idea>"),
    }
    graph = graph_of(tmp_path, triples)
    classes = {graph.terms[int(number)] for number in np.flatnonzero(np.asarray(graph.kind) == CLASS)}
    assert classes == {skos, owl_class, "<http://a/Idle>", "<http://a/Idea>"}
