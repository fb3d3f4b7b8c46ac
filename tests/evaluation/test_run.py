import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sacrebleu import corpus_bleu

from evaluation.baselines import LongestMatch, at_random, in_order, predicate_frequency, template
from evaluation.gold import Claim, Description, LinkedText, RelatedText, Triple, VerbalizedTriples
from evaluation.report import write_predictions
from evaluation.run import (
    Retrieved,
    evaluate_answers,
    evaluate_generation,
    evaluate_importance,
    evaluate_linking,
    evaluate_relations,
    evaluate_retrieval,
    evaluate_truth,
)
from kg.errors import UsageError
from kg.types import Mention
from retrieval.question import Answer, Question

R = "http://dbpedia.org/resource/"
DBO = "http://dbpedia.org/ontology/"
QUESTIONS = [
    Question("q1", "Where was Ada born?", (Answer("uri", R + "London"),)),
    Question("q2", "Who was born in Paris?", (Answer("uri", R + "Pierre"), Answer("uri", R + "Irène"))),
]
ANSWERS = {"q1": [R + "London"], "q2": [R + "Marie", R + "Pierre"]}


def test_answers_are_reported_beside_the_baselines_in_the_agreed_form() -> None:
    result = evaluate_answers(
        QUESTIONS, lambda q: ANSWERS[q.id], baselines={"none": lambda q: []}, model="teacher", snapshot="s1"
    )
    report = json.loads(json.dumps(result.report))
    assert report.pop("duration_s") >= 0
    assert report == {
        "n": 2,
        "hits@1": 0.5,
        "f1": 0.75,
        "mrr": 0.75,
        "exact_match": 0.5,
        "intervals": {"hits@1": [0, 1], "f1": [0.5, 1], "mrr": [0.5, 1], "exact_match": [0, 1]},
        "baselines": {"none": {"hits@1": 0, "f1": 0, "mrr": 0, "exact_match": 0}},
        "model": "teacher",
        "snapshot": "s1",
    }
    assert [(line["id"], line["hits@1"], line["predicted"]) for line in result.predictions] == [
        ("q1", 1.0, [R + "London"]),
        ("q2", 0.0, [R + "Marie", R + "Pierre"]),
    ]


def test_retrieval_counts_questions_answered_within_k_and_the_triples_shown() -> None:
    triple = (R + "Ada", DBO + "birthPlace", R + "London")
    other = (R + "Pierre", DBO + "birthPlace", R + "Paris")
    evidence = {
        "q1": [Retrieved([R + "London"], [triple, triple])],
        "q2": [Retrieved([R + "Marie"], [triple]), Retrieved([R + "Pierre"], [triple, other])],
    }
    report = evaluate_retrieval(QUESTIONS, lambda q: evidence[q.id]).report
    assert (report["recall@1"], report["recall@5"], report["recall@20"], report["triples"]) == (0.5, 1.0, 1.0, 1.5)


def test_triples_are_counted_and_listed_in_the_first_20_pieces_only() -> None:
    pieces = [Retrieved([R + f"V{i}"], [(R + "Ada", DBO + f"p{i}", R + f"V{i}")]) for i in range(25)]
    gold = [Question("q", "?", (Answer("uri", R + "V19"),)), Question("r", "?", (Answer("uri", R + "V20"),))]
    result = evaluate_retrieval(gold, lambda q: pieces)
    assert (result.report["triples"], result.report["recall@20"]) == (20, 0.5)
    assert [len(line["evidence"]) for line in result.predictions] == [20, 20]


def test_a_gold_answer_must_end_one_of_the_first_20_distinct_triples() -> None:
    piece = [(R + f"S{i}", DBO + "p", R + f"O{i}") for i in range(30)]
    pieces = [Retrieved([], [piece[0], piece[0], *piece[1:12]]), Retrieved([], [piece[3], *piece[12:]])]
    names = ("S19", "O19", "S20", "O20", "p")
    gold = [Question(name, "?", (Answer("uri", R + name if name != "p" else DBO + "p"),)) for name in names]
    lines = evaluate_retrieval(gold, lambda q: pieces).predictions
    assert [line["recall@20_triples"] for line in lines] == [1, 1, 0, 0, 0]


