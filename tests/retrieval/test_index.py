from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.describe import describe_all
from kg.graph import Graph
from kg.terms import expand
from retrieval.index import described_entities, write_indexes
from retrieval.kinds import relation_kinds
from retrieval.neighbours import Neighbours
from retrieval.vectors import EntityIndex
from tests.encoders import NgramEncoder
from tests.toy_graph import relation_of, write_toy


def rounded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors.astype(np.float16).astype(np.float32)


def test_each_relation_has_the_vectors_of_its_name_and_of_what_it_leads_to(
    toy_folder: Path, neighbours: Neighbours
) -> None:
    encoder = NgramEncoder()
    found = np.load(toy_folder / "relations" / "vectors.npy")
    kinds = relation_kinds(neighbours)
    assert found.shape == (len(neighbours.names), 2, encoder.dimension)
    assert np.array_equal(found[:, 0], rounded(encoder.encode(neighbours.names)))
    for vector, kind in zip(found[:, 1], kinds, strict=True):
        wanted = rounded(encoder.encode([kind])[0]) if kind else np.zeros(encoder.dimension)
        assert np.array_equal(vector, wanted)
    assert not found[relation_of(neighbours, "rdf:type"), 1].any()


def test_entities_with_nothing_but_a_name_are_not_indexed(tmp_path: Path) -> None:
    named, label = (f"<{expand(name)}>" for name in ("dbr:Nowhere", "rdfs:label"))
    a, b, near = (f"<{expand(name)}>" for name in ("dbr:A", "dbr:B", "dbo:near"))
    folder = write_toy(tmp_path, NgramEncoder(), [(named, label, '"Nowhere"@en'), (a, near, b)])
    index = EntityIndex.open(folder / "vectors", NgramEncoder())
    neighbours = Neighbours.open(folder / "neighbours", Graph.open(folder / "graph"))
    assert index.entities.tolist() == described_entities(neighbours.graph, neighbours).tolist()
    assert [neighbours.graph.iri_of(int(entity)) for entity in index.entities] == [expand("dbr:A"), expand("dbr:B")]


def test_every_entity_is_nearest_to_its_own_description(toy_folder: Path, neighbours: Neighbours) -> None:
    encoder, graph = NgramEncoder(), neighbours.graph
    entities = described_entities(graph, neighbours)
    assert entities.tolist() == graph.entities.tolist()
    ids, _ = EntityIndex.open(toy_folder / "vectors", encoder).nearest(encoder.encode(describe_all(graph, entities)), 1)
    assert ids[:, 0].tolist() == entities.tolist()


def test_writing_again_gives_the_same_bytes(toy_folder: Path, neighbours: Neighbours, tmp_path: Path) -> None:
    write_indexes(tmp_path, neighbours.graph, NgramEncoder())
    for path in tmp_path.rglob("*.*"):
        assert path.read_bytes() == (toy_folder / path.relative_to(tmp_path)).read_bytes(), path.name


def test_with_a_cache_the_bytes_are_the_same_and_nothing_is_encoded_twice(
    toy_folder: Path, neighbours: Neighbours, tmp_path: Path
) -> None:
    first = write_indexes(tmp_path / "a", neighbours.graph, NgramEncoder(), cache=tmp_path / "cache")
    second = write_indexes(tmp_path / "b", neighbours.graph, NgramEncoder(), cache=tmp_path / "cache")
    assert first["encoded"] > 0
    assert second == {**first, "encoded": 0}
    for name in ("a", "b"):
        for path in (tmp_path / name).rglob("*.*"):
            assert path.read_bytes() == (toy_folder / path.relative_to(tmp_path / name)).read_bytes(), path.name
