"""The query API over one snapshot, read-only.

    import limbeck
    kb = limbeck.open("workspace")
    kb.ask("Where was Ada Lovelace born?").text

Opening reads the manifest alone; the graph is memory-mapped and models are loaded when they are first needed. The
snapshot stays the same until it is opened anew, whatever is published meanwhile.
"""

import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kg.errors import EncoderMismatch, ModelError, SnapshotError, UsageError
from kg.graph import Graph
from kg.merges import Merges
from kg.provenance import Provenance
from kg.snapshot import Snapshot, hold, open_snapshot
from kg.terms import expand, value_of
from limbeck.answers import Answer, CitedEvidence, CitedTriple, Entity, check_question

if TYPE_CHECKING:
    import networkx
    import pyoxigraph

    from flows.config import Config
    from generation.answer import Answerer
    from generation.calibration import Calibration
    from kg.clean.ranker import Ranker
    from kg.linking.aliases import Aliases
    from kg.relations.extract import RelationExtractor
    from kg.types import Mention, Relation
    from limbeck.results import SparqlResult
    from retrieval.encoder import SentenceEncoder
    from retrieval.evidence import Evidence, Seed
    from retrieval.retriever import Retrieved, Retriever

MODELS = ("teacher", "student", "retriever")
MOST_RANKED = 200
"""Triples of one side of an entity that a trained ranker orders, the most important."""


