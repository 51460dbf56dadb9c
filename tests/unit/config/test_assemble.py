"""From texts to a Config, or to every problem in them."""

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor import yamlnodes
from monitor.alerts.route import Route
from monitor.config import Config, crosscheck, show
from monitor.config.assemble import assemble
from monitor.config.parts import Surroundings, Texts
from monitor.errors import ConfigError, Problem
from monitor.model import Severity
from monitor.rules import RuleSet

Load = Callable[..., Config]
Faults = Callable[..., list[str]]

FEED = "feeds: [{id: a, tags: [money], url: 'https://a.example/rss'}]"
RULES = """
rules:
  - id: veto
    title: Veto
    theme: cyber
    severity: high
    when: {all: [{act: [veto*]}]}
    match: [Russia vetoes]
    no_match: [nothing]
"""
RULE = {"rules/a.yaml": RULES}


def test_empty_files_and_no_files_have_defaults(load: Load) -> None:
    """A new user starts with nothing and sees stories on the terminal."""
    for config in (load(), load(monitor="", feeds="", routes="# nothing")):
        assert list(config.channels) == ["console"]
        assert config.channels["console"].kind == "console"
        assert config.routes == (Route(send=("console",)),)
        assert config.digest_channels == config.ops_channels == ("console",)
        assert config.sources == ()
        assert config.service.polling.every == timedelta(minutes=15)
        assert config.service.digest.at == time(7)
        assert config.service.digest.zone == ZoneInfo("UTC")
        assert config.service.storage.database == "data/monitor.db"


def test_a_feed_takes_what_it_does_not_say_from_the_defaults(load: Load) -> None:
    """The feed's own word, the file's defaults, monitor.yaml: in this order."""
    config = load(
        monitor="polling: {every: 1h, timeout: 9s}",
        feeds="""
defaults: {lang: ko, trust: 2, timeout: 7s, first_poll: silent}
feeds:
  - {id: a, url: "https://a.example/"}
  - {id: b, url: "https://b.example/", name: B, lang: en, trust: 5, every: 2m, timeout: 3s,
     tags: [x, y], enabled: false, note: why, first_poll: alert,
     verify_tls: false}
""",
    )

    plain, own = config.sources
    assert (plain.every, plain.timeout) == (timedelta(hours=1), timedelta(seconds=7))
    assert (plain.lang, plain.trust, plain.first_poll) == ("ko", 2, "silent")
    assert (plain.enabled, plain.verify_tls, plain.tags) == (True, True, frozenset())
    assert (own.every, own.timeout) == (timedelta(minutes=2), timedelta(seconds=3))
    assert (own.lang, own.trust, own.first_poll) == ("en", 5, "alert")
    assert (own.name, own.note, own.enabled, own.verify_tls) == ("B", "why", False, False)
    assert own.tags == {"x", "y"}


def test_an_interval_that_nobody_wrote_follows_the_source(load: Load) -> None:
    """What is written pins, wherever it stands: feed, defaults, monitor.yaml."""
    feeds = """
feeds:
  - {id: a, url: "https://a.example/"}
  - {id: b, url: "https://b.example/", every: 1h}
"""

    free = load(monitor="polling: {at_once: 4}", feeds=feeds)
    by_service = load(monitor="polling: {every: 20m}", feeds=feeds)
    by_file = load(feeds=f"defaults: {{every: 30m}}\n{feeds}")

    assert [one.is_pinned for one in free.sources] == [False, True]
    assert [one.is_pinned for one in by_service.sources] == [True, True]
    assert [one.is_pinned for one in by_file.sources] == [True, True]


def test_a_feed_may_need_a_login(load: Load) -> None:
    """User and password, a token or headers; none of it is in a repr."""
    config = load(
        environ={"PASSWORD": "se:same", "TOKEN": "t0k3n"},
        feeds="""
feeds:
  - {id: a, url: "https://a.example/", auth: {basic: "u:${PASSWORD}"}, headers: {X-Key: "${TOKEN}"}}
  - {id: b, url: "https://b.example/", auth: {bearer: "${TOKEN}"}}
""",
    )

    a, b = config.sources
    assert (a.user, a.password, dict(a.headers)) == ("u", "se:same", {"X-Key": "t0k3n"})
    assert (b.user, b.password, dict(b.headers)) == ("", "", {"Authorization": "Bearer t0k3n"})
    assert "same" not in repr(config)
    assert "t0k3n" not in repr(config)


