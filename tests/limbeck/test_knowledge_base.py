import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rdflib

import limbeck
from kg.errors import NoSnapshot, QueryError, UsageError
from kg.snapshot import new_folder, open_snapshot, publish, write_lock
from kg.terms import expand, value_of
from limbeck import KnowledgeBase
from tests.toy import CLEAN, TOY_NT
from tests.workspaces import TEXTS

LIGHT = """
import sys, limbeck
kb = limbeck.open(sys.argv[1])
kb.snapshot.id, kb.live_model
heavy = {"torch", "transformers", "sentence_transformers", "spacy", "faiss", "prefect", "pandas", "SPARQLWrapper",
         "networkx", "sklearn"}
print(sorted(heavy & set(sys.modules)))
kb.entity("Ada Lovelace"), kb.sparql("ASK {}")
print(sorted(heavy & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def kb(small_workspace: Path) -> KnowledgeBase:
    return limbeck.open(small_workspace)


def test_opening_loads_no_model_library(small_workspace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(small_workspace)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n[]\n"


def test_a_workspace_without_a_snapshot_or_with_another_is_refused(small_workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSnapshot, match="Run `limbeck build"):
        limbeck.open(tmp_path)
    with pytest.raises(NoSnapshot, match="`limbeck status` lists"):
        limbeck.open(small_workspace, "20000101T000000")
    assert limbeck.open(str(small_workspace), open_snapshot(small_workspace).id).graph


def test_an_answer_cites_triples_of_the_graph_with_their_lines(kb: KnowledgeBase) -> None:
    answer = kb.ask("Where was Ada Lovelace born?")
    assert answer.text and answer.answers and answer.evidence
    assert (answer.model, answer.snapshot) == ("teacher", kb.snapshot.id)
    assert all(ms >= 0 for ms in answer.duration_ms.values())
    scores = [item.score for item in answer.answers]
    assert scores == sorted(scores, reverse=True)
    lines = TOY_NT.splitlines()
    for piece in answer.evidence:
        assert 0 <= piece.score <= 1 + 1e-6
        for triple in piece.triples:
            assert (triple.s, triple.p, triple.o) in CLEAN
            numbers = [int(n) for source in triple.sources for n in re.findall(r"toy\.nt line (\d+)", source)]
            assert numbers
            if triple.p == f"<{expand('dbo:birthPlace')}>":
                assert all("birthPlace" in lines[number - 1] for number in numbers)


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_text_is_cited_with_document_and_characters_beside_the_paths(kb: KnowledgeBase, mode: str) -> None:
    (told,) = (piece for piece in kb.retrieve("who was born somewhere?", mode=mode) if TEXTS[1] == piece.text)
    assert told.to_dict()["sources"] == [f"document text-1, characters 0 to {len(TEXTS[1])}"]
    assert told.triples == ()
    assert f"<{expand('dbr:London')}>" in told.values
    assert not any(piece.source for piece in kb.retrieve("who was born somewhere?", mode="graph"))
    answer = kb.ask("who was born somewhere?", mode=mode)
    assert answer.answers and all(piece.triples or piece.source for piece in answer.evidence)


def test_many_questions_get_the_answers_of_each_alone(kb: KnowledgeBase) -> None:
    questions = ["Where was Ada Lovelace born?", "Who directed Persepolis?", "Who was born in Paris?"]
    together = kb.ask_many(questions)
    for question, answer in zip(questions, together, strict=True):
        alone = kb.ask(question)
        assert [item.value for item in answer.answers][:1] == [item.value for item in alone.answers][:1]
        assert answer.evidence[0].triples == alone.evidence[0].triples
    assert kb.ask_many([]) == []


def test_evidence_without_an_answer_comes_best_first_and_no_more_than_asked(kb: KnowledgeBase) -> None:
    found = kb.retrieve("Where was Ada Lovelace born?", k=3)
    assert 0 < len(found) <= 3
    assert [piece.score for piece in found] == sorted((piece.score for piece in found), reverse=True)
    assert f"<{expand('dbr:London')}>" in found[0].values
    assert found == kb.retrieve("Where was Ada Lovelace born?", k=20)[:3] or len(found) == 3


@pytest.mark.parametrize(
    "name",
    [
        "http://dbpedia.org/resource/Marie_Curie",
        "<http://dbpedia.org/resource/Marie_Curie>",
        "dbr:Marie_Curie",
        "Marie Curie",
        "marie curie",
        "dbr:Madame_Curie",
        "Madame Curie",
        "dbr:Marja_Sklodowska",
    ],
)
def test_an_entity_is_found_by_each_of_its_names(kb: KnowledgeBase, name: str) -> None:
    assert kb.entity(name).iri == expand("dbr:Marie_Curie")


def test_an_entity_has_all_its_triples_the_most_important_first(kb: KnowledgeBase) -> None:
    entity = kb.entity("dbr:Paris")
    paris = f"<{expand('dbr:Paris')}>"
    assert {(t.s, t.p, t.o) for t in entity.triples} == {triple for triple in CLEAN if triple[0] == paris}
    assert {(t.s, t.p, t.o) for t in entity.incoming} == {triple for triple in CLEAN if triple[2] == paris}
    assert all(triple.sources for triple in (*entity.triples, *entity.incoming))
    assert kb.entity("dbr:Paris", most=2).triples == entity.triples[:2]
    with pytest.raises(UsageError, match="'dbr:Nowhere' is not in the graph"):
        kb.entity("dbr:Nowhere")


def test_sparql_gives_rdflib_terms_and_a_frame(kb: KnowledgeBase) -> None:
    found = kb.sparql("SELECT ?s ?n ?d { ?s dbo:populationTotal ?n OPTIONAL { ?s dbo:birthDate ?d } } ORDER BY ?n")
    rows = list(found)
    assert [row.s for row in rows] == [rdflib.URIRef(expand("dbr:Paris")), rdflib.URIRef(expand("dbr:London"))]  # type: ignore[union-attr]
    frame = kb.sparql(
        "SELECT ?s ?n ?d { ?s dbo:populationTotal ?n OPTIONAL { ?s dbo:birthDate ?d } } ORDER BY ?n"
    ).to_pandas()
    assert list(frame.columns) == ["s", "n", "d"]
    assert list(frame["n"]) == [2102650, 8799800]
    assert frame["d"].isna().all()
    assert kb.sparql("ASK { dbr:Paris dbo:country dbr:France }").askAnswer is True
    built = kb.sparql("CONSTRUCT WHERE { dbr:Paris ?p ?o }")
    assert len(list(built)) == sum(s == f"<{expand('dbr:Paris')}>" for s, _, _ in CLEAN)
    with pytest.raises(TypeError, match="only SELECT results are tables"):
        built.to_pandas()


@pytest.mark.parametrize(
    "query",
    ["SELEKT", "SELECT * { SERVICE <http://a/> { ?s ?p ?o } }", "INSERT DATA { <http://a> <http://b> <http://c> }"],
)
def test_sparql_refuses_what_is_no_query_of_this_graph(kb: KnowledgeBase, query: str) -> None:
    with pytest.raises(QueryError) as caught:
        kb.sparql(query)
    assert "\n" not in str(caught.value)
    assert sum(1 for _ in kb.store) == len(CLEAN)


def around(starts: list[str], hops: int) -> set[tuple[str, str, str]]:
    """The triples of the toy that are reached in so many steps, by walking over all of them each time. Literals end a
    walk."""
    near, found = {f"<{expand(start)}>" for start in starts}, set[tuple[str, str, str]]()
    for _ in range(hops):
        step = {triple for triple in CLEAN if triple[0] in near or triple[2] in near}
        near |= {term for s, _, o in step for term in (s, o) if not term.startswith('"')}
        found |= step
    return {(value_of(s), value_of(p), value_of(o)) for s, p, o in found}


@pytest.mark.parametrize("starts", [["dbr:Ada_Lovelace"], ["dbr:Persepolis_(film)", "dbr:Poland"]])
@pytest.mark.parametrize("hops", [0, 1, 2, 3])
def test_a_subgraph_is_what_so_many_steps_reach(kb: KnowledgeBase, starts: list[str], hops: int) -> None:
    found = kb.subgraph(starts, hops=hops)
    assert {(s, p, o) for s, o, p in found.edges(keys=True)} == around(starts, hops)
    assert {expand(start) for start in starts} <= set(found.nodes)
    assert all(data["label"] for _, data in found.nodes(data=True))


def test_a_subgraph_that_is_too_large_is_refused(kb: KnowledgeBase) -> None:
    with pytest.raises(UsageError, match="more than 5 triples lie within 2 hops"):
        kb.subgraph(["dbr:Paris"], hops=2, most=5)


def test_texts_are_linked_and_read(kb: KnowledgeBase) -> None:
    text = "Marie Curie was born in Warsaw."
    first, second = kb.link(text)
    assert (text[first.start : first.end], first.iri) == ("Marie Curie", expand("dbr:Marie_Curie"))
    assert (text[second.start : second.end], second.iri) == ("Warsaw", expand("dbr:Warsaw"))
    assert kb.link("where was marie curie born?")[0].iri == expand("dbr:Marie_Curie")
    assert kb.link("") == []
    for relation in kb.relate(text):
        assert 0 < relation.score <= 1
        assert (relation.s, relation.o) == (expand("dbr:Marie_Curie"), expand("dbr:Warsaw"))


def test_an_open_snapshot_stays_while_another_is_published(small_workspace: Path, tmp_path: Path) -> None:
    workspace = shutil.copytree(small_workspace, tmp_path / "w")
    before = limbeck.open(workspace)
    with write_lock(workspace), new_folder(workspace, before.snapshot) as folder:
        facts = {k: v for k, v in before.snapshot.manifest.items() if k not in ("id", "files", "previous", "format")}
        made = publish(workspace, folder, facts)
    assert limbeck.open(workspace).snapshot.id == made.id != before.snapshot.id
    assert before.ask("Where was Ada Lovelace born?").snapshot == before.snapshot.id
    assert before.sparql("ASK {}").askAnswer is True
    assert made.manifest["previous"] == before.snapshot.id


@pytest.mark.parametrize(
    ("question", "problem"), [(" \n", "empty"), ("why? " * 401, "2,005 characters"), ("\ud83d where?", "surrogate")]
)
def test_what_is_no_question_is_refused(kb: KnowledgeBase, question: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        kb.ask_many(["Where was Ada Lovelace born?", question])
