"""Hostile texts, secrets in every place, files that reach out (F31-F33; rows S1-S4, S10-S15)."""

import base64
import email
import email.policy
import io
import json
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest
import structlog
from selectolax.lexbor import LexborHTMLParser

from monitor.cli.logs import set_up
from monitor.notify import smtp
from monitor.steps.watch import Watch
from monitor.store.backup import back_up
from monitor.testing import make_story_alert, strange_texts, texts_of, with_text
from tests.acceptance.test_worker import Program
from tests.faults.conftest import Lane, deliver, put, states

HOSTILE = (
    "Veto =?utf-8?q?x=0D=0ABcc:_evil@example.org?= {{ 7*7 }} {% for x in y %} ${HOME} "
    '<script>alert(1)</script><img src=x onerror=alert(2)> <a href="javascript:alert(3)">x</a>'
    '\r\nBcc: evil@example.org\r\n\r\n{"event": "forged", "level": "error"}\x00\u2028\u202e'
)


@pytest.fixture
def mail_lane(lane: Lane, open_mailbox: Any) -> Lane:
    """Return a lane that mails in clear text on loopback."""
    lane.mail_url, lane.tls = f"smtp://127.0.0.1:{open_mailbox.port}", "off"
    return lane


def test_f31_no_text_blocks_a_queue_or_adds_a_header(mail_lane: Lane, open_mailbox: Any) -> None:
    """Every code point below U+3000 and each kind above: all mails and posts go out, in order."""
    chunks = strange_texts()

    async def work(watch: Watch) -> Any:
        for number, chunk in enumerate(chunks):
            alert = with_text(make_story_alert(id=f"a-{number}"), chunk)
            await put(watch, 1, "desk", "hook", alert=alert)
        await deliver(watch, mail_lane.kit, "desk")
        await deliver(watch, mail_lane.kit, "hook")
        return await states(watch)

    assert mail_lane.run(work) == {"sent": 2 * len(chunks)}
    names = {frozenset(name.lower() for name in mail) for mail in open_mailbox.read()}
    assert len(names) == 1, "no title adds, drops or renames a header"
    for _, body in mail_lane.kit.hook.posts():
        json.loads(body)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_f31_every_code_point_makes_a_mail_a_post_and_a_log_line(lane: Lane) -> None:
    """All 1,114,112 code points, in titles."""

    async def work(watch: Watch) -> int:
        built = 0
        for chunk in texts_of(range(0x110000)):
            alert = with_text(make_story_alert(), chunk)
            for channel in watch.channels.values():
                assert channel.compose(alert, channel.recipients()[0]).body
            built += 1
        return built

    assert lane.run(work) == 0x110000 // 64
    before, stream = structlog.get_config(), io.StringIO()
    set_up(stream)
    try:
        for chunk in texts_of(range(0x110000)):
            structlog.get_logger().info("item matched", title=chunk)
    finally:
        structlog.configure(**before)
    lines = stream.getvalue().split("\n")
    assert len(lines) == 0x110000 // 64 + 1
    assert all(json.loads(line)["event"] == "item matched" for line in lines[:-1])


def test_s1_s3_s4_hostile_titles_are_words_and_nothing_more(
    mail_lane: Lane, open_mailbox: Any
) -> None:
    """No header, no script, no foreign link, no template: what was written is what is shown."""
    alert = with_text(make_story_alert(), HOSTILE)

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "desk", "hook", alert=alert)
        return await deliver(watch, mail_lane.kit, "desk")

    assert mail_lane.run(work) == ["sent"]
    [mail] = open_mailbox.read()
    assert mail["bcc"] is None
    assert "{{ 7*7 }}" in mail["subject"].replace("\u2026", "") or "{{ 7*7" in mail["subject"]
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "{{ 7*7 }}" in text
    tree = LexborHTMLParser(html)
    assert tree.css("script, img, iframe, object, form, base, meta[http-equiv=refresh]") == []
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            assert not name.startswith("on")
            assert name != "href" or str(value).startswith(("http://", "https://", "mailto:"))


