"""Triples as English text, by rules: nothing here is trained, and no fact is added or left out.

Triples are grouped by subject, then by predicate; what a subject says of itself stays in one sentence, and a subject
that is an object before is told in a relative clause ("…, whose capital is Rome"). So no pronoun is needed, and none
can be wrong. How a predicate reads follows from its label's last word alone:

    birth place        the birth place of X is Y
    located in         X is located in Y
    is part of         X is part of Y
    rdf:type           X is a Y
"""

from collections.abc import Callable, Sequence

from kg.terms import RDF_TYPE, name_of

Triple = tuple[str, str, str]

MOST_CLAUSES = 3
"""Clauses about one subject in one sentence."""
_PREPOSITIONS = frozenset(("at", "by", "for", "from", "in", "into", "of", "on", "to", "under", "with"))
_VERBS = frozenset(("has", "is", "was", "are"))


def verbalise(triples: Sequence[Triple], label: Callable[[str], str] = name_of) -> str:
    """A text that says the triples (bare IRIs and literal texts), in the order of their subjects' first places.

    label: from a bare IRI to a readable name.

    >>> place, country = "http://dbpedia.org/ontology/birthPlace", "http://dbpedia.org/ontology/country"
    >>> ada, london = "http://dbpedia.org/resource/Ada_Lovelace", "http://dbpedia.org/resource/London"
    >>> verbalise([(ada, place, london), (london, country, "England")])
    'The birth place of Ada Lovelace is London, whose country is England.'
    """
    facts: dict[str, dict[str, list[str]]] = {}
    for s, p, o in dict.fromkeys(triples):
        facts.setdefault(s, {}).setdefault(p, []).append(o)
    sentences: list[str] = []
    for subject in list(facts):
        if subject in facts:
            sentences += _sentences(subject, facts, label)
    return " ".join(sentences)


def _sentences(subject: str, facts: dict[str, dict[str, list[str]]], label: Callable[[str], str]) -> list[str]:
    """The sentences about a subject; takes it out of `facts`, and what a relative clause tells."""
    own = list(facts.pop(subject).items())
    name = _name(subject, label)
    sentences = []
    for start in range(0, len(own), MOST_CLAUSES):
        clauses: list[str] = []
        for predicate, objects in own[start : start + MOST_CLAUSES]:
            clause = _clause(name if not clauses else "", predicate, objects, label)
            if len(objects) == 1 and objects[0] in facts:
                clause += _relative(objects[0], facts, label)
            clauses.append(clause)
        sentences.append(_sentence(clauses))
    return sentences


def _clause(name: str, predicate: str, objects: Sequence[str], label: Callable[[str], str]) -> str:
    """What is said of a subject; without its name where the sentence has it already."""
    values = listed([_name(value, label) for value in objects])
    said = _name(predicate, label)
    if predicate == RDF_TYPE[1:-1]:
        return f"{name} is {_article(values)} {values}".strip()
    words = said.split()
    if words and words[0] in _VERBS and len(words) > 1:
        return f"{name} {said} {values}".strip()
    if words and words[-1] in _PREPOSITIONS:
        return f"{name} is {said} {values}".strip()
    verb = "is" if len(objects) == 1 else "are"
    said = said if len(objects) == 1 else plural(said)
    return f"the {said} of {name} {verb} {values}" if name else f"the {said} {verb} {values}"


def _relative(subject: str, facts: dict[str, dict[str, list[str]]], label: Callable[[str], str]) -> str:
    """A relative clause with the first that is said of a subject; takes that out of `facts`."""
    own = facts[subject]
    predicate = next(iter(own))
    objects = own.pop(predicate)
    if not own:
        del facts[subject]
    clause = _clause("", predicate, objects, label)
    if clause.startswith("the "):
        return f", whose {clause.removeprefix('the ')}"
    return f", which {clause}"


def listed(names: Sequence[str]) -> str:
    """Names as English lists them.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def plural(noun: str) -> str:
    """The regular plural of a noun; one that ends in s stays as it is.

    >>> plural("country"), plural("official language"), plural("members"), plural("church")
    ('countries', 'official languages', 'members', 'churches')
    """
    if noun.endswith("s"):
        return noun
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("x", "ch", "sh")) else "s")


def _sentence(clauses: Sequence[str]) -> str:
    text = clauses[0] if len(clauses) == 1 else ", ".join(clauses[:-1]) + f" and {clauses[-1]}"
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _article(values: str) -> str:
    return "an" if values[:1].lower() in "aeiou" else "a"


def _name(value: str, label: Callable[[str], str]) -> str:
    return label(value) if "://" in value else value
