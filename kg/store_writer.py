"""The process that writes a SPARQL store: `python -m kg.store_writer FOLDER [blank]` reads the names of files with
canonical N-Triples from standard input, each loaded, and removed, as soon as it is named.

`bulk_load` would give blank nodes new names, so lines with some (there are such if it says `blank`) go in as parsed
quads. It ends when its parent does.
"""

import re
import sys
from pathlib import Path

import pyoxigraph as ox

from kg.sandbox import end_with_parent

_BLANK = re.compile(rb"^(?:_:|<[^>]*> <[^>]*> _:).*\n", re.MULTILINE)


def load(store: ox.Store, lines: bytes, *, blank: bool) -> None:
    """Adds N-Triples lines to a store."""
    if blank:
        store.bulk_extend(ox.parse(b"".join(_BLANK.findall(lines)), format=ox.RdfFormat.N_TRIPLES))
        lines = _BLANK.sub(b"", lines)
    store.bulk_load(lines, format=ox.RdfFormat.N_TRIPLES, lenient=True)


def main() -> None:
    """Writes the store."""
    store = ox.Store(sys.argv[1])
    for name in sys.stdin:
        path = Path(name.rstrip("\n"))
        load(store, path.read_bytes(), blank=sys.argv[2] == "blank")
        path.unlink()
    store.flush()


if __name__ == "__main__":
    end_with_parent()
    main()
