"""Articles whose feeds say too little: headline, summary, body, and the rule that the body hits.

Written for these tests; a body that hits nothing is news of something else.
"""

import json
from pathlib import Path
from typing import NamedTuple


class Page(NamedTuple):
    """An article; `rule` is empty where none should hit."""

    lang: str
    title: str
    summary: str
    body: tuple[str, ...]
    rule: str


def _pages() -> tuple[Page, ...]:
    rows = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return tuple(Page(**{**row, "body": tuple(row["body"])}) for row in rows)


PAGES = _pages()


def html(page: Page) -> str:
    """Return the page as a site serves it, with all that stands around an article."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in page.body)
    return (
        f'<!doctype html><html lang="{page.lang}"><head><meta charset="utf-8">'
        f"<title>{page.title} - Example News</title><script>var a = 1;</script></head><body>"
        '<header><nav><ul><li><a href="/">Home</a></li><li><a href="/world">World</a></li>'
        '<li><a href="/money">Money</a></li></ul></nav></header>'
        f"<main><article><h1>{page.title}</h1>{body}</article>"
        '<aside><h2>Most read</h2><ul><li><a href="/1">Veto on the council budget</a></li>'
        '<li><a href="/2">Ten soups</a></li></ul></aside></main>'
        "<footer><p>Example News. All rights reserved.</p></footer></body></html>"
    )
