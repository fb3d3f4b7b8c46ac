import random
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.twins import inject, measure, pairs, run
from kg.clean import CleanOptions
from kg.clean.resolve import resolve
from kg.statements import Statements
from kg.terms import RDF_TYPE, RDFS_LABEL, literal_term

Triple = tuple[str, str, str]


def dbr(name: str) -> str:
    return f"<http://dbpedia.org/resource/{name}>"


def dbo(name: str) -> str:
    return f"<http://dbpedia.org/ontology/{name}>"


def named(term: str, label: str, *facts: tuple[str, str]) -> list[Triple]:
    return [(term, RDFS_LABEL, literal_term(label, language="en")), *((term, dbo(p), o) for p, o in facts)]


def people(number: int = 400) -> list[Triple]:
    """People with made names, a place and a day of birth, a job and a few friends."""
    rng = random.Random(7)  # noqa: S311
    starts, ends = (
        ("Bre", "Ka", "Lo", "Mi", "Sto", "Ti", "Va", "Wel"),
        ("dan", "ger", "lin", "mar", "rick", "sen", "tov"),
    )
    middles = ("", "le", "ni", "ro", "sa", "vi")

    def word() -> str:
        return rng.choice(starts) + rng.choice(middles) + rng.choice(ends)

    names = sorted({f"{word()} {word()}{rng.choice(middles)}" for _ in range(number)})
    terms = [dbr(name.replace(" ", "_")) for name in names]
    triples: list[Triple] = []
    for term, name in zip(terms, names, strict=True):
        born = f'"{rng.randrange(1800, 2000)}-{rng.randrange(1, 13):02}-01"'
        facts = [("birthPlace", dbr(f"Town_{rng.randrange(40)}")), ("birthDate", born)]
        facts += [("occupation", dbr(f"Job_{rng.randrange(9)}")), *(("knows", t) for t in rng.sample(terms, 3))]
        triples += named(term, name, *((p, o) for p, o in facts if o != term))
    return triples


PEOPLE = people()
BURG = named(
    dbr("Anneliese_Oberhofer"),
    "Anneliese Oberhofer",
    ("birthPlace", dbr("Town_3")),
    ("birthDate", '"1871-03-05"'),
    ("occupation", dbr("Job_1")),
    ("author", dbr("A_Rare_Book")),
)
OTHER = dbr("Q1x")


def frame(triples: Sequence[Triple]) -> pl.DataFrame:
    return pl.DataFrame([*PEOPLE, *triples], schema=["s", "p", "o"], orient="row").unique()


def resolved(triples: Sequence[Triple], *, apart: Collection[str] = (), **options: str) -> pl.DataFrame:
    rows = frame(triples)
    statements = Statements.of(rows.select("s", "p", "o"))
    terms = statements.terms
    s, p, o = (column.astype(np.int32) for column in statements.columns())
    return resolve(terms, s, p, o, options=CleanOptions(**options), apart=apart)  # type: ignore[arg-type]


def merged(triples: Sequence[Triple], *, apart: Collection[str] = (), **options: str) -> dict[str, str]:
    return dict(resolved(triples, apart=apart, **options).select("from", "to").iter_rows())


def test_nothing_in_made_people_is_merged() -> None:
    assert merged([]) == {}


def test_a_misspelt_twin_is_merged_into_the_entity_with_more_triples() -> None:
    twin = named(OTHER, "Anneliese Oberhoefr", ("birthPlace", dbr("Town_3")), ("author", dbr("A_Rare_Book")))
    found = resolved([*BURG, *twin])
    assert found.select("from", "to", "reason").rows() == [(OTHER, dbr("Anneliese_Oberhofer"), "twin")]
    assert found.schema == {"from": pl.String, "to": pl.String, "reason": pl.String, "score": pl.Float32}
    assert 0.5 < found["score"][0] <= 1


