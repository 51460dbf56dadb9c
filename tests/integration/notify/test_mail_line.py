"""Mail at the end of the whole line: from a feed on the wire to the mailboxes, once each."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FEEDS = """
version: 1
defaults: {{first_poll: alert, every: 1s}}
feeds:
  - {{id: wire, name: World wire, url: "{url}/wire.xml"}}
"""
ROUTES = """
version: 1
channels:
  desk:
    email:
      to: [desk@example.org, gone@example.org, head@example.org]
      from: "monitor <monitor@example.org>"
      smtp: "${SMTP_URL}"
      ca_file: "${CA_FILE}"
"""
SERVICE = """
version: 1
storage: {{database: "{folder}/data/monitor.db"}}
polling: {{allow_networks: [127.0.0.0/8], host_gap: 1s}}
"""


@pytest.fixture
def once(kit: Any, mailbox: Any) -> Any:
    """Return what runs one cycle over a feed with the veto, and returns its report."""
    kit.feeds.put(
        "/wire.xml", kit.rss(("Russia vetoes UN Security Council text", "Thirteen voted for it."))
    )
    config: Path = kit.folder / "config"
    (config / "rules").mkdir(parents=True)
    (config / "feeds.yaml").write_text(FEEDS.format(url=kit.feeds.url))
    (config / "routes.yaml").write_text(ROUTES)
    (config / "monitor.yaml").write_text(SERVICE.format(folder=kit.folder))
    (config / "rules" / "test.yaml").write_text(kit.rules)
    secrets = {"SMTP_URL": mailbox.url, "CA_FILE": mailbox.ca_file}

    def run() -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "once", "--json", "--config", str(config)],
            env={**os.environ, **secrets},
            cwd=kit.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "s3cret" not in done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


def test_a_story_is_mailed_once_to_each_recipient(once: Any, mailbox: Any) -> None:
    """A dead address costs the others nothing, and a second cycle sends nothing."""
    mailbox.rcpt = {"gone@example.org": "550 5.1.1 no such user"}

    first, second = once(), once()

    assert first["deliveries"] == {"sent": 2, "retry": 0, "dead": 1, "paused": 0}
    assert second["deliveries"]["sent"] == 0
    assert sorted(to for _, to, _ in mailbox.taken) == ["desk@example.org", "head@example.org"]
    mails = mailbox.read()
    assert len({mail["message-id"] for mail in mails}) == 2
    for mail in mails:
        assert mail["subject"].endswith("Russia vetoes UN Security Council text")
        text, html = (part.get_content() for part in mail.iter_parts())
        assert "Sent because: new story" in text
        assert "SHA-256" in html