def test_routes_say_who_gets_what(load: Load) -> None:
    """One word or a list; one severity means that one and worse."""
    config = load(
        files=RULE,
        feeds=FEED,
        routes="""
channels: {desk: {console: }, ops: {console: {}}, late: {console: {}}}
routes:
  - {when: {severity: high, rule: veto, source: a, lang: [ko, ru]}, send: desk}
  - {when: {severity: [low, medium], theme: cyber, tag: money}, send: [late, ops], as: digest}
""",
        monitor="self_watch: {tell: ops}",
    )

    assert config.routes == (
        Route(
            send=("desk",),
            severities=frozenset({Severity.HIGH, Severity.CRITICAL}),
            rules=frozenset({"veto"}),
            sources=frozenset({"a"}),
            langs=frozenset({"ko", "ru"}),
        ),
        Route(
            send=("late", "ops"),
            severities=frozenset({Severity.LOW, Severity.MEDIUM}),
            themes=frozenset({"cyber"}),
            tags=frozenset({"money"}),
            send_as="digest",
        ),
    )
    assert config.digest_channels == ("late", "ops")
    assert config.ops_channels == ("ops",)
    assert config.warnings == ()


def test_without_routes_every_channel_gets_everything(load: Load) -> None:
    """A channel alone is enough to be told."""
    config = load(routes="channels: {a: {console: {}}, b: {console: {}}}")

    assert config.routes == (Route(send=("a", "b")),)
    assert config.digest_channels == ("a", "b")


def test_the_digest_goes_where_it_is_sent_and_where_routes_leave_stories(load: Load) -> None:
    """A story that a route leaves for the digest is never lost by `digest.send`."""
    routes = """
channels: {a: {console: {}}, b: {console: {}}}
routes: [{send: a}, {send: b, as: digest}]
"""

    assert load(routes=routes, monitor="digest: {send: a}").digest_channels == ("a", "b")
    assert load(routes=routes).digest_channels == ("b",)
    assert load(monitor="digest: {send: []}").digest_channels == ()


def test_a_channel_can_be_off(load: Load) -> None:
    """Nothing of it is asked for, its routes stay valid, and nothing is sent to it."""
    routes = """
channels:
  on: {enabled: true, console: {}}
  off: {enabled: "${USE_HOOK:-false}", hook: {url: "${HOOK:-}"}}
routes: [{send: [on, off]}, {send: off}]
"""

    config = load(routes=routes, monitor="digest: {send: [on, off]}\nself_watch: {tell: off}")

    assert list(config.channels) == ["on"]
    assert config.routes == (Route(send=("on",)),)
    assert config.digest_channels == ("on",)
    assert config.ops_channels == ("on",)
    both = load(routes=routes, environ={"USE_HOOK": "true", "HOOK": "https://h.example"})
    assert list(both.channels) == ["on", "off"]


def test_with_every_channel_off_the_console_stands_in(load: Load) -> None:
    """The shipped files say nothing until an environment variable does."""
    config = load(routes="channels: {a: {enabled: false, console: {}}}\nroutes: [{send: a}]")

    assert list(config.channels) == ["console"]
    assert config.routes == (Route(send=("console",)),)


@pytest.mark.parametrize(
    ("routes", "fault"),
    [
        ("channels: {a: }", '1:12: channel "a" needs one kind [one of: console, hook]'),
        ("channels: {a: {}}", '1:12: channel "a" needs one kind [one of: console, hook]'),
        (
            "channels: {a: {console: {}, hook: {}}}",
            '1:12: channel "a" needs one kind [one of: console, hook]',
        ),
        (
            "channels: {a: {hok: {}}}",
            '1:16: there is no kind of channel "hok" [did you mean "hook"?]',
        ),
        ("channels: {a: {hook: {}}}", '1:22: "url" is missing'),
        ("channels: {a: {hook: {url: u, prt: 1}}}",
         '1:31: unknown key "prt" [did you mean "port"?]'),
        ("channels: {a: {hook: {url: u, strict: yes}}}",
         '1:39: strict: "yes" is neither true nor false'),
        ("channels: {a: {enabled: ja, console: {}}}",
         '1:25: enabled: "ja" is neither true nor false'),
        ("channels: {a: console}", '1:15: a: "console" must be a mapping (key: value)'),
        ("channels: {A B: {console: {}}}", '1:12: channels: "A B" is not an id'),
        ("channels: [a]", "1:11: channels: must be a mapping (key: value), this is a list"),
        ("routes: [{send: b}]", '1:17: there is no channel "b" [allowed: console]'),
        ("routes: [{when: {severity: hihg}, send: console}]",
         '1:28: severity: "hihg" is not known [did you mean "high"?]'),
        ("routes: [{when: {sevrity: high}, send: console}]",
         '1:18: unknown key "sevrity" [did you mean "severity"?]'),
        ("routes: [{when: {rule: vet}, send: console}]",
         '1:24: there is no rule "vet" [did you mean "veto"?]'),
        ("routes: [{when: {theme: [cyber, sea]}, send: console}]",
         '1:33: there is no theme "sea" [allowed: cyber]'),
        ("routes: [{when: {tag: monney}, send: console}]",
         '1:23: there is no tag "monney" [did you mean "money"?]'),
        ("routes: [{when: {source: b}, send: console}]",
         '1:26: there is no source "b" [allowed: a]'),
        ("routes: [{send: []}]", "1:17: send: "),
        ("routes: [{send: [[console]]}]", "1:18: send: must be text, this is a list"),
        ("routes: [{}]", '1:10: "send" is missing in routes'),
        ("routes: [{send: console, as: digset}]",
         '1:30: as: "digset" is not known [did you mean "digest"?]'),
    ],
)  # fmt: skip
def test_a_fault_of_routing_has_its_place(faults: Faults, routes: str, fault: str) -> None:
    """Names that do not exist are found, with the nearest one that does."""
    found = faults(routes=routes, feeds=FEED, files=RULE)

    assert any(line.startswith(f"routes.yaml:{fault}") for line in found), found


