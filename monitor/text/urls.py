"""Canonical URLs: one spelling for the addresses under which one article is published.

A canonical URL is a name to compare by; what is fetched and shown is the publisher's own link.
"""

import contextlib
import re
from urllib.parse import quote, urlsplit

_DEFAULT_PORT = {"http": 80, "https": 443}

# Parameters that say how the reader came, not what is read; `id`, `p`, `ref` and their like stay:
# they name articles. Seen in feeds, and in the public lists of AdGuard and ClearURLs.
_TRACKING_PREFIXES = (
    *("utm_", "mtm_", "matomo_", "pk_", "piwik_", "hsa_", "_hs", "mc_", "mkt_", "vero_", "oly_"),
    *("at_", "ns_", "guce_", "share_", "__twitter", "ref_src", "ref_url"),
)
_TRACKING = frozenset(
    {
        *("fbclid", "gclid", "gclsrc", "dclid", "wbraid", "gbraid", "msclkid", "yclid", "twclid"),
        *("ttclid", "igshid", "igsh", "li_fat_id", "_ga", "_gl", "_openstat", "s_cid", "s_kwcid"),
        *("sr_share", "smid", "smtyp", "cmp", "cmpid", "ocid", "ncid", "ito", "ftag", "taid"),
        *("xtor", "sref", "guccounter", "feedtype", "feedname", "spm", "traffic_source", "maca"),
        *("zanpid", "mbid", "amp", "outputtype", "icid", "ncmp", "ref_source", "campaign_id"),
        *("rss_id", "wt_mc", "wt.mc_id"),
    }
)
_PREFIX = re.compile(r"(?:www\d?|m|mobile|amp)\.(?=[^.]+\.[^.])")
_AMP_CACHE = re.compile(
    r"https?://(?:(?:www\.)?google\.[a-z.]+/amp|[a-z0-9-]+\.cdn\.ampproject\.org/[cv])/(s/)?",
    re.IGNORECASE,
)
_HOST = re.compile(r"[^\s/?#@<>\\^`{|}\"]+")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_KEPT = "%!$&'()*+,;=:@/~-._?"


def is_http(url: str) -> bool:
    """Return whether this is an absolute http or https URL with a host."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme.lower() in _DEFAULT_PORT and _HOST.fullmatch(host) is not None


def canonical(url: str) -> str:
    """Return the URL in the one spelling that is compared; idempotent, never raises.

    Scheme and host in lower case (IDN as ASCII), without default port, user, `www.`, `m.`, `amp.`,
    tracking parameters, fragment, AMP wrapper and trailing slash; parameters sorted. What is no
    http URL comes back trimmed, else unchanged.
    """
    url = re.sub(r"[\x00-\x1f\x7f]", "", url).strip()
    while found := _AMP_CACHE.match(url):
        url = ("https://" if found[1] else "http://") + url[found.end() :]
    if not is_http(url):
        return url
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), _host(parts.hostname or "")
    port, path, query = _port(parts.netloc, scheme), _path(parts.path), _query(parts.query)
    # Pages drawn by a script have their address in the fragment: `#!/news/1`, `#/news/1`.
    fragment = f"#{spelt(parts.fragment)}" if parts.fragment.startswith(("!", "/")) else ""
    return f"{scheme}://{host}{port}{path}{query}{fragment}"


def spelt(part: str) -> str:
    """Return a path or query with one spelling per character: escaped only where it must be."""
    return _ESCAPE.sub(_escape, quote(part, safe=_KEPT, errors="replace"))


def key(url: str) -> str:
    """Return the canonical URL without its scheme: http and https name one article."""
    url = canonical(url)
    return url.partition("://")[2] if is_http(url) else url


def _host(host: str) -> str:
    host = host.lower()
    with contextlib.suppress(UnicodeError):  # first: what looks like a dot becomes one
        host = host.encode("idna").decode("ascii")
    host = host.rstrip(".")
    while _PREFIX.match(host):
        host = _PREFIX.sub("", host, count=1)
    return f"[{host}]" if ":" in host else host


def _port(netloc: str, scheme: str) -> str:
    found = re.search(r":(\d{1,5})$", netloc)
    return f":{int(found[1])}" if found and int(found[1]) != _DEFAULT_PORT[scheme] else ""


def _path(path: str) -> str:
    path = re.sub(r"/{2,}", "/", spelt(path))
    path = re.sub(r"(?:/amp)+/?$|(?:\.amp)+(?=\.html?$|$)", "", path)
    return path.rstrip("/") or "/"


def _query(query: str) -> str:
    kept = sorted(pair for pair in spelt(query).split("&") if pair and not _is_tracking(pair))
    return "?" + "&".join(kept) if kept else ""


def _is_tracking(pair: str) -> bool:
    name = pair.partition("=")[0].lower()
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES)


def _escape(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if _UNRESERVED.match(char) else found[0].upper()
