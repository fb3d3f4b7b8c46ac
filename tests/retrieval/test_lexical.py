"""Held to the BM25 formula, reckoned by hand, and to bm25s (its default: Lucene's form, k1 1.5, b 0.75)."""

import math
import os
import subprocess
import sys
from pathlib import Path

import bm25s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.lexical import LexicalIndex, fuse, rank_texts, write_lexical
from retrieval.words import Words

TEXTS = ["stone bridge river", "river river delta water", "castle", "bridge castle garden water tower"]


def bm25(query: str, text: str) -> float:
    words = [each.split() for each in TEXTS]
    mean = sum(map(len, words)) / len(words)
    own, total = text.split(), 0.0
    for word in query.split():
        n = sum(word in each for each in words)
        frequency = own.count(word)
        idf = math.log(1 + (len(TEXTS) - n + 0.5) / (n + 0.5))
        total += idf * frequency / (frequency + 1.5 * (1 - 0.75 + 0.75 * len(own) / mean))
    return total


@pytest.mark.parametrize("query", ["river", "stone castle", "bridge water", "castle river garden"])
def test_scores_are_those_of_bm25_and_only_shared_words_count(tmp_path: Path, query: str) -> None:
    write_lexical(tmp_path, Words.of(TEXTS))
    expected = {i: bm25(query, text) for i, text in enumerate(TEXTS) if bm25(query, text)}
    for found, scores in (LexicalIndex.open(tmp_path).search(query, 10), rank_texts(query, TEXTS)):
        assert dict(zip(found.tolist(), scores.tolist(), strict=True)) == pytest.approx(expected, rel=1e-5)
        assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    assert len(LexicalIndex.open(tmp_path).search(query, 1)[0]) == 1


@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=8), min_size=1, max_size=8))
def test_scores_are_those_of_bm25s(rows: list[list[str]]) -> None:
    rows += [["a"]]
    texts = [" ".join(2 * letter for letter in row) for row in rows]
    index = bm25s.BM25()
    index.index([text.split() for text in texts], show_progress=False)
    query = [word for word in ("aa", "bb", "cc") if word in index.vocab_dict]
    wanted = index.get_scores(query)
    places, scores = rank_texts(" ".join(query), texts)
    assert set(places.tolist()) == set(wanted.nonzero()[0].tolist())
    assert scores.tolist() == pytest.approx(wanted[places].tolist(), rel=1e-5)


@pytest.mark.parametrize("texts", [[], [""], ["the", "of the"], ["", "…"]])
def test_no_texts_and_texts_without_words_are_found_by_nothing(tmp_path: Path, texts: list[str]) -> None:
    write_lexical(tmp_path, Words.of(texts))
    for found, scores in (LexicalIndex.open(tmp_path).search("the river", 3), rank_texts("the river", texts)):
        assert (found.tolist(), scores.tolist()) == ([], [])


@pytest.mark.parametrize("query", ["", "the", "xylophone", "???"])
def test_a_query_that_shares_no_word_finds_nothing(tmp_path: Path, query: str) -> None:
    write_lexical(tmp_path, Words.of(TEXTS))
    assert LexicalIndex.open(tmp_path).search(query, 3)[0].tolist() == []


def test_equal_texts_give_equal_bytes_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, retrieval.lexical as x\n"
        "x.write_lexical(pathlib.Path(sys.argv[1]), x.Words.of(sys.argv[2:]))"
    )
    folders = []
    for seed in ("1", "2"):
        folders.append(tmp_path / seed)
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(folders[-1]), *TEXTS], env=environment, check=True)
    names = sorted(path.name for path in folders[0].iterdir())
    assert len(names) > 2
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


@given(st.lists(st.lists(st.integers(0, 9), unique=True), max_size=4))
def test_fusion_adds_reciprocal_ranks(rankings: list[list[int]]) -> None:
    fused = fuse(rankings)
    expected = {
        item: sum(1 / (61 + ranking.index(item)) for ranking in rankings if item in ranking)
        for item in {item for ranking in rankings for item in ranking}
    }
    assert dict(fused) == pytest.approx(expected)
    assert fused == sorted(fused, key=lambda pair: (-pair[1], pair[0]))
