"""Questions made from the graph itself, so that a new graph can be asked before anybody has written a question for it.

Predicates are drawn with a flattened frequency, subjects evenly; each draw becomes a question of one of the kinds: one
relation forward or backward, two relations, a count, yes or no. Nobody asks for rdf:type. The answers are those of the
graph, exactly.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.graph import ENTITY, LITERAL, Graph
from kg.terms import value_of
from retrieval.evidence import Evidence, Path, Seed, gather
from retrieval.kinds import datatype_kind
from retrieval.neighbours import Neighbours
from retrieval.question import Answer, Question

FORWARD = (
    "{w} is the {p} of {s}?",
    "{w} is {s}'s {p}?",
    "{w} did {s} {p}?",
    "{w} {p} {s}?",
    "name the {p} of {s}.",
    "which {t} is the {p} of {s}?",
    "tell me the {p} of {s}",
    "{s} has which {p}?",
    "give me the {p} for {s}.",
)
BACKWARD = (
    "which {t} has {s} as {p}?",
    "whose {p} is {s}?",
    "what has the {p} {s}?",
    "which {t}s have the {p} {s}?",
    "list every {t} whose {p} is {s}.",
    "{s} is the {p} of which {t}?",
)
TWO_STEPS = (
    "{w} is the {p2} of the {p1} of {s}?",
    "{w} {p2} the {p1} of {s}?",
    "{w} did the {p1} of {s} {p2}?",
    "which {t} is the {p2} of {s}'s {p1}?",
    "name the {p2} of the {p1} of {s}.",
    "what {p2} does the {p1} of {s} have?",
    "the {p1} of {s} has which {p2}?",
    "{w} is the {p2} of the {m} that is the {p1} of {s}?",
    "{w} is the {p2} of the {m} of {s}?",
    "which {t} is the {p2} of the {m} that {s} has as {p1}?",
    "in which {t} is the {p1} of {s}?",
    "{s} has a {p1}; what is its {p2}?",
)
_TURNED = {
    (0, 1): "which {t} has the {p1} of {s} as {p2}?",
    (1, 0): "what is the {p2} of the {m} whose {p1} is {s}?",
    (1, 1): "which {t} has as {p2} the {m} whose {p1} is {s}?",
}
"""Two relations of which the first or the second (1) is followed backwards."""
COUNTS = ("how many {p} does {s} have?", "how many {t}s are the {p} of {s}?", "what is the number of {p} of {s}?")
COUNTS_BACKWARD = (
    "how many {t}s have {s} as {p}?",
    "how many {t}s have the {p} {s}?",
    "count the {t}s whose {p} is {s}.",
)
YES_NO = ("is {o} the {p} of {s}?", "does {s} have the {p} {o}?", "is {s}'s {p} {o}?", "was {o} the {p} of {s}?")
ASKING = {
    "person": ("who",),
    "place": ("where", "what"),
    "number": ("how many", "how much", "what"),
    "date": ("when", "what"),
    "year": ("when", "in what year"),
}
"""Words that ask for a kind of answer; "what" asks for any other."""
_KINDS = ("forward", "backward", "two", "count", "ask")
_SHARES = (0.36, 0.18, 0.26, 0.1, 0.1)
_MOST_ANSWERS = 20
_SHARE_OF_ONE = 0.25
"""Of the count questions with the answer 1, how many are kept."""


@dataclass(frozen=True)
class SyntheticOptions:
    """How many questions to make, and the seed of the draw."""

    count: int = 2000
    seed: int = 0


def make_questions(neighbours: Neighbours, options: SyntheticOptions) -> list[Question]:
    """Distinct questions with answers, in a fixed order for a fixed seed; fewer than asked for where the graph is
    small."""
    if not len(neighbours.relation):
        return []
    draw = np.random.default_rng(options.seed)
    sampler = _Sampler(neighbours, draw)
    questions: dict[str, Question] = {}
    for attempt in range(options.count * 6):
        if len(questions) == options.count:
            break
        made = sampler.question(str(draw.choice(_KINDS, p=_SHARES)), f"graph-{attempt}")
        if made is not None:
            questions.setdefault(made.question, made)
    return list(questions.values())


class _Sampler:
    def __init__(self, neighbours: Neighbours, draw: np.random.Generator) -> None:
        self.neighbours, self.draw = neighbours, draw
        self.graph: Graph = neighbours.graph
        relations, counts = np.unique(np.asarray(neighbours.relation), return_counts=True)
        asked = np.asarray(self.graph.predicates)[relations // 2] != self.graph.type_id
        self.relations, counts = relations[asked], counts[asked]
        self.shares = counts**0.4 / np.sum(counts**0.4)
        self.owners = _owners(neighbours)

    def question(self, kind: str, name: str) -> Question | None:
        drawn = int(self.draw.choice(self.relations, p=self.shares))
        owners = self.owners.of(drawn)
        entity = int(self.draw.choice(owners))
        seed = Seed(entity, -1, -1, 0.0)
        if kind == "ask":
            return self._yes_or_no(seed, drawn & ~1, name)
        relations: tuple[int, ...] = (drawn,)
        if kind == "two":
            reached = self.neighbours.follow(entity, drawn)
            nexts = self.neighbours.relations_of(int(self.draw.choice(reached)))
            nexts = nexts[(nexts != drawn ^ 1) & np.isin(nexts, self.relations)]
            if not len(nexts):
                return None
            relations = (drawn, int(self.draw.choice(nexts)))
        form = "count" if kind == "count" else "select"
        piece = gather(Path(seed, relations), self.neighbours)
        if piece is None or len(piece.values) > _MOST_ANSWERS or (form == "count" and not self._worth_counting(piece)):
            return None
        text = self._text(kind, seed, relations, piece.values[0])
        if text is None:
            return None
        if form == "count":
            answers = [Answer("literal", str(len(piece.values)))]
        else:
            answers = [Answer("uri" if term.startswith("<") else "literal", value_of(term)) for term in piece.values]
        return Question(name, text, tuple(answers), (self.graph.iri_of(entity),), form, len(relations))

    def _worth_counting(self, piece: Evidence) -> bool:
        """Whether somebody would ask how many: of things, rarely of one."""
        literal = self.graph.kind[self.graph.terms.find(piece.values[0])] == LITERAL
        return not literal and (len(piece.values) > 1 or bool(self.draw.random() < _SHARE_OF_ONE))

    def _yes_or_no(self, seed: Seed, relation: int, name: str) -> Question | None:
        entities = [term for term in self.neighbours.follow(seed.entity, relation) if self.graph.kind[term] == ENTITY]
        if not entities:
            return None
        drawn = self.draw.random()
        right = bool(drawn < 0.5)
        target = int(self.draw.choice(entities))
        if not right and drawn < 0.75:
            seed, target = Seed(target, -1, -1, 0.0), seed.entity
            if target in self.neighbours.follow(seed.entity, relation):
                return None
        elif not right:
            others = self.neighbours.follow(int(self.draw.choice(self.owners.of(relation))), relation)
            target = int(self.draw.choice(others))
            if target in entities or self.graph.kind[target] != ENTITY:
                return None
        template = str(self.draw.choice(YES_NO))
        label = self.neighbours.names[relation]
        text = template.format(s=self._name(seed.entity), o=self._name(target), p=label)
        iris = (self.graph.iri_of(seed.entity), self.graph.iri_of(target))
        return Question(name, text, (Answer("literal", str(right).lower()),), iris, "ask", 1)

    def _text(self, kind: str, seed: Seed, relations: tuple[int, ...], answer: str) -> str | None:
        names = [self.neighbours.names[relation & ~1] for relation in relations]
        backward = relations[-1] & 1
        target = self.graph.terms.find(answer)
        own = {"s": self._name(seed.entity), "t": self._type(target), "w": self._asking(target)}
        if kind == "two":
            middle = self._type(int(self.neighbours.follow(seed.entity, relations[0])[0]))
            templates = TWO_STEPS if not relations[0] & 1 and not backward else (_TURNED[relations[0] & 1, backward],)
            return str(self.draw.choice(templates)).format(p1=names[0], p2=names[1], m=middle, **own)
        if kind == "count":
            return str(self.draw.choice(COUNTS_BACKWARD if backward else COUNTS)).format(p=names[0], **own)
        return str(self.draw.choice(BACKWARD if backward else FORWARD)).format(p=names[0], **own)

    def _asking(self, term: int) -> str:
        if self.graph.kind[term] == LITERAL:
            kinds = [datatype_kind(self.graph.terms[term])]
        else:
            kinds = [self.graph.label_of(int(item)).lower() for item in self.graph.types_of(term)]
        words = next((ASKING[kind] for kind in kinds if kind in ASKING), ("what",))
        return str(self.draw.choice(words))

    def _name(self, entity: int) -> str:
        label = self.graph.label_of(entity)
        return label.split(" (")[0] if label.endswith(")") else label

    def _type(self, term: int) -> str:
        types = self.graph.types_of(term) if term >= 0 else ()
        labels = [self.graph.label_of(int(item)).lower() for item in types]
        labels = [label for label in labels if label not in ("thing", "agent", "q5", "spatial thing")]
        return str(self.draw.choice(labels)) if labels else "thing"


class _Owners:
    def __init__(self, order: NDArray[Any], entities: NDArray[Any], relations: NDArray[Any]) -> None:
        self._entities, self._relations = entities[order], relations[order]

    def of(self, relation: int) -> NDArray[Any]:
        low, high = np.searchsorted(self._relations, [relation, relation + 1])
        return np.asarray(self._entities[low:high], np.int32)


def _owners(neighbours: Neighbours) -> _Owners:
    """The entities around which each relation stands."""
    relations = np.asarray(neighbours.relation)
    entities = np.repeat(np.arange(len(neighbours.pointer) - 1), np.diff(neighbours.pointer))
    return _Owners(np.argsort(relations, kind="stable"), entities, relations)
