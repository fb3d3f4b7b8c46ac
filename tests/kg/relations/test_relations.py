import itertools

import numpy as np
import polars as pl
import pytest

from kg.errors import EncoderMismatch
from kg.graph import write_graph
from kg.linking.aliases import write_aliases
from kg.linking.pipeline import build_pipeline, link
from kg.relations.extract import RelationExtractor, RelationOptions, extract_statements
from kg.relations.patterns import find_pairs
from kg.relations.signatures import Signatures
from kg.statements import SCHEMA
from kg.terms import expand
from kg.types import Document
from tests.encoders import NgramEncoder
from tests.toy import ranked

CITIES = ["Avonmore", "Brindal", "Castrel", "Dunwick", "Elmstead", "Farrow", "Gorsefield", "Hartwell"]
FIRST = ["Anna", "Boris", "Clara", "David", "Elena", "Fritz", "Greta", "Hanno", "Irma", "Jonas", "Karla", "Lukas"]
LAST = ["Abbot", "Bellweather", "Cromley", "Dentwood"]
PEOPLE = [f"{first} {last}" for first, last in itertools.product(FIRST, LAST)]
FILMS = [
    f"{word} Harvest" for word in ("Amber", "Bitter", "Crimson", "Distant", "Endless", "Final", "Golden", "Hidden")
]
SAYS = {
    "birthPlace": ("{s} was born in {o}.", "{o} is the birth place of {s}."),
    "deathPlace": ("{s} died in {o}.", "{s} passed away in {o}."),
    "director": ("{s} was directed by {o}.", "{o} directed {s}."),
}


