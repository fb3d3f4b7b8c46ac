"""A scorer as training may leave it, and what it says of candidates."""

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.asked import Prepared
from retrieval.candidates import Candidates
from retrieval.retriever import Retriever
from retrieval.scorer import PathScorer


def shaken(scorer: PathScorer, *, seed: int = 3, by: float = 0.3) -> PathScorer:
    """The scorer, with none of its weights where it began."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in scorer.parameters():
            parameter.add_(by * torch.randn(parameter.shape, generator=draw))
    return scorer.eval()


def said_of(
    retriever: Retriever, prepared: Prepared, candidates: Candidates, features: NDArray[np.float32]
) -> list[float]:
    """The scores of candidates by `PathScorer.forward`."""
    columns = (prepared.place[candidates.seeds], candidates.relations, candidates.shape, features)
    place, relations, shape, table = (torch.from_numpy(column)[None] for column in columns)
    masked, whole = torch.from_numpy(prepared.masked)[None], torch.from_numpy(prepared.whole)[None]
    with torch.no_grad():
        scores, _, _ = retriever.scorer(masked, whole, place, retriever.relation_vectors, relations, shape, table)
    found: list[float] = scores[0].tolist()
    return found
