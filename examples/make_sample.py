"""Write the sample knowledge graph, its documents and its questions from the tables in source/.

Run without arguments to write the files, or with --check to exit 1 if a file differs from what would be written.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, QueryBoolean, QuerySolutions, RdfFormat, Store

HERE = Path(__file__).resolve().parent
DBR, DBO = "http://dbpedia.org/resource/", "http://dbpedia.org/ontology/"
XSD = "http://www.w3.org/2001/XMLSchema#"
RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
OWL = "http://www.w3.org/2002/07/owl#"
UNITS = {"km": 1e3, "km2": 1e6, "min": 60.0}  # tables hold everyday units, the graph SI units as DBpedia does
TABLES: dict[str, tuple[str, ...]] = {
    "countries": ("Country", "Place"), "cities": ("City", "Place"), "rivers": ("River", "Place"),
    "mountains": ("Mountain", "Place"), "universities": ("University", "Organisation"),
    "museums": ("Museum", "Place"), "companies": ("Company", "Organisation"), "people": ("Person",),
    "films": ("Film", "Work"), "books": ("WrittenWork", "Work"), "artworks": ("Work",),
}  # fmt: skip

Triple = tuple[str, str, str]
"""Subject, predicate and object, each written as an N-Triples term."""


class Fact(NamedTuple):
    """A statement between two entities, by their local names."""

    subject: str
    predicate: str
    object: str


class Sample:
    """Everything read from the tables: statements by kind, names of entities, annotated sentences."""

    def __init__(self) -> None:
        """Read all tables but the questions."""
        self.clean: set[Triple] = set()
        self.links: set[Triple] = set()
        self.dirt: dict[str, set[Triple]] = {}
        self.names: dict[str, set[str]] = {}
        self.stated: list[tuple[str, str, list[Fact]]] = []
        self.predicates = {row["name"]: row for row in read("predicates")}
        for table, types in TABLES.items():
            for row in read(table):
                self._entity(table, types, row)
        self._stubs()
        self._schema()
        for row in read("links"):
            self._link(row)
        for row in read("dirt"):
            self.dirt.setdefault(row["kind"], set()).update(self._dirty(row))
        self.documents = [
            {"id": r["id"], "title": r["title"], "text": self._annotated(r["id"], "", r["text"])}
            for r in read("documents")
        ]

    def _entity(self, table: str, types: tuple[str, ...], row: dict[str, str]) -> None:
        """Add the statements of one row of an entity table."""
        me, label = row.pop("id"), row.pop("label")
        label = label or me.replace("_", " ")
        self._name(me, label, person="Person" in types)
        for name in (*types, *filter(None, row.pop("type", "").split("|"))):
            self.clean.add((dbr(me), RDF_TYPE, dbo(name)))
        self.clean.add((dbr(me), LABEL, text(label, "en")))
        abstract = self._annotated(me, me, row.pop("abstract"))
        self.clean.add((dbr(me), dbo("abstract"), text(abstract, "en")))
        for column, cell in row.items():
            name, _, kind = column.partition(":")
            if name not in self.predicates:
                raise ValueError(f"{table}: unknown predicate {name}")
            for value in filter(None, cell.split("|")):
                self.clean.add((dbr(me), dbo(name), term(value, kind)))

    def _stubs(self) -> None:
        """Give every object without a row of its own a label, and the type its predicate expects."""
        rows = set(self.names)
        for _, predicate, target in sorted(self.clean):
            me = local(target)
            if not target.startswith(f"<{DBR}") or me in rows:
                continue
            kind = self.predicates[local(predicate)]["range"]
            label = re.sub(r" \([^)]*\)$", "", me.replace("_", " "))
            self._name(me, label, person=kind in ("Person", "Actor"))
            self.clean.add((target, LABEL, text(label, "en")))
            self.clean.add((target, RDF_TYPE, dbo(kind) if kind else f"<{OWL}Thing>"))

    def _schema(self) -> None:
        """Label the classes and the predicates that the graph uses."""
        for name, row in self.predicates.items():
            self.clean.add((dbo(name), LABEL, text(row["label"], "en")))
        for _, predicate, target in sorted(self.clean):
            if predicate == RDF_TYPE and target.startswith(f"<{DBO}"):
                words = re.sub(r"(?<!^)(?=[A-Z])", " ", local(target)).lower()
                self.clean.add((target, LABEL, text(words, "en")))

    def _link(self, row: dict[str, str]) -> None:
        """Add a redirect, or a second IRI of the same thing with a label and a type of its own."""
        target = dbr(row["target"])
        if row["target"] not in self.names:
            raise ValueError(f"links: unknown {row['target']}")
        if row["kind"] == "redirect":
            source, predicate = dbr(row["source"]), dbo("wikiPageRedirects")
            self.names[row["target"]].add(row["label"])
            self.links.add((source, LABEL, text(row["label"], "en")))
        else:
            source, predicate = f"<{row['source']}>", f"<{OWL}sameAs>"
            self.links.add((source, LABEL, text(row["label"])))
            self.links.add((source, RDF_TYPE, min(o for s, p, o in self.clean if s == target and p == RDF_TYPE)))
        self.links.add((source, predicate, target))

    def _dirty(self, row: dict[str, str]) -> Iterator[Triple]:
        """Give the statements that one row of the dirt table plants."""
        me, predicate, value = row["subject"], row["predicate"], row["value"]
        own = sorted(t for t in self.clean if t[0] == dbr(me))
        if not own:
            raise ValueError(f"dirt: unknown {me}")
        match row["kind"]:
            case "twin":  # half of the statements under a misspelt name
                yield (dbr(predicate), LABEL, text(value, "en"))
                facts = [t for t in own if t[1] not in (LABEL, dbo("abstract"))]
                yield from ((dbr(predicate), p, o) for _, p, o in facts[::2])
            case "encoded":  # some statements under the percent-encoded IRI
                yield from ((f"<{DBR}{quote(me)}>", p, o) for _, p, o in own if p == LABEL)
                yield from ((f"<{DBR}{quote(me)}>", p, o) for _, p, o in own[-3:])
            case "number":  # another spelling of a number
                old = next(o for _, p, o in own if p == dbo(predicate))
                yield (dbr(me), dbo(predicate), f'"{value}"{old[old.rindex("^^") :]}')
            case "case":  # the same label with a language tag in capitals
                yield from ((s, p, o.removesuffix("en") + value) for s, p, o in own if p == LABEL)
            case "empty":
                yield (dbr(me), LABEL if predicate == "label" else dbo(predicate), text("", "en"))
            case "foreign":
                yield (dbr(me), LABEL, text(value, predicate))
            case "page":  # statements about the page, not about the thing
                number = 1000 + 7 * len(me) + sum(map(ord, me))
                yield (dbr(me), dbo("wikiPageID"), term(str(number), "integer"))
                yield (dbr(me), dbo("wikiPageRevisionID"), term(str(900000000 + number), "integer"))
                yield (dbr(me), dbo("wikiPageWikiLink"), dbr(predicate))
                yield (dbr(me), dbo("thumbnail"), f"<http://example.org/thumbnail/{number}.jpg>")
                page = f"<http://example.org/page/{quote(me)}?oldid={900000000 + number}>"
                yield (dbr(me), "<http://www.w3.org/ns/prov#wasDerivedFrom>", page)
            case kind:
                raise ValueError(f"dirt: unknown kind {kind}")

    def _name(self, me: str, label: str, person: bool) -> None:
        """Note the names under which a text may mention an entity."""
        short = re.sub(r" \([^)]*\)$| language$", "", label)
        self.names.setdefault(me, set()).update({label, short})
        if person:
            self.names[me].add(short.split()[-1])

    def _annotated(self, key: str, subject: str, marked: str) -> str:
        """Take the bracketed facts out of a text, note them sentence by sentence, and return the plain text."""
        sentences = re.split(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!St\.)(?<!Dr\.) +(?=[^a-z])", marked)
        for number, sentence in enumerate(sentences, 1):
            parts = (f.split() for group in re.findall(r"\[([^]]*)\]", sentence) for f in group.split(";"))
            facts = [Fact(*(p if len(p) == 3 else [subject, *p])) for p in parts]
            facts += [Fact(f.object, "country", f.subject) for f in facts if f.predicate in ("capital", "largestCity")]
            if facts:
                facts = list(dict.fromkeys(facts))
                self.stated.append((f"{key}-{number}", plain(sentence), facts))
        return plain(marked)

    def mentions(self, sentence: str, entity: str) -> bool:
        """Tell whether a sentence names an entity."""
        return any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", sentence, re.I) for n in self.names[entity])

    def gold(self) -> Iterator[dict[str, object]]:
        """Give each annotated sentence with its facts, all of which must name both of their ends in it."""
        for key, sentence, facts in self.stated:
            for fact in facts:
                if fact.predicate not in self.predicates or not {fact.subject, fact.object} <= set(self.names):
                    raise ValueError(f"{key}: unknown name in {fact}")
                if not (self.mentions(sentence, fact.subject) and self.mentions(sentence, fact.object)):
                    raise ValueError(f"{key}: {fact} is not named in: {sentence}")
            triples = [[DBR + f.subject, DBO + f.predicate, DBR + f.object] for f in facts]
            yield {"id": key, "text": sentence, "triples": triples}

    def held_out(self) -> set[Triple]:
        """Give the facts that the texts state and the graph does not hold."""
        return {(dbr(f.subject), dbo(f.predicate), dbr(f.object)) for _, _, fs in self.stated for f in fs} - self.clean


def questions(sample: Sample, split: str) -> Iterator[dict[str, object]]:
    """Answer the questions of one split, checking each answer against the one written in the table."""
    store = load(sample.clean)
    full = load(sample.clean | sample.held_out())
    for number, row in enumerate((r for r in read("questions") if r["split"] == split), 1):
        query, entities, hops = sparql(row)
        answers = answer(store, query)
        expected = sorted(row["expected"].split("|"))
        got = sorted(a["value"].removeprefix(DBR) for a in answers)
        if got != expected or answers != answer(full, query):
            raise ValueError(f"{row['question']} expected {expected}, got {got}, with held-out {answer(full, query)}")
        for entity in entities:
            if not sample.mentions(row["question"], entity):
                raise ValueError(f"{row['question']} does not name {entity}")
        yield {
            "id": f"{split}-{number:03}", "question": row["question"], "answers": answers,
            "entities": [DBR + e for e in entities], "form": row["form"], "hops": hops,
        }  # fmt: skip


def sparql(row: dict[str, str]) -> tuple[str, list[str], int]:
    """Turn a start and a path such as "^city a University" into a query, its entities and its hops."""
    path, *rest = row["path"].split()
    steps = "/".join(f"^{dbo(s[1:])}" if s.startswith("^") else dbo(s) for s in path.split("/"))
    hops = path.count("/") + 1
    if row["form"] == "ask":
        return f"ASK {{ {dbr(row['start'])} {steps} {dbr(rest[0])} }}", [row["start"], rest[0]], hops
    typed = f"?x {RDF_TYPE} {dbo(rest[1])} ." if rest else ""
    what = "(COUNT(DISTINCT ?x) AS ?n)" if row["form"] == "count" else "DISTINCT ?x"
    return f"SELECT {what} {{ {dbr(row['start'])} {steps} ?x . {typed} }}", [row["start"]], hops


def answer(store: Store, query: str) -> list[dict[str, str]]:
    """Run a query and give its answers in order."""
    results = store.query(query)
    if isinstance(results, QueryBoolean):
        return [{"type": "literal", "value": str(bool(results)).lower()}]
    if not isinstance(results, QuerySolutions):
        raise TypeError(f"neither ASK nor SELECT: {query}")
    found = []
    for (value,) in results:
        if not isinstance(value, NamedNode | Literal):
            raise TypeError(f"{value} is no answer: {query}")
        found.append({"type": "uri" if isinstance(value, NamedNode) else "literal", "value": value.value})
    return sorted(found, key=lambda a: a["value"])


def read(table: str) -> list[dict[str, str]]:
    """Read a table, whose rows must all be as wide as its header."""
    with (HERE / "source" / f"{table}.tsv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"{table}: {len(row)} columns, not {len(header)}: {row[0]} {row[1]}")
    return [dict(zip(header, row, strict=True)) for row in rows]


def dbr(name: str) -> str:
    """Write the IRI of an entity."""
    return f"<{DBR}{name}>"


def dbo(name: str) -> str:
    """Write the IRI of a class or a predicate."""
    return f"<{DBO}{name}>"


def local(written: str) -> str:
    """Give the local name of an IRI in DBpedia's namespaces."""
    return written.strip("<>").removeprefix(DBR).removeprefix(DBO)


