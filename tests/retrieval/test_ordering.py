"""What words ask for; that the order chooses the right nodes is shown in `test_reach`."""

import pytest

from retrieval.ordering import order_in


@pytest.mark.parametrize(
    ("question", "cut", "than", "words"),
    [
        ("What is the highest mountain in Nepal?", "most", 0.0, "highest"),
        ("Who is the YOUNGEST player?", "most", 0.0, "YOUNGEST"),
        ("Which river is the shortest?", "least", 0.0, "shortest"),
        ("What was the first film of X?", "least", 0.0, "first"),
        ("Who is the oldest child?", "least", 0.0, "oldest"),
        ("Cities with more than 2,500,000 people", "above", 2.5e6, "more than 2,500,000"),
        ("Companies worth over 3.5 billion", "above", 3.5e9, "over 3.5 billion"),
        ("Mountains higher than 8 thousand metres", "above", 8000.0, "higher than 8 thousand"),
        ("Towns with fewer than 500 people", "below", 500.0, "fewer than 500"),
        ("Which castles were built before 1400?", "below", 1400.0, "before 1400"),
        ("Which libraries are older than 1400?", "below", 1400.0, "older than 1400"),
        ("Who was born after 1990?", "above", 1990.0, "after 1990"),
        ("Who died in 1990?", "year", 1990.0, "in 1990"),
        ("Who died during the year 1990?", "year", 1990.0, "during the year 1990"),
        ("Which of the largest towns has more than 10 schools?", "above", 10.0, "more than 10"),
    ],
)
def test_words_ask_for_an_order(question: str, cut: str, than: float, words: str) -> None:
    order = order_in(question)
    assert order is not None
    assert (order.cut, order.than, order.relation) == (cut, than, -1)
    assert question[order.start : order.end].strip() == words


@pytest.mark.parametrize(
    ("question", "by_age"), [("the oldest", True), ("the youngest", True), ("the earliest", False)]
)
def test_age_is_told_apart_from_date(question: str, by_age: bool) -> None:
    order = order_in(question)
    assert order is not None and order.by_age == by_age


@pytest.mark.parametrize(
    "question",
    [
        "Who directed Persepolis?",
        "Where was the almost forgotten Ada born?",
        "Who came over the bridge?",
        "What was there before the war?",
        "Who lives in 12 Main Street?",
        "",
    ],
)
def test_other_words_ask_for_none(question: str) -> None:
    assert order_in(question) is None
