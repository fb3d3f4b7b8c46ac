"""Options of training, as the configuration file holds them."""

from dataclasses import dataclass
from typing import Literal

from kg.errors import ConfigError
from kg.ranges import check_least

Precision = Literal["auto", "bf16", "fp16", "fp32"]
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class TrainingOptions:
    """given: most of the given questions that are learnt from, drawn at random. linked: of these, the ones whose
    mentions are looked for as well, so that it is learnt which are meant; they cost the most time. synthetic: questions
    made from the graph. held_out: share of all questions (by entity) that nobody trains on; the gate asks them.
    validation: share of the others (by entity) that nobody learns from either: the best state of reader and retriever
    is chosen by them, and training stops early after `patience` of the `evaluations` of a stage without improvement.
    scorer_epochs: how often the retriever alone sees the questions in each of its two rounds. reader_examples:
    questions with one piece of evidence each for the reader alone. joint_examples: questions for retriever and reader
    together, by RAG's marginal. evidence: pieces per question there. joint_epochs: how often each is seen. joint_rate:
    learning rate of the retriever there. train_retriever: false leaves it there as it is. frozen_layers: lower layers
    of the reader's encoder that stay as they are. mode: sequence or token. reader: folder of a reader to start from
    instead of the bare encoder. generator: folder or cached name of a transformers sequence-to-sequence model in the
    built-in reader's place. max_seconds: limit of each of the two stages of the reader; 0 for none. batch_size:
    questions per step, cut into `accumulate` parts.
    """

    given: int = 12000
    linked: int = 4000
    synthetic: int = 1500
    held_out: float = 0.1
    validation: float = 0.05
    evaluations: int = 8
    patience: int = 3
    scorer_epochs: int = 8
    reader_examples: int = 4000
    joint_examples: int = 800
    joint_epochs: int = 1
    joint_rate: float = 1e-4
    evidence: int = 4
    train_retriever: bool = True
    frozen_layers: int = 2
    mode: Literal["sequence", "token"] = "sequence"
    reader: str = ""
    generator: str = ""
    max_seconds: float = 600.0
    batch_size: int = 16
    accumulate: int = 1
    precision: Precision = "auto"
    device: Device = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        counts = (
            "given",
            "linked",
            "evidence",
            "batch_size",
            "accumulate",
            "reader_examples",
            "joint_epochs",
            "evaluations",
            "patience",
        )
        amounts = ("synthetic", "scorer_epochs", "joint_examples", "joint_rate", "max_seconds")
        check_least("train", self, dict.fromkeys(counts, 1) | dict.fromkeys(amounts, 0) | {"frozen_layers": -1})
        for name in ("held_out", "validation"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"train.{name} must be at least 0 and below 1, not {getattr(self, name)}.")
        if self.mode not in ("sequence", "token"):
            raise ConfigError(f'train.mode is "sequence" or "token", not {self.mode!r}.')