@pytest.mark.parametrize(
    ("feeds", "fault"),
    [
        ("feeds: [{id: a, url: x}]", '1:22: url: "x" is not a web address [write for example'),
        ("feeds: [{id: a}]", '1:9: "url" is missing in feeds'),
        ("feeds: [{id: A, url: 'https://a.example'}]", '1:14: id: "A" is not an id [use small'),
        ("feeds: {id: a}", "1:8: feeds: must be a list, this is a mapping"),
        ("feeds: a", '1:8: feeds: "a" must be a list'),
        ("feeds: [a]", '1:9: feeds: "a" must be a mapping (key: value)'),
        ("defaults: {trust: 6}", '1:19: trust: "6" is too large; the most is 5'),
        ("version: 2", '1:10: version: "2" is a version that this program does not read'),
        ("feeds: [{id: a, url: 'https://a.example', auth: {basic: a, bearer: b}}]",
         '1:57: basic: "a" is not a user and a password'),
        ("feeds: [{id: a, url: 'https://a.example', auth: {basic: 'a:b', bearer: b}}]",
         "1:49: auth: needs either basic or bearer"),
        ("feeds: [{id: a, url: 'https://a.example', auth: {}}]",
         "1:49: auth: needs either basic or bearer"),
        ("feeds: [{id: a, url: 'https://a.example', headers: {'a b': c}}]",
         "1:"),
        ("feeds: [{id: a, url: 'https://a.example', lang: english}]",
         '1:49: lang: "english" is not in the form'),
    ],
)  # fmt: skip
def test_a_fault_of_a_feed_has_its_place(faults: Faults, feeds: str, fault: str) -> None:
    """Each feed is checked, whatever is wrong with the others."""
    found = faults(feeds=feeds)

    assert any(line.startswith(f"feeds.yaml:{fault}") for line in found), found


def test_a_feed_id_is_given_once(faults: Faults) -> None:
    """Two feeds of one id would share their memory."""
    feeds = "feeds:\n- {id: a, url: 'https://a.example'}\n- {id: a, url: 'https://b.example'}"

    assert faults(feeds=feeds) == ['feeds.yaml:3:8: feed id "a" is used twice; first on line 2']


def test_one_address_in_two_feeds_is_a_warning(load: Load) -> None:
    """It may be meant; a feed that is off does not count."""
    feeds = """feeds:
- {id: a, url: "https://a.example"}
- {id: b, url: "https://a.example"}
- {id: c, url: "https://a.example", enabled: false}
"""
    config = load(feeds=feeds, files=RULE)

    assert [(one.line, one.message) for one in config.warnings] == [
        (3, 'address "https://a.example" is used twice; first on line 2')
    ]


def test_every_problem_of_every_file_is_told_at_once(faults: Faults) -> None:
    """Also those of files that cannot be read as YAML, and of the rules."""
    found = faults(
        monitor="polling: {evry: 1m}\nself_watch: {tell: nobody}",
        feeds="feeds: [",
        routes="channels: {a: {hook: {url: '${HOOK_URL}', port: x}}}\nroutes: [{send: b, when: 3}]",
        files={"rules/bad.yaml": "rulse: []", "rules/broken.yaml": "["},
    )

    assert [line.split(":")[0] for line in found] == [
        "monitor.yaml",
        "monitor.yaml",
        "feeds.yaml",
        *["routes.yaml"] * 4,
        "rules/bad.yaml",
        "rules/broken.yaml",
    ]


