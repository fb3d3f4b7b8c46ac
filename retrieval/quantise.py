"""Entity vectors in a budget of bytes, for search by inner product with FAISS (Douze et al. 2024, arXiv 2401.08281).

Down to a byte a dimension, scalar quantisation. Below that, product quantisation (Jégou et al. 2011) after a linear map
that knows what the codes are for. With vectors x, queries q and eigenvectors U of the mean of x x' with values l, the
error of an inner product is the sum over dimensions of l times the squared error of x'U there, if queries lie where
vectors do. So dimensions are multiplied by the root of l before plain k-means, and those of a query are divided by it:

    x'q = (x'U W) (W^-1 U'q),   W = diag(sqrt l)

The mean is not taken off, for that would change inner products. Dimensions are dealt out to sub-vectors so that
each has about the same product of variances (Ge et al. 2013, eigenvalue allocation). The nearest by code are scored
again by the cosine with the decoded vector, since codes shorten vectors unequally.

Few vectors are compared one by one. Of many only some are looked at: by a graph of neighbours (HNSW, Malkov and
Yashunin 2018) where memory allows its links, else by cells (an inverted file). How many is raised until recall is
`TARGET`, or until more would hardly help. `benchmarks/searching.json` has what each costs.

Everything is computed in one fixed order, so the same vectors give the same bytes whatever the number of threads.
"""

import heapq
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

FLAT = 500_000
"""Most vectors that are compared one by one, in about the time that an encoder takes for a question."""
TARGET = 0.95
"""recall@10 against exact search from which on a search need not look at more."""
PRODUCT_FROM = 20_000
"""With fewer vectors codebooks would weigh more than they save."""

_ITERATIONS = 16
_SAMPLE = 32_768
_CHUNK = 65_536
_KEPT = 0.7
_PROBES = 24
_MOST_PROBES = 192
_LINKS = 32
_LINK_BYTES = 8 * _LINKS + 24
"""What a vector takes in the graph beside its code: two lists' worth of links, its level, its place."""
_BREADTH = 40
_MOST_BREADTH = 320
_BUILD_BREADTH = 80
_HARDLY = 0.005
_QUERIES = 64
_AGAIN = 4
_CELL_ID = 8
_NEARLY = 0.97
"""Scalars have no smaller form to give way to, so that what goes beside the codes may exceed the budget by this."""
_CENTROIDS = 256
_HEADER = 512

