"""The part of a dump that the options select, by the same rules as from an endpoint."""

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.sources.options import SourceOptions
from kg.statements import Statements
from kg.terms import RDF_TYPE, iri_term


def select_statements(statements: Statements, options: SourceOptions) -> Statements:
    """The statements that the options select, in the same order.

    classes: what leaves the instances. seeds: what leaves the seeds, and, hop by hop, what leaves their IRI objects.
    """
    if options.select == "whole":
        return statements
    s, p, o = (statements.rows[name].to_numpy() for name in ("s", "p", "o"))
    reached = np.zeros(len(statements.terms), bool)
    if options.select == "classes":
        types, wanted = _places(statements, [RDF_TYPE]), _places(statements, map(iri_term, options.class_iris))
        reached[s[np.isin(p, types) & np.isin(o, wanted)]] = True
    else:
        reached[_places(statements, map(iri_term, options.seed_iris))] = True
        is_iri = statements.terms.str.starts_with("<").to_numpy()
        for _ in range(options.hops - 1):
            reached[o[reached[s] & is_iri[o]]] = True
    return statements.keep(reached[s])


def _places(statements: Statements, terms: Iterable[str]) -> NDArray[np.int64]:
    """Where terms stand among those of the statements, without those that are not there."""
    found = pl.Series(sorted(set(terms)), dtype=pl.String)
    return np.flatnonzero(statements.terms.is_in(found.implode()).to_numpy())
