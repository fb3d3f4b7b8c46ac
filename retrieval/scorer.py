"""p(z|x) over paths: a question's vector against the vectors of the relations on the path.

    score(x, z) = sum over the path, and the path that it meets, of step(x, r) + b_shape + w . f(x, z)
    step(x, r)  = a cos(q, r) / n^0.7 + <A q, B_h r + C k>

and p(z|x) is the softmax over the candidates and over `nothing(x)`, the score of "the graph does not say". q is the
frozen encoder's vector of the question with the mention masked, r that of the name of the relation at hop h of n, k
that of the kind of thing the last relation leads to (`retrieval.kinds`), f a few plain features (`retrieval.features`),
b_shape what the number of hops and paths counts for. A starts at zero, so an untrained scorer is the plain cosine with
the features' first weights. Linear layers over the whole question say which form (select, count, ask) is asked for, and
which shape, by which the search knows how far to go. The dual-encoder form follows DPR (Karpukhin et al. 2020, arXiv
2004.04906).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as File

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kg.errors import ModelError
from retrieval.features import FIRST_WEIGHTS
from retrieval.options import MOST_HOPS
from retrieval.question import FORMS

WIDTH = 256
SHAPES = ("one hop", "two hops", "three hops", "meeting", "yes or no")
MEETING, ASKED = 3, 4
LENGTH_POWER = 0.7
"""The cosines of a path's relations are divided by its length to this power, as their mean vector's would be."""
_ROWS = 16
"""Relations of one product: so small that no library wakes its threads for it, which takes longer than the product."""


class PathScorer(nn.Module):
    """The trainable head. `dimension` is the encoder's; `seed` fixes the start."""

    def __init__(self, dimension: int, *, width: int = WIDTH, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.question = nn.Linear(dimension, width)
        self.steps = nn.Parameter(torch.randn(MOST_HOPS, dimension, width, generator=draw) * dimension**-0.5)
        self.kinds = nn.Parameter(torch.randn(dimension, width, generator=draw) * dimension**-0.5)
        self.cosine = nn.Parameter(torch.tensor(14.0))
        self.weights = nn.Parameter(torch.tensor(FIRST_WEIGHTS))
        self.shape = nn.Linear(dimension, len(SHAPES))
        self.form = nn.Linear(dimension, len(FORMS))
        self.nothing = nn.Linear(dimension, 1)
        for layer in (self.question, self.shape, self.form, self.nothing):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.shape_bias = nn.Parameter(torch.tensor([0.0, -5.5, -11.0, 0.0, 0.0]))
        self.shape.bias.data = torch.tensor([0.0, -4.0, -12.0, 0.0, 0.0])
        self.form_hint = nn.Parameter(torch.tensor(3.0))
        self.nothing.bias.data.fill_(1.0)

    def forward(
        self,
        masked: Tensor,
        whole: Tensor,
        place: Tensor,
        relations: Tensor,
        paths: Tensor,
        shapes: Tensor,
        features: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Unnormalised scores, shape (B, N), those of `nothing`, shape (B,), and those of the shapes, (B, S).

        masked: (B, M, D), the vectors of each question under its masks; whole: (B, D); place: (B, N, 2), which mask
        each of the two paths of a candidate is scored against; relations: (R, 2, D), the vectors of each relation's
        name and kind; paths: (B, N, 2, H) relation numbers, -1 after the end; shapes: (B, N), -1 for padding (scored
        -inf); features: (B, N, F).
        """
        present = paths >= 0
        used, numbers = torch.unique(paths.clamp(min=0), return_inverse=True)
        vectors, kinds = relations[used].unbind(1)
        rows = torch.arange(len(paths), device=paths.device)[:, None, None]
        asked = self.question(masked)
        cosine = masked @ vectors.T
        length = present.sum(-1)
        score = torch.zeros(paths.shape[:3], device=paths.device)
        for hop in range(paths.shape[-1]):
            learnt = asked @ (vectors @ self.steps[hop]).T
            step = self.cosine * cosine[rows, place, numbers[..., hop]] / length.clamp(min=1) ** LENGTH_POWER
            score = score + (step + learnt[rows, place, numbers[..., hop]]) * present[..., hop]
        last = numbers.gather(-1, (length - 1).clamp(min=0).unsqueeze(-1)).squeeze(-1)
        to_kind = (asked @ (kinds @ self.kinds).T)[rows, place, last] * (length > 0)
        every = (score + to_kind).sum(-1) + features @ self.weights
        every = (every + self.shape_bias[shapes.clamp(min=0)]).masked_fill(shapes < 0, float("-inf"))
        return every, self.nothing(scaled(whole))[:, 0], self.shape(scaled(whole))

    def form_log_probs(self, whole: Tensor, hints: Tensor) -> Tensor:
        """log p(form|x) in the order of FORMS; whole: (B, D), the question with no mention masked; hints: (B, 3), as of
        `retrieval.question.form_hints`."""
        return torch.log_softmax(self.form(scaled(whole)) + self.form_hint * hints, -1)

    def project(self, relations: Tensor) -> "Projected":
        """What the scorer makes of all relations (R, 2, D), for many questions."""
        with torch.inference_mode():
            names, kinds = relations.unbind(1)
            steps = self.steps.permute(2, 0, 1).flatten(1)
            of_kinds = kinds @ self.kinds
            return Projected(self, names.contiguous().numpy(), of_kinds.numpy(), steps.contiguous())

    def save(self, folder: File) -> None:
        """Writes the weights as safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: tensor.detach().contiguous() for name, tensor in self.state_dict().items()},
            folder / "scorer.safetensors",
        )

    @classmethod
    def open(cls, folder: File) -> "PathScorer":
        """The scorer written by `save`. Raises ModelError."""
        path = folder / "scorer.safetensors"
        try:
            state = load_file(path)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"the scorer in {path} cannot be read: {error}. Run `limbeck train`.") from error
        try:
            width, dimension = state["question.weight"].shape
            scorer = cls(dimension, width=width)
            scorer.load_state_dict(state)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ModelError(f"the scorer in {path} was made by another version. Run `limbeck train`.") from error
        return scorer.eval()


@dataclass(frozen=True)
class Projected:
    """A scorer over all relations of a graph: names (R, D), kinds (R, W); steps (W, H D), from what a question wants to
    what it wants of a name at each hop."""

    scorer: PathScorer
    names: NDArray[np.float32]
    kinds: NDArray[np.float32]
    steps: Tensor

    def steps_of(self, masked: NDArray[np.float32], whole: NDArray[np.float32], hints: Sequence[float]) -> "Steps":
        """The scores of relations for one question; masked: (M, D), whole: (D,), hints: (3,)."""
        scorer = self.scorer
        with torch.inference_mode():
            wanted = scorer.question(torch.from_numpy(masked))
            all_of_it = scaled(torch.from_numpy(whole))
            of_hops = (wanted @ self.steps).view(len(masked), MOST_HOPS, -1).numpy()
            return Steps(
                self,
                np.concatenate([float(scorer.cosine) * masked, *of_hops.swapaxes(0, 1)]),
                wanted.numpy(),
                scorer.shape_bias.numpy(),
                torch.log_softmax(scorer.shape(all_of_it), -1)[:MOST_HOPS].numpy(),
                scorer.form_log_probs(torch.from_numpy(whole)[None], torch.tensor([hints]))[0].numpy(),
                float(scorer.nothing(all_of_it)),
                np.zeros((MOST_HOPS + 2, len(masked), len(self.names)), np.float32),
                np.zeros(len(self.names), bool),
            )


@dataclass(frozen=True)
class Steps:
    """Scores of relations as steps from each of M masked questions, reckoned when they are first asked for; and what
    the whole question tells: shapes (S,), hops (H,) and forms (3,) as log probabilities, nothing.

    by_name: ((1 + H) M, D), what the names of relations are multiplied by for the cosine and for each hop; by_kind:
    (M, W). table: (H + 2, M, R), the products; known: (R,), the relations that they are known for.
    """

    projected: Projected
    by_name: NDArray[np.float32]
    by_kind: NDArray[np.float32]
    shapes: NDArray[np.float32]
    hops: NDArray[np.float32]
    forms: NDArray[np.float32]
    nothing: float
    table: NDArray[np.float32]
    known: NDArray[np.bool_]

    def learn(self, relations: NDArray[np.int64]) -> None:
        """Makes the scores of relations known."""
        new = np.zeros(len(self.known), bool)
        new[relations] = True
        missing = np.flatnonzero(new & ~self.known)
        rows = np.resize(missing, (-(-len(missing) // _ROWS), _ROWS))
        of_names = self.projected.names[rows] @ self.by_name.T
        of_kinds = self.projected.kinds[rows] @ self.by_kind.T
        self.table[:-1, :, rows] = np.moveaxis(of_names, -1, 0).reshape(MOST_HOPS + 1, len(self.by_kind), *rows.shape)
        self.table[-1][:, rows] = np.moveaxis(of_kinds, -1, 0)
        self.known[missing] = True

    @property
    def cosine(self) -> NDArray[np.float32]:
        """The weighted cosines of questions and relations, (M, R)."""
        return np.asarray(self.table[0])

    def learnt(self, hop: int) -> NDArray[np.float32]:
        """What was learnt of relations as this step of a path, (M, R)."""
        return np.asarray(self.table[1 + hop])

    @property
    def kinds(self) -> NDArray[np.float32]:
        """What was learnt of the kinds of things that relations lead to, (M, R)."""
        return np.asarray(self.table[-1])


def scaled(whole: Tensor) -> Tensor:
    """Vectors of length 1 with numbers of size 1, as a linear layer learns best from."""
    result: Tensor = whole * whole.shape[-1] ** 0.5
    return result
