"""Options of retrieval."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetrievalOptions:
    """hops: longest path of relations. beam: paths kept from one step to the next. sample: entities looked at per path.
    k: pieces of evidence given to the generator."""

    hops: int = 2
    beam: int = 24
    sample: int = 24
    k: int = 6
