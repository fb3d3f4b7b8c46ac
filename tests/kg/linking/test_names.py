import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from kg.linking.names import write_names
from kg.linking.surfaces import normalise_surface

TEXTS = ("Dead Sea", "Üüreg Lake", "Céline Buckens", "Lake Tahoe", "Philosophiæ Naturalis", "McDonald's", "Tahoe")


def written(folder, texts, whole=None):
    surfaces = [normalise_surface(text) for text in texts]
    schema = {"row": pl.UInt32, "surface": pl.String, "text": pl.String}
    table = pl.DataFrame([*zip(range(len(texts)), surfaces, texts, strict=True)], schema=schema, orient="row")
    return write_names(
        folder,
        table.with_columns(whole=pl.Series(whole or [True] * len(texts), dtype=pl.Boolean)),
        frozenset(("lake",)),
    )


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    return written(tmp_path_factory.mktemp("names"), TEXTS)


def similar(names, word):
    return {names.words[number]: edits for number, edits in names.similar([word])[0]}


def test_words_and_names_lead_to_each_other(names):
    for number in range(len(names.row)):
        own = names.of[names.pointer[number] : names.pointer[number + 1]]
        assert sorted(names.words[word] for word in own) == sorted(normalise_surface(TEXTS[names.row[number]]).split())
        for word in own:
            assert number in names.holds[names.holds_pointer[word] : names.holds_pointer[word + 1]]
    assert len(names.holds) == len(names.of)


def test_a_word_of_one_name_weighs_most_and_one_of_every_name_nothing(tmp_path):
    names = written(tmp_path, ("Lake Ada", "Lake Bee", "Lake Cee", "Lake Dee"))
    weight = dict(zip(names.words, names.weight.tolist(), strict=True))
    assert weight == pytest.approx({"ada": 1, "bee": 1, "cee": 1, "dee": 1, "lake": 0})
    assert [names.words[place] for place in names.common.nonzero()[0]] == ["lake"]


def test_last_names_are_known_without_their_words(tmp_path):
    names = written(tmp_path, ("Ada Lovelace", "Lovelace", "Charing Cross"), [True, False, True])
    assert names.row.tolist() == [0, 2]
    assert names.joined_rows(["lovelace"]).tolist() == [1]


def test_names_are_found_without_their_spaces(names):
    found = names.joined_rows(["deadsea", "dead sea", "lake ta hoe", "dea", ""]).tolist()
    assert found == [0, 0, 3, -1, -1]


def test_words_are_found_by_a_letter_more_less_or_other_or_two_swapped(names):
    for slip in ("bucken", "buckenss", "bickens", "bukcens"):
        assert similar(names, slip) == {"buckens": 1}
    assert similar(names, "buckens") == {"buckens": 0}
    assert similar(names, "naturaliss") == {"naturalis": 1}
    assert similar(names, "aturalisk") == {"naturalis": 2}


def test_short_words_and_numbers_are_not_taken_for_slips(tmp_path):
    names = written(tmp_path, ("Ada", "1998 season"))
    assert similar(names, "ade") == {}
    assert similar(names, "1999") == {}
    assert similar(names, "1998") == {"1998": 0}


def test_words_are_found_without_their_letters_that_are_no_ascii(names):
    assert similar(names, "reg") == {"uureg": 1}
    assert similar(names, "cline") == {"celine": 1}
    assert "philosophiae" in similar(names, "philosophi")


@given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=8), st.text("abc", min_size=1, max_size=9))
def test_every_word_at_one_edit_is_found_and_none_beyond_two(tmp_path_factory, words, slip):
    names = written(tmp_path_factory.mktemp("names"), sorted(set(words)))
    found = similar(names, slip)
    distance = {word: OSA.distance(word, slip) for word in set(words)}
    may = {word: edits for word, edits in distance.items() if edits <= (2 if len(slip) >= 7 else len(slip) >= 4)}
    assert found.items() <= may.items()
    assert {word for word, edits in may.items() if edits <= 1} - {w for w in may if len(w) < 4} <= found.keys()


def test_a_graph_without_names_has_none(tmp_path):
    names = written(tmp_path, ())
    assert names.similar(["ada", "lovelace"]) == [[], []]
    assert names.joined_rows(["ada"]).tolist() == [-1]


def test_names_are_the_same_bytes_when_written_again(tmp_path):
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, TEXTS)
        found.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert found[0] == found[1]
