import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.wording import Wording, stem, words_of


@pytest.mark.parametrize(
    "forms",
    [
        ("direct", "directs", "directed", "director", "directors", "directing"),
        ("city", "cities", "Citied"),
        ("write", "writer", "writing", "writes"),
        ("Brontë", "bronte"),
        ("Straße", "strasse", "STRASSES"),
    ],
)
def test_forms_of_one_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1
    assert stem(forms[0])


@pytest.mark.parametrize(("one", "other"), [("film", "firm"), ("sing", "sin"), ("king", "kin"), ("area", "are")])
def test_other_words_have_other_stems_and_short_ones_keep_their_ending(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@given(st.text(max_size=40))
def test_words_are_where_they_stand_and_none_is_lost(text: str) -> None:
    found = words_of(text)
    assert "".join(text[start:end] for start, end, _ in found) == "".join(c for c in text if c.isalnum())
    assert all(found[i][1] <= found[i + 1][0] for i in range(len(found) - 1))


def test_stop_words_say_nothing() -> None:
    assert [found for _, _, found in words_of("Which of the FILMS?")] == ["", "", "", "film"]


def test_a_share_is_that_of_the_distinct_stems_of_a_name() -> None:
    wording = Wording(["birth place", "place of birth of", "place places", "of", "director"])
    assert wording.shares(["birth", "birth", "xyz"]).tolist() == [0.5, 0.5, 0.0, 0.0, 0.0]
    assert wording.shares({stem("places"), stem("birth")}).tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert wording.shares([]).tolist() == [0.0] * 5
    assert Wording([]).shares(["a"]).shape == (0,)
