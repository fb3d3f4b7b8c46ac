"""The part of a dump that the options select, by the same rules as from an endpoint."""

import numpy as np
import polars as pl

from kg.sources.options import SourceOptions
from kg.statements import Statements
from kg.terms import RDF_TYPE, iri_term


def select_triples(statements: Statements, options: SourceOptions) -> Statements:
    """The statements that the options select, in the same order.

    classes: what leaves the instances. seeds: what leaves the seeds, and, hop by hop, what leaves their IRI objects.
    """
    s, p, o = statements.columns()
    reached = np.zeros(len(statements.terms), bool)
    if options.select == "classes":
        wanted = statements.positions([iri_term(iri) for iri in options.class_iris])
        reached[s[np.isin(p, statements.positions([RDF_TYPE])) & np.isin(o, wanted)]] = True
    else:
        resource = statements.terms.str.starts_with("<").to_numpy()
        reached[statements.positions([iri_term(iri) for iri in options.seed_iris])] = True
        for _ in range(options.hops - 1):
            leaving = o[reached[s]]
            reached[leaving[resource[leaving]]] = True
    return statements.keep(pl.Series(reached[s]))
