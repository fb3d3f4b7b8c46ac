"""All errors that Limbeck raises on purpose.

    LimbeckError
    ├── UsageError            wrong use: an unknown option, file or name (exit status 2)
    │   └── ConfigError       the configuration file is wrong
    ├── SourceError           a source could not be read
    │   ├── EndpointError     the SPARQL endpoint is down, refuses, or answers something else
    │   ├── IncompletePull    fewer or more rows came than the endpoint counts
    │   └── ParseError        a line of a dump or text file is malformed
    ├── EmptyGraph            nothing is left to publish
    ├── SnapshotError         a snapshot is missing, damaged, or does not fit
    │   ├── NoSnapshot        nothing has been built yet
    │   └── EncoderMismatch   the vectors were made by another encoder
    ├── WorkspaceLocked       another process is writing
    ├── QueryError            a SPARQL query is malformed or not allowed
    │   └── QueryStopped      it took too long, too much memory, or found no free worker
    ├── ModelError            a model is missing, damaged, or does not fit
    └── MissingPart           an optional program or package is not installed

Every message says what was expected, what came, where, and what to do.
"""


class LimbeckError(Exception):
    """Base of all errors that a user can act on."""

    exit_status = 1


class UsageError(LimbeckError):
    exit_status = 2


class ConfigError(UsageError):
    pass


class SourceError(LimbeckError):
    pass


class EndpointError(SourceError):
    may_pass = False
    """Whether the same request may succeed later."""


class IncompletePull(SourceError):
    pass


class ParseError(SourceError):
    pass


class EmptyGraph(LimbeckError):
    pass


class SnapshotError(LimbeckError):
    pass


class NoSnapshot(SnapshotError):
    pass


class EncoderMismatch(SnapshotError):
    pass


class WorkspaceLocked(LimbeckError):
    pass


class QueryError(LimbeckError):
    pass


class QueryStopped(QueryError):
    pass


class ModelError(LimbeckError):
    pass


class MissingPart(LimbeckError):
    pass
