"""What the sources gave, kept in a snapshot as it came.

So a refresh reads again only what has changed, and a source can be taken away without asking the others again.

    pulled/terms.parquet      the distinct terms
    pulled/rows.parquet       the statements: s, p, o (positions in the terms), source and record
    pulled/documents.parquet  source, id and text of each document
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from kg.errors import SnapshotError, UsageError
from kg.sources.options import SourceOptions
from kg.sources.pull import Pulled
from kg.statements import PLACE, TRIPLE, Statements, compact
from kg.types import Document, SourceInfo

FOLDER = "pulled"


def write_pulled(folder: Path, pulled: Pulled) -> None:
    """Writes what the sources gave into a snapshot's folder."""
    place = folder / FOLDER
    place.mkdir(parents=True)
    statements = pulled.statements
    statements.terms.alias("term").to_frame().write_parquet(place / "terms.parquet", compression_level=1)
    statements.rows.select(*TRIPLE, "source", "record").write_parquet(place / "rows.parquet", compression_level=1)
    columns = {
        "source": pulled.document_source,
        "id": [document.id for document in pulled.documents],
        "text": [document.text for document in pulled.documents],
    }
    schema = {"source": pl.UInt16, "id": pl.String, "text": pl.String}
    pl.DataFrame(columns, schema=schema).write_parquet(place / "documents.parquet")


def read_pulled(folder: Path, sources: Sequence[dict[str, Any]]) -> Pulled:
    """What `write_pulled` wrote. sources: what the manifest says of each. Raises SnapshotError."""
    place = folder / FOLDER
    try:
        terms = pl.read_parquet(place / "terms.parquet")["term"]
        rows = pl.read_parquet(place / "rows.parquet")
        documents = pl.read_parquet(place / "documents.parquet")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SnapshotError(f"{place} does not read: {error}. Build again from the sources.") from error
    infos = [
        SourceInfo(row["name"], row["kind"], {key: value for key, value in row.items() if key not in ("name", "kind")})
        for row in sources
    ]
    texts = [Document(id_, text) for id_, text in documents.select("id", "text").iter_rows()]
    places = {"start": -1, "end": -1, "confidence": 1.0}
    filled = rows.with_columns(pl.lit(value, PLACE[name]).alias(name) for name, value in places.items())
    return Pulled(Statements(terms, filled.select(*TRIPLE, *PLACE)), texts, documents["source"].to_list(), infos)


@dataclass(frozen=True)
class Without:
    """What is left after a removal: the options of the sources, and what they gave. removed: in words."""

    sources: tuple[SourceOptions, ...]
    pulled: Pulled
    removed: str


def without(sources: Sequence[SourceOptions], pulled: Pulled, name: str) -> Without:
    """The same without one source, named by its name or location, or without one document, named by its id.

    Raises UsageError for a name that fits none or several.
    """
    places = [
        number for number, options in enumerate(sources) if name in (options.label, options.name, options.location)
    ]
    documents = [number for number, document in enumerate(pulled.documents) if document.id == name]
    if len(places) + len(documents) != 1:
        found = "more than one source or document is" if places or documents else "no source and no document is"
        known = ", ".join(options.label for options in sources)
        raise UsageError(f"{found} called {name!r}. The sources are: {known}.")
    if places:
        return _without_source(sources, pulled, places[0])
    return _without_document(sources, pulled, documents[0])


def _without_source(sources: Sequence[SourceOptions], pulled: Pulled, place: int) -> Without:
    def others(items: Sequence[Any]) -> list[Any]:
        return [*items[:place], *items[place + 1 :]]

    kept = [at for at, source in enumerate(pulled.document_source) if source != place]
    source = pl.col("source")
    rows = pulled.statements.rows.filter(source != place).with_columns(source - (source > place).cast(pl.UInt16))
    left = Pulled(
        compact(pulled.statements.terms, rows),
        [pulled.documents[at] for at in kept],
        [pulled.document_source[at] - (pulled.document_source[at] > place) for at in kept],
        others(pulled.infos),
    )
    return Without(tuple(others(sources)), left, f"source {sources[place].label}")


def _without_document(sources: Sequence[SourceOptions], pulled: Pulled, at: int) -> Without:
    place, document = pulled.document_source[at], pulled.documents[at]
    options = replace(sources[place], without=tuple(sorted({*sources[place].without, document.id})))
    info = pulled.infos[place]
    fewer = replace(info, details={**info.details, "documents": info.details["documents"] - 1})
    left = Pulled(
        pulled.statements,
        [*pulled.documents[:at], *pulled.documents[at + 1 :]],
        [*pulled.document_source[:at], *pulled.document_source[at + 1 :]],
        [*pulled.infos[:place], fewer, *pulled.infos[place + 1 :]],
    )
    return Without((*sources[:place], options, *sources[place + 1 :]), left, f"document {document.id}")
