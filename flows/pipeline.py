"""The steps from sources to a published snapshot, as plain functions over a folder; `flows.build` puts them in order.

The model libraries take seconds to load, so each step imports them itself: a build that fails early fails soon.

folder/graph, store, provenance, aliases, merges       publish_graph
folder/relations-from-text                                     read_texts
folder/neighbours, relations, vectors, lexical, tfidf, passages embed
folder/models/scorer, reader, held-out.jsonl                   train
folder/models/student                                          distil_student
"""

import hashlib
import os
import resource
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.config import Config, as_dict, config_from
from kg.clean import Cleaned, Finished, finish
from kg.clean.literals import stored_form
from kg.clean.size import disk_bytes
from kg.errors import ModelError, SnapshotError
from kg.graph import Graph, write_graph
from kg.linking.aliases import write_aliases
from kg.merges import Merges, write_merges
from kg.provenance import write_provenance
from kg.snapshot import Snapshot, file_sha256, publish
from kg.sources import Pulled, SourceOptions, read_pulled
from kg.sources.forecast import Prediction, compare, predict
from kg.statements import Statements, concat, rename
from kg.store import storing
from kg.terms import ABSTRACT, PREFIXES, parse_literal, value_of
from kg.triples import Triples
from kg.types import Document, Mention, SourceInfo

if TYPE_CHECKING:
    from generation.generator import Generator
    from generation.options import Device
    from retrieval.cache import CachedEncoder
    from retrieval.encoder import SentenceEncoder
    from retrieval.question import Question
    from retrieval.retriever import Retriever


_TRAINING = "training"


@dataclass(frozen=True)
class Texts:
    """What reading texts gave: statements beyond those of the sources, all documents, the entities linked in each, and
    the sources with theirs."""

    statements: Statements
    documents: list[Document]
    mentions: list[list[Mention]]
    infos: list[SourceInfo]


def read_texts(
    folder: Path, pulled: Pulled, cleaned: Cleaned, config: Config, encoder: "CachedEncoder | None" = None
) -> Texts:
    """Links the pulled texts and abstracts against the clean graph, and reads relations from them. encoder: one that
    keeps vectors from build to build."""
    infos = list(pulled.infos)
    documents, owners = list(pulled.documents), list(pulled.document_source)
    if config.text.abstracts:
        abstracts = abstracts_of(cleaned.statements, config.text.max_abstracts)
        if abstracts:
            infos.append(
                SourceInfo("abstracts", "text", {"documents": len(abstracts), "predicate": value_of(ABSTRACT)})
            )
            documents += abstracts
            owners += [len(infos) - 1] * len(abstracts)
    if not documents:
        return no_texts(pulled, cleaned)
    from kg.linking.pipeline import link
    from kg.relations.consistency import keep_consistent
    from kg.relations.extract import RelationExtractor, extract_statements

    scratch = folder / "scratch"
    finished = finish(cleaned.statements, config.clean)
    graph = write_graph(scratch / "graph", finished.triples, rank=finished.rank)
    aliases = write_aliases(scratch / "aliases", graph)
    encoder = encoder or open_encoder(config)
    read = [document.text for document in documents]
    mentions = link(read, graph, aliases, encoder)
    extractor = RelationExtractor.train(read, mentions, graph, encoder, config.relations)
    extractor.save(folder / "relations-from-text")
    parts = []
    for source in sorted(set(owners)):
        first, last = owners.index(source), len(owners) - owners[::-1].index(source)
        parts.append(
            extract_statements(
                documents[first:last], mentions[first:last], extractor, source=source, first_record=first
            )
        )
    sure = pl.concat(parts).filter(pl.col("confidence") >= config.text.min_confidence)
    shutil.rmtree(scratch)
    return Texts(Statements.of(keep_consistent(sure, finished.triples.frame())), documents, mentions, infos)


def abstracts_of(statements: Statements, most: int) -> list[Document]:
    """The abstracts among statements as documents named after their entities, in the order of their IRIs.

    Of several abstracts of an entity the English one is taken, then the one that comes first.
    """
    abstracts = np.isin(statements.rows["p"].to_numpy(), statements.positions([ABSTRACT]))
    stated = statements.keep(abstracts).frame().filter(pl.col("o").str.starts_with('"'))
    ordered = stated.sort("s", ~pl.col("o").str.ends_with('"@en'), "o")
    found = ordered.unique(["s"], keep="first", maintain_order=True).head(most)
    return [Document(value_of(s), parse_literal(o)[0]) for s, o in found.select("s", "o").iter_rows()]


