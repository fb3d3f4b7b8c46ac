import unicodedata

import polars as pl
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from kg.graph import write_graph
from kg.linking.aliases import LAST_NAME, _surfaces, write_aliases
from kg.linking.given import link_given
from kg.linking.linker import LinkerOptions
from kg.linking.pipeline import build_pipeline, link
from kg.linking.sentences import mark_sentences
from kg.linking.surfaces import name_surfaces
from kg.terms import expand
from tests.encoders import NgramEncoder
from tests.toy import CLEAN, QUESTIONS, ranked, triples_of

MORE = triples_of(
    """\
dbr:Paris_(novel)|rdfs:label|"Paris (novel)"@en
dbr:Paris_(novel)|dbo:author|dbr:Emile_Zola
dbr:Paris_(novel)|dbo:literaryGenre|dbr:Novel
dbr:Paris,_Texas|rdfs:label|"Paris, Texas"@en
dbr:Paris,_Texas|dbo:isPartOf|dbr:Texas
dbr:Texas|rdfs:label|"Texas"@en
dbr:French_language|rdfs:label|"French language"@en
dbr:France|dbo:language|dbr:French_language
dbr:French_language|rdf:type|dbo:Language
dbr:Who|rdfs:label|"Who"@en
dbr:House|rdfs:label|"House"@en
dbr:Southern_blot|rdfs:label|"Southern blot"@en
dbr:McDonald's|rdfs:label|"McDonald's"@en
dbr:Bogotá|rdfs:label|"Bogotá"@en
dbr:Category:Paris|rdfs:label|"Paris"@en"""
)


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    triples = pl.DataFrame(sorted(CLEAN) + MORE, schema=["s", "p", "o"], orient="row").unique()
    return write_graph(tmp_path_factory.mktemp("graph"), ranked(triples))


@pytest.fixture(scope="module")
def aliases(graph, tmp_path_factory):
    return write_aliases(tmp_path_factory.mktemp("aliases"), graph)


def names(graph, found):
    return [graph.iri_of(entity).rsplit("/", 1)[-1] for entity, _ in found]


def linked(text, graph, aliases, encoder=None, **options):
    (mentions,) = link([text], graph, aliases, encoder, **options)
    return [(text[m.start : m.end], m.iri and m.iri.rsplit("/", 1)[-1]) for m in mentions]


def test_candidates_come_from_labels_and_their_shortened_forms_with_the_plain_label_first(graph, aliases):
    found = aliases.candidates("PARIS")
    assert names(graph, found) == ["Paris", "Paris_(novel)", "Paris,_Texas"]
    assert sum(prior for _, prior in found) == pytest.approx(1.0)
    assert aliases.candidates("Atlantis") == []


def test_candidates_know_other_names_and_drop_generic_last_words(graph, aliases):
    assert names(graph, aliases.candidates("Madame Curie")) == ["Marie_Curie"]
    assert names(graph, aliases.candidates("UK")) == ["United_Kingdom"]
    assert names(graph, aliases.candidates("French")) == ["French_language"]


def test_last_names_of_persons_are_candidates_of_their_own_kind(graph, aliases):
    row = int(aliases.rows(["curie"])[0])
    assert set(names(graph, aliases.candidates("Curie"))) == {"Marie_Curie", "Pierre_Curie"}
    assert set(aliases.kind[aliases.span(row)].tolist()) == {LAST_NAME}


@given(st.text(max_size=12) | st.from_regex(r"[A-Za-z0-9]{1,4}( [A-Za-z0-9]{1,4}){0,3}", fullmatch=True))
def test_plain_names_have_the_surfaces_of_all_names(text):
    found = _surfaces(pl.Series([text], dtype=pl.String))["surface"].to_list()
    assert found == name_surfaces(text)


def test_aliases_are_the_same_bytes_when_written_again(graph, aliases, tmp_path):
    again = write_aliases(tmp_path, graph)
    assert again.hashes.tobytes() == aliases.hashes.tobytes()
    assert again.prior.tobytes() == aliases.prior.tobytes()


def test_links_full_names_and_possessives_in_running_text(graph, aliases):
    text = "Marie Curie's husband was Pierre Curie. She left Warsaw for Paris."
    assert linked(text, graph, aliases) == [
        ("Marie Curie", "Marie_Curie"),
        ("Pierre Curie", "Pierre_Curie"),
        ("Warsaw", "Warsaw"),
        ("Paris", "Paris"),
    ]


def test_last_name_needs_the_full_name_in_the_same_text(graph, aliases):
    assert linked("Yesterday Lovelace wrote.", graph, aliases) == []
    text = "Ada Lovelace wrote. Later Lovelace died."
    assert linked(text, graph, aliases) == [("Ada Lovelace", "Ada_Lovelace"), ("Lovelace", "Ada_Lovelace")]


@pytest.mark.parametrize(
    "text",
    [
        "Who was it?",
        "The house was old.",
        "House prices rose.",
        "he saw paris",
        "Jane Paris Smith met him.",
        "It is 1990.",
        "",
        "!!!",
    ],
)
def test_words_that_are_no_names_are_not_linked(graph, aliases, text):
    assert linked(text, graph, aliases) == []


def test_lower_case_names_of_the_graph_match_lower_case_text(graph, aliases):
    assert linked("We ran a southern blot today.", graph, aliases) == [("southern blot", "Southern_blot")]