TEXTS = [
    LinkedText(
        "t1",
        "Ada Lovelace met Bob in London.",
        (
            Mention(0, 12, R + "Ada_Lovelace", 1.0),
            Mention(17, 20, None, 1.0),
            Mention(24, 30, R + "London", 1.0),
        ),
    ),
    LinkedText("t2", "Paris is not in Oz.", (Mention(0, 5, R + "Paris", 1.0), Mention(16, 18, R + "Oz", 1.0))),
]
LABELS = {
    "ada lovelace": R + "Ada_Lovelace",
    "ada": R + "Ada_(language)",
    "bob": R + "Bob",
    "london": R + "London,_Ontario",
    "paris": R + "Paris",
    "in": R + "Indium",
}


def test_linking_is_scored_as_reckoned_by_hand() -> None:
    linker = LongestMatch(LABELS)
    report = evaluate_linking(
        TEXTS, linker, known=lambda iri: not iri.endswith("Oz"), baselines={"same": linker}
    ).report
    # predicted: Ada (right), Bob (gold says: not in the graph), London (wrong IRI), Paris (right); gold: 4 with an IRI
    assert (report["precision"], report["recall"], report["f1"]) == (0.5, 0.5, 0.5)
    # known gold: Ada, London, Paris; Bob overlaps gold that is not known, so it does not count
    assert report["f1_known"] == pytest.approx(2 / 3, abs=1e-6)
    assert report["accuracy_given_spans"] == 0.5
    assert report["baselines"]["same"]["f1_known"] == report["f1_known"]


def test_longest_match_prefers_the_longest_span_and_skips_lower_case_words() -> None:
    mentions = LongestMatch(LABELS).link("Ada Lovelace and Ada, in PARIS")
    assert [(m.start, m.end, m.iri) for m in mentions] == [
        (0, 12, R + "Ada_Lovelace"),
        (17, 20, R + "Ada_(language)"),
        (25, 30, R + "Paris"),
    ]


