"""What cleaning keeps and drops."""

import re
from dataclasses import dataclass
from typing import Literal

from kg.clean.size import parse_size
from kg.errors import ConfigError
from kg.terms import PREFIXES, expand

_WHOLE = re.compile(r"[a-z]+://|urn:")
_RANGE = re.compile(r"\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class CleanOptions:
    """Options of every cleaning step.

    languages: language ranges (BCP 47) of the tagged literals to keep: "en" keeps en and en-GB, "*" all.
    keep_predicates: prefixed names or IRIs of the only predicates to keep, "dbo:*" for all that begin so; none for all.
    Labels, types, redirects and owl:sameAs stay in any case.
    drop_predicates: the same for predicates whose triples say nothing about the world; they go even if they are kept.
    fold_properties: whether dbp: statements go into the dbo: ones that say the same; whoever asks for dbp: then misses
    them.
    ontology: an RDF file whose classes, domains and ranges triples are checked against, besides what the graph itself
    says of them.
    violations: "flag" to count the triples that the ontology speaks against, "drop" to leave them out, "off".
    prefer: the namespace whose IRI stands for a set of identical resources.
    resolve: whether entities that are one by their names and neighbours are merged without a stated link.
    budget: what pruning leaves: a share of the triples, above 0, at most 1; or the bytes on disk that the published
    graph may take (its columns, store and provenance), as "200 MB" or "1.5 GiB".
    apart: IRIs that are neither merged nor merged into (`limbeck unmerge` adds to it).
    """

    languages: tuple[str, ...] = ("en",)
    keep_predicates: tuple[str, ...] = ()
    drop_predicates: tuple[str, ...] = (
        "dbo:wikiPageID",
        "dbo:wikiPageRevisionID",
        "dbo:wikiPageWikiLink",
        "dbo:wikiPageExternalLink",
        "dbo:wikiPageLength",
        "dbo:wikiPageInDegree",
        "dbo:wikiPageOutDegree",
        "dbo:wikiPageInterLanguageLink",
        "dbo:wikiPageEditLink",
        "dbo:wikiPageHistoryLink",
        "dbo:wikiPageExtracted",
        "dbo:wikiPageModified",
        "dbp:wikiPageUsesTemplate",
        "dbo:thumbnail",
        "foaf:depiction",
        "foaf:isPrimaryTopicOf",
        "foaf:primaryTopic",
        "prov:wasDerivedFrom",
    )
    fold_properties: bool = False
    ontology: str = ""
    violations: Literal["flag", "drop", "off"] = "flag"
    prefer: str = "http://dbpedia.org/resource/"
    resolve: bool = True
    budget: float | str = 1.0
    apart: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.languages:
            if not _RANGE.fullmatch(name):
                raise ConfigError(
                    f'clean.languages: {name!r} is no language range; write "en", "en-GB", or "*" for all.'
                )
        for name in (*self.keep_predicates, *self.drop_predicates):
            if not iri_of(name):
                raise ConfigError(
                    f"clean.keep_predicates and drop_predicates: {name!r} is neither an IRI nor a name with one of the "
                    f"prefixes {', '.join(PREFIXES)}."
                )
        if isinstance(self.budget, str):
            parse_size(self.budget)
        elif not 0 < self.budget <= 1:
            raise ConfigError(
                f"clean.budget must be a share above 0, at most 1, or a size as in '200 MB', not {self.budget}."
            )

    @property
    def kept(self) -> float | int:
        """The budget as `kg.clean.prune` takes it: a share, or a whole number of bytes."""
        return parse_size(self.budget) if isinstance(self.budget, str) else float(self.budget)

    @property
    def language(self) -> str | None:
        """The language of names that cleaning makes: the first that is one, lower case."""
        return next((name.lower() for name in self.languages if name != "*"), None)


def iri_of(name: str) -> str:
    """The IRI of a predicate's name, with the `*` of a pattern; empty if it is none."""
    iri = expand(name)
    return iri if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"]+\Z", iri) and (iri != name or _WHOLE.match(iri)) else ""
