import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import limbeck
from evaluation.gold import Description, LinkedText, RelatedText
from generation.teach import write_questions
from kg.clean.ranker import UNTRAINED, Ranker
from kg.errors import ParseError, UsageError
from kg.terms import expand, value_of
from kg.types import Mention
from limbeck import measure
from limbeck.systems import (
    canonical_mentions,
    canonical_questions,
    canonical_relations,
    frequent_relation,
    trained_summariser,
)
from retrieval.question import Answer, Question
from tests.toy import CLEAN
from tests.workspaces import TEXTS, toy_questions


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gold of every kind about the toy graph, in one folder."""
    folder = tmp_path_factory.mktemp("gold")
    write_questions(folder / "questions.jsonl", toy_questions())
    mentions = [
        {"start": 0, "end": 11, "iri": expand("dbr:Madame_Curie")},
        {"start": 24, "end": 30, "iri": expand("dbr:Warsaw")},
    ]
    born = [expand("dbr:Madame_Curie"), expand("dbo:birthPlace"), expand("dbr:Warsaw")]
    told = [list(map(value_of, triple)) for triple in sorted(CLEAN)]
    london = [triple for triple in told if expand("dbr:London") in (triple[0], triple[2])]
    lines: dict[str, list[dict[str, Any]]] = {
        "mentions": [{"id": "1", "text": TEXTS[0], "mentions": mentions}],
        "relations": [{"id": "1", "text": TEXTS[0], "triples": [born], "split_type": "seen"}],
        "importance": [
            {"entity": expand("dbr:London"), "triples": london, "gold_top5": [[0, 1]], "gold_top10": [[0, 1, 2]]}
        ],
        "truth": [
            {"triple": [expand("dbr:Marie_Curie"), expand("dbo:birthPlace"), expand("dbr:Warsaw")], "true": True},
            {
                "triple": [expand("dbr:Marie_Curie"), expand("dbo:birthPlace"), expand("dbr:Persepolis_(film)")],
                "true": False,
            },
        ],
        "generation": [{"id": "1", "triples": [born], "texts": ["The birth place of Marie Curie is Warsaw."]}],
    }
    for name, items in lines.items():
        text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
        (folder / f"{name}.jsonl").write_text(text, "utf-8")
    return folder


METRICS = {
    "answers": ("questions", ["hits@1", "f1", "mrr", "exact_match"], ["dense", "bm25", "ppr", "all", "retriever"]),
    "retrieval": (
        "questions",
        ["recall@1", "recall@5", "recall@20", "recall@20_triples", "triples"],
        ["dense", "bm25", "ppr", "all"],
    ),
    "linking": ("mentions", ["precision", "recall", "f1", "f1_known", "accuracy_given_spans"], ["longest label"]),
    "relations": ("relations", ["precision", "recall", "f1"], ["adjacent, frequent predicate"]),
    "importance": ("importance", ["f@5", "f@10"], ["order of the file", "random", "predicate frequency"]),
    "truth": ("truth", ["roc_auc"], ["predicate frequency"]),
    "generation": ("generation", ["bleu", "chrf", "rouge_l"], ["template"]),
}


def measured(
    capsys: pytest.CaptureFixture[str], workspace: Path, kind: str, gold: Path, **options: Any
) -> dict[str, Any]:
    measure.run(workspace, kind, gold / f"{METRICS[kind][0]}.jsonl", as_json=True, **options)
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


@pytest.mark.parametrize("kind", METRICS)
def test_every_kind_prints_the_agreed_object_and_a_line_per_item(
    kind: str, small_workspace: Path, gold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, metrics, baselines = METRICS[kind]
    report = measured(capsys, small_workspace, kind, gold, predictions=tmp_path / "out.jsonl")
    n = len((gold / f"{name}.jsonl").read_text("utf-8").splitlines())
    own = {"n", "intervals", "baselines", "model", "snapshot", "duration_s"}
    assert report.keys() == own | set(metrics) | ({"by_split"} if kind == "relations" else set())
    assert report["n"] == n
    assert report["snapshot"] == limbeck.open(small_workspace).snapshot.id
    assert list(report["baselines"]) == baselines
    assert all(list(scores) == metrics for scores in report["baselines"].values())
    assert all(len(report["intervals"][metric]) == 2 for metric in metrics)
    assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == n


def test_an_old_name_in_the_gold_counts_as_the_entity_it_was_merged_into(
    small_workspace: Path, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    linked = measured(capsys, small_workspace, "linking", gold)
    assert (linked["f1"], linked["f1_known"], linked["accuracy_given_spans"]) == (1, 1, 1)
    merges = limbeck.open(small_workspace).merges
    old, new = expand("dbr:Marja_Sklodowska"), expand("dbr:Marie_Curie")
    question = Question("q", "Who?", (Answer("uri", old), Answer("literal", old)))
    assert canonical_questions([question], merges)[0].values == (new, old)
    mentions = canonical_mentions(
        [LinkedText("t", "Marja", (Mention(0, 5, old, 1.0), Mention(0, 5, None, 1.0)))], merges
    )
    assert [mention.iri for mention in mentions[0].mentions] == [new, None]
    triple = (old, expand("dbo:birthPlace"), "a text with spaces")
    assert canonical_relations([RelatedText("t", "", (triple,), None)], merges)[0].triples == ((new, *triple[1:]),)


def test_the_answers_are_those_of_ask_one_by_one(small_workspace: Path, gold: Path, tmp_path: Path) -> None:
    kb = limbeck.open(small_workspace)
    measure.run(small_workspace, "answers", gold / "questions.jsonl", predictions=tmp_path / "out", as_json=True)
    lines = [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines()]
    alone = [[item.value for item in kb.ask(question.question).answers] for question in toy_questions()]
    assert [line["predicted"] for line in lines] == alone


def test_gold_entities_lead_where_the_question_names_nobody(
    small_workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nameless = Question(
        "q", "birth place of that one", (Answer("uri", expand("dbr:London")),), (expand("dbr:Ada_Lovelace"),)
    )
    write_questions(tmp_path / "questions.jsonl", [nameless])
    report = measured(capsys, small_workspace, "retrieval", tmp_path, gold_entities=True, mode="graph")
    without = measured(capsys, small_workspace, "retrieval", tmp_path, mode="graph")
    assert (report["recall@20"], without["recall@20"]) == (1, 0)
    assert (report["baselines"]["dense"]["recall@20"], without["baselines"]["dense"]["recall@20"]) == (1, 0)


def test_a_limit_takes_the_first_items(small_workspace: Path, gold: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measured(capsys, small_workspace, "retrieval", gold, limit=3)["n"] == 3
    with pytest.raises(UsageError, match="at least 1"):
        measured(capsys, small_workspace, "retrieval", gold, limit=0)


def test_without_json_a_table_comes(small_workspace: Path, gold: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure.run(small_workspace, "generation", gold / "generation.jsonl")
    out = capsys.readouterr().out
    assert "bleu" in out
    assert "template" in out


def test_a_table_names_the_gold_file_as_it_is_called(
    small_workspace: Path, gold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "[bold]" + "y" * 200 + ".jsonl"
    (tmp_path / name).write_bytes((gold / "generation.jsonl").read_bytes())
    measure.run(small_workspace, "generation", tmp_path / name)
    assert "[bold]yyy" in capsys.readouterr().out.replace("\n", "").replace(" ", "")


def test_wrong_use_says_what_is_known(small_workspace: Path, gold: Path, tmp_path: Path) -> None:
    questions = gold / "questions.jsonl"
    with pytest.raises(
        UsageError, match="'answer' is nothing that can be evaluated; choose answers, retrieval, linking"
    ):
        measure.run(small_workspace, "answer", questions)
    with pytest.raises(UsageError, match="no folder"):
        measure.run(small_workspace, "answers", questions, predictions=tmp_path / "nowhere" / "out")
    with pytest.raises(ParseError, match="'mentions' is missing"):
        measure.run(small_workspace, "linking", gold / "relations.jsonl")
    with pytest.raises(UsageError, match="one of teacher, student, retriever"):
        measure.run(small_workspace, "answers", questions, model="oracle")


def test_the_most_frequent_relation_joins_entities(small_workspace: Path) -> None:
    graph = limbeck.open(small_workspace).graph
    assert frequent_relation(graph) == expand("dbo:birthPlace")


def test_trained_importance_tells_an_entity_nothing_of_its_own_summaries(small_workspace: Path, tmp_path: Path) -> None:
    def described(name: str, chosen: set[int]) -> Description:
        about = expand(f"dbr:{name}")
        triples = tuple((about, f"http://v/{x}", f"{name} {x}") for x in "abcd")
        return Description(about, triples, (frozenset(chosen),), (frozenset(chosen),))

    kb = limbeck.open(small_workspace)
    names = ["London", "Paris", "Warsaw", "France"]
    gold = [described(name, {0}) for name in names]
    scores = trained_summariser(kb, gold).many([item.triples for item in gold])
    assert [int(np.argmax(own)) for own in scores] == [0, 0, 0, 0]
    other = [described("London", {3}), *gold[1:]]
    again = trained_summariser(kb, other).many([item.triples for item in other])
    assert again[0] == scores[0]
    with pytest.raises(UsageError, match="at least two"):
        trained_summariser(kb, gold[:1])


def test_a_ranker_is_written_from_gold_and_orders_what_is_shown(
    small_workspace: Path, gold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads((gold / "importance.jsonl").read_text("utf-8"))
    second = {**told, "entity": expand("dbr:Paris"), "triples": [[expand("dbr:Paris"), "http://v/p", "x"]] * 3}
    file = tmp_path / "two.jsonl"
    file.write_text(json.dumps(told) + "\n" + json.dumps(second) + "\n", "utf-8")
    measure.run(small_workspace, "importance", file, trained=True, ranker=tmp_path / "ranker.json", as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert "untrained" in report["baselines"]
    assert "trained" in report["model"]
    kb = limbeck.open(small_workspace)
    plain = kb.entity("dbr:London")
    backwards = Ranker({name: -weight for name, weight in UNTRAINED.weights.items()}, -UNTRAINED.repeated)
    ranked, turned = (kb.entity("dbr:London", ranker=x) for x in (Ranker.open(tmp_path / "ranker.json"), backwards))
    assert set(ranked.triples) == set(turned.triples) == set(plain.triples)
    assert turned.triples != kb.entity("dbr:London", ranker=UNTRAINED).triples
    with pytest.raises(UsageError, match="belong to"):
        measure.run(small_workspace, "truth", gold / "truth.jsonl", trained=True)
