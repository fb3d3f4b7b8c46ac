"""Options of retrieval."""

from dataclasses import dataclass

from kg.errors import ConfigError
from kg.ranges import check_least

MOST_HOPS = 3
"""The longest path that the scorer can score."""


@dataclass(frozen=True)
class RetrievalOptions:
    """hops: longest path of relations, 1 to 3. beam: paths kept from one step to the next. sample: entities looked at
    per path. finalists: candidates whose answers are looked at. k: pieces of evidence given to the generator. refuse:
    answers that are less probably right than this are not given."""

    hops: int = 3
    beam: int = 24
    sample: int = 24
    finalists: int = 48
    k: int = 6
    refuse: float = 0.05

    def __post_init__(self) -> None:
        if not 1 <= self.hops <= MOST_HOPS:
            raise ConfigError(f"retrieval.hops must be 1 to {MOST_HOPS}, not {self.hops}.")
        check_least("retrieval", self, {"beam": 1, "sample": 1, "finalists": 1, "k": 1, "refuse": 0})


@dataclass(frozen=True)
class EmbedOptions:
    """shrink: how many times smaller than float32 the index of entity vectors is to be, at least 1. 4 is a byte a
    dimension; 8 and 16 take product codes, which a build fits in about a minute, from 20,000 entities up. memory: MiB
    that the index may take; above 500,000 entities it is searched by a graph (HNSW), whose links make it larger than
    `shrink` says, if that fits, and else by cells. What it cost in recall stands in the manifest."""

    shrink: float = 4.0
    memory: int = 1024

    def __post_init__(self) -> None:
        check_least("embed", self, {"shrink": 1, "memory": 1})
