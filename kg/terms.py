"""RDF terms as strings in N-Triples form, and the names around them.

A term is kept as the exact text that N-Triples (W3C, 2014) writes for it: `<http://…>`, `"text"@en`,
`"5"^^<http://www.w3.org/2001/XMLSchema#integer>`, `_:b0`. So columns of terms can be compared, sorted and hashed
without parsing.
"""

import re
from urllib.parse import unquote

PREFIXES = {
    "dbr": "http://dbpedia.org/resource/",
    "dbo": "http://dbpedia.org/ontology/",
    "dbp": "http://dbpedia.org/property/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
}

RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
RDFS_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
OWL_SAME_AS = "<http://www.w3.org/2002/07/owl#sameAs>"
SKOS_ALT_LABEL = "<http://www.w3.org/2004/02/skos/core#altLabel>"
REDIRECTS = "<http://dbpedia.org/ontology/wikiPageRedirects>"
ABSTRACT = "<http://dbpedia.org/ontology/abstract>"

_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@([A-Za-z0-9-]+)|\^\^<([^>]*)>)?\Z', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_UNSAFE = re.compile(r'[\x00-\x1f"\\\x7f\ufffe\uffff]')
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_SHORT = {char: f"\\{letter}" for letter, char in _ESCAPED.items() if char != "'"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def expand(name: str) -> str:
    """The full IRI for a prefixed name; an IRI, bare or in angle brackets, comes back bare.

    >>> expand("dbo:birthPlace")
    'http://dbpedia.org/ontology/birthPlace'
    """
    if name.startswith("<") and name.endswith(">"):
        return name[1:-1]
    prefix, colon, local = name.partition(":")
    if colon and prefix in PREFIXES:
        return PREFIXES[prefix] + local
    return name


def shorten(iri: str) -> str:
    """The prefixed name for an IRI where a prefix is known, else the IRI.

    >>> shorten("http://dbpedia.org/resource/Paris")
    'dbr:Paris'
    """
    for prefix, namespace in PREFIXES.items():
        if iri.startswith(namespace):
            return f"{prefix}:{iri[len(namespace) :]}"
    return iri


def iri_term(iri: str) -> str:
    """The N-Triples form of an IRI."""
    return f"<{iri}>"


def literal_term(text: str, *, language: str | None = None, datatype: str | None = None) -> str:
    """The N-Triples form of a literal, escaped as canonical N-Triples does."""
    body = _UNSAFE.sub(_escape, text)
    if language:
        return f'"{body}"@{language.lower()}'
    if datatype and datatype != PREFIXES["xsd"] + "string":
        return f'"{body}"^^<{datatype}>'
    return f'"{body}"'


def parse_literal(term: str) -> tuple[str, str | None, str | None]:
    """(text, language, datatype) of a literal term; raises ValueError if the term is no literal."""
    match = _LITERAL.match(term)
    if match is None:
        raise ValueError(f"not a literal: {term[:80]}")
    body, language, datatype = match.groups()
    return _unescape(body), language, datatype


def value_of(term: str) -> str:
    """The bare value: an IRI without brackets, the text of a literal, a blank node as it is."""
    if term.startswith("<"):
        return term[1:-1]
    if term.startswith('"'):
        return parse_literal(term)[0]
    return term


def name_of(iri: str) -> str:
    """A readable name made from an IRI alone, by DBpedia's rule for titles; camel case is split for properties.

    >>> name_of("http://dbpedia.org/resource/Turn_Me_On_(album)")
    'Turn Me On (album)'
    >>> name_of("http://dbpedia.org/ontology/birthPlace")
    'birth place'
    """
    if "/resource/" in iri:
        local = iri.split("/resource/", 1)[1]
        return unquote(local).replace("_", " ").removeprefix("Category:").strip() or iri
    local = unquote(re.split(r"[/#]", iri.rstrip("/#"))[-1]).replace("_", " ").strip()
    if "/ontology/" in iri or "/property/" in iri or (local[:1].islower() and " " not in local):
        return _CAMEL.sub(" ", local).lower() or iri
    return local or iri


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return _SHORT.get(char) or f"\\u{ord(char):04X}"


def _unescape(body: str) -> str:
    if "\\" not in body:
        return body

    def replace(match: re.Match[str]) -> str:
        short, long, char = match.groups()
        if char is not None:
            return _ESCAPED.get(char, char)
        return chr(int(short or long, 16))

    return _ESCAPE.sub(replace, body)
