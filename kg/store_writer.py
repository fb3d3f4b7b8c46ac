"""The process that writes a SPARQL store: `python -m kg.store_writer FOLDER BLANK` reads N-Triples from standard input.

The first BLANK lines hold blank nodes. `bulk_load` would give these new names, so they go in as parsed quads.
"""

import itertools
import sys
from pathlib import Path
from typing import IO

import pyoxigraph as ox

from kg.sources.compressed import line_chunks

CHUNK_BYTES = 64 << 20


def write(folder: Path, blank: int, stream: IO[bytes]) -> None:
    """Writes the lines of a stream as a store. CHUNK_BYTES at a time, so memory does not grow with the graph."""
    store = ox.Store(str(folder))
    named = b"".join(itertools.islice(stream, blank))
    store.bulk_extend(ox.parse(named, format=ox.RdfFormat.N_TRIPLES))
    for chunk in line_chunks(stream, path=folder, chunk_bytes=CHUNK_BYTES):
        store.bulk_load(chunk, format=ox.RdfFormat.N_TRIPLES, lenient=True)
    store.flush()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer)
