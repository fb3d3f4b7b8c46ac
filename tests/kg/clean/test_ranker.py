import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from kg.clean import Ranker, rank_triples, train_ranker
from kg.clean.ranker import FEATURES, PRIOR, RIDGE, UNTRAINED, Example, features
from kg.errors import UsageError

TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


def example(name: str, *, like: str) -> Example:
    """An entity whose summaries hold what is said with `like`, and half of them its class."""
    about = f"http://a/{name}"
    triples = [
        (about, "http://v/tag", f"one of {name}"),
        (about, "http://v/note", f"two of {name}"),
        (about, TYPE, "http://v/Thing"),
        (f"http://a/{name}s", "http://v/of", about),
    ]
    return about, triples, [float(p.endswith(like)) + 0.5 * (p == TYPE) for _, p, _ in triples]


def test_features_say_what_a_triple_is() -> None:
    about, triples, _ = example("x", like="tag")
    rows = dict(zip(FEATURES, features(triples, about, None).T.tolist(), strict=True))
    assert rows == {
        "inverse": [0, 0, 0, 1],
        "specificity": [1, 1, 1, 1],
        "foreign": [0, 0, 0, 0],
        "type": [0, 0, 1, 0],
        "literal": [1, 1, 0, 0],
        "usage": [0, 0, 0, 0],
        "surprise": [0, 0, 0, 0],
        "prominence": [0, 0, 0, 0],
    }


def test_what_people_choose_is_ranked_first_for_an_entity_never_seen() -> None:
    about, triples, _ = example("new", like="tag")
    for like, first in (("tag", 0), ("note", 1), ("of", 3)):
        ranker = train_ranker([example(name, like=like) for name in "abcde"])
        assert rank_triples(triples, entity=about, ranker=ranker)[0] == first


def test_weights_are_those_of_ridge_regression() -> None:
    examples = [example("a", like="tag"), example("b", like="note"), example("c", like="tag")]
    shares = np.concatenate([example[2] for example in examples])
    mean = shares.mean()
    tags, notes = (1 - mean, 0 - mean, 1 - mean), (0 - mean, 1 - mean, 0 - mean)
    rest = {2: (0.5 - mean,) * 3, 3: (0 - mean,) * 3}
    others = [(sum(values) - values[i]) / (2 + PRIOR) for i in range(3) for values in (tags, notes, rest[2], rest[3])]
    x = np.column_stack([np.concatenate([features(t, e, None) for e, t, _ in examples]), others])
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    model = Ridge(RIDGE).fit((x - x.mean(axis=0)) / scale, shares)
    ranker = train_ranker(examples)
    assert [ranker.weights[name] for name in FEATURES] == pytest.approx((model.coef_ / scale)[:-1].tolist())
    assert ranker.predicates["http://v/tag"] == pytest.approx((model.coef_ / scale)[-1] * sum(tags) / (3 + PRIOR))


def test_a_ranker_is_written_as_json_and_read_again(tmp_path: Path) -> None:
    ranker = train_ranker([example(name, like="tag") for name in "ab"])
    ranker.save(tmp_path / "ranker.json")
    assert Ranker.open(tmp_path / "ranker.json") == ranker
    assert set(json.loads((tmp_path / "ranker.json").read_text("utf-8"))) == {"weights", "repeated", "predicates"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": 1, "predicates": {}, "repeated": 0}'])
def test_a_file_that_holds_no_ranker_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "ranker.json").write_text(text, "utf-8")
    with pytest.raises(UsageError, match="holds no ranker"):
        Ranker.open(tmp_path / "ranker.json")
    with pytest.raises(UsageError, match="holds no ranker"):
        Ranker.open(tmp_path / "none.json")


def test_nothing_to_train_on_is_said() -> None:
    with pytest.raises(UsageError, match="nothing to train on"):
        train_ranker([("http://a/b", [], [])])


def test_a_triple_that_repeats_a_pick_comes_later() -> None:
    about = "http://a/b"
    triples = [(about, "http://v/p", "1"), (about, "http://v/p", "2"), (about, "http://v/q", "3")]
    equal = Ranker({"specificity": 0.1}, repeated=0.0)
    assert rank_triples(triples, ranker=equal) == [2, 0, 1]
    assert rank_triples(triples, ranker=Ranker({"specificity": -0.1}, repeated=0.0)) == [0, 1, 2]
    assert rank_triples(triples, ranker=Ranker({"specificity": -0.1}, repeated=0.1)) == [0, 2, 1]
    assert rank_triples(triples) == rank_triples(triples, ranker=UNTRAINED)