def publish_graph(folder: Path, cleaned: Cleaned, texts: Texts, config: Config) -> dict[str, Any]:
    """Ranks, prunes and writes the graph in both views, with provenance and aliases; returns what the manifest says of
    it."""
    together = concat([cleaned.statements, texts.statements])
    extracted = together.distinct() - cleaned.statements.distinct() if len(texts.statements) else 0
    finished, graph, merges, digest, written = _write_graph(folder, together, cleaned, texts, config)
    cost = {"compression": _cost(written, finished.pruned, merges, config)} if finished.pruned else {}
    dropped = {**cleaned.dropped, **finished.dropped}
    return {
        **cost,
        "graph_sha256": digest,
        "counts": {
            "pulled": cleaned.pulled,
            "added": cleaned.added,
            "extracted": extracted,
            "triples": len(graph),
            "entities": len(graph.entities),
            "predicates": len(graph.predicates),
            "documents": len(texts.documents),
            "dropped": dropped,
            "flagged": finished.flagged,
        },
        "sources": [{"name": info.name, "kind": info.kind, **info.details} for info in texts.infos],
    }


def _write_graph(
    folder: Path, statements: Statements, cleaned: Cleaned, texts: Texts, config: Config
) -> tuple[Finished, Graph, Merges, str, int]:
    """(what was written, the graph, the log of merges, the graph's hash, the bytes on disk). A graph above a budget in
    bytes, for its size is only estimated, is pruned and written again."""
    options, size = config.clean, sum(len(document.text.encode()) for document in texts.documents)
    while True:
        finished = finish(statements, options, documents=size)
        with storing(folder / "store", finished.triples) as digest:
            graph = write_graph(folder / "graph", finished.triples, rank=finished.rank)
            write_provenance(folder / "provenance", finished.support, texts.infos, texts.documents)
            write_aliases(folder / "aliases", graph)
            merges = write_merges(folder / "merges", cleaned.merges)
        written = _graph_bytes(folder)
        if not isinstance(options.kept, int) or written <= config.clean.kept:
            return finished, graph, merges, digest, written
        options = replace(options, budget=f"{options.kept * options.kept // written} B")
        for part in ("store", "graph", "provenance", "aliases", "merges"):
            shutil.rmtree(folder / part)


def _cost(written: int, pruned: tuple[Triples, NDArray[np.bool_]], merges: Merges, config: Config) -> dict[str, Any]:
    """What a budget cost: triples and bytes on disk (estimated for the whole graph), before and after, and the share of
    the configuration's questions that the whole graph answers and the smaller one still does."""
    from evaluation.answerable import still_answerable
    from generation.teach import read_all

    whole, kept = pruned
    columns = (whole.terms, whole.s, whole.p, whole.o)
    asked = still_answerable(read_all(config.questions), *columns, kept, canonical=merges.canonical_many)
    return {
        "triples": [len(whole), int(kept.sum())],
        "bytes": [disk_bytes(*columns), written],
        "questions": len(asked),
        "answerable": round(sum(asked.values()) / len(asked), 4) if asked else None,
    }


def _graph_bytes(folder: Path) -> int:
    """What the graph takes on disk, in both views and with its provenance."""
    files = (path for part in ("graph", "store", "provenance") for path in (folder / part).rglob("*"))
    return sum(path.stat().st_size for path in files if path.is_file())


def forecast(rows: Sequence[dict[str, Any]], skip: Sequence[str]) -> Prediction | None:
    """What a build will take, from what `kg.sources.estimate` says of its sources; None where only pulling tells how
    many triples there are."""
    if any(row["kind"] == "endpoint" and row["triples"] is None for row in rows):
        return None
    lines = sum(row["triples"] if row["kind"] == "endpoint" else row["lines"] for row in rows if row["kind"] != "text")
    return predict(lines, sum(row["lines"] for row in rows if row["kind"] == "text"), skip=skip)


