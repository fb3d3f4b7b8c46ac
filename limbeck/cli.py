"""The command line. Results go to stdout, progress and messages to stderr; `--json` prints one JSON object.

Exit status: 0 done, 1 failed, 2 wrong use. Errors are one line; `--debug` shows the traceback.
"""

import errno
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from kg.errors import LimbeckError, UsageError

app = typer.Typer(
    name="limbeck",
    help="Turns a public knowledge graph into answers, and then into a small model that gives them.\n\n"
    'Begin with `limbeck build --source FILE_OR_ENDPOINT`, then `limbeck ask "…"`.',
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Workspace = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="LIMBECK_WORKSPACE", help="Folder of snapshots.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration (TOML); see `limbeck init`.")]
Questions = Annotated[list[Path] | None, typer.Option("--questions", help="JSONL file of questions; may be repeated.")]
Model = Annotated[str | None, typer.Option("--model", help="teacher or student; by default the one in charge.")]
Mode = Annotated[str, typer.Option("--mode", help="Where retrieval begins: hybrid, graph, dense or lexical.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"] | None, typer.Option("--device", help="Where to train, else as configured.")
]
HERE = Path("workspace")
LONGEST_S = 86_400
"""Most seconds that `serve` may give a query: a day."""
INTERRUPTED = 130
"""What typer returns after Ctrl-C."""


