"""p(z|x) over paths: a question's vector against the vectors of the relations on the path.

    score(x, path) = a cos(q, mean r) + <A q, sum over hops of B_h r_h + C k> + d_h + log p(seed)

and p(z|x) is its softmax over the candidates. q is the frozen encoder's vector of the question with the mention
masked, r_h that of the relation's name, k that of the kind of thing the last relation leads to (`retrieval.kinds`). A
starts at zero, so an untrained scorer is the plain cosine. A linear layer over q says which form (select, count, ask)
is asked for. The dual-encoder form follows DPR (Karpukhin et al. 2020, arXiv 2004.04906).
"""

from pathlib import Path as File

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kg.errors import ModelError
from retrieval.options import MOST_HOPS
from retrieval.question import FORMS

WIDTH = 256


class PathScorer(nn.Module):
    """The trainable head. `dimension` is the encoder's; `seed` fixes the start."""

    def __init__(self, dimension: int, *, width: int = WIDTH, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.question = nn.Linear(dimension, width)
        self.steps = nn.Parameter(torch.randn(MOST_HOPS, dimension, width, generator=draw) * dimension**-0.5)
        self.kinds = nn.Parameter(torch.randn(dimension, width, generator=draw) * dimension**-0.5)
        self.cosine = nn.Parameter(torch.tensor(12.0))
        self.hop_bias = nn.Parameter(torch.tensor([0.0, -0.6, -1.2]))
        self.seed_weight = nn.Parameter(torch.tensor(1.0))
        self.form = nn.Linear(dimension, len(FORMS))
        for layer in (self.question, self.form):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.question.bias)
        self.form.bias.data = torch.tensor([2.0, -2.0, -2.0])

    def forward(self, questions: Tensor, place: Tensor, relations: Tensor, paths: Tensor, seed_log_p: Tensor) -> Tensor:
        """Unnormalised scores, shape (B, N).

        questions: (B, M, D), the vectors of each question under its masks; place: (B, N), which of them a path is
        scored against; relations: (R, 2, D), the vectors of each relation's name and kind; paths: (B, N, H) relation
        numbers, -1 after the end, all -1 for padding (scored -inf); seed_log_p: (B, N).
        """
        present = paths >= 0
        used, numbers = torch.unique(paths.clamp(min=0), return_inverse=True)
        vectors, kinds = relations[used].unbind(1)
        rows = torch.arange(len(paths), device=paths.device)[:, None, None]
        index = (rows, place[..., None], numbers)
        dots = (questions @ vectors.T)[index] * present
        lengths = (vectors[numbers] * present.unsqueeze(-1)).sum(-2).norm(dim=-1).clamp(min=1e-6)
        asked = self.question(questions)
        learnt: Tensor = sum(
            (asked @ (vectors @ self.steps[hop]).T)[rows[..., 0], place, numbers[..., hop]] * present[..., hop]
            for hop in range(paths.shape[-1])
        )
        hops = present.sum(-1)
        last = numbers.gather(-1, (hops - 1).clamp(min=0).unsqueeze(-1)).squeeze(-1)
        learnt = learnt + (asked @ (kinds @ self.kinds).T)[rows[..., 0], place, last]
        scores: Tensor = self.cosine * dots.sum(-1) / lengths + learnt + self.hop_bias[(hops - 1).clamp(min=0)]
        return (scores + self.seed_weight * seed_log_p).masked_fill(hops == 0, float("-inf"))

    def form_log_probs(self, questions: Tensor) -> Tensor:
        """log p(form|x) in the order of FORMS; questions: (B, D) with no mention masked."""
        return torch.log_softmax(self.form(questions * questions.shape[-1] ** 0.5), -1)

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
