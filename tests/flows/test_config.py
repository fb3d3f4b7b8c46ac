import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.options import DistillOptions
from flows.config import (
    Config,
    TextOptions,
    as_dict,
    check_skipped,
    commented_config,
    config_from,
    configured,
    load_config,
)
from generation.options import TrainingOptions
from kg.clean import CleanOptions
from kg.errors import ConfigError, UsageError
from kg.sources import SourceOptions

CHANGED = Config(
    sources=(
        SourceOptions(
            "https://example.org/sparql", name='a "name" \\ with\tall', select="seeds", seeds=("dbr:Ada",), hops=2
        ),
        SourceOptions("/data/dump.nt.gz", max_malformed=0.01),
    ),
    questions=("/data/questions.jsonl",),
    encoder="some/encoder",
    clean=CleanOptions(languages=("en", "de")),
    text=TextOptions(abstracts=False, min_confidence=0.75),
    train=TrainingOptions(mode="token", held_out=0.25),
    distill=DistillOptions(precision="fp32", max_seconds=1.5),
)


def written(folder: Path, text: str) -> Path:
    (folder / "limbeck.toml").write_text(text, "utf-8")
    return folder / "limbeck.toml"


@pytest.mark.parametrize("config", [Config(), CHANGED], ids=["defaults", "changed"])
def test_the_commented_file_reads_back_as_it_was(config: Config, tmp_path: Path) -> None:
    assert load_config(written(tmp_path, commented_config(config))) == config


def test_the_commented_file_explains_every_option() -> None:
    text = commented_config()
    shown = tomllib.loads(text)
    for name, value in as_dict(Config()).items():
        if isinstance(value, dict):
            assert set(shown[name]) == set(value)
            assert re.search(rf"^# .+\n\[{name}\]$", text, re.M)
    assert "# [[sources]]" in text


def test_an_empty_file_and_none_are_the_defaults(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "")) == load_config(None) == Config()


@pytest.mark.parametrize("config", [Config(), CHANGED], ids=["defaults", "changed"])
def test_the_manifest_keeps_it_as_json(config: Config) -> None:
    assert config_from(json.loads(json.dumps(as_dict(config)))) == config


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(
    location=texts,
    name=st.none() | texts,
    examples=st.integers(1, 10**9),
    alpha=st.floats(0, 1),
    abstracts=st.booleans(),
)
def test_any_values_survive_toml_and_the_manifest(
    location: str, name: str | None, examples: int, alpha: float, abstracts: bool
) -> None:
    config = Config(
        sources=(SourceOptions(location, name=name),),
        text=TextOptions(abstracts=abstracts),
        distill=DistillOptions(examples=examples, alpha=alpha),
    )
    assert config_from(as_dict(config)) == config
    assert config_from(tomllib.loads(commented_config(config))) == config


WRONG = {
    "sorces = []": "sorces is not an option; did you mean 'sources'?",
    "[train]\nsyntetic = 1": "train.syntetic is not an option; did you mean 'synthetic'?",
    "[text]\nzzz = 1": "text.zzz is not an option; known are abstracts, max_abstracts, min_confidence.",
    "[train]\nsynthetic = 'many'": "train.synthetic must be a whole number, not 'many'.",
    "[train]\nsynthetic = 1.5": "train.synthetic must be a whole number, not 1.5.",
    "[train]\nsynthetic = true": "train.synthetic must be a whole number, not True.",
    "[train]\nheld_out = '1'": "train.held_out must be a number, not '1'.",
    "[train]\nmode = 'both'": "train.mode must be one of 'sequence', 'token', not 'both'.",
    "[text]\nabstracts = 1": "text.abstracts must be true or false, not 1.",
    "encoder = 3": "encoder must be a string, not 3.",
    "questions = 'one.jsonl'": "questions must be a list, not 'one.jsonl'.",
    "questions = [1]": "questions must be a string, not 1.",
    "train = 3": "[train] must be a table.",
    "sources = ['a.nt']": "[sources] must be a table.",
    "[[sources]]\nname = 'x'": "sources.location is missing.",
    "[[sources]]\nlocation = 'a.nt'\nselect = 'some'": "sources.select must be one of 'whole', 'classes', 'seeds'",
    "a = ": "is not valid TOML: ",
}


