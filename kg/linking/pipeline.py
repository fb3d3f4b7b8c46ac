"""The spaCy pipeline (blank English) that turns text into linked mentions and relations.

Factories: "limbeck_sentences", "limbeck_mentions", "limbeck_linker", "limbeck_relations". A document that went through
them has `doc._.limbeck_spans`, `doc._.limbeck_mentions` and `doc._.limbeck_relations`. Importing this module imports
spaCy and registers the factories.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from kg.graph import Graph
from kg.linking.aliases import Aliases
from kg.linking.english import blank_english
from kg.linking.linker import LinkerOptions, link_spans
from kg.linking.mentions import find_spans
from kg.linking.sentences import mark_sentences
from kg.linking.surfaces import without_surrogates
from kg.types import Encoder, Mention, Relation

BATCH = 2048
"""Documents that are linked together."""


class Extractor(Protocol):
    """Reads relations between the mentions of texts; `kg.relations.extract.RelationExtractor` is one."""

    def extract(self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]]) -> list[list[Relation]]:
        """The relations of each text."""


def build_pipeline(
    graph: Graph,
    aliases: Aliases,
    encoder: Encoder | None,
    relations: Extractor | None = None,
    *,
    options: LinkerOptions | None = None,
    question: bool = False,
) -> Language:
    """A pipeline that finds and links mentions and, with `relations`, reads relations."""
    nlp = blank_english()
    shared = {"graph": graph, "aliases": aliases, "encoder": encoder, "options": options, "question": question}
    nlp.add_pipe("limbeck_sentences")
    nlp.add_pipe("limbeck_mentions").configure(aliases=aliases, question=question)
    nlp.add_pipe("limbeck_linker").configure(**shared)
    if relations is not None:
        nlp.add_pipe("limbeck_relations").configure(extractor=relations)
    return nlp


def link(
    texts: Sequence[str],
    graph: Graph,
    aliases: Aliases,
    encoder: Encoder | None = None,
    *,
    options: LinkerOptions | None = None,
    question: bool = False,
) -> list[list[Mention]]:
    """The mentions of each text, in text order."""
    nlp = build_pipeline(graph, aliases, encoder, options=options, question=question)
    return [doc._.limbeck_mentions for doc in _read(nlp, texts)]


def relate(
    texts: Sequence[str], graph: Graph, aliases: Aliases, encoder: Encoder | None, extractor: Extractor
) -> list[list[Relation]]:
    """The relations of each text, in text order."""
    nlp = build_pipeline(graph, aliases, encoder, extractor)
    return [doc._.limbeck_relations for doc in _read(nlp, texts)]


def _read(nlp: Language, texts: Sequence[str]) -> Iterator[Doc]:
    yield from nlp.pipe(map(without_surrogates, texts), batch_size=BATCH)


class _Component(ABC):
    """A component that works on batches of documents with what `configure` gave it."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}

    def configure(self, **parts: Any) -> None:
        self.parts = parts

    def __call__(self, doc: Doc) -> Doc:
        self.run([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], batch_size: int = BATCH) -> Iterable[Doc]:
        for batch in spacy.util.minibatch(stream, batch_size):
            self.run(batch)
            yield from batch

    @abstractmethod
    def run(self, docs: list[Doc]) -> None:
        """Sets its extension on each document."""


class _Mentions(_Component):
    def run(self, docs: list[Doc]) -> None:
        for doc, spans in zip(docs, find_spans(docs, **self.parts), strict=True):
            doc._.limbeck_spans = spans


class _Linker(_Component):
    def run(self, docs: list[Doc]) -> None:
        texts, spans = [doc.text for doc in docs], [doc._.limbeck_spans for doc in docs]
        for doc, mentions in zip(docs, link_spans(texts, spans, **self.parts), strict=True):
            doc._.limbeck_mentions = mentions


class _Relations(_Component):
    def run(self, docs: list[Doc]) -> None:
        extractor: Extractor = self.parts["extractor"]
        found = extractor.extract([doc.text for doc in docs], [doc._.limbeck_mentions for doc in docs])
        for doc, relations in zip(docs, found, strict=True):
            doc._.limbeck_relations = relations


def _maker(component: type[_Component]) -> Callable[[Language, str], _Component]:
    def make(nlp: Language, name: str) -> _Component:  # noqa: ARG001, spaCy passes these by name
        return component()

    return make


def _register() -> None:
    for name, component in (
        ("limbeck_mentions", _Mentions),
        ("limbeck_linker", _Linker),
        ("limbeck_relations", _Relations),
    ):
        Language.factory(name, func=_maker(component))
    Language.component("limbeck_sentences", func=mark_sentences)
    for name in ("limbeck_spans", "limbeck_mentions", "limbeck_relations"):
        Doc.set_extension(name, default=[], force=True)


_register()
