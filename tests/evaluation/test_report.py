import io

from rich.console import Console

from evaluation.report import Scores, report, report_table

SCORES = Scores({"f1": 0.5, "bleu": 41.7, "roc_auc": float("nan")}, {"f1": (0.4, 0.6)}, {"by_split": {}})


def test_a_report_has_no_values_that_json_lacks() -> None:
    made = report(3, SCORES, {"plain": Scores({"f1": float("nan")})}, model=None, snapshot="s", duration_s=1.23456)
    assert made == {
        "n": 3,
        "f1": 0.5,
        "bleu": 41.7,
        "roc_auc": None,
        "by_split": {},
        "intervals": {"f1": [0.4, 0.6]},
        "baselines": {"plain": {"f1": None}},
        "model": None,
        "snapshot": "s",
        "duration_s": 1.235,
    }


def test_the_table_shows_each_metric_its_interval_and_the_baselines() -> None:
    made = report(3, SCORES, {"plain": Scores({"f1": 0.25})}, model="teacher", snapshot="s", duration_s=1.0)
    output = io.StringIO()
    Console(file=output, width=100).print(report_table(made, title="answers"))
    text = output.getvalue()
    rows = {line.split()[1]: line for line in text.splitlines() if line.startswith("│")}
    assert "teacher" in text and "plain" in text and "n = 3" in text
    assert "0.400 to 0.600" in rows["f1"] and "0.250" in rows["f1"]
    assert "41.7" in rows["bleu"] and "–" in rows["bleu"]
