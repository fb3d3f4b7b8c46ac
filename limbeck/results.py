"""SPARQL results as rdflib has them, with a way to pandas."""

from typing import TYPE_CHECKING, Any

from rdflib.query import Result

if TYPE_CHECKING:
    import pandas


class SparqlResult(Result):
    """An rdflib Result; iterate it, `serialize` it, or turn it into a frame."""

    @classmethod
    def of(cls, result: Result) -> "SparqlResult":
        """The same result, read to its end, with `to_pandas`."""
        copied = cls(result.type)
        if result.type == "SELECT":
            result.bindings = list(result.bindings)
        copied.__dict__.update(result.__dict__)
        return copied

    def to_pandas(self) -> "pandas.DataFrame":
        """One column per variable, Python values where rdflib has them, None where unbound; raises TypeError for
        CONSTRUCT and ASK."""
        import pandas

        if self.type != "SELECT":
            raise TypeError(f"only SELECT results are tables; this is a {self.type} result.")
        names = [str(variable) for variable in self.vars or ()]
        rows: list[list[Any]] = [[None if term is None else term.toPython() for term in row] for row in self]  # type: ignore[union-attr]
        return pandas.DataFrame(rows, columns=names)
