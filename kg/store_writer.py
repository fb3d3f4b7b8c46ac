"""The process that writes a SPARQL store: `python -m kg.store_writer FOLDER LINES [blank]`, LINES canonical N-Triples.

`bulk_load` would give blank nodes new names, so lines with some (there are such if it says `blank`) go in as parsed
quads. It ends when its parent does.
"""

import re
import sys
from pathlib import Path

import pyoxigraph as ox

from kg.sandbox import end_with_parent
from kg.sources.compressed import line_chunks

CHUNK_BYTES = 64 << 20
"""Loaded at a time, so that memory does not grow with the graph."""
_BLANK = re.compile(rb"^(?:_:|<[^>]*> <[^>]*> _:).*\n", re.MULTILINE)


def write(folder: Path, lines: Path, *, blank: bool) -> None:
    """Writes the lines of a file as a store."""
    store = ox.Store(str(folder))
    with lines.open("rb") as stream:
        for chunk in line_chunks(stream, path=lines, chunk_bytes=CHUNK_BYTES):
            if blank:
                store.bulk_extend(ox.parse(b"".join(_BLANK.findall(chunk)), format=ox.RdfFormat.N_TRIPLES))
                chunk = _BLANK.sub(b"", chunk)
            store.bulk_load(chunk, format=ox.RdfFormat.N_TRIPLES, lenient=True)
    store.flush()


if __name__ == "__main__":
    end_with_parent()
    write(Path(sys.argv[1]), Path(sys.argv[2]), blank=sys.argv[3] == "blank")
