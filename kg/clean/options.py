"""What cleaning keeps and drops."""

from dataclasses import dataclass

from kg.clean.size import parse_size
from kg.errors import ConfigError
from kg.terms import expand, iri_term


@dataclass(frozen=True)
class CleanOptions:
    """Options of every cleaning step.

    languages: primary subtags of the language-tagged literals to keep (BCP 47), lower case.
    drop_predicates: prefixed names or IRIs whose triples say nothing about the world.
    prefer: the namespace whose IRI stands for a set of identical resources.
    budget: what pruning leaves: a share of the triples, above 0, at most 1; or the bytes on disk that the published
    graph may take (its columns, store and provenance), as "200 MB" or "1.5 GiB".
    """

    languages: tuple[str, ...] = ("en",)
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
    prefer: str = "http://dbpedia.org/resource/"
    budget: float | str = 1.0

    def __post_init__(self) -> None:
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
    def dropped_terms(self) -> list[str]:
        """The N-Triples terms of `drop_predicates`."""
        return [iri_term(expand(name)) for name in self.drop_predicates]
