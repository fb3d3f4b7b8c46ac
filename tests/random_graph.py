"""Small random graphs with classes and measures, for properties that must hold of any graph."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

from kg.terms import expand
from retrieval.neighbours import Neighbours
from tests.toy_graph import Triple, fact, neighbours_of

NODES = [f"dbr:N{number}" for number in range(6)]
CLASSES = ["dbo:Big", "dbo:Small"]
MEASURES = ["dbo:height", "dbo:opened"]
_XSD = expand("xsd:")
VALUES: dict[str, float | None] = {
    f'"3"^^<{_XSD}integer>': 3.0,
    f'"3.0"^^<{_XSD}decimal>': 3.0,
    f'"-7.5"^^<{_XSD}double>': -7.5,
    f'"1990-01-01"^^<{_XSD}date>': 1990.0,
    f'"1990"^^<{_XSD}gYear>': 1990.0,
    f'"1812-01-01"^^<{_XSD}date>': 1812.0,
    '"n/a"@en': None,
}
"""Literals, each with its value as one reckons it."""

_node = st.sampled_from(NODES)
_stated = st.tuples(_node, st.sampled_from(["dbo:near", "dbo:owner", "dbo:part"]), _node)
_typed = st.tuples(_node, st.just("rdf:type"), st.sampled_from(CLASSES))
_measured = st.tuples(_node, st.sampled_from(MEASURES), st.sampled_from(sorted(VALUES)))
GRAPHS = st.tuples(
    st.sets(_stated, min_size=1, max_size=14), st.sets(_typed, max_size=6), st.sets(_measured, max_size=8)
).map(lambda parts: frozenset(fact(*triple) for part in parts for triple in part))


@contextmanager
def opened(triples: frozenset[Triple]) -> Iterator[Neighbours]:
    """The relations of a graph that lasts as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        yield neighbours_of(Path(folder), triples)
