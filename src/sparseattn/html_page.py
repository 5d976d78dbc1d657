"""A document of one HTML file: nothing is loaded, nothing is run."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

# Whatever a class or a file is called.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html_page(title: str, style: str, body: Iterable[str]) -> str:
    """Return the document.

    Parameters
    ----------
    title
        Plain text.
    style
        Style sheet, without text of the user's.
    body
        HTML of its parts, in order; empty ones are left out.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )
