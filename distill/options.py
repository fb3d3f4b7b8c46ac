"""Options of distillation."""

from dataclasses import dataclass

from generation.options import Device, Precision
from kg.errors import ConfigError
from kg.ranges import check_least


@dataclass(frozen=True)
class DistillOptions:
    """temperature and alpha: the loss is alpha T^2 KL(teacher || student) + (1 - alpha) cross-entropy. encoder_layers:
    of the student, taken evenly spaced from the teacher's. examples: questions to learn from, each `epochs` times.
    evidence: pieces read at once. keep_quality: share of the teacher's Hits@1 that the gate asks for. max_seconds: 0
    for no limit.
    """

    temperature: float = 2.0
    alpha: float = 0.7
    encoder_layers: int = 3
    examples: int = 1500
    epochs: int = 1
    evidence: int = 6
    batch_size: int = 16
    learning_rate: float = 1e-3
    encoder_learning_rate: float = 2e-4
    keep_quality: float = 0.95
    max_seconds: float = 600.0
    precision: Precision = "auto"
    device: Device = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ConfigError(f"distill.temperature must be above 0, not {self.temperature}.")
        for name in ("alpha", "keep_quality"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"distill.{name} must be 0 to 1, not {getattr(self, name)}.")
        check_least(
            "distill",
            self,
            dict.fromkeys(("encoder_layers", "evidence", "batch_size", "examples", "epochs"), 1)
            | dict.fromkeys(("learning_rate", "encoder_learning_rate", "max_seconds"), 0),
        )