def test_the_preferred_namespace_stands_for_the_group() -> None:
    twin = named(OTHER, "Anneliese Oberhoefr", ("birthPlace", dbr("Town_3")), ("author", dbr("A_Rare_Book")))
    moved = [(s.replace("dbpedia.org", "elsewhere.org"), p, o) for s, p, o in BURG]
    assert merged([*moved, *twin]) == {"<http://elsewhere.org/resource/Anneliese_Oberhofer>": OTHER}


def test_without_a_label_the_iri_names_the_twin() -> None:
    twin = [(dbr("Anneliese_Oberrhofer"), dbo("birthPlace"), dbr("Town_3"))]
    assert merged([*BURG, *twin]) == {dbr("Anneliese_Oberrhofer"): dbr("Anneliese_Oberhofer")}


@pytest.mark.parametrize(
    "label", ["anneliese oberhofer", "Annelíese Oberhofer", "Anneliese-Oberhofer", "AnnelieseOberhofer"]
)
def test_names_that_differ_in_case_marks_or_spaces_are_one(label: str) -> None:
    assert merged([*BURG, *named(OTHER, label, ("occupation", dbr("Job_1")))]) == {OTHER: dbr("Anneliese_Oberhofer")}


def test_homonyms_are_kept_apart() -> None:
    strange = named(OTHER, "Anneliese Oberhofer", ("country", dbr("Elsewhere")), ("length", '"12"'))
    likely = named(dbr("Q2x"), "Anneliese Oberhofer", ("occupation", dbr("Job_1")), ("birthDate", '"1934-01-01"'))
    assert merged([*BURG, *strange, *likely]) == {}


def test_namesakes_that_share_rare_neighbours_are_one() -> None:
    rare = [("birthDate", '"1871-03-05"'), ("author", dbr("A_Rare_Book")), ("birthPlace", dbr("Town_3"))]
    twin = named(OTHER, "Anneliese Oberhofer", *rare)
    assert merged([*BURG, *twin]) == {OTHER: dbr("Anneliese_Oberhofer")}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Gravelord II", "Gravelord III"),
        ("Gravelord XXVI", "Gravelord XXIV"),
        ("Gravelord 2", "Gravelord 3"),
        ("1998 Gravelord Trophy", "1989 Gravelord Trophy"),
        ("Gravelord Line 12", "Gravelord Line 12A"),
        ("Tobias Gravelord Jr.", "Tobias Gravelord Sr."),
        ("Gravelord Model T", "Gravelord Model S"),
        ("Gravelord", "Gravelord V"),
        ("C++", "C#"),
    ],
)
def test_sequels_years_and_models_are_kept_apart(one: str, two: str) -> None:
    facts = [("director", dbr("A_Rare_Person")), ("author", dbr("A_Rare_Book")), ("country", dbr("Town_5"))]
    assert merged([*named(dbr("G1x"), one, *facts), *named(dbr("G2x"), two, *facts)]) == {}


def test_words_that_other_names_have_are_no_slips() -> None:
    towns = [name for stem in ("Alton", "Dalton", "Walton") for name in named(dbr(f"{stem}_Ohio"), f"{stem}, Ohio")]
    more = [
        t
        for i in range(9)
        for stem in ("Alton", "Dalton", "Walton")
        for t in named(dbr(f"{stem}{i}x"), f"{stem}, {'ABCDEFGHI'[i]}land")
    ]
    facts = [(dbr(f"{stem}_Ohio"), dbo("isPartOf"), dbr("Ohio")) for stem in ("Alton", "Dalton", "Walton")]
    assert merged([*towns, *more, *facts]) == {}


def test_entities_that_a_statement_links_are_two() -> None:
    child = named(OTHER, "Anneliese Oberhoefr", ("birthPlace", dbr("Town_3")), ("author", dbr("A_Rare_Book")))
    assert merged([*BURG, *child, (OTHER, dbo("parent"), dbr("Anneliese_Oberhofer"))]) == {}