@pytest.mark.parametrize("text, said", WRONG.items(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert "__init__" not in str(caught.value)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "limbeck.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load_config(tmp_path / "limbeck.toml")
    with pytest.raises(ConfigError, match="`limbeck init` writes one"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_a_source_that_contradicts_itself_is_refused_with_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, "[[sources]]\nlocation = 'a.nt'\nhops = 0")
    with pytest.raises(ConfigError, match=r"limbeck\.toml: source .*a\.nt: hops is at least 1, not 0"):
        load_config(path)


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    text = (
        "questions = ['q.jsonl', '/abs/q.jsonl']\nencoder = 'encoder'\n"
        "[[sources]]\nlocation = 'sub/a.nt'\n[[sources]]\nlocation = 'HTTPS://a.org/sparql'\n"
        "[[sources]]\nlocation = '/abs/b.nt'\n"
    )
    config = load_config(written(tmp_path, text))
    assert [s.location for s in config.sources] == [str(tmp_path / "sub/a.nt"), "HTTPS://a.org/sparql", "/abs/b.nt"]
    assert config.questions == (str(tmp_path / "q.jsonl"), "/abs/q.jsonl")
    assert config.encoder == str(tmp_path / "encoder")
    assert load_config(written(tmp_path, "encoder = 'all-MiniLM-L6-v2'")).encoder == "all-MiniLM-L6-v2"


def test_what_the_command_line_gives_comes_on_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "questions = ['q.jsonl']\n[[sources]]\nlocation = 'a.nt'")
    monkeypatch.chdir(tmp_path)
    config = configured(str(path), ["b.nt", "http://a.org/sparql"], ["more.jsonl"])
    expected = [str(tmp_path / "a.nt"), str(tmp_path / "b.nt"), "http://a.org/sparql"]
    assert [source.location for source in config.sources] == expected
    assert config.questions == (str(tmp_path / "q.jsonl"), str(tmp_path / "more.jsonl"))
    with pytest.raises(ConfigError, match="there is no source"):
        configured(None, [], [])


def test_only_known_steps_are_left_out() -> None:
    check_skipped(["text", "clean", "embed", "train"])
    with pytest.raises(
        ConfigError, match="'pull' is no step that can be skipped; choose from text, clean, embed, train"
    ):
        check_skipped(["text", "pull"])


def test_every_option_has_a_default_and_a_meaning() -> None:
    def sections(value: Any) -> list[Any]:
        return [
            getattr(value, f.name)
            for f in dataclasses.fields(value)
            if dataclasses.is_dataclass(getattr(value, f.name))
        ]

    for section in sections(Config()):
        assert (type(section).__doc__ or "").strip()


@pytest.mark.parametrize("location", ["", " "])
def test_an_empty_source_is_refused_and_not_the_folder_we_are_in(location: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--source is empty"):
        configured(None, [location], [])
    with pytest.raises(ConfigError, match=r"limbeck\.toml: sources\.location is empty"):
        load_config(written(tmp_path, f'[[sources]]\nlocation = "{location}"\n'))


@pytest.mark.parametrize(("written", "kept"), [('"200 MB"', 200_000_000), ("0.5", 0.5), ("1", 1.0)])
def test_a_budget_is_a_share_or_bytes(written: str, kept: float, tmp_path: Path) -> None:
    (tmp_path / "limbeck.toml").write_text(f"[clean]\nbudget = {written}\n", "utf-8")
    assert load_config(tmp_path / "limbeck.toml").clean.kept == kept


@pytest.mark.parametrize("written", ['"much"', "true", "0", "1.5", '["1 MB"]'])
def test_a_budget_that_is_neither_is_refused(written: str, tmp_path: Path) -> None:
    (tmp_path / "limbeck.toml").write_text(f"[clean]\nbudget = {written}\n", "utf-8")
    with pytest.raises(ConfigError):
        load_config(tmp_path / "limbeck.toml")
