"""Plain features of a candidate, beside what the vectors say of it: a few numbers, each with a first weight that an
untrained scorer uses and training moves.

The first `OF_PATHS` are known from the path alone; the rest from its answers, so only the best candidates get them.
"""

TRAITS = (
    "share",
    "popularity",
    "last_name",
    "other_name",
    "lower",
    "small",
    "coverage",
    "weight",
    "plain",
    "plain_other",
    "plain_words",
    "overlap",
    "lower_overlap",
    "words",
    "candidates",
)
"""Features of seeds (`kg.linking.belief`) that training may weigh anew: which names are meant differs from one kind of
questions to another."""

FEATURES = {
    "seed": 1.0,  # log p of the seeds
    "unused": -2.5,  # probability of mentions that the path does not begin at
    "overlap": 2.0,  # share of the words of the relations' names that the question holds
    "frequency": 0.6,  # log10 of how often the relations are stated, mean
    "back": -2.0,  # how often a relation is followed by its inverse: to all that has the same, not what was asked for
    "apposed": 1.5,  # the question names a class of the seed just beside it: "the film Persepolis"
    **{f"seed {name}": 0.0 for name in TRAITS},
    "named": 2.0,  # some answer has a class that the question names
    "not_named": 0.0,  # the question names a class, and no answer has one
    "restricted": 0.5,  # the answers were cut down to that class
    "asked": 1.0,  # the answers are of the kind that the question word asks for
    "not_asked": -1.0,  # they are of another
    "size": -0.2,  # log of the number of answers, before they are cut down
    "share": 1.0,  # log of the share of the answers among those of the same path by relations of the same name
    "mentioned": -2.0,  # an answer is itself a likely mention
    "ordered": 2.0,  # the answers are chosen by a measure, as the question's superlative or comparison asks
    "measure": 8.0,  # the cosine of the question and the measure's name
    "not_ordered": -1.0,  # the question asks for an order, and there is none
    "holds": 2.0,  # for yes or no: it is yes
}
NAMES = tuple(FEATURES)
FIRST_WEIGHTS = tuple(FEATURES.values())
PLACE = {name: place for place, name in enumerate(NAMES)}
OF_PATHS = 6 + len(TRAITS)
"""How many of them are known from the path alone: the first ones."""
