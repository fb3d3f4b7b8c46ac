import networkx
import numpy as np
import pytest

from kg.graph import Graph
from kg.terms import expand, iri_term
from retrieval.baselines import (
    RESTART,
    bm25,
    dense,
    everything,
    one_hop,
    personalised_rank,
    ppr,
    rows_around,
    rows_within,
)
from retrieval.evidence import Seed
from retrieval.options import RetrievalOptions
from retrieval.retriever import Retriever
from retrieval.scorer import PathScorer
from tests.encoders import NgramEncoder
from tests.toy import CLEAN
from tests.toy_graph import neighbours_of

NAMES = ("rdfs:label", "skos:altLabel")


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return build(tmp_path_factory, sorted(CLEAN))


def build(tmp_path_factory: pytest.TempPathFactory, triples: list[tuple[str, str, str]]) -> Retriever:
    neighbours = neighbours_of(tmp_path_factory.mktemp("baselines"), triples)
    encoder = NgramEncoder()
    vectors = encoder.encode(neighbours.names)
    return Retriever(
        neighbours, encoder, vectors, PathScorer(encoder.dimension), lambda texts, mode: [[] for _ in texts]
    )


def seeds_of(retriever: Retriever, *names: str) -> list[Seed]:
    return [Seed(retriever.neighbours.graph.id_of(expand(name)), -1, -1, 0.0) for name in names]


def iris(graph: Graph, terms: tuple[int, ...]) -> list[str]:
    return [graph.iri_of(term) for term in terms]


def test_dense_takes_the_other_end_of_the_triple_that_reads_most_like_the_question(retriever: Retriever) -> None:
    graph = retriever.neighbours.graph
    questions = ["Ada Lovelace birth place?", "capital of Poland", "nothing is named"]
    seeds = [seeds_of(retriever, "dbr:Ada_Lovelace"), seeds_of(retriever, "dbr:Poland"), []]
    found = dense(questions, seeds, retriever)
    assert [iris(graph, pieces[0].terms) for pieces in found[:2]] == [[expand("dbr:London")], [expand("dbr:Warsaw")]]
    assert graph.triple(found[0][0].rows[0])[1] == iri_term(expand("dbo:birthPlace"))
    assert found[2] == []


def test_bm25_finds_only_triples_that_share_a_word(retriever: Retriever) -> None:
    graph = retriever.neighbours.graph
    seeds = [seeds_of(retriever, "dbr:Marie_Curie")] * 2
    found = bm25(["the spouse", "xylophone"], seeds, retriever)
    assert [iris(graph, piece.terms) for piece in found[0]] == [[expand("dbr:Pierre_Curie")]]
    assert found[1] == []
    assert bm25(["the spouse"], [[]], retriever) == [[]]


def test_personalised_rank_is_that_of_networkx() -> None:
    edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (1, 4)]
    restart = np.array([0.75, 0.0, 0.25, 0.0, 0.0])
    s, o = np.array(edges).T
    wanted = networkx.pagerank(
        networkx.Graph(edges), alpha=1 - RESTART, personalization=dict(enumerate(restart)), tol=1e-12, max_iter=500
    )
    found = personalised_rank(s, o, restart, iterations=200)
    assert found == pytest.approx([wanted[node] for node in range(5)], abs=1e-9)
    assert personalised_rank(np.zeros(0, int), np.zeros(0, int), np.array([1.0])) == pytest.approx([1.0])


def test_ppr_ranks_what_joins_two_seeds_first_and_shows_the_triples(retriever: Retriever) -> None:
    graph = retriever.neighbours.graph
    seeds = seeds_of(retriever, "dbr:Ada_Lovelace", "dbr:Charles_Babbage")
    pieces = ppr(["Where were they born?"], [seeds], retriever)[0]
    assert iris(graph, pieces[0].terms) == [expand("dbr:London")]
    shown = {graph.triple(row)[0] for row in pieces[0].rows}
    assert shown == {iri_term(expand(name)) for name in ("dbr:Ada_Lovelace", "dbr:Charles_Babbage")}
    assert not {seed.entity for seed in seeds} & {term for piece in pieces for term in piece.terms}


def test_everything_within_two_hops_is_found_by_brute_force_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    retriever = build(tmp_path_factory, sorted(CLEAN))
    retriever.options = RetrievalOptions(hops=2)
    graph = retriever.neighbours.graph
    start = iri_term(expand("dbr:Marie_Curie"))
    hidden = {iri_term(expand(name)) for name in NAMES}
    facts = [t for t in CLEAN if t[1] not in hidden]
    typed = iri_term(expand("rdf:type"))
    near = {t for t in facts if start in (t[0], t[2])}
    ends = {end for t in near for end in (t[0], t[2]) if not end.startswith('"')}
    far = {t for t in facts if t[0] in ends or (t[2] in ends and t[1] != typed)}
    piece = everything([""], [seeds_of(retriever, "dbr:Marie_Curie")], retriever)[0][0]
    assert {graph.triple(row) for row in piece.rows} == near | far
    assert {graph.terms[term] for term in piece.terms} == {end for t in near | far for end in (t[0], t[2])}
    assert everything([""], [[]], retriever) == [[]]


def test_one_hop_gives_the_neighbours_without_the_seed(retriever: Retriever) -> None:
    graph = retriever.neighbours.graph
    found = one_hop(seeds_of(retriever, "dbr:Poland"), retriever)
    assert {graph.iri_of(term) for term in found} == {expand(name) for name in ("dbr:Warsaw", "dbo:Country")}
    assert len(found) == 2


def test_a_hub_is_thinned_evenly_over_its_relations(tmp_path_factory: pytest.TempPathFactory) -> None:
    hub = iri_term(expand("dbr:Hub"))
    triples = [(iri_term(expand(f"dbr:Part_{i:04}")), iri_term(expand("dbo:part")), hub) for i in range(2000)]
    triples += [(hub, iri_term(expand("dbo:capital")), iri_term(expand("dbr:Town")))]
    neighbours = build(tmp_path_factory, triples).neighbours
    graph = neighbours.graph
    start = np.array([graph.id_of(expand("dbr:Hub"))], np.int32)
    rows = rows_around(neighbours, start, 100)
    assert len(rows) <= 100
    assert iri_term(expand("dbo:capital")) in {graph.triple(int(row))[1] for row in rows}
    parts = sorted(int(graph.triple(int(row))[0][-5:-1]) for row in rows if graph.triple(int(row))[2] == hub)
    assert (parts[0], parts[-1]) == (0, 1999)
    assert len(rows_within(neighbours, start, 2)) <= 2 * 1024
