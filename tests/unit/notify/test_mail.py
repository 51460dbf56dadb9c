"""The bytes of a mail: ASCII, frozen, with headers that nothing can be injected into."""

import base64
import email
import email.policy
import re
from dataclasses import replace
from email.message import EmailMessage
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import Alert, AlertId, RuleRef, Severity
from monitor.notify.mail import build, message_id, subject
from monitor.notify.preview import preview
from monitor.testing import (
    TITLE,
    make_digest,
    make_operations,
    make_probe,
    make_story_alert,
    one_of_each,
    with_text,
)

RULE = RuleRef(id="veto", title="Veto", version="1", severity=Severity.CRITICAL)
SENDER = "=?utf-8?q?x=0D=0ABcc:_victim@example.org?= <m@example.org>"
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "List-Id", "Auto-Submitted"),
    *("X-Auto-Response-Suppress", "X-Monitor-Severity", "X-Monitor-Story", "X-Monitor-Rules"),
    *("X-Monitor-Reason", "In-Reply-To", "References", "MIME-Version", "Content-Type"),
}


def mail_of(alert: Alert, to: str = "desk@example.org", sender: str = "m <m@example.org>") -> bytes:
    """Return the mail of an alert."""
    return build(
        alert,
        channel="desk",
        sender=sender,
        recipient=to,
        domain="m.example.org",
        public_url="https://m.example",
    )


def parsed(content: bytes) -> EmailMessage:
    """Return the mail as a mail program reads it."""
    return email.message_from_bytes(content, policy=email.policy.SMTP)


@given(st.text(st.characters(), max_size=120))
def test_no_text_adds_or_breaks_a_header(text: str) -> None:
    """Line breaks, controls and encoded words in every text: the headers stay ours."""
    mail = parsed(mail_of(with_text(make_story_alert(thread_id=AlertId("a-0")), text)))

    assert set(mail.keys()) <= HEADERS
    assert len(mail.keys()) == len(set(mail.keys()))
    assert mail["subject"].startswith("Update: [CRITICAL]")
    assert mail.defects == []


@pytest.mark.parametrize(
    "title",
    [
        "DPRK\r\nBcc: victim@example.org\r\n\r\nbody",
        "DPRK\nBcc: victim@example.org",
        "DPRK\u2028Bcc: victim@example.org",
        "DPRK\x85Bcc: victim@example.org",
        "=?utf-8?q?x=0D=0ABcc:_victim@example.org?=",
        "=\u200e?utf-8?q?x=0D=0ABcc:_victim@example.org?=",
        "=?utf-8?b?" + base64.b64encode(b"x\r\nBcc: victim@example.org").decode() + "?=",
        "\u202eDPRK\x00",
    ],
)
def test_headers_cannot_be_injected(title: str) -> None:
    """The classic attacks end inside the subject."""
    rule = replace(RULE, id=title, title=title)
    mail = parsed(mail_of(make_story_alert(title=title, rules=(rule,)), sender=SENDER))

    assert set(mail.keys()) <= HEADERS
    assert mail["bcc"] is None
    assert "\u202e" not in mail["subject"]
    assert "\n" not in mail["subject"]


def test_a_mail_is_plain_ascii_with_short_lines() -> None:
    """No server needs 8BITMIME, no line is longer than SMTP allows."""
    korean = with_text(make_story_alert(), "북한, 정제유 반입량 보고 누락 지적 " * 40)
    for alert in (*one_of_each(), korean):
        content = mail_of(alert)

        assert content.isascii()
        assert max(map(len, content.split(b"\r\n"))) <= 998
        assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")


def test_a_hostile_mail_stays_small() -> None:
    """Megabytes of text make no mail of megabytes."""
    assert len(mail_of(with_text(make_story_alert(), "한 " * 500_000))) < 256_000