def forecast_facts(expected: Prediction | None, pulled: Pulled, durations: dict[str, float]) -> dict[str, Any]:
    """How good a forecast was, as the manifest says it."""
    if expected is None:
        return {}
    found = compare(expected, triples=len(pulled.statements), duration_s=durations, peak_rss_bytes=_peak_bytes())
    return {"forecast": found}


def pulled_before(parent: Snapshot) -> Pulled:
    """What the sources of a snapshot gave."""
    n_sources = len(parent.manifest["config"]["sources"])
    return read_pulled(parent.folder, parent.manifest["sources"][:n_sources])


def known_sources(parent: Snapshot) -> dict[SourceOptions, tuple[Statements, SourceInfo]]:
    """What each dump of a snapshot gave, by its options: it need not be read again if its files are the same."""
    options = config_from(parent.manifest["config"]).sources
    pulled = pulled_before(parent)
    sources = pulled.statements.rows["source"]
    dumps = [place for place, info in enumerate(pulled.infos) if info.kind == "dump"]
    return {options[place]: (pulled.statements.keep(sources == place), pulled.infos[place]) for place in dumps}


def unclean(statements: Statements) -> Cleaned:
    """The statements as they came, each once: what `--skip clean` publishes.

    Only literals of XML Schema types take the form that the store keeps, so that both views show one graph.
    """
    terms = statements.terms
    typed = terms.str.starts_with('"') & terms.str.contains(f"^^<{PREFIXES['xsd']}", literal=True)
    stored = terms.clone().scatter(typed.arg_true(), stored_form(terms.filter(typed)))
    kept = rename(statements, stored)
    before, after = statements.distinct(), kept.distinct()
    schema = {"from": pl.String, "to": pl.String, "reason": pl.String, "score": pl.Float32}
    nothing = pl.DataFrame(schema=schema)
    return Cleaned(kept, {"duplicate": before - after} if before > after else {}, nothing, before, 0)


def no_texts(pulled: Pulled, cleaned: Cleaned) -> Texts:
    """What `--skip text` reads: nothing."""
    return Texts(cleaned.statements.keep(np.zeros(len(cleaned.statements), bool)), [], [], list(pulled.infos))


def keep_models(parent: Snapshot, folder: Path, facts: dict[str, Any]) -> bool:
    """Whether a refresh could take over the models of the snapshot before: there are some, and the encoder is the same.
    They read names, not ids, so a changed graph does not change them."""
    names = [name for name in parent.manifest["files"] if name.startswith("models/")]
    if not names or parent.manifest.get("encoder") != facts.get("encoder"):
        return False
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(parent.folder / name, target)
    return True


def forget_pulls(staging: Path) -> None:
    """Removes what a finished pull had kept for another try."""
    shutil.rmtree(staging, ignore_errors=True)


def open_encoder(config: Config, cache: Path | None = None) -> "CachedEncoder":
    """The configured encoder. cache: a folder where vectors are kept from build to build."""
    from retrieval.cache import CachedEncoder
    from retrieval.encoder import SentenceEncoder

    return CachedEncoder(SentenceEncoder(config.encoder), cache)


def embed(folder: Path, config: Config, texts: Texts, encoder: "CachedEncoder | None" = None) -> dict[str, Any]:
    """Writes the indexes of the graph and of the texts; returns what the manifest says of the encoder and the vectors.
    encoder: one that keeps vectors from build to build."""
    from retrieval.index import write_indexes
    from retrieval.passages import write_passages

    encoder, graph = encoder or open_encoder(config), Graph.open(folder / "graph")
    facts: dict[str, Any] = {"vectors": write_indexes(folder, graph, encoder, config.embed)}
    passages = write_passages(folder, texts.documents, texts.mentions, graph, encoder, config.embed)
    facts |= {"passages": passages} if passages else {}
    made_by = {"name": encoder.name, "sha256": encoder.sha256, "dimension": encoder.dimension}
    return {"encoder": made_by, **facts}