def facts():
    """(s, p, o): each person was born and died somewhere; each film has a director."""
    for i, person in enumerate(PEOPLE):
        yield person, "birthPlace", CITIES[i % 8]
        yield person, "deathPlace", CITIES[(3 * i + 1 + i // 8) % 8]
    for i, film in enumerate(FILMS * 3):
        yield film, "director", PEOPLE[(5 * i) % 48]


def iri(name):
    return "http://dbpedia.org/resource/" + name.replace(" ", "_")


FACTS = sorted(set(facts()))
TOLD = [fact for i, fact in enumerate(FACTS) if i % 5]
UNTOLD = [fact for i, fact in enumerate(FACTS) if i % 5 == 0]
"""What only the test texts say; the graph lacks it."""


def texts_of(known):
    texts = [SAYS[p][i % 2].format(s=s, o=o) for i, (s, p, o) in enumerate(known)]
    texts += [f"{PEOPLE[i]} and {PEOPLE[i + 8]} were born in {CITIES[i % 8]}." for i in range(0, 40, 3)]
    homes = {(s, o) for s, _, o in FACTS}
    strange = ((s, next(o for o in CITIES if (s, o) not in homes)) for s in PEOPLE)
    return texts + [f"{person} once waved at {city} from a train." for person, city in strange]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    rows = [(f"<{iri(s)}>", f"<{expand('dbo:' + p)}>", f"<{iri(o)}>") for s, p, o in TOLD]
    triples = pl.DataFrame(rows, schema=["s", "p", "o"], orient="row")
    return write_graph(tmp_path_factory.mktemp("graph"), ranked(triples))


@pytest.fixture(scope="module")
def aliases(graph, tmp_path_factory):
    return write_aliases(tmp_path_factory.mktemp("aliases"), graph)


@pytest.fixture(scope="module", params=["encoder", "no encoder"])
def extractor(request, graph, aliases):
    texts = texts_of(TOLD)
    encoder = NgramEncoder() if request.param == "encoder" else None
    return RelationExtractor.train(texts, link(texts, graph, aliases), graph, encoder)


def read(extractor, aliases, texts):
    found = extractor.extract(texts, link(texts, extractor.graph, aliases))
    return [{(r.s, r.p, r.o) for r in relations} for relations in found]


def triple(s, p, o):
    return iri(s), expand("dbo:" + p), iri(o)


def test_pairs_come_in_both_directions_with_other_mentions_masked(graph, aliases):
    text = "Anna Abbot and Boris Abbot were born in Brindal. Castrel is far."
    pairs = find_pairs([text], link([text], graph, aliases), graph)
    assert len(pairs) == 6
    assert [a.s == b.o and a.o == b.s and a.segment == b.segment for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
    assert {pair.segment for pair in pairs} == {
        "[A] and [B] were born in [C]",
        "[A] and [C] were born in [B].",
        "[C] and [A] were born in [B].",
    }
    assert {text[pair.start : pair.end] for pair in pairs} == {
        "Anna Abbot and Boris Abbot",
        "Anna Abbot and Boris Abbot were born in Brindal",
        "Boris Abbot were born in Brindal",
    }


def test_signatures_tell_fitting_entities_without_looking_at_the_triple_itself(graph):
    signatures = Signatures(graph)
    director = int(np.flatnonzero(signatures.predicates == graph.id_of(expand("dbo:director")))[0])
    person, city, film = (graph.id_of(iri(name)) for name in ("Anna Abbot", "Brindal", FILMS[0]))
    assert signatures.fit(film, person)[0][director] > 10 * signatures.fit(city, person)[0][director]


def test_a_pair_without_other_uses_fits_at_the_base_rate(graph):
    signatures = Signatures(graph)
    s, p, o = next(
        (int(s), int(p), int(o))
        for s, p, o in zip(graph.s, graph.p, graph.o, strict=True)
        if graph.out_ptr[s + 1] - graph.out_ptr[s] == 1 and graph.in_ptr[s + 1] == graph.in_ptr[s]
    )
    column = int(np.searchsorted(signatures.predicates, p))
    subjects = len(np.unique(graph.s[graph.p == p]))
    entities = len(np.unique(np.concatenate([graph.s, graph.o])))
    assert signatures.fit(s, o)[0][column] == pytest.approx(subjects / entities)


def test_training_reports_what_it_saw(extractor):
    assert extractor.report.examples >= 100
    assert extractor.report.precision >= 0.7
    assert extractor.report.recall > 0.5


def test_reads_relations_that_the_graph_does_not_have(extractor, aliases):
    hits = wrong = 0
    texts = [SAYS[p][i % 2].format(s=s, o=o) for i, (s, p, o) in enumerate(UNTOLD)]
    for found, fact in zip(read(extractor, aliases, texts), UNTOLD, strict=True):
        hits += triple(*fact) in found
        wrong += len(found - {triple(*fact)})
    assert hits >= 0.7 * len(UNTOLD)
    assert wrong <= 0.3 * len(UNTOLD)


def test_a_known_relation_is_not_read_where_the_text_does_not_state_it(extractor, aliases):
    stated, unstated = [], []
    for s, p, o in [fact for fact in TOLD if fact[1] == "birthPlace"][:20]:
        stated.append(SAYS[p][0].format(s=s, o=o))
        unstated.append(f"{s} once waved at {o} from a train.")
    assert sum(map(len, read(extractor, aliases, unstated))) < 0.2 * sum(map(len, read(extractor, aliases, stated)))


def test_coordinated_subjects_each_get_the_relation(extractor, aliases):
    (found,) = read(extractor, aliases, ["Anna Abbot and Boris Abbot were born in Castrel."])
    assert triple("Boris Abbot", "birthPlace", "Castrel") in found
    assert all(p == expand("dbo:birthPlace") for _, p, _ in found)


def test_a_sentence_that_opens_with_a_pronoun_is_about_the_one_before(extractor, aliases):
    text = "Greta Abbot was directed by nobody. She was born in Castrel."
    (found,) = read(extractor, aliases, [text])
    assert found == {triple("Greta Abbot", "birthPlace", "Castrel")}


def test_saved_extractor_reads_the_same(extractor, graph, aliases, tmp_path):
    extractor.save(tmp_path)
    again = RelationExtractor.open(tmp_path, graph, extractor.encoder)
    texts = texts_of(UNTOLD)
    mentions = link(texts, graph, aliases)
    assert again.extract(texts, mentions) == extractor.extract(texts, mentions)


def test_another_encoder_is_refused(extractor, graph, tmp_path):
    extractor.save(tmp_path)
    with pytest.raises(EncoderMismatch, match="ngrams-32"):
        RelationExtractor.open(tmp_path, graph, NgramEncoder(32))


def test_too_few_examples_give_fixed_weights_that_go_by_the_label(graph, aliases):
    texts = texts_of(TOLD[:5])
    extractor = RelationExtractor.train(texts, link(texts, graph, aliases), graph, NgramEncoder())
    assert extractor.report.recall == 0.0
    (found,) = read(extractor, aliases, [f"The director of {FILMS[1]} is Anna Abbot."])
    assert triple(FILMS[1], "director", "Anna Abbot") in found


def test_texts_without_pairs_give_nothing(extractor, graph, aliases):
    assert read(extractor, aliases, ["", "Anna Abbot slept.", "Nothing here."]) == [set(), set(), set()]
    empty = RelationExtractor.train([], [], graph, None, RelationOptions())
    assert empty.extract([], []) == []


@pytest.mark.parametrize("encoder", [NgramEncoder(), None])
def test_a_graph_without_frequent_predicates_gives_no_relations_and_opens_over_one_with_them(
    graph, aliases, tmp_path, encoder
):
    rows = [(f"<{iri(PEOPLE[0])}>", f"<{expand('dbo:birthPlace')}>", f"<{iri(CITIES[0])}>")]
    triples = pl.DataFrame(rows, schema=["s", "p", "o"], orient="row")
    small = write_graph(tmp_path / "graph", ranked(triples))
    texts = [f"{PEOPLE[0]} was born in {CITIES[0]}."]
    mentions = link(texts, small, write_aliases(tmp_path / "aliases", small))
    assert len(mentions[0]) == 2
    extractor = RelationExtractor.train(texts, mentions, small, encoder)
    assert extractor.extract(texts, mentions) == [[]]
    extractor.save(tmp_path / "extractor")
    opened = RelationExtractor.open(tmp_path / "extractor", graph, encoder)
    assert opened.evidence.count.tolist() == [0] * len(Signatures(graph).predicates)
    assert len(opened.extract(texts, mentions)) == 1


def test_an_extractor_that_saw_no_pairs_reads_by_the_labels(graph, aliases):
    extractor = RelationExtractor.train([], [], graph, NgramEncoder())
    (found,) = read(extractor, aliases, [f"The director of {FILMS[1]} is Anna Abbot."])
    assert triple(FILMS[1], "director", "Anna Abbot") in found


def test_lone_surrogates_do_not_stop_the_reading(graph, aliases):
    text = "\ud800 Anna Abbot was born in Brindal \udc80."
    pairs = find_pairs([text], link([text], graph, aliases), graph)
    assert {text[pair.start : pair.end] for pair in pairs} == {"Anna Abbot was born in Brindal"}


def test_pairs_do_not_depend_on_the_order_of_the_mentions(graph, aliases):
    text = "Anna Abbot was born in Brindal. Boris Abbot was born in Castrel. She died in Dunwick."
    (mentions,) = link([text], graph, aliases)
    assert find_pairs([text], [mentions[::-1]], graph) == find_pairs([text], [mentions], graph)


def test_statements_carry_document_and_span(extractor, graph, aliases):
    s, p, o = next(fact for fact in UNTOLD if fact[1] == "birthPlace")
    text = f"It is known. {s} was born in {o}."
    documents = [Document("0", "Nothing."), Document("1", text)]
    mentions = link([document.text for document in documents], graph, aliases)
    frame = extract_statements(documents, mentions, extractor, source=3, first_record=10)
    assert frame.schema == pl.Schema(SCHEMA)
    row = frame.row(0, named=True)
    assert (row["s"], row["p"], row["o"]) == tuple(f"<{term}>" for term in triple(s, p, o))
    assert (row["source"], row["record"]) == (3, 11)
    assert text[row["start"] : row["end"]] == f"{s} was born in {o}"
    assert 0 < row["confidence"] <= 1


def test_pipeline_carries_relations(extractor, graph, aliases):
    s, p, o = next(fact for fact in UNTOLD if fact[1] == "birthPlace")
    doc = build_pipeline(graph, aliases, None, extractor)(f"{s} was born in {o}.")
    assert [(r.s, r.p, r.o) for r in doc._.limbeck_relations] == [triple(s, p, o)]
