"""HTML as publishers send it, to the text that a reader would see."""

import html
import re

from selectolax.lexbor import LexborHTMLParser

from monitor.text.clean import paragraphs

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--|<[!?]")
_MARKUP = re.compile(r"<[a-zA-Z/!?]|&[#a-zA-Z]")
_ENTITY = re.compile(r"&#?[a-zA-Z0-9]+;")

# Elements that start a new line on a page; a phrase must not run across their edges.
_BLOCKS = re.compile(
    r"(?=</?(?:address|article|aside|blockquote|br|caption|center|dd|details|dialog|dir|div|dl|dt"
    r"|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|legend|li|main|menu|nav|ol|option"
    r"|p|pre|section|select|summary|table|tbody|tfoot|thead|title|tr|ul)\b)",
    re.IGNORECASE,
)
_CELLS = re.compile(r"(?=<t[dh]\b)", re.IGNORECASE)
_UNSEEN = ["script", "style", "template", "noscript", "iframe", "object", "svg", "math", "head"]
_COMMENT_OR_CODE = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)

# Past these the DOM costs more than its square: 200,000 nested elements take 60 s, 50,000
# attributes 3 s. Then tags are cut out without one.
_MAX_TAGS = 10_000
_MAX_TAG_CHARS = 20_000


def to_text(source: str) -> str:
    """Return the visible text of HTML or plain text, one line a paragraph; never raises.

    Feeds escape once too often (`&amp;lt;p&amp;gt;`), so what still is markup after the first
    reading is read once more.
    """
    if not _MARKUP.search(source):
        return paragraphs(source)
    text = _read(source)
    if _TAG.search(text) or _ENTITY.search(text):
        text = _read(text)
    return paragraphs(text)


def to_line(source: str) -> str:
    """Return the visible text of HTML or plain text on one line, as titles need it."""
    return " ".join(to_text(source).split())


def _read(source: str) -> str:
    if not _TAG.search(source):
        return html.unescape(source)
    flat = " ".join(source.split())
    if flat.count("<") > _MAX_TAGS or max(map(len, flat.split(">"))) > _MAX_TAG_CHARS:
        return html.unescape(_without_tags(flat))
    tree = LexborHTMLParser(_CELLS.sub(" ", _BLOCKS.sub("\n", flat)))
    tree.strip_tags(_UNSEEN)
    return tree.body.text() if tree.body else ""


def _without_tags(source: str) -> str:
    source = _COMMENT_OR_CODE.sub(" ", source)
    return re.sub(r"</?[a-zA-Z!?][^<>]*>", "\n", source)
