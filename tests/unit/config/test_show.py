"""The configuration for people's eyes."""

import json
from collections.abc import Callable

from monitor.config import Config, show

Load = Callable[..., Config]

ROUTES = """
channels:
  hook:
    hook:
      url: https://hook.example/${HOOK_TOKEN}
      login: ${LOGIN}
      keys: [one-key, two-key]
      from: desk
  plain: {console: {}}
routes: [{when: {severity: high, lang: ko}, send: hook, as: digest}]
"""
FEEDS = """
feeds:
  - id: a
    url: https://a.example/rss?key=${FEED_KEY}
    auth: {basic: "${WHO}:${PASSWORD}"}
    headers: {X-Token: literal-token}
    tags: [b, a]
"""
ENVIRON = {
    "HOOK_TOKEN": "hook-token",
    "LOGIN": "log-in",
    "FEED_KEY": "feed-key",
    "WHO": "who-user",
    "PASSWORD": "pass-word",
    "PROXY": "http://proxy-user:proxy-word@proxy.example",
}


def test_everything_in_force_is_shown_and_no_secret(load: Load) -> None:
    """Secrets of every kind are three stars, and the result is JSON."""
    monitor = "polling: {proxy: '${PROXY}', every: 90s}\ndigest: {zone: Asia/Seoul, at: '6:30'}"
    config = load(monitor=monitor, routes=ROUTES, feeds=FEEDS, environ=ENVIRON)

    shown = show(config)
    text = json.dumps(shown)

    secrets = [*ENVIRON.values(), "one-key", "two-key", "literal-token"]
    assert not [secret for secret in secrets if secret in text]
    assert not [secret for secret in secrets if secret in repr(config)]
    assert shown["monitor"]["polling"]["proxy"] == "***"
    assert shown["monitor"]["polling"]["every"] == "90s"
    assert shown["monitor"]["digest"] == {
        "at": "06:30",
        "zone": "Asia/Seoul",
        "skip_when_empty": False,
        "send": None,
        "weekly": None,
    }
    assert shown["feeds"][0]["url"] == "https://a.example/rss?key=***"
    assert shown["feeds"][0]["auth"] == "***"
    assert shown["feeds"][0]["headers"] == {"X-Token": "***"}
    assert shown["feeds"][0]["tags"] == ["a", "b"]
    assert shown["channels"]["hook"]["hook"] == {
        "url": "***",
        "port": 443,
        "strict": True,
        "share": 1.0,
        "keys": ["***", "***"],
        "login": "***",
        "from": "desk",
    }
    assert shown["routes"] == [
        {
            "when": {"severity": ["high", "critical"], "lang": ["ko"]},
            "send": ["hook"],
            "as": "digest",
        }
    ]


def test_a_secret_that_is_not_set_is_shown_as_empty(load: Load) -> None:
    """One sees whether there is one."""
    assert show(load())["monitor"]["polling"]["proxy"] == ""
