"""Channels with canary secrets, as the contract wants them."""

from collections.abc import Mapping

import pytest

from monitor.errors import FetchError
from monitor.model import Reply
from monitor.notify import Tools


async def no_post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
    """Refuse to post: unit tests touch no network."""
    raise FetchError("no network in unit tests", kind="connect")


@pytest.fixture
def tools() -> Tools:
    """Return what a service lends, without a network."""
    return Tools(post=no_post, public_url="https://monitor.example.org", domain="m.example.org")