def test_what_only_follows_from_a_missing_secret_is_not_told(faults: Faults) -> None:
    """One cause, one message."""
    found = faults(
        monitor="web: {public_url: '${U}'}\npolling: {at_once: '${N}'}",
        feeds="feeds: [{id: a, url: '${A}', auth: {basic: '${B}'}}]",
        routes="channels: {a: {hook: {url: '${C}'}}}",
    )

    assert [line.split(": ", 1)[1].split(" [")[0] for line in found] == [
        f"environment variable {name} is not set" for name in "UNABC"
    ]


def test_no_message_holds_a_secret(load: Load) -> None:
    """Neither when the value is wrong, nor when it happens to stand elsewhere in the file."""
    with pytest.raises(ConfigError) as caught:
        load(
            environ={"API_TOKEN": "hunter2"},
            routes="# hunter2\nchannels: {a: {hook: {url: x, port: '${API_TOKEN}'}}}",
            feeds="feeds: [{id: hunter2!, url: '${API_TOKEN}'}]",
        )

    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.problems)


def test_a_secret_that_stands_in_the_file_is_neither_told_nor_kept(load: Load) -> None:
    """Not in the line that a message shows, not in the texts that history stores."""
    feeds = (
        "feeds: [{id: a, url: 'https://a.example', auth: {basic: 'me:word-1'},"
        " headers: {A: word-2}}]"
    )
    routes = "channels: {a: {hook: {url: 'https://word-3', keys: [word-4, word-5]}}}"
    broken = routes.replace("keys", "kesy: x, keys")

    config = load(feeds=feeds, routes=routes, files=RULE)
    with pytest.raises(ConfigError) as caught:
        load(feeds=feeds.replace("id: a", "id: A"), routes=broken)

    told = str(caught.value) + repr(config) + "".join(config.files.values())
    assert "word-" not in told
    assert config.files["routes.yaml"] == "channels: {a: {hook: {url: '***', keys: [***, ***]}}}"
    assert config.sources[0].password == "word-1"


def test_rules_and_watchlists_go_to_the_loader_of_rules() -> None:
    """Their problems join the others; their texts are passed as they are, references and all."""
    seen: list[Texts] = []

    def refuse(rules: Texts, watchlists: Texts) -> RuleSet:
        seen.extend([rules, watchlists])
        raise ConfigError([Problem(file="rules/a.yaml", line=7, column=1, message="bad rule")])

    around = Surroundings(environ={}, read_secret=str, channels={}, load_rules=refuse)
    files = {
        "rules/a.yaml": "${A}",
        "watchlists/v.csv": "id",
        "routes.yaml": "routes: [{send: x, when: {rule: y}}]",
    }

    with pytest.raises(ConfigError) as caught:
        assemble(files, around, Path())

    assert seen == [[("rules/a.yaml", "${A}")], [("watchlists/v.csv", "id")]]
    assert [one.message for one in caught.value.problems if not one.is_warning] == [
        'there is no channel "x"',
        "bad rule",
    ]


def test_advice_on_rules_is_given_only_when_nothing_is_wrong(load: Load) -> None:
    """A hundred remarks on rules would hide the one error."""
    files = {"rules/a.yaml": RULES.replace("[veto*]", "[veto*, vetoes]")}

    config = load(feeds=FEED, files=files)
    with pytest.raises(ConfigError) as caught:
        load(feeds="feds: []", files=files)

    assert [one.file for one in config.warnings] == ["rules/a.yaml"]
    assert [one.file for one in caught.value.problems] == ["feeds.yaml"]


def test_what_would_be_blind_is_warned_of(load: Load) -> None:
    """No feed, no rule, a severity without a route, a channel without use."""
    config = load(
        routes="channels: {a: {console: {}}, b: {console: {}}}\n"
        "routes: [{send: a, when: {severity: high}}]",
        monitor="digest: {send: a}\nself_watch: {tell: a}",
        feeds="feeds: [{id: a, url: 'https://a.example', enabled: false}]",
    )

    assert [one.message for one in config.warnings] == [
        "no feed is on: nothing is read",
        'nothing is sent to channel "b"',
        "no route takes stories of severity low, medium: nobody is told of them",
        "there are no rules: nothing will match",
    ]
    assert all(one.is_warning for one in config.warnings)