Rows = NDArray[np.float16]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Quantised:
    """A trained and filled index. project: float16, shape (dimension, n_kept), the queries' map; None where there is
    none. form: what it is, in words."""

    index: faiss.Index
    project: NDArray[np.float16] | None
    form: str

    def search(self, queries: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
        """Places and cosines, shape (n, k), best first; -1 and -inf where there are fewer than `k`."""
        queries = np.ascontiguousarray(queries, np.float32)
        if self.project is None:
            scores, places = self.index.search(queries, k)
            return places, np.where(places >= 0, scores, -np.inf).astype(np.float32)
        project = np.asarray(self.project, np.float32)
        mapped = queries @ project
        scores, places, codes = self.index.search_and_reconstruct(mapped, _AGAIN * k)
        length = np.linalg.norm(codes * np.linalg.norm(project, axis=0), axis=2)
        scores = np.where(places >= 0, np.einsum("nd,nkd->nk", mapped, codes) / np.maximum(length, 1e-6), -np.inf)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(places, best, 1), np.take_along_axis(scores, best, 1).astype(np.float32)


def choose(count: int, dimension: int, bytes_each: float, memory: float) -> str:
    """How vectors are searched: "flat", "graph" or "cells". bytes_each: of a code; memory: bytes for the whole index.

    >>> [choose(count, 384, 384, 1 << 30) for count in (350_000, 1_000_000, 4_000_000)]
    ['flat', 'graph', 'cells']
    """
    if count <= FLAT:
        return "flat"
    scalars = bytes_each >= _NEARLY * dimension
    return "graph" if scalars and count * (bytes_each + _LINK_BYTES) <= memory else "cells"


def quantise(
    rows: Rows,
    bytes_each: float,
    *,
    memory: float = np.inf,
    without: NDArray[np.int64] | None = None,
    way: str | None = None,
) -> Quantised:
    """An index over unit vectors, float16, shape (n, dimension).

    bytes_each: what the index may weigh a vector, codebooks and all, but for the links of a graph; where no form is so
    small the smallest is taken. memory: bytes for the whole index. without: places that quantisers are not fitted to,
    to measure on. way: in place of what `choose` says.
    """
    count, dimension = rows.shape
    bytes_each = min(bytes_each, memory / max(count, 1))
    way = way or choose(count, dimension, bytes_each, memory)
    own = bytes_each - (_CELL_ID if way == "cells" else 0)
    with threadpool_limits(1, user_api="blas"):
        if bytes_each < _NEARLY * dimension and count >= PRODUCT_FROM:
            found = _product(rows, _sample(count, without), own, way == "cells")
        else:
            kind, name = ("SQfp16", "float16") if bytes_each >= _NEARLY * 2 * dimension else ("SQ8", "8-bit scalars")
            found = Quantised(_scalar(rows, kind, _sample(count, without), way), None, name)
        return found if way == "flat" else _widened(found, rows, without)


def code_size(count: int, dimension: int, bytes_each: float) -> tuple[int, int]:
    """How many bytes a product code may have, and how many dimensions are kept, so that code, codebooks and the
    queries' map stay in the budget."""
    for size in range(max(min(int(bytes_each), dimension), 1), 0, -1):
        kept = size * min(-(-int(_KEPT * dimension) // size), dimension // size)
        fixed = 4 * _CENTROIDS * kept + 2 * dimension * kept + _HEADER
        if size + fixed / count <= bytes_each:
            break
    return size, kept


def recall(
    rows: Rows, quantised: Quantised, queries: Vectors, *, k: int = 10, own: NDArray[np.int64] | None = None
) -> float:
    """The share of the `k` nearest by exact search that the index finds, mean over queries.

    Whatever ties for the last place counts. own: the queries' places among the rows, left out on both sides.
    """
    k = min(k, len(rows) - (own is not None))
    if k < 1 or not len(queries):
        return 1.0
    found, _ = quantised.search(queries, k + (own is not None))
    if own is not None:
        left = np.argsort(found == own[:, None], axis=1, kind="stable")[:, :k]
        found = np.take_along_axis(found, left, 1)
    best = np.full((len(queries), k), -np.inf, np.float32)
    for start in range(0, len(rows), _CHUNK):
        scores = queries @ rows[start : start + _CHUNK].astype(np.float32).T
        if own is not None:
            inside = np.flatnonzero((own >= start) & (own < start + scores.shape[1]))
            scores[inside, own[inside] - start] = -np.inf
        best = -np.partition(-np.concatenate([best, scores], axis=1), k - 1, axis=1)[:, :k]
    reached = np.einsum("nd,nkd->nk", queries, rows[np.maximum(found, 0)].astype(np.float32))
    return float(np.mean((reached >= best.min(1, keepdims=True) - 1e-6) & (found >= 0)))


def _sample(count: int, without: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """The places that quantisers are fitted to, ascending."""
    places = np.setdiff1d(np.arange(count), without if without is not None and len(without) < count else [])
    chosen = np.random.default_rng(0).choice(places, min(len(places), _SAMPLE), replace=False) if count else places
    return np.sort(chosen).astype(np.int64)


def _scalar(rows: Rows, kind: str, sample: NDArray[np.int64], way: str) -> faiss.Index:
    before = {"flat": "", "graph": f"HNSW{_LINKS},", "cells": f"IVF{_cell_count(len(rows))},"}[way]
    index = faiss.index_factory(rows.shape[1], before + kind, faiss.METRIC_INNER_PRODUCT)
    if isinstance(index, faiss.IndexHNSW):
        index.hnsw.efConstruction = _BUILD_BREADTH
    return _fill(index, rows, sample, None)


def _widened(found: Quantised, rows: Rows, without: NDArray[np.int64] | None) -> Quantised:
    """The same index, looking at as many vectors as it takes."""
    own = (without if without is not None and len(without) else np.arange(len(rows)))[:_QUERIES]
    queries = rows[own].astype(np.float32)
    graph = isinstance(found.index, faiss.IndexHNSW)
    width, most = (_BREADTH, _MOST_BREADTH) if graph else (_PROBES, _MOST_PROBES)
    _widen(found.index, width)
    reached = recall(rows, found, queries, own=own)
    while reached < TARGET and width < most:
        _widen(found.index, 2 * width)
        better = recall(rows, found, queries, own=own)
        if better < reached + _HARDLY:
            _widen(found.index, width)
            break
        width, reached = 2 * width, better
    cells = 0 if graph else _cell_count(len(rows))
    where = f"in a graph, {width} kept in sight" if graph else f"in cells, {width} of {cells} looked at"
    return Quantised(found.index, found.project, f"{found.form}, {where}")


def _widen(index: faiss.Index, width: int) -> None:
    if isinstance(index, faiss.IndexHNSW):
        index.hnsw.efSearch = width
    elif isinstance(index, faiss.IndexIVF):
        index.nprobe = width


def _product(rows: Rows, sample: NDArray[np.int64], own: float, inverted: bool) -> Quantised:
    count, dimension = rows.shape
    coarse = 4 * _KEPT * dimension * _cell_count(count) / count if inverted else 0.0
    size, kept = code_size(count, dimension, own - coarse)
    store, project = _maps(rows[sample].astype(np.float32), size, kept)
    metric = faiss.METRIC_INNER_PRODUCT
    index: faiss.Index
    if inverted:
        index = faiss.IndexIVFPQ(faiss.IndexFlatIP(kept), kept, _cell_count(count), size, 8, metric)
        index.by_residual = False
    else:
        index = faiss.IndexPQ(kept, size, 8, metric)
    index.pq.cp.niter = _ITERATIONS
    index.pq.cp.max_points_per_centroid = _SAMPLE // _CENTROIDS
    name = f"product codes of {size} bytes over {kept} of {dimension} dimensions"
    return Quantised(_fill(index, rows, sample, store), project, name)


def _maps(sample: Vectors, size: int, kept: int) -> tuple[Vectors, NDArray[np.float16]]:
    """The maps of what is stored and of queries, shape (dimension, kept), their columns in the order of sub-vectors."""
    wide = sample.astype(np.float64)
    values, vectors = np.linalg.eigh(wide.T @ wide / len(wide))
    values = np.maximum(values[::-1][:kept], 1e-12)
    vectors = vectors[:, ::-1][:, :kept]
    weight = np.sqrt(values)
    variance = np.maximum(values - (wide.mean(0) @ vectors) ** 2, 1e-12) * values
    order = _balanced(variance, size)
    return (vectors * weight)[:, order].astype(np.float32), (vectors / weight)[:, order].astype(np.float16)


def _balanced(variance: NDArray[np.float64], groups: int) -> NDArray[np.int64]:
    """Dimensions in the order of `groups` groups of one size, whose products of variances are about the same."""
    each = len(variance) // groups
    members: list[list[int]] = [[] for _ in range(groups)]
    heap = [(0.0, group) for group in range(groups)]
    weight = np.log(variance) - np.log(variance.min())
    for dimension in np.argsort(-variance, kind="stable").tolist():
        total, group = heapq.heappop(heap)
        members[group].append(dimension)
        if len(members[group]) < each:
            heapq.heappush(heap, (total + float(weight[dimension]), group))
    return np.concatenate(members).astype(np.int64)


def _fill(index: faiss.Index, rows: Rows, sample: NDArray[np.int64], store: Vectors | None) -> faiss.Index:
    """Trains an index on the sampled rows and adds all of them, mapped by `store`."""

    def mapped(part: Rows) -> Vectors:
        wide = part.astype(np.float32)
        return np.ascontiguousarray(wide if store is None else wide @ store)

    if not index.is_trained and len(sample):
        index.train(mapped(rows[sample]))
    threads = faiss.omp_get_max_threads()
    if isinstance(index, faiss.IndexHNSW):
        faiss.omp_set_num_threads(1)  # a graph depends on the order in which vectors come
    try:
        for start in range(0, len(rows), _CHUNK):
            index.add(mapped(rows[start : start + _CHUNK]))
    finally:
        faiss.omp_set_num_threads(threads)
    return index


def _cell_count(count: int) -> int:
    return int(4 * count**0.5)