class KnowledgeBase:
    """One snapshot, open for questions."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        hold(snapshot, self)

    @property
    def live_model(self) -> str:
        """The model that answers unless one is named: the retriever where none was trained."""
        trained = (self.snapshot.folder / "models" / "reader").is_dir()
        return str(self.snapshot.manifest.get("live", "teacher")) if trained else "retriever"

    @cached_property
    def graph(self) -> Graph:
        """The graph as columns."""
        return Graph.open(self.snapshot.folder / "graph")

    @cached_property
    def provenance(self) -> Provenance:
        """Where each triple comes from."""
        return Provenance.open(self.snapshot.folder / "provenance")

    @cached_property
    def store(self) -> "pyoxigraph.Store":
        """The graph behind SPARQL."""
        from kg.store import open_store

        return open_store(self.snapshot.folder / "store")

    @cached_property
    def encoder(self) -> "SentenceEncoder":
        """The encoder that made the vectors. Raises EncoderMismatch if its weights are no longer the same."""
        from retrieval.encoder import SentenceEncoder

        made_by = self.snapshot.manifest.get("encoder")
        if made_by is None:
            raise SnapshotError(
                "this snapshot has no indexes: its build skipped embedding. Build without `--skip embed`."
            )
        encoder = SentenceEncoder(made_by["name"])
        if encoder.sha256 != made_by["sha256"]:
            raise EncoderMismatch(
                f"the encoder {made_by['name']} has other weights ({encoder.sha256[:12]}…) than those that made this "
                f"snapshot ({made_by['sha256'][:12]}…). Put them back, or build again."
            )
        return encoder

    @cached_property
    def retriever(self) -> "Retriever":
        """Question to evidence."""
        from retrieval.open import open_retriever

        return open_retriever(self.snapshot.folder, self.encoder, self._config.retrieval, graph=self.graph)

    @cached_property
    def teacher(self) -> "Answerer":
        """The generator. Raises ModelError where the build skipped training."""
        from flows.pipeline import open_teacher
        from generation.answer import Teacher
        from generation.reader import Reader

        generator = open_teacher(self.snapshot.folder, self.encoder)
        return Teacher(generator.rounded() if isinstance(generator, Reader) else generator)

    @cached_property
    def student(self) -> "Answerer":
        """The distilled student. Raises ModelError where there is none."""
        from distill.student import Student

        folder = self.snapshot.folder / "models" / "student"
        if not folder.is_dir():
            raise ModelError("this snapshot has no student. Run `limbeck distill`.")
        return Student(Student.open(folder).reader.rounded())

    @cached_property
    def calibrations(self) -> "dict[str, Calibration]":
        """By model, from what the marginal puts on answers to how probable it is that they are right."""
        from generation.calibration import Calibration

        models = self.snapshot.folder / "models"
        return {name: Calibration.open(models / "student" if name == "student" else models) for name in MODELS}

    def answerer(self, name: str) -> "Answerer":
        """The model of that name: evidence to answers."""
        from generation.answer import Paths

        if name == "retriever":
            return Paths()
        return self.teacher if name == "teacher" else self.student

    def ask(self, question: str, *, model: str | None = None, mode: str = "hybrid") -> Answer:
        """The answer to one question, with its evidence. `model` is teacher, student or retriever (its best path,
        read by nobody), by default the one in charge;
        `mode` says where retrieval begins: hybrid, graph, dense or lexical."""
        return self.ask_many([question], model=model, mode=mode)[0]

    def ask_many(
        self,
        questions: Sequence[str],
        *,
        model: str | None = None,
        mode: str = "hybrid",
        seeds: "Sequence[Sequence[Seed]] | None" = None,
    ) -> list[Answer]:
        """`ask` for many questions, in batches. seeds: for each question the entities that it speaks of; by default
        retrieval finds them."""
        from generation.calibration import judged
        from retrieval.ahead import ahead, parts_of

        name = model or self.live_model
        if name not in MODELS:
            raise UsageError(f"the model {name!r} is not known; choose one of {', '.join(MODELS)}.")
        for question in questions:
            check_question(question)
        answerer, retriever = self.answerer(name), self.retriever
        calibration, least = self.calibrations[name], retriever.options.refuse

        def retrieve(part: slice) -> "list[Retrieved]":
            return retriever.retrieve_many(questions[part], mode=mode, seeds=None if seeds is None else seeds[part])

        answers: list[Answer] = []
        parts = parts_of(len(questions))
        for part, found in zip(parts, ahead(retrieve, parts), strict=True):
            started = time.perf_counter()
            predictions = answerer.predict(questions[part], [retrieved.evidence for retrieved in found])
            generate_ms = (time.perf_counter() - started) * 1000 / len(found)
            for retrieved, prediction in zip(found, predictions, strict=True):
                sure = judged(prediction, calibration, least=least)
                cited = tuple(self._cite(piece) for piece in sure.evidence)
                steps_ms = {**retrieved.duration_ms, "generate": generate_ms}
                answers.append(Answer(sure.text, sure.answers, cited, name, self.snapshot.id, steps_ms))
        return answers

    def retrieve(self, question: str, *, k: int = 20, mode: str = "hybrid") -> list[CitedEvidence]:
        """The `k` best pieces of evidence, without an answer."""
        retrieved: Retrieved = self.retriever.retrieve(question, k=k, mode=mode)
        return [self._cite(piece) for piece in retrieved.evidence]

    def sparql(self, query: str) -> "SparqlResult":
        """The rdflib result of a SPARQL 1.1 query; `.to_pandas()` makes a frame. Raises QueryError."""
        import rdflib
        from oxrdflib import OxigraphStore
        from rdflib.graph import DATASET_DEFAULT_GRAPH_ID

        from kg.errors import QueryError
        from kg.store import refuse_updates, without_network
        from kg.terms import PREFIXES
        from limbeck.results import SparqlResult

        refuse_updates(query)
        graph = rdflib.Graph(OxigraphStore(store=self.store), DATASET_DEFAULT_GRAPH_ID, bind_namespaces="none")
        try:
            return without_network(query, lambda: SparqlResult.of(graph.query(query, initNs=PREFIXES)))
        except (SyntaxError, ValueError, OSError, RuntimeError) as error:
            raise QueryError(f"the query failed: {' '.join(str(error).split())}") from error

    def entity(self, name: str, *, most: int = 30, ranker: "Ranker | None" = None) -> Entity:
        """An entity by IRI, prefixed name or label, with at most `most` triples on each side, the best first.

        ranker: one trained on summaries of your own, which orders the most important triples anew.
        """
        entity = self._find(name)
        out = np.arange(*self.graph.out_rows(entity).indices(len(self.graph))[:2])
        into = np.asarray(self.graph.in_rows(entity))
        return Entity(
            self.graph.iri_of(entity),
            self.graph.label_of(entity),
            tuple(self.graph.label_of(int(item)) for item in self.graph.types_of(entity)),
            self._best(out, most, ranker),
            self._best(into, most, ranker),
        )

    def subgraph(self, entities: Sequence[str], *, hops: int = 1, most: int = 10_000) -> "networkx.MultiDiGraph":
        """The triples within `hops` of the entities, nodes and edges with their labels; raises UsageError past `most`
        triples."""
        import networkx

        graph = self.graph
        starts = [self._find(name) for name in entities]
        frontier = np.array(starts, np.int32)
        seen, rows = set(starts), set[int]()
        for _ in range(hops):
            near = [row for node in frontier for row in (*range(*graph.out_rows(int(node)).indices(len(graph))[:2]),)]
            near += [int(row) for node in frontier for row in graph.in_rows(int(node))]
            rows.update(near)
            if len(rows) > most:
                raise UsageError(
                    f"more than {most:,} triples lie within {hops} hops. Take fewer hops, or raise `most`."
                )
            places = np.array(near, np.int64)
            reached = set(np.asarray(graph.s[places]).tolist()) | set(np.asarray(graph.o[places]).tolist())
            frontier = np.array(sorted(node for node in reached - seen if graph.kind[node]), np.int32)
            seen |= reached
        result = networkx.MultiDiGraph()
        for start in starts:
            result.add_node(graph.iri_of(start), label=graph.label_of(start))
        for row in sorted(rows):
            s, p, o = (int(column[row]) for column in (graph.s, graph.p, graph.o))
            for node in (s, o):
                result.add_node(graph.iri_of(node), label=graph.label_of(node))
            result.add_edge(graph.iri_of(s), graph.iri_of(o), key=graph.iri_of(p), label=graph.label_of(p))
        return result

    def link(self, text: str) -> "list[Mention]":
        """The entities that a text mentions. What ends in a question mark is read as a question, which may be typed in
        lower case."""
        return self.link_many([text])[0]

    def link_many(self, texts: Sequence[str]) -> "list[list[Mention]]":
        """`link` for many texts, in batches."""
        from kg.linking.given import is_question
        from kg.linking.pipeline import link

        found: list[list[Mention]] = [[] for _ in texts]
        for question in (False, True):
            places = [place for place, text in enumerate(texts) if is_question(text) is question]
            own = [texts[place] for place in places]
            linked = link(own, self.graph, self.aliases, self.encoder, question=question) if own else []
            for place, mentions in zip(places, linked, strict=True):
                found[place] = mentions
        return found

    def link_given(self, texts: Sequence[str], spans: "Sequence[Sequence[tuple[int, int]]]") -> list[list[str | None]]:
        """The bare IRI that each given span (character offsets) of each text names; None where none is so called."""
        from kg.linking.given import link_given

        return link_given(texts, spans, self.graph, self.aliases, self.encoder)

    def relate(self, text: str) -> "list[Relation]":
        """The triples that a text states between entities of the graph."""
        return self.relate_many([text])[0]

    def relate_many(self, texts: Sequence[str]) -> "list[list[Relation]]":
        """`relate` for many texts, in batches."""
        from kg.linking.pipeline import relate

        return relate(texts, self.graph, self.aliases, self.encoder, self.extractor)

    @cached_property
    def aliases(self) -> "Aliases":
        """Names to entities."""
        from kg.linking.aliases import Aliases

        return Aliases.open(self.snapshot.folder / "aliases")

    @cached_property
    def merges(self) -> Merges:
        """Which IRIs were merged into which."""
        return Merges.open(self.snapshot.folder / "merges")

    @cached_property
    def extractor(self) -> "RelationExtractor":
        """The relation extractor that this snapshot's build trained. Raises ModelError where it read no text."""
        from kg.relations.extract import RelationExtractor

        folder = self.snapshot.folder / "relations-from-text"
        if not folder.is_dir():
            raise ModelError(
                "this snapshot has no relation extractor: its build had no text. Build with a text source."
            )
        return RelationExtractor.open(folder, self.graph, self.encoder)

    @cached_property
    def _config(self) -> "Config":
        from flows.config import config_from

        return config_from(self.snapshot.manifest["config"])

    def _find(self, name: str) -> int:
        entity = self.graph.id_of(self.merges.canonical(expand(name)))
        if entity >= 0:
            return entity
        candidates = self.aliases.candidates(name)
        if not candidates:
            raise UsageError(
                f"{name!r} is not in the graph: neither an IRI nor a name of an entity. Try `limbeck sparql`."
            )
        return candidates[0][0]

    def _best(
        self, rows: "np.ndarray[Any, np.dtype[Any]]", most: int, ranker: "Ranker | None"
    ) -> tuple[CitedTriple, ...]:
        best = rows[np.argsort(-np.asarray(self.graph.importance)[rows], kind="stable")]
        if ranker is not None:
            from kg.clean.summary import rank_triples

            best = best[: max(most, MOST_RANKED)]
            triples = [tuple(map(value_of, self.graph.triple(int(row)))) for row in best]
            best = best[rank_triples(triples, graph=self.graph, ranker=ranker)]  # type: ignore[arg-type]
        return tuple(self._cite_row(int(row)) for row in best[:most])

    def _cite(self, piece: "Evidence") -> CitedEvidence:
        triples = tuple(self._cite_row(row) for row in piece.rows)
        return CitedEvidence(triples, float(np.exp(piece.log_p)), piece.text, piece.values, piece.source)

    def _cite_row(self, row: int) -> CitedTriple:
        s, p, o = self.graph.triple(row)
        names = (self.graph.label_of(int(column[row])) for column in (self.graph.s, self.graph.p, self.graph.o))
        return CitedTriple(s, p, o, " · ".join(names), tuple(origin.where for origin in self.provenance.of(row)))


def open_knowledge_base(workspace: str | Path = "workspace", snapshot: str | None = None) -> KnowledgeBase:
    """The current snapshot of a workspace, or a named one. Raises NoSnapshot."""
    return KnowledgeBase(open_snapshot(Path(workspace), snapshot))
