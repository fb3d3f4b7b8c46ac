import numpy as np

from kg.arrays import join_rows
from retrieval.candidates import Candidates, distinct, single
from retrieval.path import Path, Seed

SEEDS = (Seed(7, 0, 3, -0.1), Seed(9, 5, 8, -0.2))
N = -1


def some() -> Candidates:
    return Candidates(
        np.array([[0, N], [0, 1], [1, 0], [0, N]]),
        np.array([[[4, 2, N], [N, N, N]], [[4, N, N], [6, N, N]], [[3, N, N], [N, N, N]], [[4, 2, N], [N, N, N]]]),
        np.array([1, 3, 4, 1]),
        np.array([0.5, 2.0, 0.5, 9.0], np.float32),
    )


def test_each_shape_becomes_its_path() -> None:
    one, other = SEEDS
    assert [some().path(row, SEEDS) for row in range(3)] == [
        Path(one, (4, 2)),
        Path(one, (4,), meets=Path(other, (6,))),
        Path(other, (3,), "ask", 7),
    ]


def test_the_best_come_first_and_ties_stay_in_order() -> None:
    assert some().best(9).score.tolist() == [9.0, 2.0, 0.5, 0.5]
    assert some().best(3).shape.tolist() == [1, 3, 1]


def test_a_candidate_is_kept_once_where_it_came_first() -> None:
    assert distinct(some()).score.tolist() == [0.5, 2.0, 0.5]
    assert distinct(some().take(np.array([2, 1, 3, 0]))).score.tolist() == [0.5, 2.0, 9.0]
    assert len(distinct(join_rows([some(), some()]))) == 3


def test_single_paths_have_no_second_branch() -> None:
    seeds, relations = single(np.array([1, 0]), np.array([[5, 6], [7, 8]]))
    assert seeds.tolist() == [[1, N], [0, N]]
    assert relations.tolist() == [[[5, 6, N], [N, N, N]], [[7, 8, N], [N, N, N]]]
