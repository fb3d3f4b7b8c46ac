import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kg.linking.surfaces import fold, hash_surfaces, join_folded, normalise_surface


def test_normalise_surface_joins_spellings_of_one_name():
    assert normalise_surface("J.R.R. Tolkien") == normalise_surface("J. R. R.  TOLKIEN") == "jrr tolkien"
    assert normalise_surface("Guns N’ Roses") == normalise_surface("guns n' roses")
    assert normalise_surface("Simon & Garfunkel") == "simon and garfunkel"
    assert normalise_surface("Aarhus Airport's") == "aarhus airport"
    assert normalise_surface("Schindler's List") == "schindlers list"
    assert normalise_surface("Łódź") == "lodz"


def test_normalise_surface_keeps_what_tells_names_apart():
    assert normalise_surface("C++") != normalise_surface("C#") != normalise_surface("C")
    assert normalise_surface("!!!") == "!!!"
    assert normalise_surface("हिन्दी") == "हिन्दी"


@given(st.text(max_size=30))
def test_normalise_surface_is_idempotent_and_does_not_see_case_or_composition(text):
    once = normalise_surface(text)
    assert normalise_surface(once) == once
    if text.isascii():
        assert normalise_surface(text.upper()) == normalise_surface(text.lower())
    else:
        assert normalise_surface(unicodedata.normalize("NFC", text)) == normalise_surface(
            unicodedata.normalize("NFD", text)
        )


@given(st.lists(st.text("aB'’éÅ.-& x", max_size=6), max_size=4))
def test_fold_may_be_done_piece_by_piece(pieces):
    assert join_folded("".join(map(fold, pieces))) == join_folded(fold("".join(pieces)))


def test_hash_surfaces_is_the_same_on_every_machine():
    assert hash_surfaces(["paris"]).tolist() == [int.from_bytes(bytes.fromhex("916f67f3bcf8ff16"), "little")]
    assert hash_surfaces([]).dtype == np.uint64