def test_relations_are_micro_averaged_and_split() -> None:
    one, two, three = (("a", "p", "b"), ("c", "p", "15"), ("e", "p", "f"))
    texts = [RelatedText("1", "x", (one, two), "seen"), RelatedText("2", "y", (three,), "unseen")]
    found: dict[str, list[Triple]] = {"x": [one, ("c", "p", "15.0")], "y": [one]}
    report = evaluate_relations(texts, lambda text: found[text]).report
    assert report["f1"] == pytest.approx(2 / 3, abs=1e-6)
    assert report["by_split"]["seen"] == {"n": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert report["by_split"]["unseen"]["f1"] == 0.0
    no_split = [RelatedText("1", "x", (one,), None)]
    assert "by_split" not in evaluate_relations(no_split, lambda text: found[text]).report


def test_importance_compares_the_best_with_each_summary() -> None:
    triples: tuple[Triple, ...] = tuple(("e", f"p{i}", "o") for i in range(12))
    gold = [Description("e", triples, (frozenset(range(5)), frozenset(range(5, 10))), (frozenset(range(10)),))]
    report = evaluate_importance(gold, in_order, baselines={"random": at_random}).report
    assert (report["f@5"], report["f@10"]) == (0.5, 1.0)
    assert report == evaluate_importance(gold, in_order, baselines={"random": at_random}).report | {
        "duration_s": report["duration_s"]
    }


def test_truth_is_the_area_under_the_curve() -> None:
    claims = [Claim(("a", "often", "b"), True), Claim(("a", "rare", "b"), False), Claim(("a", "often", "c"), False)]
    counts = {"often": 5, "rare": 1}
    report = evaluate_truth(claims, predicate_frequency(lambda p: counts[p]), baselines={"order": in_order}).report
    assert (report["n"], report["roc_auc"], report["baselines"]["order"]["roc_auc"]) == (3, 0.75, 1.0)
    assert report["intervals"]["roc_auc"][0] <= 0.75


def test_generation_reports_sacrebleu_beside_the_template() -> None:
    items = [
        VerbalizedTriples(
            "1", ((R + "Ada_Lovelace", DBO + "birthPlace", R + "London"),), ("Ada Lovelace was born in London.",)
        ),
        VerbalizedTriples(
            "2", ((R + "Paris", DBO + "country", R + "France"),), ("Paris is in France.", "France has Paris.")
        ),
    ]

    def say(triples: Sequence[Triple]) -> str:
        return "Ada Lovelace was born in London." if "Ada" in triples[0][0] else "Paris is a city in France."

    report = evaluate_generation(items, say, baselines={"template": template()}).report
    texts = [say(item.triples) for item in items]
    assert report["bleu"] == pytest.approx(
        corpus_bleu(texts, [[item.texts[0] for item in items], [None, "France has Paris."]]).score, abs=1e-5
    )
    assert report["bleu"] > report["baselines"]["template"]["bleu"]
    assert {"bleu", "chrf", "rouge_l"} <= report["intervals"].keys()


def holds_its_values(report: dict[str, Any], names: set[str]) -> bool:
    """Whether there is an interval for each name, around the value, and neither a point nor everything."""
    intervals = report["intervals"]
    return intervals.keys() == names and all(
        0 < intervals[name][0] < report[name] < intervals[name][1] < 2 * report[name] and intervals[name][1] != 1
        for name in names
    )


def test_each_interval_lies_around_its_value() -> None:
    """Items of which every third is answered wrong: no metric is the same on all samples, and none comes near 0."""
    n, right = 30, [i % 3 > 0 for i in range(30)]
    questions = [Question(f"{i}", "?", (Answer("literal", f"{i}"),)) for i in range(n)]
    said = [f"{i}" if right[i] else "x" for i in range(n)]
    triples: list[Triple] = [("s", "p", text) for text in said]
    texts = [RelatedText(f"{i}", f"{i}", (("s", "p", f"{i}"),), None) for i in range(n)]
    summaries = [
        Description(
            "e",
            tuple(("e", f"p{j}", "o") for j in range(12)),
            (frozenset(range(5 + 5 * ok)),) * 2,
            (frozenset(range(10 - ok)),),
        )
        for ok in right
    ]
    linked = [LinkedText(f"{i}", f"{i}", (Mention(0, len(f"{i}"), R + f"{i}", 1.0),)) for i in range(n)]
    linker = LongestMatch({text: R + said[i] for i, text in enumerate(map(str, range(n)))})
    claims = [Claim(("s", "p", f"{i}"), right[i]) for i in range(n)]
    reports = {
        "answers": evaluate_answers(questions, lambda q: [said[int(q.id)]]),
        "retrieval": evaluate_retrieval(
            questions,
            lambda q: [Retrieved([said[int(q.id)]], [triples[int(q.id)], *triples[: 2 * right[int(q.id)]]])],
        ),
        "linking": evaluate_linking(linked, linker, known=lambda iri: True),
        "relations": evaluate_relations(texts, lambda text: [triples[int(text)]]),
        "importance": evaluate_importance(summaries, in_order),
        "truth": evaluate_truth(claims, lambda asked: [(7 * i) % 10 + 3 * right[i] for i in range(n)]),
    }
    exact = {"precision", "recall", "f1"}
    metrics = {
        "answers": {"hits@1", "f1", "mrr", "exact_match"},
        "retrieval": {"recall@1", "recall@5", "recall@20", "recall@20_triples", "triples"},
        "linking": {*exact, "f1_known", "accuracy_given_spans"},
        "relations": exact,
        "importance": {"f@5", "f@10"},
        "truth": {"roc_auc"},
    }
    for name, result in reports.items():
        assert holds_its_values(result.report, metrics[name]), (name, result.report)


def test_nothing_to_evaluate_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="nothing to evaluate answers on"):
        evaluate_answers([], lambda q: [])
    with pytest.raises(UsageError, match="nothing to evaluate truth on"):
        evaluate_truth([], in_order)


def test_predictions_are_written_a_line_each_or_not_at_all(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "é\u2028"}, {"id": "2", "iri": None}]
    write_predictions(tmp_path / "out.jsonl", rows)
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().split(b"\n")[:-1]] == rows
    with pytest.raises(UsageError, match="cannot be written"):
        write_predictions(tmp_path / "nowhere" / "out.jsonl", rows)