# ---------------------------------------------------------------- the program with hostile input


@pytest.fixture
def program(kit: Any) -> Program:
    """Return the program with a feed whose titles attack."""
    kit.feeds.put(
        "/wire.xml",
        kit.rss(
            ("=HYPERLINK(1) veto in the Security Council", "+1"),
            ('Veto in Security Council\n{"event": "forged"}', "x"),
        ),
    )
    return Program(kit)


def test_s11_a_title_is_no_formula_in_a_spreadsheet(program: Program) -> None:
    """CSV cells that begin like a formula are marked as text."""
    program.on_config("once")

    cells = program.on_config("hits", "-o", "csv").stdout

    assert "'=HYPERLINK" in cells
    assert ",=HYPERLINK" not in cells


def test_s12_a_title_forges_no_log_line(program: Program) -> None:
    """Every line of the log is one JSON object of ours."""
    done = program.on_config("once", "--json")

    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert lines
    assert all(line["event"] != "forged" for line in lines)
    assert len([line for line in done.stderr.splitlines() if "forged" in line]) <= 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rules/bad.yaml", "version: 1\nrules: !!python/object/apply:os.system [id]\n"),
        ("feeds.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nfeeds: [*b, *b]\n"),
        ("feeds.yaml", "version: 1\nversion: 1\nfeeds: []\n"),
        ("feeds.yaml", 'version: 1\nfeeds: [{id: "../../etc/x", url: "https://a.example.org/"}]\n'),
        ("feeds.yaml", 'version: 1\nfeeds: [{id: x, url: "file:///etc/passwd"}]\n'),
    ],
    ids=["tag", "alias bomb", "duplicate", "path in an id", "file address"],
)
def test_s10_s14_a_file_that_reaches_out_is_refused(program: Program, name: str, text: str) -> None:
    """The whole set is refused with exit code 3, and nothing of it ran."""
    program.write(name, text)

    assert program.on_config("check").returncode == 3


def test_s14_the_database_and_its_copies_are_the_owners(program: Program) -> None:
    """Nobody else on the machine reads them."""
    program.on_config("once")
    path: Path = program.kit.folder / "data" / "monitor.db"
    back_up(path, path.with_name("copy"))

    for each in (path, path.with_name("copy")):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_s15_old_tls_is_not_spoken() -> None:
    """Certificates and names are checked, TLS 1.2 at least."""
    context = smtp._trust(None)

    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


# ---------------------------------------------------------------- F33, S13: canaries

CANARY = "canary7Zq"
FEEDS = """
version: 1
defaults: {{first_poll: alert, every: 1s}}
feeds:
  - {{id: wire, url: "{url}/wire.xml?key=${{KEY_QUERY}}"}}
  - {{id: basic, url: "{url}/basic.xml", auth: {{basic: "${{KEY_USER}}:${{KEY_BASIC}}"}}}}
  - {{id: bearer, url: "{url}/bearer.xml", auth: {{bearer: "${{KEY_BEARER}}"}}}}
  - {{id: header, url: "{url}/wire.xml", headers: {{X-Key: "${{KEY_HEADER}}"}}}}
  - {{id: closed, url: "http://127.0.0.1:1/${{KEY_PATH}}/feed.xml"}}
"""
ROUTES = """
version: 1
channels:
  hook:
    webhook: {{url: "${{HOOK}}/hook/${{KEY_HOOK}}", secret: "${{KEY_SIGN}}"}}
  broken:
    webhook: {{url: "${{HOOK}}/echo/${{KEY_ECHO}}"}}
  dead:
    slack: {{url: "http://127.0.0.1:1/services/${{KEY_SLACK}}"}}
  discord:
    discord: {{url: "${{HOOK}}/api/webhooks/1/${{KEY_CORD}}"}}
  desk:
    email: {{to: d@example.org, from: m@example.org, smtp: "${{KEY_SMTP}}", ca_file: "{ca_file}"}}
  other:
    email: {{to: desk@example.org, from: m@example.org, smtp: "smtp://localhost:{port}",
             user: other, password: "${{file:{secret}}}", ca_file: "{ca_file}"}}
"""


