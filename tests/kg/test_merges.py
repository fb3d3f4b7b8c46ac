from pathlib import Path

from kg.clean import CleanOptions, clean
from kg.merges import Merges, write_merges
from tests.toy import RAW, statements_of

DBR = "http://dbpedia.org/resource/"


def test_a_merged_iri_leads_to_the_one_in_the_graph(tmp_path: Path) -> None:
    write_merges(tmp_path, clean(statements_of(RAW), CleanOptions()).merges)
    merges = Merges.open(tmp_path)
    assert merges.canonical(DBR + "UK") == DBR + "United_Kingdom"
    assert merges.canonical(DBR + "Marja_Sklodowska") == DBR + "Marie_Curie"
    assert merges.canonical("http://www.wikidata.org/entity/Q90") == DBR + "Paris"
    assert merges.canonical(DBR + "Ir%C3%A8ne_Joliot-Curie") == DBR + "Irène_Joliot-Curie"
    assert merges.canonical(DBR + "London") == DBR + "London"
    assert merges.canonical("http://nowhere/x%20y") == "http://nowhere/x%20y"


def test_every_merge_can_be_read_back(tmp_path: Path) -> None:
    made = clean(statements_of(RAW), CleanOptions()).merges
    assert list(write_merges(tmp_path, made)) == made.rows()
    assert len(made) == 4


def test_no_merges_change_nothing(tmp_path: Path) -> None:
    merges = write_merges(tmp_path, clean(statements_of(RAW[:5]), CleanOptions()).merges)
    assert len(merges) == 0
    assert merges.canonical(DBR + "UK") == DBR + "UK"
