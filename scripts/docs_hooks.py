"""What `mkdocs build` does besides: formulas become MathML, links out of docs/ lead to the repository.

MathML is drawn by the browser itself: no script, no font, nothing from the network.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import PurePosixPath
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<display>.*?)\\\])</(?P=tag)>',
    re.DOTALL,
)
_LINK = re.compile(r"(?P<open>\]\()(?P<target>\.\./[^)#\s]+)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Let links that leave docs/ lead to the repository."""

    def replaced(match: re.Match[str]) -> str:
        parts: list[str] = ["docs", *PurePosixPath(page.file.src_uri).parent.parts]
        for part in PurePosixPath(match["target"]).parts:
            if part == "..":
                parts.pop()
            else:
                parts.append(part)
        if parts[0] == "docs":
            return match[0]
        kind = "blob" if "." in parts[-1] else "tree"
        return f"{match['open']}{config['repo_url']}/{kind}/main/{'/'.join(parts)}"

    return _LINK.sub(replaced, markdown)


def on_page_content(html: str, *, page: Any, config: Any, files: Any) -> str:
    """Turn what arithmatex marked as TeX into MathML."""

    def drawn(match: re.Match[str]) -> str:
        inline = match["inline"]
        tex = unescape(inline if inline is not None else match["display"]).strip()
        if inline is not None:
            return convert(tex)
        return f'<div class="formula">{convert(tex, display="block")}</div>'

    return _FORMULA.sub(drawn, html)
