"""The shipped configuration and the demo: what a newcomer edits, and what a demo shows."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from monitor.config import Config, load_config
from monitor.errors import ConfigError
from monitor.model import Document
from monitor.notify import CHANNELS
from monitor.sources import parse

REPOSITORY = Path(__file__).resolve().parents[3]
MODELS = {kind: channel.settings for kind, channel in CHANNELS.items()}
SETTINGS = {"monitor.yaml", "feeds.yaml", "routes.yaml"}
RULES = {"expert-panel", "veto", "petroleum-imports", "workers-abroad", "cyber-attacks"}


@pytest.fixture(scope="module")
def shipped() -> Config:
    """Return the shipped configuration as a newcomer's machine loads it: no variable is set."""
    return load_config(REPOSITORY / "config", {}, MODELS)


@pytest.fixture(scope="module")
def demo() -> Config:
    """Return the configuration of the demo."""
    environ = {"SEEDS_URL": "http://127.0.0.1:8000"}
    rules_from = REPOSITORY / "config"
    return load_config(REPOSITORY / "seeds" / "config", environ, MODELS, rules_from=rules_from)


def test_the_catalogue_is_whole(shipped: Config) -> None:
    """158 feeds, each with a language and a kind; what is off says why."""
    kinds = {"official", "wire", "newspaper", "specialist", "think-tank", "security"}
    kinds |= {"maritime", "energy", "aggregator"}

    assert len(shipped.sources) == 158
    assert Counter(source.enabled for source in shipped.sources) == {True: 122, False: 36}
    assert all(source.lang and source.name for source in shipped.sources)
    assert all(len(kinds & source.tags) == 1 for source in shipped.sources)
    assert [source.id for source in shipped.sources if not source.enabled and not source.note] == []


def test_a_primary_source_is_trusted_more_than_a_state_medium(shipped: Config) -> None:
    """Trust follows the kind of publisher."""
    trust = {str(source.id): source.trust for source in shipped.sources}

    assert trust["un-press"] == 5
    assert trust["38north"] == 4
    assert all(source.trust == 2 for source in shipped.sources if "state-media" in source.tags)


def test_without_any_setting_stories_go_to_the_terminal(shipped: Config) -> None:
    """Nothing is needed but the files; the settings have no warning."""
    assert [channel.kind for channel in shipped.channels.values()] == ["console"]
    assert set(shipped.ruleset.rules) >= RULES
    assert [one for one in shipped.warnings if one.file in SETTINGS] == []
    assert shipped.service.storage.database == "data/monitor.db"


def _uncommented(text: str) -> str:
    """Take the # away from the example lines below `version:`."""
    head, body = text.split("version: 1\n")
    return head + "version: 1\n" + re.sub(r"^# ?", "", body, flags=re.MULTILINE)


def test_the_commented_channels_work_when_their_variables_are_set(tmp_path: Path) -> None:
    """What a newcomer switches on is right as it stands; what is missing is named."""
    for name in ("feeds.yaml", "monitor.yaml"):
        (tmp_path / name).write_bytes((REPOSITORY / "config" / name).read_bytes())
    text = (REPOSITORY / "config" / "routes.yaml").read_text("utf-8")
    (tmp_path / "routes.yaml").write_text(_uncommented(text), "utf-8")
    rules_from = REPOSITORY / "config"
    environ = {
        "SMTP_URL": "smtp://user:word@mail.example.org:587",
        "WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "SLACK_WEBHOOK": "https://hooks.slack.com/services/T0/B0/x",
    }

    config = load_config(tmp_path, environ, MODELS, rules_from=rules_from)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path, {}, MODELS, rules_from=rules_from)

    kinds = [channel.kind for channel in config.channels.values()]
    assert kinds == ["console", "email", "webhook", "slack"]
    assert len(config.routes) == 5
    for name in environ:
        assert f"environment variable {name} is not set" in str(caught.value)


def test_the_demo_reads_every_feed_that_is_served(demo: Config) -> None:
    """Twelve publishers, nine languages; each file has its feed."""
    names = {source.url.rsplit("/", 1)[1] for source in demo.sources}

    assert names == {path.name for path in (REPOSITORY / "seeds" / "feeds").iterdir()}
    assert {source.lang for source in demo.sources} == {
        "en",
        "ko",
        "ru",
        "ja",
        "zh",
        "fr",
        "de",
        "es",
        "ar",
    }
    assert all(source.first_poll == "alert" for source in demo.sources)
    assert demo.service.polling.allow_networks == ("127.0.0.0/8", "::1/128")
    assert list(demo.channels) == ["screen"]
    assert [one for one in demo.warnings if one.file in SETTINGS] == []


def test_the_demo_posts_to_a_receiver_when_asked() -> None:
    """A signed webhook beside the terminal."""
    environ = {
        "SEEDS_URL": "http://127.0.0.1:8000",
        "DEMO_WEBHOOK": "true",
        "DEMO_WEBHOOK_URL": "http://127.0.0.1:8001/hook",
        "DEMO_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    directory = REPOSITORY / "seeds" / "config"

    config = load_config(directory, environ, MODELS, rules_from=REPOSITORY / "config")

    assert list(config.channels) == ["screen", "receiver"]
    assert config.routes[0].send == ("screen", "receiver")


def _items(path: Path) -> list[tuple[str, str]]:
    items = parse(Document(body=path.read_bytes(), url=f"http://127.0.0.1/{path.name}"))
    assert all(item.published for item in items), path.name
    return [(item.title, item.link) for item in items]


def test_every_seed_is_read_in_its_own_encoding() -> None:
    """Sixty-four items, all dated, all at example.org, Cyrillic from windows-1251 among them."""
    found = {path.name: _items(path) for path in (REPOSITORY / "seeds" / "feeds").iterdir()}

    links = [link for items in found.values() for _, link in items]
    assert all(re.match(r"https://[a-z-]+\.example\.org/", link) for link in links)
    assert len(links) == len(set(links)) == 64
    body = (REPOSITORY / "seeds" / "feeds" / "severny-vestnik.xml").read_bytes()
    assert b'encoding="windows-1251"' in body
    assert "Россия заблокировала" in found["severny-vestnik.xml"][0][0]
    dockside = (REPOSITORY / "seeds" / "feeds" / "dockside.json").read_text("utf-8")
    assert json.loads(dockside)["version"] == "https://jsonfeed.org/version/1.1"


def test_the_image_copies_only_what_exists() -> None:
    """The container file and what it may see name files of the checkout."""
    lines = (REPOSITORY / "Dockerfile").read_text("utf-8").splitlines()
    copied = [
        name
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    seen = (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()

    assert copied
    assert all((REPOSITORY / name).exists() for name in copied)
    assert {f"!{name}" for name in copied} <= set(seen)
    assert "USER 10001:10001" in lines
