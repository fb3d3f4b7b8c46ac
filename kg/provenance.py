"""Where each triple comes from: columns beside the graph's, memory-mapped.

Rows `pointer[t]:pointer[t + 1]` of the columns are the statements of triple t. The documents are kept with their texts,
so that a citation can quote the sentence.
"""

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.strings import StringColumn, write_strings
from kg.types import Document, SourceInfo

_COLUMNS = {"source": np.uint16, "record": np.int64, "start": np.int32, "end": np.int32, "confidence": np.float32}


@dataclass(frozen=True)
class Origin:
    """One place that states a triple.

    where: the place in words. record, start, end, confidence: as in `kg.statements.PLACE`. document: the
    document's id, or None where the source is no text.
    """

    source: str
    kind: str
    where: str
    record: int
    start: int
    end: int
    confidence: float
    document: str | None


class Provenance:
    """The places that state each triple of a snapshot."""

    def __init__(
        self,
        sources: Sequence[SourceInfo],
        documents: tuple[StringColumn, StringColumn],
        pointer: NDArray[np.int64],
        columns: dict[str, NDArray[Any]],
    ) -> None:
        self.sources = sources
        self.document_ids, self.document_texts = documents
        self.pointer = pointer
        self.columns = columns

    @classmethod
    def open(cls, folder: Path) -> "Provenance":
        """The provenance written by `write_provenance`."""
        rows = json.loads((folder / "sources.json").read_text("utf-8"))
        documents = StringColumn.open(folder, "document_ids"), StringColumn.open(folder, "document_texts")
        columns = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _COLUMNS}
        pointer = np.load(folder / "pointer.npy", mmap_mode="r")
        return cls([SourceInfo(**row) for row in rows], documents, pointer, columns)

    def __len__(self) -> int:
        """The number of triples."""
        return len(self.pointer) - 1

    def of(self, row: int) -> list[Origin]:
        """The places that state the triple in a row of the graph, by source, then by place."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside a graph of {len(self)} triples")
        return [self._origin(at) for at in range(int(self.pointer[row]), int(self.pointer[row + 1]))]

    def quote(self, origin: Origin) -> str | None:
        """The text that an origin points at, or None where it points at none."""
        if origin.document is None or origin.start < 0:
            return None
        return str(self.document_texts[origin.record])[origin.start : origin.end]

    def _origin(self, at: int) -> Origin:
        info = self.sources[int(self.columns["source"][at])]
        record, start, end = (int(self.columns[name][at]) for name in ("record", "start", "end"))
        confidence = float(self.columns["confidence"][at])
        document = self.document_ids[record] if _is_text(info, start) else None
        where = _where(info, record, start, end, confidence, document)
        return Origin(info.name, info.kind, where, record, start, end, confidence, document)


def write_provenance(
    folder: Path, support: pl.DataFrame, infos: Sequence[SourceInfo], documents: Sequence[Document]
) -> Provenance:
    """Writes statements sorted by `triple` (see `kg.clean.Finished.support`), their sources and documents; opens them.

    Every triple must have a statement, and `triple` is the row of the graph.
    """
    folder.mkdir(parents=True, exist_ok=True)
    triple = support["triple"].to_numpy()
    n_triples = int(triple[-1]) + 1 if len(triple) else 0
    np.save(folder / "pointer.npy", np.searchsorted(triple, np.arange(n_triples + 1)).astype(np.int64))
    for name, dtype in _COLUMNS.items():
        np.save(folder / f"{name}.npy", support[name].to_numpy().astype(dtype))
    rows = [asdict(info) for info in infos]
    (folder / "sources.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1, sort_keys=True), "utf-8")
    write_strings(folder, "document_ids", pl.Series([document.id for document in documents], dtype=pl.String))
    write_strings(folder, "document_texts", pl.Series([document.text for document in documents], dtype=pl.String))
    return Provenance.open(folder)


def _is_text(info: SourceInfo, start: int) -> bool:
    return start >= 0 or info.kind == "text"


def _where(info: SourceInfo, record: int, start: int, end: int, confidence: float, document: str | None) -> str:
    if document is not None:
        place = f"document {document}" + (f", characters {start} to {end}" if start >= 0 else "")
    elif info.kind == "endpoint":
        place = f"{info.name} slice {record}"
    else:
        place = _dump_place(info, record)
    return place if confidence >= 1 else f"{place}, confidence {confidence:.2f}"


def _dump_place(info: SourceInfo, record: int) -> str:
    """The file with the record's number in it; of a folder its name and the path below."""
    name = Path(info.name).name
    files = info.details.get("files")
    if not files:
        return f"{name} line {record}"
    file = files[bisect_right(files, record, key=lambda row: row["first_record"]) - 1]
    if file["file"] != Path(info.details.get("location", info.name)).name:
        name = f"{name}/{file['file']}"
    return f"{name} {file.get('unit', 'line')} {record - file['first_record'] + 1}"
