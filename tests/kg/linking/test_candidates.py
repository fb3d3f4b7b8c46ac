import numpy as np
import polars as pl
import pytest

from kg.graph import write_graph
from kg.linking.aliases import write_aliases
from kg.linking.belief import WEIGHTS, believe, candidates, features
from kg.linking.candidates import find_names
from kg.linking.partial import MOST
from kg.linking.question import read_words
from kg.terms import expand, iri_term, literal_term
from tests.toy import ranked

LABELS = {
    "Henry_Miller": "Henry Miller",
    "Henry_Miller_Shreve": "Henry Miller Shreve",
    "Üüreg_Lake": "Üüreg Lake",
    "Dead_Sea": "Dead Sea",
    "Elizabeth_II": "Elizabeth II",
    "Elizabeth_Taylor": "Elizabeth Taylor",
    "Sweden": "Sweden",
    "Céline_Buckens": "Céline Buckens",
    "2009–10_Leeds_United_season": "2009–10 Leeds United season",
    "Leeds": "Leeds",
    "Lake_Tahoe": "Lake Tahoe",
    "The_Bill_(film)": "The Bill (film)",
    "Film": "film",
    "Martino_Martini": "Martino Martini",
    "Martin": "Martin",
    "Lake": "Lake",
    "Winter": "Winter",
}
LABELS |= {f"Lake_{i}": f"Lake {chr(97 + i) * 3}" for i in range(26)}


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    label, part = iri_term(expand("rdfs:label")), iri_term(expand("dbo:part"))
    triples = [
        (iri_term(expand(f"dbr:{name}")), label, literal_term(text, language="en")) for name, text in LABELS.items()
    ]
    triples += [(iri_term(expand(f"dbr:{name}")), part, iri_term(expand("dbr:World"))) for name in LABELS]
    return write_graph(
        tmp_path_factory.mktemp("graph"), ranked(pl.DataFrame(triples, schema=["s", "p", "o"], orient="row"))
    )


@pytest.fixture(scope="module")
def aliases(graph, tmp_path_factory):
    return write_aliases(tmp_path_factory.mktemp("aliases"), graph)


@pytest.fixture(scope="module")
def find(graph, aliases):
    """By (words, name of an entity) its coverage, weight and gaps in a question."""

    def found_in(question):
        words = read_words(question)
        found = find_names(words, aliases)
        span, at = candidates(found, aliases)
        texts = [question[words[i].start : words[j - 1].end] for i, j in zip(found.first, found.last, strict=True)]
        values = [*zip(found.coverage.tolist(), found.weight.tolist(), found.gaps.tolist(), strict=True)]
        entities = aliases.candidate[at].tolist()
        return {(texts[s], graph.label_of(entity)): values[s] for s, entity in zip(span, entities, strict=True)}

    return found_in


def test_whole_names_are_found_in_any_case_inside_each_other(find):
    found = find("was henry miller shreve born in leeds?")
    assert found["henry miller", "Henry Miller"][0] == 1
    assert found["henry miller shreve", "Henry Miller Shreve"][0] == 1
    assert found["leeds", "Leeds"][0] == 1


def test_a_part_of_a_name_is_found_by_its_share(find, aliases):
    coverage, weight, gaps = find("Where is Henry Miller?")["Henry Miller", "Henry Miller Shreve"]
    words = dict(zip(aliases.names.words, aliases.names.weight.tolist(), strict=True))
    assert weight == pytest.approx(words["henry"] + words["miller"])
    assert coverage == pytest.approx(weight / (weight + words["shreve"]))
    assert gaps == 0


@pytest.mark.parametrize(
    ("question", "span", "name"),
    [
        ("where is reg Lake?", "reg Lake", "Üüreg Lake"),
        ("Where is Cline Buckens?", "Cline Buckens", "Céline Buckens"),
        ("who is henri shreeve", "henri shreeve", "Henry Miller Shreve"),
        ("Who is Elizabeth 2?", "Elizabeth 2", "Elizabeth II"),
        ("which season is Leeds United season 2009-10?", "Leeds United season 2009-10", "2009–10 Leeds United season"),
        ("what flows into deadsea", "deadsea", "Dead Sea"),
        ("who played in the Swedish league?", "Swedish", "Sweden"),
        ("Who wrote The Bill?", "The Bill", "The Bill (film)"),
    ],
)
def test_names_are_found_misspelt_reordered_joined_and_by_their_adjectives(find, question, span, name):
    found = find(question)
    assert found[span, name][0] > 0.4
    assert found[span, name][2] == pytest.approx(0, abs=1e-9)


def test_a_word_of_the_question_stands_for_one_word_of_a_name(find, aliases):
    words = dict(zip(aliases.names.words, aliases.names.weight.tolist(), strict=True))
    coverage, weight, _ = find("Who is Martini?")["Martini", "Martino Martini"]
    assert weight == pytest.approx(words["martini"])
    assert coverage == pytest.approx(words["martini"] / (words["martini"] + words["martino"]))


def test_words_inside_a_span_that_match_nothing_are_its_gaps(find):
    _, weight, gaps = find("Was Henry Zebulon Shreve there?")["Henry Zebulon Shreve", "Henry Miller Shreve"]
    assert gaps == pytest.approx(1.0)
    assert weight > 1


def test_few_names_are_kept_of_the_many_that_share_a_word(find):
    assert len(LABELS) > MOST
    found = find("Which lake is Lake Tahoe?")
    assert "Lake Tahoe" in {name for _, name in found}
    assert sum(coverage < 1 for coverage, _, _ in found.values()) <= MOST


def test_a_question_without_names_has_none(find):
    assert find("who is it?") == {}
    assert find("qqqqqq xxxxxxx?") == {}


def test_belief_is_the_logistic_of_the_weighted_features(aliases):
    words = read_words("Was Henry Miller in Leeds?")
    found = find_names(words, aliases)
    span, at = candidates(found, aliases)
    values = features(words, found, aliases, span, at)
    assert values.shape == (len(span), len(WEIGHTS))
    believed = believe(words, found, aliases)
    logit = values @ list(WEIGHTS.values())
    assert np.exp(believed.log_p) == pytest.approx(1 / (1 + np.exp(-logit)))
    assert believed.entity.tolist() == aliases.candidate[at].tolist()


def test_features_tell_everyday_words_and_parts_of_longer_names(aliases):
    words = read_words("In which film was Winter with Henry Miller Shreve?")
    found = find_names(words, aliases)
    span, at = candidates(found, aliases)
    values = features(words, found, aliases, span, at).tolist()
    texts = [" ".join(word.key for word in words[found.first[s] : found.last[s]]) for s in span]
    rows = [dict(zip(WEIGHTS, row, strict=True)) for row in values]
    by_span = {text: row for text, row in zip(texts, rows, strict=True) if row["coverage"] == 1}
    assert by_span["film"]["plain"] == 1
    assert by_span["winter"]["plain"] == 0
    assert by_span["henry miller"]["overlap"] == pytest.approx(1)  # what "shreve", in one name alone, adds
    assert by_span["henry miller"]["beside"] == 1
    whole = by_span["henry miller shreve"]
    assert (whole["lower"], whole["beside"], whole["overlap"]) == (0, 0, 0)
