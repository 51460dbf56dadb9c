"""The mail of an alert: frozen bytes with stable ids, so that every try is the same mail."""

import re
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from monitor.model import Alert, Digest, Probe, StoryAlert, stable_id
from monitor.notify import digest, plain, table
from monitor.notify.html import render
from monitor.notify.wording import LATER_NOTE, headline
from monitor.notify.words import count, shorten, wrap
from monitor.text.clean import one_line

_POLICY = SMTP.clone(cte_type="7bit")  # pure ASCII on the wire: no server needs 8BITMIME
_LONGEST_SUBJECT = 120  # characters; phones show 40 to 70
_NOT_IN_LABEL = re.compile(r"[^a-z0-9-]+")


def message_id(alert_id: str, recipient: str) -> str:
    """Return the id of an alert's mail to one recipient: the same on every try."""
    return f"{alert_id}.{stable_id('', recipient.lower(), length=10)}"


def build(
    alert: Alert, *, channel: str, sender: str, recipient: str, domain: str, public_url: str
) -> bytes:
    """Return the whole mail in ASCII with CRLF; the same input gives the same bytes."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _address(sender)
    mail["To"] = Address(addr_spec=recipient)
    mail["Subject"] = subject(alert)
    mail["Date"] = format_datetime(alert.occurred_at)  # frozen: the date of the news, not the try
    mail["Message-ID"] = f"<{message_id(alert.id, recipient)}@{domain}>"
    for name, value in _headers(alert, recipient, domain).items():
        mail[name] = value
    mail.set_content(text(alert, public_url, channel))
    html = render(alert, public_url, notes(alert, channel))
    mail.add_alternative(html, subtype="html")
    if isinstance(alert.body, Digest) and alert.body.stories:
        name = table.name_of(alert.body)
        content = table.table_of(alert.body)
        mail.add_attachment(content, maintype="text", subtype="csv", filename=name)
    _set_boundaries(mail, stable_id("", alert.id, recipient))
    return mail.as_bytes()


def _set_boundaries(mail: EmailMessage, key: str) -> None:
    """Give every part that holds others a boundary of its own; the default is random."""
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_{key}{number or ''}")


def text(alert: Alert, public_url: str, channel: str) -> str:
    """Return the text part: what the console prints, and what to expect of a story next."""
    paragraphs = [LATER_NOTE] if isinstance(alert.body, StoryAlert) else notes(alert, channel)
    lines = [line for note in paragraphs for line in ("", *wrap(note, plain.WIDTH))]
    return plain.render(alert, public_url) + "\n".join([*lines, ""] if lines else [])


def notes(alert: Alert, channel: str) -> list[str]:
    """Return what a digest says at its foot when it is a mail: the table, why it came."""
    body = alert.body
    if not isinstance(body, Digest):
        return []
    rows = count(len(body.stories), "row")
    attached = [f"Attached: {table.name_of(body)} ({rows})."] if body.stories else []
    return [*attached, digest.sent_because(body, channel)]


def subject(alert: Alert) -> str:
    """Return `[CRITICAL] Veto: title`, the same for every alert of a story but for `Update:`."""
    line = _header(f"{_tag(alert)} {headline(alert)}")
    is_later = isinstance(alert.body, StoryAlert) and alert.body.thread_id is not None
    return shorten(f"Update: {line}" if is_later else line, _LONGEST_SUBJECT)


def _tag(alert: Alert) -> str:
    if alert.subject == "story":
        return f"[{alert.severity.name}]"
    return {"digest": "[DIGEST]", "operations": "[MONITOR]", "test": "[TEST]"}[alert.subject]


def _headers(alert: Alert, recipient: str, domain: str) -> Mapping[str, str]:
    headers = {
        "List-Id": _list_id(alert, domain),
        "Auto-Submitted": "auto-generated",  # RFC 3834: vacation programs stay silent
        "X-Auto-Response-Suppress": "All",  # the same, for Exchange
        "X-Monitor-Severity": alert.severity.label,
    }
    body = alert.body
    if isinstance(body, Probe) and body.canary:
        headers["X-Monitor-Canary"] = _header(body.canary)
    if not isinstance(body, StoryAlert):
        return headers
    headers["X-Monitor-Story"] = _header(body.story_id)
    headers["X-Monitor-Rules"] = shorten(_header(", ".join(r.id for r in body.rules)), 200)
    headers["X-Monitor-Reason"] = body.reason.value
    if body.thread_id is not None:
        first = f"<{message_id(body.thread_id, recipient)}@{domain}>"
        headers |= {"In-Reply-To": first, "References": first}
    return headers


def _list_id(alert: Alert, domain: str) -> str:
    """Return a name per rule, so that a reader's filter can sort by it (RFC 2919)."""
    body = alert.body
    name = body.rules[0].id if isinstance(body, StoryAlert) and body.rules else alert.subject
    label = _NOT_IN_LABEL.sub("-", name.lower()).strip("-")[:63]
    return f"<{label or 'story'}.{domain}>"


def _header(text: str) -> str:
    """Return the text as a header's value.

    EmailMessage decodes an encoded word that it is given as text, line breaks included, and writes
    them out: `=?utf-8?q?x=0D=0ABcc:_...?=` in a title would add a header. So none may begin.
    """
    return one_line(text).replace("=?", "= ?")


def _address(text: str) -> Address:
    name, address = parseaddr(text)
    return Address(display_name=_header(name), addr_spec=address)
