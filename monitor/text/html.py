"""HTML as publishers send it, to the text that a reader would see."""

import html
import re

from selectolax.lexbor import LexborHTMLParser

from monitor.text.clean import paragraphs

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--|<[!?]")
_MARKUP = re.compile(r"<[a-zA-Z/!?]|&[#a-zA-Z]")

# Elements that start a new line on a page; a phrase must not run across their edges.
_BLOCK = (
    r"address|article|aside|blockquote|br|caption|center|dd|details|dialog|dir|div|dl|dt|fieldset"
    r"|figcaption|figure|footer|form|h[1-6]|header|hr|legend|li|main|menu|nav|ol|option|p|pre"
    r"|section|select|summary|table|tbody|tfoot|thead|title|tr|ul"
)
_BLOCKS = re.compile(rf"<(?=/?(?:{_BLOCK})\b)", re.IGNORECASE)
# Elsewhere tags part words (`sanctions<sup>1</sup>`), except within a script that is written
# without spaces, and after an initial (`<span>N</span>orth Korea`); neighbours are apart always.
_UNSPACED = "\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_RUN = r"(?=/?[a-zA-Z][^<>]*>(?:</?[a-zA-Z][^<>]*>)*+"
_CLINGS = f"{_UNSPACED}.,:;!?)»”’…"
# All begin with `<`, and look back from there: a pattern that looks first is tried at every letter.
_APART = re.compile(
    rf"<(?:(?<![>{_UNSPACED}(«“‘]<)(?<!>[A-ZА-Я]<){_RUN}(?![{_CLINGS}]))"
    rf"|(?<=>[A-ZА-Я]<){_RUN}(?![a-zа-я{_CLINGS}]))"
    r"|(?<=><)(?=[a-zA-Z]))"
)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})\b[^<>]*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"</?[a-zA-Z!?][^<>]*>")
_UNSEEN = ["script", "style", "template"]
_HIDDEN = (
    (re.compile("<!--"), re.compile("-->")),
    (
        re.compile(r"<(?:script|style)\b", re.IGNORECASE),
        re.compile(r"</(?:script|style)\s*>", re.IGNORECASE),
    ),
)

_EMPTY_LINE = re.compile(r"\n\s*\n")

# Past these the DOM costs more than its square: 200,000 nested elements take 60 s, 50,000
# attributes 3 s. Then tags are cut out without one.
_MAX_TAGS = 10_000
_MAX_TAG_CHARS = 20_000


def to_text(source: str) -> str:
    """Return the visible text of HTML, one line a paragraph; never raises."""
    if _TAG.search(source):
        return _reread(_read(source))
    return _reread(html.unescape(_unwrapped(source)) if "&" in source else _unwrapped(source))


def to_line(source: str) -> str:
    """Return the visible text of HTML on one line, as titles need it."""
    return " ".join(to_text(source).split())


def plain(source: str) -> str:
    """Return plain text, one line a paragraph (an empty line parts them); never raises."""
    return _reread(_unwrapped(source))


def _reread(text: str) -> str:
    """Return the text without markup that was escaped once too often.

    In the feed's XML that is `&amp;lt;p&amp;gt;`, or `&lt;p&gt;` in what is called plain text.
    """
    if _MARKUP.search(text):
        text = html.unescape(_without_tags(text))
    return paragraphs(text)


def _unwrapped(source: str) -> str:
    """Return plain text with its lines joined: a line may end inside a name."""
    if "\n" not in source:
        return source
    return "\n".join(" ".join(part.split()) for part in _EMPTY_LINE.split(source))


def _read(source: str) -> str:
    flat = " ".join(source.split())
    if flat.count("<") > _MAX_TAGS or max(map(len, flat.split(">"))) > _MAX_TAG_CHARS:
        return html.unescape(_without_tags(flat))
    tree = LexborHTMLParser(_APART.sub(" <", _BLOCKS.sub("\n<", flat)))
    tree.strip_tags(_UNSEEN)
    return tree.root.text() if tree.root else ""


def _without_tags(source: str) -> str:
    for opening, closing in _HIDDEN:
        source = _without(source, opening, closing)
    return _ANY_TAG.sub(" ", _BLOCK_TAG.sub("\n", source))


def _without(source: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Return the text without what stands between; in linear time, unlike one expression."""
    pieces, at = [], 0
    while (start := opening.search(source, at)) and (end := closing.search(source, start.end())):
        pieces.append(source[at : start.start()])
        at = end.end()
    return " ".join([*pieces, source[at:]])
