from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flows import pipeline
from flows.config import Config
from generation.teach import write_questions
from kg.clean import Cleaned, CleanOptions, clean
from kg.snapshot import Snapshot, new_folder, publish, write_lock
from kg.sources import Pulled, SourceOptions, pull
from kg.terms import ABSTRACT
from kg.types import Document
from kg.verify import verify
from limbeck.jobs import build_lines, report
from retrieval.question import Answer, Question
from tests.toy import statements_of

XSD = "http://www.w3.org/2001/XMLSchema#"


def published(workspace: Path, pulled: Pulled, cleaned: Cleaned) -> Snapshot:
    with write_lock(workspace), new_folder(workspace) as folder:
        facts = pipeline.publish_graph(folder, cleaned, pipeline.no_texts(pulled, cleaned), Config())
        return publish(workspace, folder, facts)


def pulled_from(folder: Path, *objects: str) -> Pulled:
    path = folder / "a.nt"
    path.write_text("".join(f"<http://a/s> <http://a/p> {term} .\n" for term in objects), "utf-8")
    return pull([SourceOptions(str(path))])


@given(st.permutations(range(6)))
def test_abstracts_do_not_depend_on_the_order_of_statements(order: list[int]) -> None:
    a, b = "<http://a/a>", "<http://a/b>"
    rows = [
        (b, ABSTRACT, '"Second."@en'),
        (b, ABSTRACT, '"First."@en'),
        (b, ABSTRACT, '"Another."@de'),
        (a, ABSTRACT, '"Plain."'),
        (a, ABSTRACT, "<http://a/no-text>"),
        ("<http://a/c>", ABSTRACT, '"Too many."@en'),
    ]
    found = pipeline.abstracts_of(statements_of([rows[place] for place in order]), 2)
    assert found == [Document("http://a/a", "Plain."), Document("http://a/b", "First.")]


def test_without_cleaning_both_views_show_one_graph(tmp_path: Path) -> None:
    typed = f'"05"^^<{XSD}integer>', f'"5"^^<{XSD}integer>', f'"about 5"^^<{XSD}integer>', f'" ^^<{XSD}integer>"@fr'
    pulled = pulled_from(tmp_path, *typed, f'"05"^^<{XSD}integer>', '" x "', '"\ufffe"', "_:b")
    cleaned = pipeline.unclean(pulled.statements)
    (blank,) = (term for term in cleaned.statements.terms if term.startswith("_:"))
    assert sorted(cleaned.statements.frame()["o"]) == sorted(
        [f'"5"^^<{XSD}integer>'] * 3 + [*typed[2:], '" x "', '"\\uFFFE"', blank]
    )
    assert (cleaned.pulled, cleaned.dropped) == (7, {"duplicate": 1})
    assert verify(published(tmp_path / "w", pulled, cleaned)) == []


def test_noncharacters_in_a_literal_are_the_same_in_both_views(tmp_path: Path) -> None:
    pulled = pulled_from(tmp_path, '"a\ufffe \\uFFFF"@en', '"\ufffeb\\n"')
    cleaned = clean(pulled.statements, CleanOptions())
    assert verify(published(tmp_path / "w", pulled, cleaned)) == []


def test_the_account_of_a_build_adds_up_under_a_budget(tmp_path: Path) -> None:
    pulled = pulled_from(tmp_path, *(f'"{number}"^^<{XSD}integer>' for number in range(10)), f'"01"^^<{XSD}integer>')
    cleaned = clean(pulled.statements, CleanOptions())
    with write_lock(tmp_path / "w"), new_folder(tmp_path / "w") as folder:
        asked = Question("q", "Which?", (Answer("literal", "3"),), ("http://a/s",))
        write_questions(tmp_path / "q.jsonl", [asked])
        config = Config(clean=CleanOptions(budget=0.5), questions=(str(tmp_path / "q.jsonl"),))
        facts = pipeline.publish_graph(folder, cleaned, pipeline.no_texts(pulled, cleaned), config)
        snapshot = publish(tmp_path / "w", folder, facts)
    assert facts["counts"]["dropped"] == {"duplicate": 1, "budget": 5}
    cost = facts["compression"]
    assert (cost["triples"], cost["questions"]) == ([10, 5], 1)
    assert cost["answerable"] == ('"3"^^' in (snapshot.folder / "graph" / "terms.bin").read_text())
    assert "5 of 10 triples" in build_lines(report(snapshot.manifest | {"duration_s": {}, "peak_rss_bytes": 0}))[-2]
    assert verify(snapshot) == []