@app.callback()
def settings(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command."""
    if debug:
        os.environ["LIMBECK_DEBUG"] = "1"


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where to write limbeck.toml.")] = Path()) -> None:
    """Write a commented limbeck.toml."""
    from flows.config import commented_config

    target = folder / "limbeck.toml"
    if target.exists():
        raise UsageError(f"{target} is there already. Move it away, or edit it.")
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(commented_config(), "utf-8")
    say(f"wrote {target}. Name a source in it, then: limbeck build --config {target}")


@app.command()
def build(
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", "-s", help="RDF file, folder of them, text JSONL, or SPARQL endpoint; may be repeated."
        ),
    ] = None,
    config: ConfigFile = None,
    questions: Questions = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", help="Leave out: text, clean, embed or train.")] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", help='Prune to a share of the triples (0.5) or bytes on disk ("200 MB").')
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be pulled, and pull nothing.")] = False,
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Pull, link, relate, clean, embed, train, and publish a snapshot."""
    from limbeck import jobs

    asked = [str(path) for path in questions or ()]
    if dry_run:
        result = jobs.estimate(config, source or [], asked, skip or [])
    else:
        result = jobs.build(workspace, config, source or [], asked, skip or [], budget)
    show(result, as_json, jobs.build_lines)


@app.command()
def refresh(workspace: Workspace = HERE, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Build anew from the sources of the current snapshot; its models stay."""
    from limbeck import jobs

    show(jobs.refresh(workspace, config), as_json, jobs.build_lines)


@app.command()
def remove(
    source: Annotated[str, typer.Argument(help="A source's name or location, or a document's id.")],
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Do not train anew; the models keep what they learnt from it.")
    ] = False,
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Take a source or document out exactly: what is left equals a build without it. Nothing is pulled again."""
    from limbeck import jobs

    show(jobs.remove(workspace, source, keep_models=keep_models), as_json, jobs.build_lines)


@app.command("merges")
def list_merges(workspace: Workspace = HERE, as_json: AsJson = False) -> None:
    """List which entities were merged into which, why, and how surely; `unmerge` takes one back."""
    from limbeck import jobs

    show(jobs.merges(workspace), as_json, jobs.merge_lines)


@app.command()
def unmerge(
    iri: Annotated[str, typer.Argument(help="The IRI, or prefixed name, that was merged into another one.")],
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Take back the merge of an entity, now and in later builds."""
    from limbeck import jobs

    show(jobs.unmerge(workspace, iri), as_json, jobs.build_lines)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question in English.")],
    model: Model = None,
    mode: Mode = "hybrid",
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Answer a question, with the triples that show it."""
    from limbeck import render
    from limbeck.knowledge_base import open_knowledge_base

    answer = open_knowledge_base(workspace).ask(question, model=model, mode=mode)
    show(answer.to_dict(), as_json, lambda _: render.answer_lines(answer))


@app.command()
def sparql(
    query: Annotated[str, typer.Argument(help="A SPARQL 1.1 query, or @FILE that holds one.")],
    form: Annotated[str, typer.Option("--format", help="table, json, csv, tsv, xml, turtle or nt.")] = "table",
    workspace: Workspace = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Query the graph; dbr:, dbo:, rdfs: and the like need no PREFIX."""
    from limbeck import render
    from limbeck.knowledge_base import open_knowledge_base

    if as_json and form not in ("table", "json"):
        raise UsageError(f"--json and --format {form} are two formats; choose one.")
    text = read_text(Path(query[1:])) if query.startswith("@") else query
    sys.stdout.write(render.sparql(open_knowledge_base(workspace), text, "json" if as_json else form))


@app.command("show")
def show_entity(
    entity: Annotated[str, typer.Argument(help="IRI, prefixed name or label.")],
    ranker: Annotated[Path | None, typer.Option("--ranker", help="A ranker from `eval importance --ranker`.")] = None,
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Show an entity's best triples, and where each comes from."""
    from kg.clean.ranker import Ranker
    from limbeck import render
    from limbeck.knowledge_base import open_knowledge_base

    found = open_knowledge_base(workspace).entity(entity, ranker=Ranker.open(ranker) if ranker else None)
    show(found.to_dict(), as_json, lambda _: render.entity_lines(found))


@app.command()
def link(
    file: Annotated[Path | None, typer.Argument(help="JSONL of {id, text}; stdin if none.")] = None,
    workspace: Workspace = HERE,
) -> None:
    """Find the entities that texts mention: JSONL in, JSONL out."""
    from limbeck import jobs

    jobs.link_file(workspace, file)


@app.command()
def relate(
    file: Annotated[Path | None, typer.Argument(help="JSONL of {id, text}; stdin if none.")] = None,
    workspace: Workspace = HERE,
) -> None:
    """Read triples from texts: JSONL in, JSONL out."""
    from limbeck import jobs

    jobs.relate_file(workspace, file)


@app.command()
def train(
    questions: Questions = None,
    config: ConfigFile = None,
    device: Device = None,
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Train retriever and generator together, on questions given and made from the graph. One that was stopped goes on
    where it was."""
    from limbeck import jobs

    show(jobs.train(workspace, config, [str(path) for path in questions or ()], device), as_json, jobs.build_lines)


@app.command()
def distill(
    questions: Questions = None,
    config: ConfigFile = None,
    device: Device = None,
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Train a student on the teacher's answers; `promote` puts it in charge."""
    from limbeck import jobs

    show(jobs.distill(workspace, config, [str(path) for path in questions or ()], device), as_json, jobs.build_lines)


@app.command()
def promote(config: ConfigFile = None, workspace: Workspace = HERE, as_json: AsJson = False) -> None:
    """Put the student in charge if it passes the gate: quality kept, faster, smaller, on held-out questions."""
    from limbeck import jobs, render

    report = jobs.promote(workspace, config)
    show(report, as_json, render.gate_lines)
    if not report["passed"]:
        raise LimbeckError(f"the student stays out: {'; '.join(report['reasons'])}.")


@app.command()
def rollback(workspace: Workspace = HERE, as_json: AsJson = False) -> None:
    """Go back to the snapshot before the current one: the way back from promote, and from any other step."""
    from limbeck import jobs

    show(jobs.rollback(workspace), as_json, jobs.status_lines)


@app.command("eval")
def evaluate(
    kind: Annotated[str, typer.Argument(help="answers, retrieval, linking, relations, importance, truth, generation.")],
    gold: Annotated[Path, typer.Option("--gold", help="JSONL file of gold items.")],
    limit: Annotated[int | None, typer.Option("--limit", help="Take the first N items.")] = None,
    predictions: Annotated[Path | None, typer.Option("--predictions", help="Write a line per item here.")] = None,
    gold_entities: Annotated[bool, typer.Option("--gold-entities", help="Give the questions' own entities.")] = False,
    model: Model = None,
    mode: Mode = "hybrid",
    trained: Annotated[bool, typer.Option("--trained", help="Importance: learn from the other entities.")] = False,
    ranker: Annotated[Path | None, typer.Option("--ranker", help="Importance: write a trained ranker here.")] = None,
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Measure on gold data, beside plain baselines, with 95% intervals."""
    from limbeck import measure

    measure.run(
        workspace, kind, gold, limit=limit, predictions=predictions, gold_entities=gold_entities, model=model,
        mode=mode, trained=trained, ranker=ranker, as_json=as_json,
    )  # fmt: skip


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8080,
    timeout: Annotated[float, typer.Option(help="Seconds that one SPARQL query may take.")] = 30.0,
    workspace: Workspace = HERE,
) -> None:
    """Serve /ask, /sparql and /health over the current snapshot."""
    from limbeck.serving import serve_workspace

    if not 0 < timeout <= LONGEST_S:  # nan is in no range
        raise UsageError(f"--timeout must be above 0 and at most {LONGEST_S} seconds, not {timeout:g}.")
    serve_workspace(workspace, host=host, port=port, timeout_s=timeout)


@app.command()
def deploy(
    config: ConfigFile = None,
    api_url: Annotated[str | None, typer.Option("--api-url", help="Prefect's API; else PREFECT_API_URL.")] = None,
    workspace: Workspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Register build, refresh, distill and evaluate as scheduled deployments on a Prefect server."""
    from limbeck import jobs

    show(jobs.deploy(workspace, config, api_url), as_json, jobs.deploy_lines)


@app.command()
def status(workspace: Workspace = HERE, as_json: AsJson = False) -> None:
    """Say what is current, and which snapshots there are."""
    from limbeck import jobs

    show(jobs.status(workspace), as_json, jobs.status_lines)


@app.command()
def verify(workspace: Workspace = HERE, as_json: AsJson = False) -> None:
    """Check hashes, counts, and that both views of the graph agree."""
    from limbeck import jobs

    result = jobs.verify(workspace)
    show(result, as_json, jobs.verify_lines)
    if result["problems"]:
        raise LimbeckError(
            f"{len(result['problems'])} problems in snapshot {result['snapshot']}. Run `limbeck rollback`."
        )


def show(result: Any, as_json: bool, lines: Any) -> None:
    """Prints a result: as one JSON object, or as lines made of it."""
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        print("\n".join(lines(result)))


def say(text: str) -> None:
    """Prints a message on stderr."""
    print(text, file=sys.stderr)


def read_text(path: Path) -> str:
    """A file's text. Raises UsageError."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def main() -> None:
    """The console script. `--debug` may stand anywhere before `--`."""
    # Threads that spin while they wait take the cores from everybody else; read when the model libraries are loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    if "--debug" in words[:end]:
        os.environ["LIMBECK_DEBUG"] = "1"
    words = [word for word in words[:end] if word != "--debug"] + words[end:]
    try:
        if app(words or ["--help"], standalone_mode=False) == INTERRUPTED:
            raise KeyboardInterrupt
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, Exception) as error:
        if os.environ.get("LIMBECK_DEBUG"):
            raise
        text, status = failure(error)
        say("limbeck: " + " ".join(text.split()))
        sys.exit(status)


def failure(error: BaseException) -> tuple[str, int]:
    """What to say of an error, and the exit status."""
    if isinstance(error, LimbeckError):
        return str(error), error.exit_status
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "stopped. The last snapshot still serves; run the same command to go on.", 1
    if isinstance(error, OSError) and _is_full(error):
        place = f" while writing {error.filename}" if error.filename else ""
        return f"the disk is full{place}. Free some space and run again; the last snapshot still serves.", 1
    if hasattr(error, "format_message"):  # typer's errors of use; their classes have no public name
        return f"{error.format_message().rstrip('.')}. See `limbeck --help`.", 2
    return f"{type(error).__name__}: {error} (--debug shows where.)", 1


def _is_full(error: OSError) -> bool:
    """Whether a disk is full. NumPy gives no error number, and says how much it could write."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or (error.errno is None and "requested and" in str(error))


if __name__ == "__main__":
    main()
