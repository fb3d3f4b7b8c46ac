"""The text of a PDF file, by PDFium: what its pages write, in that order, a blank line between pages.

A word that is divided at the end of a line comes whole. Text in images is not read: a scanned page gives none.
"""

from pathlib import Path

from kg.errors import ParseError

_NOT_TEXT = {0: None, 0xFFFE: None}
"""U+FFFE stands for the hyphen and line end within a word."""


def pdf_text(data: bytes, *, path: Path) -> str:
    """The text of all pages, lines ending in a line feed. Raises ParseError for a file that is broken or encrypted."""
    import pypdfium2

    pages: list[str] = []
    try:
        with pypdfium2.PdfDocument(data) as document:
            for page in document:
                text = page.get_textpage().get_text_range()
                pages.append(text.replace("\r\n", "\n").replace("\r", "\n").translate(_NOT_TEXT).strip("\n"))
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise ParseError(f"{path} is encrypted. Save it without its password, or leave it out.") from error
        raise ParseError(
            f"{path} is no PDF file that can be read: {error} Get the file again, or leave it out."
        ) from error
    return "\n\n".join(page for page in pages if page)