def train(
    folder: Path,
    config: Config,
    questions: Sequence[str],
    *,
    device: "Device | None" = None,
    workspace: Path | None = None,
) -> dict[str, Any]:
    """Trains retriever and reader together; returns what the manifest says of it.

    device: in place of the configuration's. workspace: where the work that is done is kept, in `training/`, so that a
    run that was killed can go on; `forget_training` removes it.
    """
    from generation.teach import read_all, train_teacher

    shutil.rmtree(folder / "models", ignore_errors=True)
    retriever, encoder = _retriever(folder, config)
    options = replace(config.train, device=device or config.train.device)
    asked = read_all([*config.questions, *questions])
    kept = None
    if workspace is not None:
        graph = [file_sha256(path) for path in sorted((folder / "graph").iterdir())]
        run = repr((options, config.retrieval, encoder.sha256, graph, asked))
        kept = workspace / _TRAINING / hashlib.sha256(run.encode()).hexdigest()[:16]
    facts = train_teacher(folder / "models", retriever, encoder.folder, asked, options, checkpoints=kept)
    return {"live": "teacher", "training": facts, "gate": None}


def forget_training(workspace: Path) -> None:
    """Removes what a finished training had kept for another try."""
    shutil.rmtree(workspace / _TRAINING, ignore_errors=True)


def distil_student(
    folder: Path, config: Config, questions: Sequence[str], *, device: "Device | None" = None
) -> dict[str, Any]:
    """Trains a student on questions given and made, none about an entity that a held-out question asks about; returns
    what the manifest says of it. device: in place of the configuration's."""
    from distill.distil import distil
    from generation.teach import HELD_OUT, read_all
    from retrieval.question import read_questions
    from retrieval.synthetic import SyntheticOptions, make_questions

    retriever, encoder = _retriever(folder, config)
    teacher = open_teacher(folder, encoder)
    options = replace(config.distill, device=device or config.distill.device)
    made = make_questions(
        retriever.neighbours, SyntheticOptions(count=options.examples, seed=config.train.seed + options.seed)
    )
    held_out = {iri for question in read_questions(folder / "models" / HELD_OUT) for iri in question.entities[:1]}
    asked = [
        question
        for question in [*read_all([*config.questions, *questions]), *made]
        if held_out.isdisjoint(question.entities)
    ]
    shutil.rmtree(folder / "models" / "student", ignore_errors=True)
    facts = distil(folder / "models" / "student", retriever, teacher, asked, options, encoder_folder=encoder.folder)
    return {"live": "teacher", "distillation": facts, "gate": None}


def judge(folder: Path, config: Config, questions: "Sequence[Question] | None" = None) -> dict[str, Any]:
    """The gate's report on a folder with a teacher and a student, on its held-out questions unless some are given."""
    from distill.distil import gate
    from distill.student import Student
    from generation.teach import HELD_OUT
    from retrieval.question import read_questions

    retriever, encoder = _retriever(folder, config)
    if not (folder / "models" / "student").is_dir():
        raise ModelError("there is no student to promote. Run `limbeck distill` first.")
    asked = list(questions) if questions is not None else read_questions(folder / "models" / HELD_OUT)
    student = Student.open(folder / "models" / "student")
    report = gate(asked, retriever, open_teacher(folder, encoder), student, config.distill)
    return report.to_dict()


def open_teacher(folder: Path, encoder: "SentenceEncoder") -> "Generator":
    """The generator of a snapshot's folder. Raises ModelError where the build skipped training."""
    from generation.teach import open_generator

    if not (folder / "models" / "reader").is_dir():
        raise ModelError("this snapshot has no generator: its build skipped training. Run `limbeck train`.")
    return open_generator(folder / "models", encoder.folder)


def finish_snapshot(
    workspace: Path, folder: Path, facts: dict[str, Any], config: Config, durations: dict[str, float]
) -> Snapshot:
    """Publishes a folder with what the manifest says of it."""
    said = {**facts, "config": as_dict(config), "duration_s": durations, "peak_rss_bytes": _peak_bytes()}
    return publish(workspace, folder, said)


def _peak_bytes() -> int:
    """The most memory that this process, or the one that wrote the SPARQL store, has held."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * 1024


def _retriever(folder: Path, config: Config) -> "tuple[Retriever, SentenceEncoder]":
    from retrieval.encoder import SentenceEncoder
    from retrieval.open import open_retriever

    if not (folder / "vectors").is_dir():
        raise SnapshotError("this snapshot has no indexes: its build skipped embedding. Build without `--skip embed`.")
    encoder = SentenceEncoder(config.encoder)
    return open_retriever(folder, encoder, config.retrieval), encoder
