"""What a benchmark gives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A figure: of which system, how much, of what, on which data."""

    system: str
    value: float
    unit: str
    data: str
