"""Every kind of FetchError, those of ParseError that hurt, and what an operator can do about it."""

from collections.abc import Mapping

WHAT_TO_DO: Mapping[str, str] = {
    "busy": "Nothing: the host asked to be left alone for a while. Often? Raise `every`.",
    "challenge": "The site asks for a browser. Look for another feed of it, or ask the publisher.",
    "crashed": "The document broke the parser. Wait; if it stays so, send it to us: we mend it.",
    "connect": "Nobody answers at the address. Wait; if other sources work, the site is down.",
    "decompress": "The body is damaged or in an encoding nobody asked for. Tell the publisher.",
    "dns": "The name does not resolve. Look for a typing error; does this machine have DNS?",
    "forbidden": "Credentials are wrong or missing, or programs are blocked. Ask the publisher.",
    "gone": "The publisher took the feed away (410). Look for its successor on the site.",
    "heavy-document": "Reading it takes too much memory. If it stays so, ask for a shorter feed.",
    "http": "Open the address in a browser: it answers with a status that no feed has.",
    "media-type": "The item links to a file that is no page. Its feed's own text is matched.",
    "not-found": "The feed is not there (404). Its new address: monitor feeds discover HOMEPAGE.",
    "postponed": "Nothing: others are in line for this host, or it asked for a pause.",
    "protocol": "The server does not speak HTTP. Is the port right, http where https is meant?",
    "proxy": "Look at the proxy: every source behind it is affected.",
    "redirect": "The site redirects in a circle or astray. Enter the feed's present address.",
    "refused-address": "The host is not public. If it is yours, put it in allow_networks.",
    "request": "A header of the source cannot be sent. Look for line breaks in its secrets.",
    "reset": "The connection broke. Wait; if it stays so, something in between cuts it.",
    "server-error": "The site is broken or overloaded. Wait; it is asked again by itself.",
    "slow-document": "Reading it takes too long. If it stays so, ask for a shorter feed.",
    "timeout": "Too slow. Wait, or raise the timeout of the source.",
    "robots": "The site asks programs not to read its articles. Leave full_text off, or ask it.",
    "tls": "Look at the certificate. verify_tls: false reads the source unverified.",
    "too-large": "Larger than the cap. Ask for a shorter feed, or raise the cap.",
    "truncated": "The body ends too early. Wait; if it stays so, tell the publisher.",
    "unasked-304": "The server or a cache in between is broken. Tell the publisher.",
    "url": "The address cannot be used. Correct it in feeds.yaml.",
}

_OF_STATUS = {
    401: "forbidden",
    403: "forbidden",
    404: "not-found",
    410: "gone",
    **dict.fromkeys(range(500, 600), "server-error"),
}


def kind_of(status: int) -> str:
    """Return the kind of the error that an HTTP status is."""
    return _OF_STATUS.get(status, "http")
