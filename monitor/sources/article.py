"""The text of an article on a web page: without menus and footers, and not what stands in its way.

A page can come with status 200 and hold no article: a challenge, a paywall, a consent form. Such a
page is refused by name, and the item keeps the text of its feed.
"""

import re
import unicodedata
from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import replace
from functools import cache, partial
from urllib.parse import urlsplit

from monitor.errors import ParseError
from monitor.model import Document, RawItem, Reading
from monitor.sources import encoding
from monitor.sources.document import trimmed
from monitor.sources.sniff import challenge_of, is_binary
from monitor.text.clean import paragraphs, shortened

MAX_TEXT = 100_000  # characters kept of one article; long reads have 60,000
_ENOUGH = 250  # columns, a Chinese or Korean character is two; less is a teaser or a notice
_NOTICE = 800  # columns; what tells a robot off is shorter
_WHOLE = 1_500  # columns; longer texts are articles, whatever the page says of payment
_MAX_ELEMENTS = 60_000  # of a page; the largest news page seen has 12,000
_META_BYTES = 4_096
_META = re.compile(rb"""<meta[^>]{0,300}?charset\s*=\s*["']?([A-Za-z0-9._:-]+)""", re.IGNORECASE)

_NOT_FREE = re.compile(r'"isAccessibleForFree"\s*:\s*"?false', re.IGNORECASE)  # schema.org
# What pages say in place of an article, in lower case. Looked for where little text is found.
_PAYWALL = re.compile(
    r"subscribe (?:now )?to (?:read|continue)|subscribers? only|for subscribers|to continue reading"
    r"|already a subscriber|(?:log|sign) in to (?:read|continue)|create a free account"
    r"|구독(?:하고|하시면|자 전용|회원)|유료\s?회원|로그인 후|有料会員|会員限定|続きを読むには"
    r"|订阅后|付费阅读|會員專屬|訂閱後|оформите подписку|по подписке|для подписчиков"
    r"|réservé aux abonnés|abonnez-vous pour|nur für abonnent|weiterlesen mit|jetzt abonnieren"
    r"|(?:solo|exclusivo) para suscriptores|suscríb[ae]te para|para assinantes|assine para"
)
_KEPT_OUT = re.compile(
    r"you have been blocked|verify (?:that )?you are (?:a )?human|checking your browser"
    r"|enable javascript and cookies|unusual traffic|are you a robot|not a robot|access denied"
    r"|just a moment"
)
_GATE = re.compile(r"/(?:log-?in|sign-?in|subscri(?:be|ption)|paywall|register|premium)(?:[/.]|$)")


def read(document: Document, known: Collection[bytes] = ()) -> Reading:  # noqa: ARG001 - a reader
    """Return the article of a page as the one entry of a reading; its text, one line a paragraph.

    Raises:
        ParseError: there is none; `kind` is `empty`, `binary`, `challenge`, `paywall`, `no-text`
            or `no-extractor`.
    """
    page, text = _extracted(document)
    _refuse_stand_in(document.body, page, text)
    item = RawItem(link=document.url, text=shortened(text, MAX_TEXT))
    return Reading(items=(item,), hashes=(), format="article")


def elsewhere(asked: str, got: str) -> str:
    """Return what a redirect led to in place of an article, as a kind, or an empty text."""
    if asked == got:
        return ""
    parts = urlsplit(got.lower())
    if (parts.hostname or "").startswith("consent.") or "/consent/" in f"{parts.path}/":
        return "consent"
    if _GATE.search(parts.path) and not _GATE.search(urlsplit(asked.lower()).path):
        return "paywall"
    return "home-page" if is_home_page(got) and not is_home_page(asked) else ""


def is_home_page(url: str) -> bool:
    """Return whether an address is that of a whole site: what stands there is no article."""
    parts = urlsplit(url)
    return parts.path in ("", "/") and not parts.query


def _extracted(document: Document) -> tuple[str, str]:
    """Return the page as text, and the text of its article."""
    extract = _extractor()
    body = trimmed(document.body)
    if not body:
        raise ParseError("the page is empty", kind="empty")
    if is_binary(body):
        raise ParseError("a binary file instead of a page", kind="binary")
    page = body.decode(_charset(document), "replace")
    return page, paragraphs(extract(page) or "")


@cache
def _extractor() -> Callable[[str], str | None]:
    try:
        from trafilatura import extract, settings  # heavy, and an extra: only where it is used
    except ImportError as error:
        how = 'pip install "sanctions-monitor[fulltext]"'
        raise ParseError(
            f"nothing is installed that reads articles: {how}", kind="no-extractor"
        ) from error
    config = deepcopy(settings.DEFAULT_CONFIG)
    config["DEFAULT"]["MAX_TREE_SIZE"] = str(_MAX_ELEMENTS)
    return partial(extract, include_comments=False, config=config)


def _charset(document: Document) -> str:
    """Return the encoding: the page names its own where the server is silent."""
    found = _META.search(document.body[:_META_BYTES])
    if found is None or "charset" in document.headers.get("content-type", ""):
        return encoding.detect(document)
    named = {**document.headers, "content-type": f"text/html; charset={found[1].decode('ascii')}"}
    return encoding.detect(replace(document, headers=named))


def _refuse_stand_in(body: bytes, page: str, text: str) -> None:
    """Return when the text is that of an article."""
    columns = _columns(text)
    if columns >= _WHOLE:
        return
    is_short = columns < _ENOUGH
    wall = challenge_of(body) if is_short else ""
    if wall or (columns < _NOTICE and _KEPT_OUT.search(text.lower())):
        name = f" ({wall})" if wall else ""
        raise ParseError(f"a challenge page{name} instead of an article", kind="challenge")
    # An extractor leaves out what asks for money: where little is left, the page itself is asked.
    if _NOT_FREE.search(page) or _PAYWALL.search((page if is_short else text).lower()):
        raise ParseError("the article is for subscribers", kind="paywall")
    if is_short:
        raise ParseError("the page holds no text of an article's length", kind="no-text")


def _columns(text: str) -> int:
    """Return how much text this is, up to what counts as whole."""
    return sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in text[:_WHOLE])
