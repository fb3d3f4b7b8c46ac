"""Which predicates' triples are left out."""

import re

import polars as pl

from kg.clean.options import CleanOptions, iri_of
from kg.labels import LABELS
from kg.terms import OWL_SAME_AS, RDF_TYPE, REDIRECTS, SKOS_ALT_LABEL, iri_term

ALWAYS = (*LABELS, SKOS_ALT_LABEL, RDF_TYPE, REDIRECTS, OWL_SAME_AS)
"""Predicates that an allow list does not leave out: without them entities have no names, no types, and twins."""


def unwanted_predicates(terms: pl.Series, options: CleanOptions) -> pl.Series:
    """Which terms, if they are predicates, name triples to leave out.

    >>> options = CleanOptions(keep_predicates=("dbo:*",), drop_predicates=("dbo:wikiPage*",))
    >>> names = ["dbo:birthPlace", "dbo:wikiPageID", "dbp:birthPlace", "rdf:type"]
    >>> unwanted_predicates(pl.Series([iri_term(iri_of(name)) for name in names]), options).to_list()
    [False, True, True, False]
    """
    unwanted = _named(terms, options.drop_predicates)
    if options.keep_predicates:
        unwanted |= ~(_named(terms, options.keep_predicates) | terms.is_in(ALWAYS))
    return unwanted


def _named(terms: pl.Series, names: tuple[str, ...]) -> pl.Series:
    whole = [iri_term(iri_of(name)) for name in names if not name.endswith("*")]
    begun = "|".join(re.escape(iri_of(name)[:-1]) for name in names if name.endswith("*"))
    found = terms.is_in(whole)
    return found | terms.str.contains(f"^<(?:{begun})") if begun else found
