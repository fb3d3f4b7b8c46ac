import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.clean.letters import surprise_of
from kg.clean.names import labels, name_evidence, read_names, slip_kinds
from kg.statements import Statements
from kg.terms import RDFS_LABEL


@given(st.lists(st.text("abcdé", min_size=1, max_size=8), min_size=1, unique=True))
def test_words_are_surprising_by_no_less_than_nothing(words: list[str]) -> None:
    surprise = surprise_of(pl.Series(words))
    assert surprise.shape == (len(words),)
    assert np.isfinite(surprise).all()
    assert (surprise >= 0).all()


def test_words_made_like_others_are_less_surprising() -> None:
    towns = [stem + end for stem in ("al", "bol", "car", "dun", "ed", "far") for end in ("ton", "ham", "ford")]
    plain, odd = surprise_of(pl.Series([*towns, "duxqzn", "carton"]))[-2:][::-1]
    assert plain < odd


def test_of_several_labels_the_english_one_names_an_entity_and_else_its_iri() -> None:
    rows = pl.DataFrame(
        {
            "s": ["<http://a/x>", "<http://a/x>", "<http://dbpedia.org/resource/Caf%C3%A9_B>"],
            "p": [RDFS_LABEL, RDFS_LABEL, "<http://a/p>"],
            "o": ['"Haus"@de', '"The \\"House\\""@en', "<http://dbpedia.org/resource/Category:Inns>"],
        }
    )
    statements = Statements.of(rows.select("s", "p", "o"))
    terms = statements.terms
    s, p, o = (column.astype(np.int32) for column in statements.columns())
    ids = np.flatnonzero(terms.str.starts_with("<").to_numpy()).astype(np.int32)
    label, stated = labels(terms, ids, s, p, o)
    made = dict(zip(terms.gather(ids), zip(label, stated, strict=True), strict=True))
    assert made["<http://a/x>"] == ('The "House"', True)
    assert made["<http://dbpedia.org/resource/Caf%C3%A9_B>"] == ("Café B", False)
    assert made["<http://dbpedia.org/resource/Category:Inns>"] == ("Inns (category)", False)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Łódź – Øst", "lodz ost"),
        ("St. John's (Town)", "st johns town"),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("東京 タワー", "東京 タワー"),
        ("!!!", "!!!"),
    ],
)
def test_names_are_compared_without_case_marks_and_punctuation(label: str, words: str) -> None:
    assert read_names(pl.Series([label])).words.to_list() == [words]


def test_the_kind_and_place_of_a_slip_weigh() -> None:
    pairs = [
        ("project", "porject"),
        ("project", "projject"),
        ("project", "projeect"),
        ("project", "prokect"),
        ("project", "xroject"),
    ]
    weights = slip_kinds(*(pl.Series(side) for side in zip(*pairs, strict=True)))
    swapped, doubled, again, replaced, first = weights.tolist()
    assert min(swapped, doubled, again) > replaced > first


def test_an_edit_that_makes_many_pairs_is_an_ending() -> None:
    stems = ("cat", "dog", "hen", "pig", "cow", "rat")
    alone = slip_kinds(pl.Series(["cow"]), pl.Series(["cows"]))[0]
    many = slip_kinds(pl.Series([stem + "le" for stem in stems]), pl.Series([stem + "les" for stem in stems]))
    assert (many < alone).all()


def test_a_slip_in_a_rare_word_says_more_than_a_word_that_other_names_have() -> None:
    names = read_names(
        pl.Series(
            [
                "Manhattan Project",
                "Manhatten Project",
                "Alton Hill",
                "Dalton Hill",
                "Alton",
                "Dalton Road",
                "Alton Road",
                "Dalton",
            ]
        )
    )
    told = name_evidence(names, np.array([0, 2], np.int32), np.array([1, 3], np.int32), np.array([1, 1]))
    assert told["name"][0] > told["name"][1] + 2
    assert not told["apart"].any()


def test_numbers_initials_and_models_tell_names_apart() -> None:
    names = read_names(
        pl.Series(["Rocky II", "Rocky III", "Xperia L", "Xperia M", "Line 4", "Line 4a", "Mix Tape", "Mux Tape"])
    )
    told = name_evidence(
        names, np.array([0, 2, 4, 6], np.int32), np.array([1, 3, 5, 7], np.int32), np.ones(4, np.int64)
    )
    assert told["apart"].to_list() == [True, True, True, False]
