"""Where triples and texts come from: SPARQL endpoints, RDF dumps, text files."""

from kg.sources.kept import read_pulled, without, write_pulled
from kg.sources.options import SourceOptions
from kg.sources.pull import Pulled, estimate, pull

__all__ = ["Pulled", "SourceOptions", "estimate", "pull", "read_pulled", "without", "write_pulled"]