def text(value: str, language: str = "") -> str:
    """Write a plain or language-tagged literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"@{language}' if language else f'"{escaped}"'


def term(value: str, kind: str) -> str:
    """Write the value of a cell: an entity, or a literal of the kind that the column's header names."""
    if not kind:
        return dbr(value)
    if kind == "en":
        return text(value, "en")
    if kind in UNITS:
        value, kind = f"{float(value) * UNITS[kind]:.15g}", "double"
    return text(value) if kind == "string" else f'"{value}"^^<{XSD}{kind}>'


def plain(marked: str) -> str:
    """Take the bracketed facts out of a text."""
    return re.sub(r" ?\[[^]]*\]", "", marked)


def ntriples(triples: set[Triple]) -> str:
    """Write statements as sorted N-Triples."""
    return "".join(sorted(f"{s} {p} {o} .\n" for s, p, o in triples))


def load(triples: set[Triple]) -> Store:
    """Load statements into a store, parsing strictly."""
    store = Store()
    store.load(ntriples(triples).encode(), RdfFormat.N_TRIPLES)
    return store


def jsonl(rows: Iterator[dict[str, object]] | list[dict[str, str]]) -> str:
    """Write rows as JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def build() -> dict[str, str]:
    """Make every file of the sample, by name."""
    sample = Sample()
    dirt = set().union(*sample.dirt.values())
    files = {
        "graph.nt": ntriples(sample.clean | sample.links | dirt),
        "dirt.nt": ntriples(dirt),
        "documents.jsonl": jsonl(sample.documents),
        "text-gold.jsonl": jsonl(sample.gold()),
    }
    files |= {f"questions-{split}.jsonl": jsonl(questions(sample, split)) for split in ("train", "test")}
    load(sample.clean | sample.links | dirt)
    check_split(files)
    return files


def check_split(files: dict[str, str]) -> None:
    """Raise if an entity is named in both splits, or a relation is asked in the test split alone."""
    named, asked = {}, {}
    for split in ("train", "test"):
        lines = map(json.loads, files[f"questions-{split}.jsonl"].splitlines())
        named[split] = {entity for line in lines for entity in line["entities"]}
        rows = [r for r in read("questions") if r["split"] == split]
        asked[split] = {step for r in rows for step in (r["form"], *r["path"].split()[0].split("/"))}
    if both := named["train"] & named["test"]:
        raise ValueError(f"named in both splits: {sorted(both)}")
    if alone := asked["test"] - asked["train"]:
        raise ValueError(f"asked in the test split alone: {sorted(alone)}")


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with --check compare them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    check = parser.parse_args(arguments).check
    differing = []
    for name, content in build().items():
        path = HERE / name
        if check:
            if not path.exists() or path.read_bytes() != content.encode():
                differing.append(name)
        else:
            path.write_bytes(content.encode())
    for name in differing:
        print(f"{name} differs from what the tables give", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
