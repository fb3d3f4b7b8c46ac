"""What to pull, and from where."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from kg.errors import UsageError
from kg.sources.quarantine import MAX_MALFORMED
from kg.terms import expand

Kind = Literal["endpoint", "dump", "text"]
Select = Literal["whole", "classes", "seeds"]

RDF_SUFFIXES = {
    ".nt": "N-Triples",
    ".ntriples": "N-Triples",
    ".nq": "N-Quads",
    ".nquads": "N-Quads",
    ".ttl": "Turtle",
    ".turtle": "Turtle",
    ".rdf": "RDF/XML",
    ".owl": "RDF/XML",
    ".xml": "RDF/XML",
}
TEXT_SUFFIXES = (".jsonl", ".txt", ".md", ".html", ".htm", ".pdf")
COMPRESSED = (".gz", ".bz2", ".zst")
TAKEN = (
    "A source is an N-Triples (.nt), N-Quads (.nq), Turtle (.ttl) or RDF/XML (.rdf, .owl, .xml) file; a text: JSONL "
    "(.jsonl), plain text (.txt, .md), HTML (.html, .htm) or PDF (.pdf); each plain or .gz, .bz2, .zst; a folder of "
    "RDF files or of texts; or the http(s) address of a SPARQL endpoint."
)


@dataclass(frozen=True)
class SourceOptions:
    """One source, and what to take from it.

    name: how the manifest and the citations call it; the location where none is given. select: everything, the
    outgoing triples of the instances of `classes`, or those of `seeds` and of what they reach in `hops` steps (1:
    the seeds' own triples). Classes, seeds and graph may be prefixed names. graph: the named graph to ask, of an
    endpoint only. max_malformed: the share of the lines of a file (or rows of an endpoint) that may be no RDF; they
    are left out and listed, and one more stops the build; 0 stops at the first. timeout_s is for one request; retries
    is how often a request that failed for a passing reason is sent again, wait_s the first wait before that, doubled
    each time. connections is the most requests that an endpoint gets at the same time, page_size the most rows that one
    asks for. A password comes from the environment: https://me:$SPARQL_PASSWORD@host/sparql. without: ids of documents
    to leave out (`limbeck remove` adds to it).
    """

    location: str
    name: str | None = None
    select: Select = "whole"
    classes: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    hops: int = 1
    graph: str | None = None
    page_size: int = 10_000
    timeout_s: float = 60
    retries: int = 5
    wait_s: float = 0.5
    connections: int = 4
    max_malformed: float = MAX_MALFORMED
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        label = self.label
        if not (password_of(self.location) or "$").startswith("$"):
            raise UsageError(
                f"source {label}: a password stands in the address. Put it into an environment variable and name that "
                "one: https://USER:$SPARQL_PASSWORD@host/…."
            )
        if self.select not in ("whole", "classes", "seeds"):
            raise UsageError(f'source {label}: select is "whole", "classes" or "seeds", not {self.select!r}.')
        if self.select != "whole" and not getattr(self, self.select):
            raise UsageError(f'source {label}: select = "{self.select}" needs a list of {self.select}.')
        for name in ("classes", "seeds"):
            if self.select != name and getattr(self, name):
                raise UsageError(f'source {label}: {name} are given, but select is "{self.select}"; say "{name}".')
        if not 0 <= self.max_malformed <= 1:
            raise UsageError(f"source {label}: max_malformed is a share, 0 to 1, not {self.max_malformed:g}.")
        for name, least in (("hops", 1), ("page_size", 1), ("retries", 0), ("connections", 1), ("wait_s", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"source {label}: {name} is at least {least}, not {getattr(self, name)}.")
        if self.timeout_s <= 0:
            raise UsageError(f"source {label}: timeout_s is more than 0, not {self.timeout_s:g}.")

    @property
    def label(self) -> str:
        """The name, or the location without credentials."""
        return self.name or without_credentials(self.location)

    @property
    def class_iris(self) -> tuple[str, ...]:
        """The classes as bare IRIs."""
        return tuple(expand(name) for name in self.classes)

    @property
    def seed_iris(self) -> tuple[str, ...]:
        """The seeds as bare IRIs."""
        return tuple(expand(name) for name in self.seeds)


def kind_of(location: str) -> Kind:
    """Whether a location is an endpoint, a dump or texts; raises UsageError for anything else.

    A folder with any RDF file is a dump: texts beside it, such as a README.md, are left alone.
    """
    shown = without_credentials(location)
    if location.lower().startswith(("http://", "https://")):
        name = urlsplit(location).path
        if rdf_format(name) or is_text(name):
            raise UsageError(f"{shown} is the address of a file. Download it and give its path. {TAKEN}")
        return "endpoint"
    path = Path(location)
    if path.is_dir():
        if dump_files(path):
            return "dump"
        if text_files(path):
            return "text"
        raise UsageError(f"the folder {shown} holds no file of RDF or text. {TAKEN}")
    if not path.exists():
        raise UsageError(f"there is no file {shown}. {TAKEN}")
    if rdf_format(path.name):
        return "dump"
    if is_text(path.name):
        return "text"
    raise UsageError(f"{shown} is of no known kind. {TAKEN}")


def dump_files(path: Path) -> list[Path]:
    """The RDF files of a folder and its sub-folders in the order of their paths, or the file itself.

    What is hidden (its name begins with a dot) is left out.
    """
    return _files(path, lambda name: rdf_format(name) is not None)


def text_files(path: Path) -> list[Path]:
    """The same for texts."""
    return _files(path, is_text)


def is_text(name: str) -> bool:
    """Whether a file of this name is a text.

    >>> is_text("notes.TXT.gz"), is_text("notes.ttl")
    (True, False)
    """
    return Path(plain_name(name)).suffix in TEXT_SUFFIXES


def rdf_format(name: str) -> str | None:
    """The RDF syntax that a file name stands for, or None.

    >>> rdf_format("labels.nt.gz")
    'N-Triples'
    """
    return RDF_SUFFIXES.get(Path(plain_name(name)).suffix)


def plain_name(name: str) -> str:
    """A file name in lower case, without the suffix of a compression."""
    path = Path(name.lower())
    return path.stem if path.suffix in COMPRESSED else path.name


def password_of(location: str) -> str | None:
    """The password in an address, or None.

    >>> password_of("https://me:$SECRET@example.org/sparql")
    '$SECRET'
    """
    return urlsplit(location).password if "://" in location else None


def without_credentials(location: str) -> str:
    """The location as it may be shown: without the user and password of a URL.

    >>> without_credentials("https://me:secret@example.org/sparql")
    'https://example.org/sparql'
    """
    if "://" not in location:
        return location
    parts = urlsplit(location)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _files(path: Path, wanted: Callable[[str], bool]) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = (entry for entry in path.rglob("*") if wanted(entry.name) and entry.is_file())
    return sorted(entry for entry in found if not _is_hidden(entry.relative_to(path)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
