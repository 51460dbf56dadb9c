"""What a document is that is no feed: an empty body, a web page, a page that keeps robots out."""

import re
from urllib.parse import urlsplit

from monitor.errors import NotAFeed
from monitor.model import Document
from monitor.text import html

_LOOK_BYTES = 65_536
_FEED_ROOT = re.compile(
    rb"<(?:\w+:)?(?:rss|feed|rdf|channel|urlset|sitemapindex)[\s>]", re.IGNORECASE
)
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|meta|script)\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>\s*([^<]{1,200})", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_PASSWORD = re.compile(rb"<input\b[^>]*\btype\s*=\s*[\"']?password\b", re.IGNORECASE)
_SAML = re.compile(rb"<input\b[^>]*\bname\s*=\s*[\"']?SAMLRequest\b", re.IGNORECASE)
# Where a redirect ended: the page itself is often a script alone.
_CONSENT_HOST = re.compile(
    r"(?:consent|cmp|guce|myprivacy|cookiewall|privacy-gate)\.", re.IGNORECASE
)
_CONSENT_PATH = re.compile(
    r"/(?:consent|cookie-?wall|privacy-?(?:gate|wall))(?:[/.]|$)", re.IGNORECASE
)
_LOGIN_HOST = re.compile(r"(?:accounts?|auth|idp|login|signin|sso)\.", re.IGNORECASE)
_LOGIN_PATH = re.compile(
    r"/(?:log-?in|sign-?in|wp-login|anmeldung|connexion|sso|saml2?|oauth2?/authorize|"
    r"openid-connect/auth)(?:[/.]|$)",
    re.IGNORECASE,
)
_BINARY = re.compile(rb"%PDF|\x89PNG|PK\x03\x04|GIF8|\xff\xd8\xff")

# Pages that stand between us and the feed: what in the body gives them away, in lower case. The
# operator is told the name, since each has its own cure (an allow-list, an API, another URL).
_CHALLENGES = {
    "Cloudflare": (
        *(b"cf-chl-", b"challenges.cloudflare.com", b"cdn-cgi/challenge-platform"),
        *(b"attention required! | cloudflare", b"<title>just a moment...</title>"),
    ),
    "DDoS-Guard": (b"ddos-guard",),
    "Imperva": (b"_incapsula_resource", b"incapsula incident id"),
    "Akamai": (b"errors.edgesuite.net", b"_sec/cp_challenge"),
    "DataDome": (b"captcha-delivery.com",),
    "HUMAN (PerimeterX)": (b"px-captcha", b"_pxappid"),
    "Sucuri": (b"sucuri.net/privacy-policy", b"sucuri_cloudproxy_js", b"sucuri website firewall"),
    "AWS WAF": (b"awswaf.com", b"awswafintegration"),
    "Anubis": (b"not a bot!</title>", b"/.within.website/x/cmd/anubis"),
    "Yandex SmartCaptcha": (b"smartcaptcha", b"showcaptcha"),
    "a captcha": (b"g-recaptcha", b"h-captcha", b"hcaptcha.com"),
    "a browser check": (b"checking your browser", b"verify you are human", b"human verification"),
}


def refuse_what_is_no_feed(document: Document) -> None:
    """Return when the document may be a feed.

    Raises:
        NotAFeed: `kind` is `empty`, `html`, `challenge`, `login` or `binary`, the text names what
            was seen.
    """
    start = document.body[:_LOOK_BYTES]
    if not start:
        raise NotAFeed("the body is empty", kind="empty")
    if document.headers.get("cf-mitigated") == "challenge":
        raise NotAFeed("a challenge page (Cloudflare) instead of a feed", kind="challenge")
    if not start.startswith((b"{", b"[")) and _is_html(start):
        _refuse_page(start, document.url)
    if is_binary(start):
        raise NotAFeed("a binary file instead of a feed", kind="binary")


def is_binary(start: bytes) -> bool:
    """Return whether a body begins as files do that hold no text: PDF, pictures, archives."""
    return _BINARY.match(start) is not None


def challenge_of(page: bytes) -> str:
    """Return whose challenge a page is, or an empty text."""
    lower = page[:_LOOK_BYTES].lower()
    named = (name for name, signs in _CHALLENGES.items() if any(sign in lower for sign in signs))
    return next(named, "")


def _is_html(start: bytes) -> bool:
    """Return whether an element of HTML comes before any that a feed begins with."""
    start = _COMMENT.sub(b"", start)
    page, root = _HTML.search(start), _FEED_ROOT.search(start)
    return page is not None and (root is None or page.start() < root.start())


def _refuse_page(start: bytes, url: str) -> None:
    if wall := challenge_of(start):
        raise NotAFeed(f"a challenge page ({wall}) instead of a feed", kind="challenge")
    wall = _wall_of(start, url)
    page, kind = (wall, "login") if wall else ("a web page", "html")
    title = _TITLE.search(start)
    name = html.to_line(title[1].decode("utf-8", "replace")) if title else ""
    raise NotAFeed(f"{page} instead of a feed" + (f': "{name}"' if name else ""), kind=kind)


def _wall_of(start: bytes, url: str) -> str:
    """Return what a page asks of its reader, by its form or by where it was found; or ""."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", parts.path
    if _CONSENT_HOST.match(host) or _CONSENT_PATH.search(path):
        return "a page that asks for consent"
    if _PASSWORD.search(start):
        return "a page with a login form"
    if _SAML.search(start) or _LOGIN_HOST.match(host) or _LOGIN_PATH.search(path):
        return "a page that asks for a login"
    return ""
