"""What a document is that is no feed: an empty body, a web page, a page that keeps robots out."""

import re

from monitor.errors import NotAFeed
from monitor.model import Document
from monitor.sources.document import beginning
from monitor.text import html

_LOOK_BYTES = 65_536
_FEED_ROOT = re.compile(
    rb"<(?:\w+:)?(?:rss|feed|rdf|channel|urlset|sitemapindex)[\s>]", re.IGNORECASE
)
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|meta|script)\b", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_BINARY = re.compile(rb"%PDF|\x89PNG|PK\x03\x04|GIF8|\xff\xd8\xff")

# Pages that stand between us and the feed: what in the body gives them away. The operator is
# told the name, since each has its own cure (an allow-list, an API, another URL).
_CHALLENGES = (
    (
        "Cloudflare",
        re.compile(
            rb"cf-chl-|challenges\.cloudflare\.com|cdn-cgi/challenge-platform|Attention Required! \| Cloudflare"
            rb"|<title>Just a moment\.\.\.</title>|cf-browser-verification",
            re.IGNORECASE,
        ),
    ),
    ("DDoS-Guard", re.compile(rb"ddos-guard", re.IGNORECASE)),
    ("Imperva Incapsula", re.compile(rb"_Incapsula_Resource|Incapsula incident ID", re.IGNORECASE)),
    (
        "Akamai",
        re.compile(
            rb"errors\.edgesuite\.net|ak-challenge|akamai-bm-|_sec/cp_challenge", re.IGNORECASE
        ),
    ),
    ("DataDome", re.compile(rb"captcha-delivery\.com|datadome", re.IGNORECASE)),
    ("HUMAN (PerimeterX)", re.compile(rb"px-captcha|_pxAppId|perimeterx", re.IGNORECASE)),
    (
        "Sucuri",
        re.compile(
            rb"sucuri\.net/privacy-policy|sucuri_cloudproxy_js|Sucuri WebSite Firewall",
            re.IGNORECASE,
        ),
    ),
    ("AWS WAF", re.compile(rb"awswaf\.com|AwsWafIntegration", re.IGNORECASE)),
    (
        "Anubis",
        re.compile(
            rb"Making sure you(?:'|&#39;)re not a bot|/\.within\.website/x/cmd/anubis",
            re.IGNORECASE,
        ),
    ),
    ("Yandex SmartCaptcha", re.compile(rb"smartcaptcha|showcaptcha", re.IGNORECASE)),
    ("a captcha", re.compile(rb"g-recaptcha|h-captcha|hcaptcha\.com", re.IGNORECASE)),
    (
        "a browser check",
        re.compile(
            rb"<title>[^<]{0,60}(?:checking your browser|verify you are human|are you a robot|"
            rb"human verification|security check)",
            re.IGNORECASE,
        ),
    ),
)


def refuse_what_is_no_feed(document: Document) -> None:
    """Return when the document may be a feed.

    Raises:
        NotAFeed: `kind` is `empty`, `html`, `challenge` or `binary`, the text names what was seen.
    """
    start = beginning(document, _LOOK_BYTES)
    if not start:
        raise NotAFeed("the body is empty", kind="empty")
    if document.headers.get("cf-mitigated") == "challenge":
        raise NotAFeed("a challenge page of Cloudflare instead of a feed", kind="challenge")
    if _is_html(start):
        _refuse_page(start)
    if _BINARY.match(start):
        raise NotAFeed("a binary file instead of a feed", kind="binary")


def _is_html(start: bytes) -> bool:
    """Return whether an element of HTML comes before any that a feed begins with."""
    start = _COMMENT.sub(b"", start)
    page, root = _HTML.search(start), _FEED_ROOT.search(start)
    return page is not None and (root is None or page.start() < root.start())


def _refuse_page(start: bytes) -> None:
    for name, signs in _CHALLENGES:
        if signs.search(start):
            raise NotAFeed(f"a challenge page of {name} instead of a feed", kind="challenge")
    title = re.search(rb"<title[^>]*>\s*([^<]{1,200})", start, re.IGNORECASE)
    name = html.to_line(title[1].decode("utf-8", "replace")) if title else ""
    raise NotAFeed("a web page instead of a feed" + (f': "{name}"' if name else ""), kind="html")
