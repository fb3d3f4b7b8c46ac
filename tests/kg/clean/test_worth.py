import numpy as np
import polars as pl
import pytest

from kg.clean.importance import foreign_types, group_sizes
from kg.clean.worth import restated_names, triple_worth
from kg.terms import RDF_TYPE, RDFS_LABEL


def test_an_end_shares_its_rank_among_its_triples_of_one_predicate() -> None:
    s, p, o = (np.array(column, np.int32) for column in ([0, 0, 1, 2], [5, 5, 5, 6], [3, 4, 4, 4]))
    rank = np.array([0.4, 0.2, 0.1, 0.0, 0.3, 0, 0])
    low = 0.1
    expected = [
        np.log((0.4 / low / 2) * (1 / 1) / 3**0.5),  # a literal counts as the least
        np.log((0.4 / low / 2) * (0.3 / low / 2) / 3**0.5),
        np.log((0.2 / low / 1) * (0.3 / low / 2) / 3**0.5),
        np.log((0.1 / low / 1) * (0.3 / low / 1) / 1**0.5),
    ]
    assert triple_worth(s, p, o, rank=rank) == pytest.approx(expected, rel=1e-5)


def test_no_triples_have_no_worth() -> None:
    none = np.zeros(0, np.int32)
    assert len(triple_worth(none, none, none, rank=np.zeros(0))) == 0
    assert len(group_sizes(none, none)) == 0


def test_only_a_label_that_reads_as_the_iri_is_restated() -> None:
    labels = {
        "<http://dbpedia.org/resource/Ada_Lovelace>": ['"Ada Lovelace"@en', '"Ada"@en', '"Ada Lovelace"@de'],
        "<http://dbpedia.org/resource/Category:Rivers>": ['"Rivers"'],
        "<http://dbpedia.org/resource/100%25>": ['"100%"@en'],
        "<http://a/b#Thing>": ['"Thing"'],
    }
    rows = [(s, RDFS_LABEL, o) for s, texts in labels.items() for o in texts]
    rows.append(("<http://a/b#Thing>", "<http://a/name>", '"Thing"'))
    terms = pl.Series(sorted({term for row in rows for term in row}))
    s, p, o = (np.array([terms.index_of(row[i]) for row in rows], np.int32) for i in range(3))
    found = restated_names(terms, s, p, o)
    assert [rows[i][2] for i in np.flatnonzero(found)] == ['"Ada Lovelace"@en', '"Rivers"', '"Thing"']
    assert not found[-1]


def test_a_class_is_foreign_where_its_vocabulary_supplies_no_predicate() -> None:
    rows = [("<x:a>", "<http://o/p>", "<x:b>")]
    rows += [("<x:a>", RDF_TYPE, name) for name in ("<http://o/C>", "<http://other/C>", "_:b")]
    terms = pl.Series(sorted({term for row in rows for term in row}))
    _, p, o = (np.array([terms.index_of(row[i]) for row in rows], np.int32) for i in range(3))
    assert foreign_types(terms, p, o).tolist() == [False, False, True, False]
