"""Held to scikit-learn's TfidfVectorizer, which hashes nothing."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from retrieval.tfidf import TfidfIndex, write_tfidf
from retrieval.words import Words, words_of

TEXTS = [
    "The stone bridge over the river; a stone house",
    "rivers and river deltas: water",
    "castle",
    "bridge castle garden water tower",
    "",
]


def features(text: str) -> list[str]:
    words = words_of(text)
    return [*words, *map(" ".join, pairwise(words))]


@pytest.mark.parametrize("query", ["river", "a stone house", "bridge castle", "the water tower", "garden"])
def test_scores_are_the_cosines_of_scikit_learn(tmp_path: Path, query: str) -> None:
    vectorizer = TfidfVectorizer(analyzer=features, sublinear_tf=True)
    wanted = (vectorizer.fit_transform(TEXTS) @ vectorizer.transform([query]).T).toarray()[:, 0]
    write_tfidf(tmp_path, Words.of(TEXTS))
    places, scores = TfidfIndex.open(tmp_path).search(query, 10)
    assert set(places.tolist()) == set(wanted.nonzero()[0].tolist())
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    assert scores.tolist() == pytest.approx([wanted[i] for i in places], rel=2e-3)
    assert len(TfidfIndex.open(tmp_path).search(query, 1)[0]) == 1


def test_the_order_of_words_counts(tmp_path: Path) -> None:
    write_tfidf(tmp_path, Words.of(["house boat", "boat house"]))
    index = TfidfIndex.open(tmp_path)
    assert [index.search(query, 2)[0].tolist() for query in ("house boat", "boat house")] == [[0, 1], [1, 0]]


@pytest.mark.parametrize("texts", [[], [""], ["the", "of the"], ["", "…"]])
def test_no_texts_and_texts_without_words_are_found_by_nothing(tmp_path: Path, texts: list[str]) -> None:
    write_tfidf(tmp_path, Words.of(texts))
    places, scores = TfidfIndex.open(tmp_path).search("the river", 3)
    assert (places.tolist(), scores.tolist()) == ([], [])


@pytest.mark.parametrize("query", ["", "the", "xylophone", "???"])
def test_a_query_that_shares_no_word_finds_nothing(tmp_path: Path, query: str) -> None:
    write_tfidf(tmp_path, Words.of(TEXTS))
    assert TfidfIndex.open(tmp_path).search(query, 3)[0].tolist() == []


def test_equal_texts_give_equal_bytes_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, retrieval.tfidf as x; x.write_tfidf(pathlib.Path(sys.argv[1]), x.Words.of(sys.argv[2:]))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed), *TEXTS], env=environment, check=True)
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes(), path.name
