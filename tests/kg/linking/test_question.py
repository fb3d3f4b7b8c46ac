from hypothesis import given
from hypothesis import strategies as st

from kg.linking.question import MAX_WORDS, MOST_WORDS, ngrams, read_words
from kg.linking.surfaces import name_surfaces, normalise_surface


def keys(question):
    return [word.key for word in read_words(question)]


def test_words_are_in_normal_form_at_their_characters():
    question = "Où est l'Üüreg Lake’s “Jacques Van't Hart” (U.S.) AT&T?"
    words = read_words(question)
    assert [question[word.start : word.end] for word in words] == [
        "Où", "est", "l'Üüreg", "Lake", "Jacques", "Van't", "Hart", "U.S.", "AT", "&", "T",
    ]  # fmt: skip
    assert keys(question)[4:] == ["jacques", "vant", "hart", "us", "at", "and", "t"]
    assert words[3].whole == "lakes"


def test_capitals_tell_an_abbreviation_from_a_stop_word_unless_all_is_in_capitals():
    assert [word.stop for word in read_words("Is US with us")] == [True, False, True, True]
    assert all(word.stop for word in read_words("IS US WITH US"))


def test_names_are_among_the_ngrams_of_a_question():
    for name in ("J. R. R. Tolkien", "Schindler's List", "McDonald's", "São Paulo–Congonhas", "U.S. Route 66", "AT&T"):
        surfaces = ngrams(read_words(f"where is {name} now?"))[1]
        assert set(name_surfaces(name)) <= set(surfaces)


def test_ngrams_of_stop_words_are_names_only_in_capitals():
    assert ngrams(read_words("who is it"))[1] == []
    assert ngrams(read_words("Who is it"))[1] == []
    assert "the who" in ngrams(read_words("is it The Who"))[1]


@given(st.text(max_size=60))
def test_any_text_is_read_in_order_with_words_that_are_not_blank(question):
    words = read_words(question)
    ends = [0, *(place for word in words for place in (word.start, word.end))]
    assert ends == sorted(ends)
    assert all(word.key.strip() and word.start < word.end <= len(question) for word in words)
    places, surfaces = ngrams(words)
    assert all(0 <= first < last <= first + MAX_WORDS for first, last in places)
    assert len(places) == len(surfaces)


def test_of_a_long_text_the_first_words_are_read():
    assert len(read_words("ada " * 1000)) == MOST_WORDS


def test_single_words_have_the_normal_form_of_names():
    for text in ("Łódź", "Ångström", "naïve", "Strauß", "C++", "C#", "O'Brien"):
        assert keys(text) == [normalise_surface(text)]
