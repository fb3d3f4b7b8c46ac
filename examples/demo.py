"""The whole pipeline on the sample: pull from a SPARQL endpoint, build, distil, promote, ask, measure.

`make demo` runs it. It ends with 0 if every step worked, the student was promoted, the teacher's Hits@1 on the test
questions is at least TEACHER, and the student keeps at least STUDENT of it.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import limbeck
from evaluation.metrics import hits_at_1
from kg.errors import LimbeckError
from kg.terms import shorten, value_of
from limbeck.endpoint import serve_dump
from limbeck.render import gate_lines
from limbeck.systems import canonical_questions
from retrieval.question import Question, read_questions

HERE = Path(__file__).parent
WORKSPACE = Path("demo-workspace")
TEACHER, STUDENT = 0.85, 0.95
SHOWN = {
    "test-011": "one step",
    "test-043": "backwards, several answers",
    "test-054": "two steps",
    "test-067": "a count",
    "test-074": "yes or no",
}
MOST_TRIPLES = 4
NEXT = (
    'ask "Who directed Seven Samurai?"',
    'sparql "SELECT ?river { ?river dbo:riverMouth dbr:Black_Sea }"',
    "show dbr:Ada_Lovelace",
    "eval answers --gold examples/questions-test.jsonl",
    "serve",
    "rollback",
)


def main() -> int:
    """The exit status."""
    durations: dict[str, float] = {}
    shutil.rmtree(WORKSPACE, ignore_errors=True)
    try:
        with timed(durations, "build"):
            say("1. Build: pull everything from a SPARQL endpoint, read 30 texts, clean, embed, train, publish.")
            with serve_dump([HERE / "graph.nt"]) as endpoint:
                say(f"   The sample's own endpoint answers at {endpoint}.")
                texts, config = relative(HERE / "documents.jsonl"), relative(HERE / "limbeck.toml")
                run("build", "--source", endpoint, "--source", texts, "--config", config)
        with timed(durations, "distill"):
            say("2. Distil: a student learns the answers that the teacher gives, all evidence in one reading.")
            run("distill")
        with timed(durations, "promote"):
            say("3. Promote: the student takes over if it keeps the quality and is faster and smaller.")
            promoted = run("promote", must=False)
        with timed(durations, "ask"):
            say("4. Ask: five questions that no model has seen, with the triples behind each answer.")
            kb = limbeck.open(WORKSPACE)
            questions = canonical_questions(read_questions(HERE / "questions-test.jsonl"), kb.merges)
            loading = time.monotonic()
            kb.ask(questions[0].question)
            print(f"   Loading the models took {time.monotonic() - loading:.1f} s.", flush=True)
            for question in questions:
                if question.id in SHOWN:
                    show(kb, question)
        with timed(durations, "measure"):
            say(f"5. Measure: teacher and student on the {len(questions)} test questions.")
            met = measure(kb, questions)
    except LimbeckError as error:
        print(f"\nThe demonstration failed: {error}", flush=True)
        return 1
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in durations.items())
    say(f"Time: {sum(durations.values()):.0f} s ({parts}).")
    print("Try next:")
    for command in NEXT:
        print(f"  .venv/bin/limbeck {command} --workspace {WORKSPACE}")
    return 0 if promoted and met else 1


def run(command: str, *arguments: str, must: bool = True) -> bool:
    """Whether a command of the installed console script worked. Raises LimbeckError if it must and did not."""
    script = Path(sys.executable).with_name("limbeck")
    if not script.is_file():
        raise LimbeckError(f"{script} is missing. Run `make setup`, and this by `make demo`.")
    line = [command, *arguments, "--workspace", str(WORKSPACE)]
    print(f"   $ limbeck {' '.join(line)}", flush=True)
    status = subprocess.run([script, *line], check=False).returncode
    if status and must:
        raise LimbeckError(f"`limbeck {command}` ended with status {status}; its message stands above.")
    return status == 0


def show(kb: limbeck.KnowledgeBase, question: Question) -> None:
    """Prints a question, its answer, and the triples that show it, each with where it comes from."""
    answer = kb.ask(question.question)
    right = hits_at_1([item.value for item in answer.answers], question.values)
    expected = ", ".join(shorten(value) for value in question.values)
    print(f"\n   {question.question}  ({SHOWN[question.id]})")
    print(f"   -> {answer.text}{'' if right else f'   WRONG, expected {expected}'}")
    for triple in answer.evidence[0].triples[:MOST_TRIPLES] if answer.evidence else ():
        print(f"      {' '.join(shorten(value_of(term)) for term in (triple.s, triple.p, triple.o))}")
        print(f"        from {'; '.join(triple.sources[:2])}")
    print(f"      {answer.model}, {sum(answer.duration_ms.values()):.0f} ms", flush=True)


def measure(kb: limbeck.KnowledgeBase, questions: list[Question]) -> bool:
    """Whether both aims are met; prints the table and says so."""
    from flows.config import config_from
    from flows.pipeline import judge

    report = judge(kb.snapshot.folder, config_from(kb.snapshot.manifest["config"]), questions)
    print("\n".join(f"   {line}" for line in gate_lines(report)[:-1]))
    print("   Hits@1: the first answer is right; F1: of the set of answers; ms: median, once the evidence is found.")
    teacher, student = report["teacher"]["hits_at_1"], report["student"]["hits_at_1"]
    met = bool(teacher >= TEACHER and student >= STUDENT * teacher)
    print(
        f"   Aims {'met' if met else 'MISSED'}: teacher's Hits@1 {teacher:.3f} (aim: at least {TEACHER}); "
        f"student's {student:.3f}, {student / max(teacher, 1e-9):.0%} of it (aim: at least {STUDENT:.0%}).",
        flush=True,
    )
    return met


@contextmanager
def timed(durations: dict[str, float], name: str) -> Iterator[None]:
    """Writes down how long the block took."""
    started = time.monotonic()
    yield
    durations[name] = time.monotonic() - started


def relative(path: Path) -> str:
    """The path as one would type it here."""
    return os.path.relpath(path)


def say(text: str) -> None:
    """Prints a line under an empty one, at once."""
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
