import networkx as nx
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kg.sources.options import SourceOptions
from kg.sources.select import select_triples
from kg.statements import Statements
from kg.terms import RDF_TYPE

NODES = [f"<http://a/{letter}>" for letter in "abcdef"]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(NODES), st.sampled_from(["<http://a/p>", RDF_TYPE]), st.sampled_from([*NODES, '"a"', "_:b"])
    ),
    max_size=12,
)


def statements(rows: list[tuple[str, str, str]]) -> Statements:
    return Statements.of(pl.DataFrame(rows, schema=dict.fromkeys("spo", pl.String), orient="row"))


def chosen(rows: list[tuple[str, str, str]], **options: object) -> list[tuple[str, ...]]:
    found = select_triples(statements(rows), SourceOptions("x.nt", **options))  # type: ignore[arg-type]
    return found.frame().select("s", "p", "o").rows()


@given(ROWS)
def test_classes_take_all_that_leaves_their_instances(rows: list[tuple[str, str, str]]) -> None:
    instances = {s for s, p, o in rows if p == RDF_TYPE and o in (NODES[0], NODES[1])}
    expected = [row for row in rows if row[0] in instances]
    assert chosen(rows, select="classes", classes=("http://a/a", "http://a/b", "http://a/none")) == expected


@given(ROWS, st.integers(1, 4))
def test_seeds_take_what_leaves_all_within_reach(rows: list[tuple[str, str, str]], hops: int) -> None:
    graph = nx.DiGraph([(s, o) for s, _, o in rows if o.startswith("<")])
    graph.add_node(NODES[0])
    near = nx.single_source_shortest_path_length(graph, NODES[0], cutoff=hops - 1)
    assert chosen(rows, select="seeds", seeds=("http://a/a",), hops=hops) == [row for row in rows if row[0] in near]
