import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.postings import Postings


@given(
    st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=6),
    st.lists(st.integers(0, 3), max_size=4),
    st.integers(1, 7),
)
def test_search_is_the_product_with_the_whole_matrix(rows: list[list[int]], words: list[int], k: int) -> None:
    """rows: how often each text holds each of four words."""
    matrix = np.array([np.bincount(row, minlength=4) for row in rows], np.float32)
    texts, held = np.nonzero(matrix)
    order = np.lexsort((texts, held))
    pointer = np.r_[0, np.cumsum(np.bincount(held, minlength=4))]
    postings = Postings(pointer, texts[order], matrix[texts, held][order], len(rows))
    factors = [1.0 + word for word in words]
    wanted = sum((factor * matrix[:, word] for word, factor in zip(words, factors, strict=True)), np.zeros(len(rows)))
    best = sorted((i for i, score in enumerate(wanted) if score), key=lambda i: (-wanted[i], i))[:k]
    found, scores = postings.search(words, factors, k)
    assert (found.tolist(), scores.tolist()) == (best, wanted[best].tolist())