@pytest.mark.parametrize(
    ("alert", "line"),
    [
        (make_story_alert(), f"[CRITICAL] Veto: {TITLE}"),
        (make_story_alert(thread_id=AlertId("a-0")), f"Update: [CRITICAL] Veto: {TITLE}"),
        (make_digest(), "[DIGEST] 2024-03-28: 1 new story, 1 critical"),
        (make_operations(), "[MONITOR] State media mirror cannot be read"),
        (make_probe(), "[TEST] Test of channel desk"),
    ],
)
def test_subjects(alert: Alert, line: str) -> None:
    """What matters most stands first."""
    assert subject(alert) == line


def test_a_long_subject_is_cut() -> None:
    """Phones show less still."""
    line = subject(make_story_alert(title="word " * 100))

    assert len(line) <= 120
    assert line.endswith("…")


@pytest.mark.parametrize(
    ("alert", "list_id"),
    [
        (make_story_alert(), "<veto.m.example.org>"),
        (make_story_alert(rules=()), "<story.m.example.org>"),
        (make_story_alert(rules=(replace(RULE, id="규칙"),)), "<story.m.example.org>"),
        (make_story_alert(rules=(replace(RULE, id="A b> <c"),)), "<a-b-c.m.example.org>"),
        (make_digest(), "<digest.m.example.org>"),
        (make_operations(), "<operations.m.example.org>"),
        (make_probe(), "<test.m.example.org>"),
    ],
)
def test_list_ids_sort_mail_by_rule(alert: Alert, list_id: str) -> None:
    """A filter can tell the digest from an alarm."""
    assert parsed(mail_of(alert))["list-id"] == list_id


def test_ids_depend_on_alert_and_recipient_alone() -> None:
    """Upper case in an address is the same mailbox; another recipient is another mail."""
    assert message_id("a", "Desk@example.org") == message_id("a", "desk@example.org")
    assert message_id("a", "desk@example.org") != message_id("a", "head@example.org")
    assert message_id("a", "desk@example.org") != message_id("b", "desk@example.org")


def test_the_sender_may_have_a_name_in_any_script() -> None:
    """Names with commas and Korean survive."""
    mail = parsed(mail_of(make_story_alert(), sender='"감시, 제재" <m@example.org>'))

    [address] = mail["from"].addresses
    assert (address.display_name, address.addr_spec) == ("감시, 제재", "m@example.org")


def test_a_preview_is_the_mail_without_sending() -> None:
    """Both parts, the subject on top of the text."""
    shown = preview(make_story_alert(), "https://m.example")

    assert set(shown) == {"html", "txt"}
    assert shown["txt"].startswith(f"Subject: [CRITICAL] Veto: {TITLE}\n\n[CRITICAL] Veto\n")
    assert "Later articles on this story join it" in shown["txt"]
    text, html = parsed(mail_of(make_story_alert())).iter_parts()
    assert html.get_content().split() == shown["html"].split()
    assert text.get_content().split() == shown["txt"].split("\n\n", 1)[1].split()


def test_a_digest_brings_its_table() -> None:
    """Attached once, beside text and HTML; both say so, and why the mail came."""
    mail = parsed(mail_of(make_digest()))
    [table] = mail.iter_attachments()
    plain = mail.get_body(("plain",))

    assert table.get_filename() == "digest-2024-03-28.csv"
    assert table.get_content_type() == "text/csv"
    content = table.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert TITLE in content.decode("utf-8-sig")
    assert plain is not None
    assert "Attached: digest-2024-03-28.csv (1 row)." in plain.get_content()
    assert "You get this because the configuration sends desk" in plain.get_content()
    assert mail_of(make_digest()) == mail_of(make_digest())
    assert not list(parsed(mail_of(make_digest(stories=()))).iter_attachments())


def test_the_parts_of_a_digest_say_the_same() -> None:
    """Whoever reads text misses nothing: every word of the page stands in the text, too."""
    mail = parsed(mail_of(make_digest()))
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    text = " ".join(plain.get_content().split()).lower()
    body = html.get_content().partition("</head>")[2]
    parts = (unescape(one).strip(" \xa0·.,:").lower() for one in re.split(r"<[^>]+>|\. ", body))

    for part in filter(None, parts):
        assert " ".join(part.split()) in text