def test_routes_to_channels_that_are_off_leave_stories_untold(load: Load) -> None:
    """That nobody is told is said, not hidden."""
    config = load(
        feeds=FEED,
        files=RULE,
        routes="channels: {a: {console: {}}, b: {enabled: false}}\nroutes: [{send: b}]",
    )

    assert config.routes == ()
    assert [one.message for one in config.warnings] == [
        "no route takes stories of severity low, medium, high, critical: nobody is told of them"
    ]


def test_the_hash_names_the_files_and_the_settings_but_no_secret(load: Load) -> None:
    """The same configuration has the same hash on every machine."""
    routes = "channels: {a: {hook: {url: '${HOOK_TOKEN}'}}}"
    first = load(routes=routes, environ={"HOOK_TOKEN": "https://one.example"})

    assert load(routes=routes, environ={"HOOK_TOKEN": "https://two.example"}).hash == first.hash
    assert load(routes=f"{routes}\n#", environ={"HOOK_TOKEN": "x"}).hash != first.hash
    monitor = "web: {public_url: '${URL:-}'}"
    assert load(monitor=monitor).hash != load(monitor=monitor, environ={"URL": "http://a.b"}).hash
    assert len(first.hash) == 64


def test_the_texts_are_kept_with_references_in_place_of_secrets(load: Load) -> None:
    """History stores what was written."""
    config = load(monitor="web: {public_url: '${URL}'}", environ={"URL": "https://m.example"})

    assert config.files == {"monitor.yaml": "web: {public_url: '${URL}'}"}
    assert config.service.web.public_url == "https://m.example"


def test_what_a_route_says_of_time_is_read_and_shown(load: Load) -> None:
    """Quiet hours, cap and repeats."""
    config = load(
        routes="""
channels: {desk: {console: {}}}
routes:
  - send: desk
    quiet: {from: "19:00", to: "07:00", zone: Europe/Amsterdam}
    at_most: 10 per hour
    repeat_until_acked: 30m, 3 times
"""
    )

    assert show(config)["routes"] == [
        {
            "when": {},
            "send": ["desk"],
            "as": "alert",
            "quiet": {"from": "19:00", "to": "07:00", "zone": "Europe/Amsterdam", "then": "hold"},
            "at_most": "10 per 1h",
            "repeat_until_acked": "30m, 3 times",
        }
    ]


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ("{send: desk, as: digest, at_most: 1 per day}", "as: digest sends nothing of its own"),
        ('{send: desk, quiet: {from: "07:00", to: "07:00"}}', "begins and ends at the same time"),
        ('{send: desk, quiet: {from: "07:00"}}', "to"),
    ],
)
def test_a_route_that_contradicts_itself_is_an_error(
    faults: Callable[..., list[str]], routes: str, message: str
) -> None:
    """At its place."""
    [fault] = faults(routes=f"channels: {{desk: {{console: {{}}}}}}\nroutes:\n  - {routes}\n")

    assert message in fault


@pytest.mark.parametrize(
    ("feeds", "lines"),
    [
        ("feeds:\n  - {id: a, url: x, full_text: true}", [2]),
        ("defaults: {full_text: true}\nfeeds:\n  - {id: a, url: x}", [1]),
        ("feeds:\n  - {id: a, url: x, full_text: true, enabled: false}", []),
        ("feeds:\n  - {id: a, url: x, full_text: false}\n  - none", []),
    ],
    ids=["a-feed", "the-default", "one-that-is-off", "not-wanted"],
)
def test_articles_without_their_extra_are_an_error_with_the_command(
    feeds: str, lines: list[int]
) -> None:
    """At the place that asks for them."""
    problems = list(crosscheck.unreadable_articles(yamlnodes.load("feeds.yaml", feeds)))

    assert [one.line for one in problems] == lines
    assert all('pip install "sanctions-monitor[fulltext]"' in one.hint for one in problems)


def test_a_canary_that_nobody_could_miss_is_warned_of(load: Load) -> None:
    """It goes to every channel: none is left to say that it does not arrive."""
    routes = "channels: {a: {console: {}}, b: {console: {}}}"

    alone = load(routes=routes, monitor="canary: {send: [a, b]}")
    fine = load(routes=routes, monitor="canary: {send: a}")

    assert alone.canary_channels == ("a", "b")
    assert any("does not arrive" in one.message for one in alone.warnings)
    assert not any("does not arrive" in one.message for one in fine.warnings)
    assert load(routes=routes).canary_channels == ()
