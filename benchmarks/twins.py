"""How well twins are found and homonyms kept apart: `python -m benchmarks.twins`.

Into a graph of real statements come twins (a misspelt label, half of the statements, a new IRI) and homonyms (the label
of one entity, the statements of another). "Half of the statements" is read in two ways: the twin has copies of half of
them, or both share them out. Homonyms are of another kind than their namesake (easy), or of the same (hard).

Two plain ways stand beside ours: the same normal label and a shared statement; and at most one edit between the labels.
Constants were set on seeds below 100; the figures are of seeds above.
"""

import argparse
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.record import data_file, write_record
from kg.clean.blocking import edits, pairs_of
from kg.clean.names import labels, read_names
from kg.clean.options import CleanOptions
from kg.clean.resolve import resolve
from kg.graph import ENTITY, kinds
from kg.statements import Statements
from kg.terms import RDFS_LABEL, literal_term, name_of, parse_literal

KEY = ["s", "p", "o"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
EDITS = ("swap", "drop", "double", "replace", "insert", "case", "accent", "space")
ACCENTS = dict(zip("aeioucnsz", "áéíóúçñšž", strict=True))
READINGS: dict[str, dict[str, Any]] = {
    "copied": {},
    "copied, from both directions": {"incoming": True},
    "copied, of entities with 1 statement or more": {"least": 1},
    "copied, of entities with 4 statements or more": {"least": 4},
    "copied, two slips": {"slips": 2},
    "shared out": {"split": True},
    "shared out, of entities with 4 statements or more": {"split": True, "least": 4},
}
"""How twins are made, by name."""

Row = tuple[str, str, str]


@dataclass(frozen=True)
class Injected:
    """triples: columns s, p, o of N-Triples terms, the injected among them. twins: columns `from`, `to`, `edit`, `half`
    (statements of the twin); homonyms: columns `from`, `to` (the namesake), `kind` ("easy" or "hard")."""

    triples: pl.DataFrame
    twins: pl.DataFrame
    homonyms: pl.DataFrame


def main() -> None:
    """Runs all of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.twins", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[102])
    parser.add_argument("--number", type=int, default=1000, help="twins, and homonyms")
    chosen = parser.parse_args()
    names = read(data_file("dbpedia/labels.nt.gz"))
    graph = with_labels(read(data_file("dbpedia/graph-100k.nt.gz")), names)
    results: dict[str, Any] = {}
    for name, way in READINGS.items():
        for seed in chosen.seeds:
            injected = inject(graph, seed=seed, number=chosen.number, **way)
            row = {"ours": measure(pairs(run(injected.triples)), injected)}
            if name in ("copied", "shared out"):
                row |= {plain: measure(found, injected) for plain, found in baselines(injected.triples)}
            results[f"{name}, seed {seed}"] = row
            for method, figures in row.items():
                print(f"{name}, seed {seed}: {method}", figures, flush=True)
    results["graph.nt.gz as it is"] = whole(with_labels(read(data_file("dbpedia/graph.nt.gz")), names))
    print(results["graph.nt.gz as it is"])
    write_record("twins", results, options=vars(chosen))


def whole(triples: pl.DataFrame) -> dict[str, float]:
    """Merges and time on a graph without injected twins."""
    statements = Statements.of(triples.select("s", "p", "o"))
    terms = statements.terms
    s, p, o = (column.astype(np.int32) for column in statements.columns())
    started, cpu = time.perf_counter(), time.process_time()
    found = resolve(terms, s, p, o, options=CleanOptions())
    return {
        "triples": len(triples),
        "merges": len(found),
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def read(path: Path) -> pl.DataFrame:
    """The triples of a canonical N-Triples file (plain or compressed), distinct, columns s, p, o."""
    lines = pl.read_csv(path, has_header=False, separator="\x01", quote_char=None, new_columns=["line"])
    parts = lines.select(pl.col("line").str.extract_groups(r"^(\S+) (\S+) (.*\S) ?\.$")).unnest("line")
    return parts.rename(dict(zip("123", KEY, strict=True))).drop_nulls().unique()


def with_labels(graph: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The graph and those labels that name a subject or object of it."""
    used = pl.concat([graph["s"], graph["o"]]).unique().implode()
    return pl.concat([graph, names.filter(pl.col("s").is_in(used))]).unique()


def misspell(label: str, edit: str, rng: random.Random) -> str:
    """The label with one slip at a random letter; a doubled letter where this one changes nothing."""
    places = [i for i, char in enumerate(label) if char.isalpha()]
    for _ in range(20):
        i = rng.choice(places)
        char, before, after = label[i], label[:i], label[i + 1 :]
        letter = rng.choice(LETTERS)
        made = {
            "swap": before + after[:1] + char + after[1:],
            "drop": before + after,
            "double": before + char + char + after,
            "replace": before + letter + after,
            "insert": before + char + letter + after,
            "case": before + char.swapcase() + after,
            "accent": before + ACCENTS.get(char, char) + after,
            "space": label.replace(" ", "", 1) if " " in label else before + char + " " + after,
        }[edit].strip()
        if made and made != label:
            return made
    return misspell(label, "double", rng)


def inject(
    triples: pl.DataFrame,
    *,
    seed: int,
    split: bool = False,
    number: int = 1000,
    least: int = 2,
    edits: Sequence[str] = EDITS,
    slips: int = 1,
    incoming: bool = False,
    opaque: float = 0.5,
) -> Injected:
    """The triples with `number` twins and `number` homonyms, half of them easy, half hard.

    Chosen are IRIs with a name of three letters or more that are subject of at least `least` statements besides labels
    (with `incoming` also those that name them as object count, and are shared out). slips: the edits in a label.
    opaque: the share of new IRIs that say nothing; others are made from the label.
    """
    rng = random.Random(seed)  # noqa: S311
    triples = triples.select(KEY).sort(KEY)
    stated = triples.filter(pl.col("p") == RDFS_LABEL)
    stated = stated.sort(pl.col("o").str.ends_with('"@en'), "o", descending=[False, True])
    label = {s: parse_literal(o)[0] for s, o in stated.select("s", "o").iter_rows()}
    told = triples.filter(pl.col("p") != RDFS_LABEL, pl.col("s").str.starts_with("<"))
    of = _statements(told, incoming=incoming)
    name = {term: label.get(term) or name_of(term[1:-1]) for term in of}
    able = [t for t in of if len(of[t]) >= least and sum(map(str.isalpha, name[t])) >= 3 and "/Category:" not in t]
    chosen = rng.sample(able, 2 * number)
    taken = set(triples["s"]) | set(triples["o"])

    def mint(text: str, key: str) -> str:
        local = "".join(char for char in text.replace(" ", "_") if char.isalnum() or char in "_-,.()'")
        iri = f"<http://dbpedia.org/resource/{local}>"
        if rng.random() < opaque or iri in taken:
            iri = f"<http://example.org/id/{key}>"
        taken.add(iri)
        return iri

    added: list[Row] = []
    removed: list[Row] = []
    twins = []
    for i, original in enumerate(chosen[:number]):
        edit = rng.choice(edits)
        spelt = misspell(name[original], edit, rng)
        for _ in range(slips - 1):
            spelt = misspell(spelt, rng.choice(edits), rng)
        iri = mint(spelt, f"t{seed}-{i}")
        rows = of[original]
        half = rng.sample(rows, max(1, (len(rows) + rng.randrange(2)) // 2))
        added += [(iri, RDFS_LABEL, literal_term(spelt, language="en")), *_renamed(half, original, iri)]
        removed += half if split else []
        twins.append((iri, original, edit, len(half)))
    homonyms = []
    alike: dict[str, list[str]] = {}
    for term in able:
        alike.setdefault(of[term][0][1], []).append(term)
    for i, original in enumerate(chosen[number:]):
        hard = i % 2 == 1
        other = _same_kind(original, of, alike, rng) if hard else _other_kind(original, of, able, rng)
        iri = mint(name[original], f"h{seed}-{i}")
        text = literal_term(name[original], language="en")
        added += [(iri, RDFS_LABEL, text), *_renamed(of[other], other, iri)]
        homonyms.append((iri, original, "hard" if hard else "easy"))
    new = pl.DataFrame(added, schema=KEY, orient="row")
    gone = pl.DataFrame(removed, schema=dict.fromkeys(KEY, pl.String), orient="row")
    return Injected(
        pl.concat([triples.join(gone, on=KEY, how="anti"), new]).unique(),
        pl.DataFrame(twins, schema=["from", "to", "edit", "half"], orient="row"),
        pl.DataFrame(homonyms, schema=["from", "to", "kind"], orient="row"),
    )


def run(triples: pl.DataFrame, options: CleanOptions | None = None) -> pl.DataFrame:
    """What `resolve` finds in a frame of triples."""
    statements = Statements.of(triples.select("s", "p", "o"))
    terms = statements.terms
    s, p, o = (column.astype(np.int32) for column in statements.columns())
    return resolve(terms, s, p, o, options=options or CleanOptions())


def baselines(triples: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
    """Pairs that plain ways find, by name."""
    statements = Statements.of(triples.select("s", "p", "o"))
    terms = statements.terms
    s, p, o = (column.astype(np.int32) for column in statements.columns())
    ids = np.flatnonzero(kinds(terms, s, p, o) == ENTITY).astype(np.int32)
    names = read_names(labels(terms, ids, s, p, o)[0])
    named = pl.DataFrame({"term": terms.gather(ids), "label": names.words})
    told = triples.filter(pl.col("p") != RDFS_LABEL)
    outward = told.select("p", term="s", other="o", outward=True)
    around = pl.concat([outward, told.select("p", term="o", other="s", outward=False)]).join(named, on="term")
    both = around.join(around, on=["label", "p", "other", "outward"]).filter(pl.col("term") < pl.col("term_right"))
    yield "same normal label and a shared statement", both.select(a="term", b="term_right").unique()
    a, b = pairs_of(names.packed)
    near = edits(names.label, a, b) <= 1
    a, b = ids[a[near]], ids[b[near]]
    yield "at most one edit", pl.DataFrame({"a": terms.gather(a), "b": terms.gather(b)})


def measure(found: pl.DataFrame, injected: Injected) -> dict[str, Any]:
    """Pairwise figures over the pairs that an injected IRI is part of; the share of homonyms that were merged with
    their namesakes, of all and of the hard; and how many pairs of real entities were merged."""
    new = pl.concat([injected.twins["from"], injected.homonyms["from"]]).implode()
    touched = found.filter(pl.col("a").is_in(new) | pl.col("b").is_in(new))
    gold = _ordered(injected.twins)
    hit = gold.join(touched, on=["a", "b"], how="semi")
    merged = _ordered(injected.homonyms).join(found, on=["a", "b"], how="semi")
    hard = injected.homonyms.filter(kind="hard").height
    few = gold.filter(pl.col("half") == 1)
    return {
        "precision": round(len(hit) / max(len(touched), 1), 4),
        "recall": round(len(hit) / max(len(gold), 1), 4),
        "recall_of_twins_with_1_statement": round(hit.filter(pl.col("half") == 1).height / max(len(few), 1), 4),
        "homonyms_merged": round(len(merged) / max(len(injected.homonyms), 1), 4),
        "hard_homonyms_merged": round(merged.filter(kind="hard").height / max(hard, 1), 4),
        "pairs_of_real_entities": len(found) - len(touched),
    }


def pairs(merges: pl.DataFrame) -> pl.DataFrame:
    """All pairs inside the groups that merges make: columns a, b, a before b."""
    members = pl.concat([merges.select("to", name="from"), merges.select("to", name="to").unique()])
    both = members.join(members, on="to").filter(pl.col("name") < pl.col("name_right"))
    return both.select(a="name", b="name_right")


def _statements(told: pl.DataFrame, *, incoming: bool) -> dict[str, list[Row]]:
    """The statements of each subject, in a fixed order."""
    owned = told.select(*KEY, owner="s")
    if incoming:
        subjects = told["s"].unique().implode()
        owned = pl.concat([owned, told.filter(pl.col("o").is_in(subjects)).select(*KEY, owner="o")])
    of: dict[str, list[Row]] = {}
    for owner, *row in owned.sort("owner", *KEY).select("owner", *KEY).iter_rows():
        of.setdefault(owner, []).append((row[0], row[1], row[2]))
    return of


def _same_kind(one: str, of: dict[str, list[Row]], alike: dict[str, list[str]], rng: random.Random) -> str:
    """Another entity whose first predicate is the same, if there is one."""
    others = [term for term in alike[of[one][0][1]] if term != one]
    return rng.choice(others or [term for term in of if term != one])


def _other_kind(one: str, of: dict[str, list[Row]], able: list[str], rng: random.Random) -> str:
    """Another entity that shares no predicate and no neighbour with this one; if a thousand tries find none, any."""
    known = {term for row in of[one] for term in row}
    for _ in range(1000):
        other = rng.choice(able)
        if other not in known and not known & {term for row in of[other] for term in row}:
            return other
    return rng.choice([term for term in able if term != one])


def _renamed(rows: Sequence[Row], old: str, new: str) -> list[Row]:
    return [(new if s == old else s, p, new if o == old else o) for s, p, o in rows]


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(a=pl.min_horizontal("from", "to"), b=pl.max_horizontal("from", "to"))


if __name__ == "__main__":
    main()
