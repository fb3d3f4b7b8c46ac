"""What cleaning keeps and drops."""

from dataclasses import dataclass

from kg.errors import ConfigError
from kg.terms import expand, iri_term


@dataclass(frozen=True)
class CleanOptions:
    """Options of every cleaning step.

    languages: primary subtags of the language-tagged literals to keep (BCP 47), lower case.
    drop_predicates: prefixed names or IRIs whose triples say nothing about the world.
    prefer: the namespace whose IRI stands for a set of identical resources.
    resolve: whether entities that are one by their names and neighbours are merged without a stated link.
    budget: the share of triples that pruning keeps, above 0, at most 1.
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
    resolve: bool = True
    budget: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.budget <= 1:
            raise ConfigError(f"clean.budget must lie above 0 and be at most 1, not {self.budget}.")

    @property
    def dropped_terms(self) -> list[str]:
        """The N-Triples terms of `drop_predicates`."""
        return [iri_term(expand(name)) for name in self.drop_predicates]