def test_other_values_of_functional_predicates_speak_against_a_twin() -> None:
    facts = [("birthPlace", dbr("Town_3"))]
    close = named(OTHER, "Anneliese Oberhofr", *facts)
    days = [(OTHER, dbo(p), f'"{i}"') for i, p in enumerate(("birthDate", "deathDate", "height"))]
    others = [(dbr("Anneliese_Oberhofer"), dbo(p), '"7"') for p in ("deathDate", "height")]
    assert merged([*BURG, *close]) == {OTHER: dbr("Anneliese_Oberhofer")}
    assert merged([*BURG, *close, *days, *others]) == {}


def test_classes_without_one_in_common_speak_against_a_twin() -> None:
    typed = [(s, RDF_TYPE, dbo("Person")) for s in sorted({s for s, _, _ in PEOPLE})]
    twin = named(OTHER, "anneliese oberhofer", ("birthPlace", dbr("Town_3")))
    one = (dbr("Anneliese_Oberhofer"), RDF_TYPE, dbo("Person"))
    rivers = [(dbr(f"River_{i}"), RDF_TYPE, dbo("River")) for i in range(40)]
    assert merged([*typed, *rivers, one, *BURG, *twin, (OTHER, RDF_TYPE, dbo("Person"))]) != {}
    assert merged([*typed, *rivers, one, *BURG, *twin, (OTHER, RDF_TYPE, dbo("River"))]) == {}


def test_what_was_told_apart_stays_apart() -> None:
    twin = named(OTHER, "Anneliese Oberhoefr", ("birthPlace", dbr("Town_3")), ("author", dbr("A_Rare_Book")))
    for iri in (OTHER, dbr("Anneliese_Oberhofer")):
        assert merged([*BURG, *twin], apart=[iri[1:-1]]) == {}


def test_two_homonyms_are_not_merged_through_a_third() -> None:
    namesake = named(dbr("Q2x"), "Anneliese Oberhofer", ("country", dbr("Elsewhere")), ("length", '"12"'))
    between = named(OTHER, "Anneliese Oberhoefr", ("author", dbr("A_Rare_Book")), ("country", dbr("Elsewhere")))
    found = merged([*BURG, *namesake, *between])
    assert len(found) == 1
    assert {dbr("Q2x"), dbr("Anneliese_Oberhofer")} - set(found) - set(found.values())


def test_pages_that_nobody_names_take_no_part() -> None:
    page = [
        (dbr("Anneliese_Oberhofer"), dbo("homepage"), f"<http://a.org/{name}>") for name in ("index.html", "Index.html")
    ]
    assert merged([*BURG, *page]) == {}


def test_a_category_is_no_twin_of_its_topic() -> None:
    category = dbr("Category:Anneliese_Oberhofer")
    assert (
        merged([*BURG, (category, dbo("author"), dbr("A_Rare_Book")), (category, dbo("birthPlace"), dbr("Town_3"))])
        == {}
    )


def test_an_empty_graph_has_no_twins() -> None:
    none = np.zeros(0, np.int32)
    found = resolve(pl.Series("term", [], dtype=pl.String), none, none, none, options=CleanOptions())
    assert found.schema == {"from": pl.String, "to": pl.String, "reason": pl.String, "score": pl.Float32}
    assert len(found) == 0


INJECTED = inject(pl.DataFrame(PEOPLE, schema=["s", "p", "o"], orient="row"), seed=1, number=60, least=3)


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_the_order_of_the_rows_changes_nothing(seed: int) -> None:
    rows = INJECTED.triples
    assert run(rows.sample(fraction=1, shuffle=True, seed=seed)).equals(run(rows.sort("s", "p", "o")))


def test_most_injected_twins_are_found_and_homonyms_kept() -> None:
    figures = measure(pairs(run(INJECTED.triples)), INJECTED)
    assert figures["precision"] >= 0.95
    assert figures["recall"] >= 0.8
    assert figures["homonyms_merged"] <= 0.02
    assert figures["pairs_of_real_entities"] == 0