@pytest.mark.parametrize(("question", "gold", "_answers"), QUESTIONS)
def test_questions_are_linked_in_any_case(graph, aliases, question, gold, _answers):
    wanted = [expand(name) for name in gold]
    for text in (question, question.lower()):
        (mentions,) = link([text], graph, aliases, None, question=True)
        assert [m.iri for m in mentions] == wanted


def test_questions_are_not_linked_to_question_words(graph, aliases):
    assert linked("who was it", graph, aliases, question=True) == []


def test_longer_matches_win(graph, aliases):
    assert linked("It is in Paris, Texas now.", graph, aliases) == [("Paris, Texas", "Paris,_Texas")]


def test_the_encoder_moves_the_choice_towards_the_context(graph, aliases):
    text = "The literary genre of Paris, by its author Emile Zola, is the novel."
    (plain,) = link([text], graph, aliases, None)
    (told,) = link([text], graph, aliases, NgramEncoder(), options=LinkerOptions(weight=50.0))
    assert plain[0].iri == expand("dbr:Paris")
    assert told[0].iri == expand("dbr:Paris_(novel)")
    assert 0 < told[0].score <= 1


def test_pipeline_gives_the_documents_mentions(graph, aliases):
    nlp = build_pipeline(graph, aliases, NgramEncoder())
    doc = nlp("Ada Lovelace lived in London. She died.")
    assert [(m.start, m.iri) for m in doc._.limbeck_mentions] == [
        (0, expand("dbr:Ada_Lovelace")),
        (22, expand("dbr:London")),
    ]
    assert len(list(doc.sents)) == 2


@pytest.mark.parametrize("start", ["limbeck_sentences", "limbeck_mentions", "limbeck_linker", "limbeck_relations"])
def test_the_components_are_spacy_factories(start):
    assert spacy.blank("en").has_factory(start)


def test_a_name_may_be_broken_over_two_lines(graph, aliases):
    text = "Then Ada\nLovelace wrote.\nLondon\r\nread it."
    assert linked(text, graph, aliases) == [("Ada\nLovelace", "Ada_Lovelace"), ("London", "London")]
    assert linked("By Ada\n\nLovelace wrote.", graph, aliases) == []


def test_a_possessive_is_a_part_of_the_name_where_the_graph_writes_it_so(graph, aliases):
    text = "We ate at McDonald's in London and at McDonald’s. Paris's is good."
    assert linked(text, graph, aliases) == [
        ("McDonald's", "McDonald's"),
        ("London", "London"),
        ("McDonald’s", "McDonald's"),
        ("Paris", "Paris"),
    ]
    assert linked("Then Bob McDonald's wife left.", graph, aliases) == []
    assert linked("The McDonald left.", graph, aliases) == [("McDonald", "McDonald's")]


def test_the_full_stop_after_a_decomposed_letter_is_not_a_part_of_the_name(graph, aliases):
    text = unicodedata.normalize("NFD", "She lives in Bogotá. London is far.")
    assert linked(text, graph, aliases) == [
        (unicodedata.normalize("NFD", "Bogotá"), "Bogotá"),
        ("London", "London"),
    ]


def test_lone_surrogates_are_read_and_keep_offsets(graph, aliases):
    text = "\udc80 He left London\ud800 for Paris."
    assert linked(text, graph, aliases) == [("London", "London"), ("Paris", "Paris")]
    assert link_given([text], [[(0, 1), (10, 16)]], graph, aliases) == [[None, expand("dbr:London")]]


def test_a_text_of_more_than_a_million_characters_is_read(graph, aliases):
    text = "He left London." + "\n" * 1_000_000 + "He saw Paris."
    assert linked(text, graph, aliases) == [("London", "London"), ("Paris", "Paris")]


@pytest.mark.parametrize(
    "sentences",
    [
        ["He moved to St. Louis.", "J. R. R. Tolkien wrote it.", "He died in the U.S. in 1973."],
        ["She works at Apple Inc.", "He was born in Washington, D.C.", "The end."],
        ['The film is "Jaws."', "It was big!", "Was it?", "3 men came."],
        ["Dr. Smith met John F. Kennedy in No. 10 Downing St."],
    ],
)
def test_sentences_survive_abbreviations(sentences):
    doc = mark_sentences(spacy.blank("en")(" ".join(sentences)))
    assert [sentence.text for sentence in doc.sents] == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("The long\nLine.\n\nA new one", ["The long\nLine.\n\n", "A new one"]),
        ("He left.\nthen he came.  She too.", ["He left.\n", "then he came.  ", "She too."]),
        (
            "We saw:\n- London\n* Paris\n1. Rome\n2) Oslo",
            ["We saw:\n", "- London\n", "* Paris\n", "1. Rome\n", "2) Oslo"],
        ),
        ("He moved to St.\nLouis in\n1912 or so.", ["He moved to St.\nLouis in\n1912 or so."]),
    ],
)
def test_a_line_break_ends_a_sentence_only_after_its_end_or_before_an_item(text, sentences):
    doc = mark_sentences(spacy.blank("en")(text))
    assert "".join(sentence.text_with_ws for sentence in doc.sents) == text
    assert [sentence.text_with_ws for sentence in doc.sents] == sentences
