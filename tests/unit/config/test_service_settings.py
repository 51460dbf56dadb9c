"""Where health is served and who watches the watcher: what may be written, and what may not."""

from collections.abc import Callable

import pytest

from monitor.config import Config
from monitor.errors import ConfigError

Load = Callable[..., Config]
TOKEN = "a-token-of-twenty-letters"


@pytest.mark.parametrize("listen", ["127.0.0.1:8788", "127.9.9.9:1", "[::1]:65535"])
def test_a_loopback_address_needs_nothing_else(load: Load, listen: str) -> None:
    """Nobody else reaches it."""
    config = load(monitor=f'http: {{listen: "{listen}"}}\n')

    assert config.service.http.listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:8788", "[::]:8788", "10.0.0.7:80"])
def test_any_other_address_needs_a_word_and_a_token(load: Load, listen: str) -> None:
    """Neither alone is enough, and the token must be one."""
    for more, told in (
        ("", "listens where others can reach it"),
        (f", token: {TOKEN}", "listens where others can reach it"),
        (", public: true", "needs a token of 16 characters"),
        (", public: true, token: short", "needs a token of 16 characters"),
    ):
        with pytest.raises(ConfigError, match=told):
            load(monitor=f'http: {{listen: "{listen}"{more}}}\n')

    config = load(monitor=f'http: {{listen: "{listen}", public: true, token: {TOKEN}}}\n')
    assert config.service.http.token.get_secret_value() == TOKEN
    assert TOKEN in config.secrets
    assert TOKEN not in repr(config)


@pytest.mark.parametrize(
    "listen",
    [
        "8788",
        "localhost:8788",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "::1:80",
        "[1.2.3.4]:5",
    ],
)
def test_what_is_no_address_and_port_is_refused(load: Load, listen: str) -> None:
    """With what to write."""
    with pytest.raises(ConfigError, match=r"is not an address and a port|begin with an IP address"):
        load(monitor=f'http: {{listen: "{listen}"}}\n')


def test_the_dead_man_address_is_a_secret_and_an_address(load: Load) -> None:
    """Who knows it can keep the alarm quiet; nothing but a web address makes sense."""
    url = "https://ping.example.org/3f6c-uuid"
    config = load(monitor=f'health: {{dead_man: {{url: "{url}", every: 5m}}}}\n')
    unset = load(monitor='health: {dead_man: {url: "${NONE:-}"}}\n')

    assert config.service.health.dead_man.url.get_secret_value() == url
    assert "3f6c" not in repr(config)
    assert url in config.secrets
    assert unset.service.health.dead_man.url.get_secret_value() == ""
    with pytest.raises(ConfigError, match="is not a web address"):
        load(monitor="health: {dead_man: {url: ftp://ping.example.org/}}\n")


def test_a_line_needs_more_time_than_its_slowest_tick(load: Load) -> None:
    """Less would call a healthy watch dead."""
    with pytest.raises(ConfigError, match="the least is 20s"):
        load(monitor="health: {stalled_after: 19s}\n")
    assert load(monitor="health: {stalled_after: 2m}\n").service.health.stalled_after.seconds == 120
