from collections.abc import Sequence

from evaluation.gold import LinkedText, RelatedText, Triple
from evaluation.run import Batched, Links, evaluate_linking, evaluate_relations
from kg.types import Mention

TEXTS = [RelatedText(str(i), f"text {i}", ((str(i), "p", "o"),), None) for i in range(5)]


def test_a_batched_system_gets_parts_of_its_size_and_the_same_score() -> None:
    parts: list[Sequence[str]] = []

    def relate(texts: Sequence[str]) -> list[Sequence[Triple]]:
        parts.append(list(texts))
        return [[(text.removeprefix("text "), "p", "o")] for text in texts]

    many = Batched(relate, 2)
    report = evaluate_relations(TEXTS, many, baselines={"one by one": lambda text: relate([text])[0]}).report
    assert [len(part) for part in parts] == [2, 2, 1] + [1] * 5
    assert report["f1"] == report["baselines"]["one by one"]["f1"] == 1
    assert many("text 7") == [("7", "p", "o")]


def test_a_batched_linker_gives_mentions_and_given_spans_together() -> None:
    gold = LinkedText("1", "Ada met Bob", (Mention(0, 3, "a", 1.0), Mention(8, 11, "b", 1.0)))

    def link(texts: Sequence[LinkedText]) -> list[Links]:
        return [([Mention(0, 3, "a", 1.0)], ["a", "b"]) for _ in texts]

    report = evaluate_linking([gold, gold], Batched(link), known=lambda iri: True).report
    assert (report["precision"], report["recall"], report["accuracy_given_spans"]) == (1, 0.5, 1)