@pytest.fixture
def canaries(kit: Any, mailbox: Any) -> tuple[Program, Any]:
    """Return the program with a secret of a known pattern wherever a secret can stand."""
    program = Program(kit)
    names = ("QUERY", "USER", "BASIC", "BEARER", "HEADER", "PATH", "HOOK", "ECHO", "SLACK", "CORD")
    values = {f"KEY_{name}": f"{CANARY}{name}" for name in names}
    key = f"{CANARY}SIGN".encode().ljust(32, b"!")
    values["KEY_SIGN"] = "whsec_" + base64.b64encode(key).decode()
    values["KEY_SMTP"] = f"smtp://desk:{CANARY}SMTP@localhost:{mailbox.port}"
    program.env |= values
    secret = kit.folder / "secret"
    secret.write_text(f"{CANARY}FILE\n")
    program.write("feeds.yaml", FEEDS.format(url=kit.feeds.url))
    program.write(
        "routes.yaml", ROUTES.format(port=mailbox.port, secret=secret, ca_file=mailbox.ca_file)
    )
    page = kit.rss(("Russia vetoes UN Security Council text", "Thirteen."))
    for path in ("/wire.xml", f"/wire.xml?key={CANARY}QUERY", "/bearer.xml"):
        kit.feeds.put(path, page)
    kit.feeds.put("/basic.xml", f"you sent {CANARY}BASIC", 401)
    return program, values["KEY_SIGN"]


def _hits(text: bytes | str) -> list[str]:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    found = []
    start = 0
    while (at := data.find(CANARY.encode(), start)) >= 0:
        found.append(repr(data[max(0, at - 80) : at + 40]))
        start = at + 1
    return found


@pytest.mark.long
def test_f33_no_secret_is_found_anywhere(canaries: tuple[Program, Any], mailbox: Any) -> None:
    """Output, logs, errors, database, payloads, copies: no canary, after many a failure."""
    program, signing = canaries
    kit = program.kit
    mailbox.password = f"{CANARY}SMTP".encode()
    kit.hook.status = lambda count: (200, 500, 404)[count % 3]
    said = []
    for words in (
        ["check"],
        ["once"],
        ["once", "--json"],
        ["config", "show"],
        ["feeds", "list", "--json"],
        ["feeds", "test", "basic"],
        ["feeds", "test", "closed"],
        ["hits", "--json"],
        ["stories", "--json"],
        ["outbox", "list", "--json"],
        ["notify", "test", "dead"],
        ["notify", "test", "other"],
        ["history", "--json"],
        ["health"],
        ["db", "check"],
        *(["outbox", "show", str(number)] for number in range(1, 7)),
    ):
        done = program.on_config(*words)
        said.append((words, done.stdout + done.stderr))
    (program.config / "routes.yaml").write_text(
        (program.config / "routes.yaml").read_text() + "  typo: {}\n"
    )
    broken = program.on_config("check")
    said.append((["check", "of a broken file"], broken.stdout + broken.stderr))

    leaks = {" ".join(words): _hits(text) for words, text in said}
    leaks |= {path.name: _hits(path.read_bytes()) for path in (kit.folder / "data").iterdir()}
    assert {place: found for place, found in leaks.items() if found} == {}
    assert all(signing not in text for _, text in said)
    for headers, body in kit.hook.posts():
        assert _hits(body) == []
        assert _hits(json.dumps(headers)) == []
    for _, _, content in mailbox.taken:
        assert _hits(content) == []
        for part in email.message_from_bytes(content, policy=email.policy.SMTP).walk():
            if not part.is_multipart():
                assert _hits(str(part.get_content())) == []
    assert len(mailbox.taken) >= 1
    assert any(headers.get("x-key") for _, _, headers, _ in kit.feeds.requests), "the bait was out"
