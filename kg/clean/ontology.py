"""What an ontology says of classes and properties.

Read are rdfs:subClassOf, owl:equivalentClass, owl:disjointWith, rdfs:subPropertyOf, rdfs:domain and rdfs:range between
IRIs. Class expressions (blank nodes) say nothing here, nor do owl:Thing and rdfs:Resource, which everything is.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import find
from kg.terms import PREFIXES

_RDFS, _OWL = PREFIXES["rdfs"], PREFIXES["owl"]
SUBCLASS, EQUIVALENT, DISJOINT = f"<{_RDFS}subClassOf>", f"<{_OWL}equivalentClass>", f"<{_OWL}disjointWith>"
SUBPROPERTY, DOMAIN, RANGE = f"<{_RDFS}subPropertyOf>", f"<{_RDFS}domain>", f"<{_RDFS}range>"
AXIOMS = (SUBCLASS, EQUIVALENT, DISJOINT, SUBPROPERTY, DOMAIN, RANGE)
_TOP = (f"<{_OWL}Thing>", f"<{_RDFS}Resource>")
_DATATYPE = rf"^<(?:{PREFIXES['xsd']}|http://dbpedia\.org/datatype/)|^<{PREFIXES['rdf']}langString>$|^<{_RDFS}Literal>$"
_SCHEMA = dict.fromkeys(("s", "p", "o"), pl.String)


@dataclass(frozen=True)
class Ontology:
    """axioms: distinct columns s, p, o of N-Triples terms with the predicates `AXIOMS`, sorted."""

    axioms: pl.DataFrame

    @classmethod
    def of(cls, *frames: pl.DataFrame) -> "Ontology":
        """What frames of triples (columns s, p, o of N-Triples terms) say together."""
        iri = pl.all_horizontal(pl.col("s", "o").str.starts_with("<"))
        wanted = [
            frame.select("s", "p", "o").filter(pl.col("p").is_in(AXIOMS), iri, ~pl.col("o").is_in(_TOP))
            for frame in (pl.DataFrame(schema=_SCHEMA), *frames)
        ]
        return cls(pl.concat(wanted).unique().sort("s", "p", "o"))

    def pairs(self, *predicates: str) -> pl.DataFrame:
        """The columns s, o of axioms; an equivalence comes both ways."""
        found = self.axioms.filter(pl.col("p").is_in(predicates))
        back = found.filter(pl.col("p") == EQUIVALENT).select(s="o", o="s")
        return pl.concat([found.select("s", "o"), back]).unique().sort("s", "o")

    def said_of(self, predicate: str) -> pl.DataFrame:
        """The domains (`DOMAIN`) or ranges (`RANGE`) of properties; those of super-properties where a property has none
        of its own. Equivalent properties inherit nothing: DBpedia's go by way of Wikidata, and bring in others."""
        said = self.pairs(predicate)
        under = Order.of(self.pairs(SUBPROPERTY), said["s"])
        low, high = under.above.nonzero()
        inherited = pl.DataFrame({"s": under.names.gather(low), "over": under.names.gather(high)})
        inherited = inherited.join(said, left_on="over", right_on="s").join(said, on="s", how="anti")
        return pl.concat([said, inherited.select("s", "o")]).unique().sort("s", "o")

    def classes(self) -> "Order":
        """The classes and what lies above each."""
        more = [self.pairs(DISJOINT)[name] for name in ("s", "o")] + [self.pairs(name)["o"] for name in (DOMAIN, RANGE)]
        named = pl.concat(more)
        return Order.of(self.pairs(SUBCLASS, EQUIVALENT), named.filter(~is_datatype(named)))


@dataclass(frozen=True)
class Order:
    """names: sorted terms. above: sparse, shape (n, n), 1 where the column's term is the row's or lies above it."""

    names: pl.Series
    above: Any

    @classmethod
    def of(cls, below: pl.DataFrame, more: pl.Series) -> "Order":
        """The transitive closure of the pairs (s below o); `more` terms have nothing above them."""
        from scipy import sparse

        names = pl.concat([below["s"], below["o"], more]).unique().sort()
        n = len(names)
        rows, columns = (names.search_sorted(below[name]).to_numpy() for name in ("s", "o"))
        step = sparse.coo_array((np.ones(len(below), np.int32), (rows, columns)), shape=(n, n)).tocsr()
        above = _ones(step + sparse.eye_array(n, dtype=np.int32, format="csr"))
        while (further := _ones(above @ above)).nnz > above.nnz:
            above = further
        return cls(names, above)

    def find(self, terms: pl.Series) -> NDArray[np.int64]:
        """The position of each term among the names, or -1."""
        return find(terms, self.names)

    def roots(self) -> Any:
        """Sparse, shape (n, k): which roots lie above each term, or are it. A root has terms below it and none above it
        but its equals, of which the first by its bytes counts; terms without either have no root."""
        equal = _ones(self.above.multiply(self.above.T))
        first = np.asarray(equal.indices[equal.indptr[:-1]]) == np.arange(len(self.names))
        up, down = (np.asarray(self.strict.sum(axis=axis)).ravel() for axis in (1, 0))
        return self.above[:, np.flatnonzero((up == 0) & (down > 0) & first)].tocsc()

    @cached_property
    def strict(self) -> Any:
        """Sparse, shape (n, n): what lies above each term and is not its equal."""
        return _ones(self.above - self.above.multiply(self.above.T))


def read_ontology(path: Path) -> Ontology:
    """The ontology in a file of any RDF format. Raises ParseError, SourceError."""
    from kg.sources.dump import read_file

    return Ontology.of(*(frame for frame, *_ in read_file(path, blank="ontology")))


def stated(terms: pl.Series, s: NDArray[Any], p: NDArray[Any], o: NDArray[Any]) -> pl.DataFrame:
    """The triples of a graph (positions in sorted `terms`) that are axioms, as columns s, p, o of terms."""
    wanted = find(pl.Series(AXIOMS), terms)
    rows = np.flatnonzero(np.isin(p, wanted[wanted >= 0]))
    return pl.DataFrame({name: terms.gather(ids[rows]) for name, ids in (("s", s), ("p", p), ("o", o))}, schema=_SCHEMA)


def is_datatype(names: pl.Series) -> pl.Series:
    """Which terms name datatypes."""
    return names.str.contains(_DATATYPE)


def _ones(matrix: Any) -> Any:
    matrix = matrix.tocsr()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    matrix.data[:] = 1
    return matrix
