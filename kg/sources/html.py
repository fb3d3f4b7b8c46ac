"""The main text of a web page, by trafilatura: without navigation, advertisements and comments.

Where it finds none, as on a page of a few words, all visible text is taken.
"""

import codecs
import logging
import re
from pathlib import Path

from kg.errors import ParseError

_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_DECLARED_BYTES = 1024
"""HTML (WHATWG, 2024) wants the declaration within the first 1024 bytes."""
_HIDDEN = ("script", "style", "noscript", "template", "head")
_BLOCKS = re.compile(r"[ \t\f\v]*\n\s*")


def html_text(data: bytes, *, path: Path) -> str:
    """The main text of a page, its paragraphs by lines. Raises ParseError where its encoding cannot be told."""
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    page = _decoded(data, path).replace("\0", "")
    found: str | None = trafilatura.extract(page, include_comments=False) if page.strip() else None
    return found or _visible(page)


def _decoded(data: bytes, path: Path) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    declared = _DECLARED.search(data[:_DECLARED_BYTES])
    name = declared.group(1).decode() if declared else "utf-8"
    try:
        return data.decode(name)
    except (LookupError, UnicodeDecodeError) as error:
        said = f"as the page declares, {name}" if declared else "UTF-8, as the page declares nothing else"
        raise ParseError(
            f'{path}: expected text in {said}: {error}. Correct the declaration (<meta charset="…">), or convert the '
            "file to UTF-8."
        ) from error


def _visible(page: str) -> str:
    from lxml import etree, html

    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # nothing in it
        return ""
    etree.strip_elements(tree, *_HIDDEN, with_tail=False)
    return _BLOCKS.sub("\n", "\n".join(str(text).strip(" ") for text in tree.itertext())).strip()
