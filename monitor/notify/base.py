"""What a channel is, and what it gets to work with."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TextIO

from pydantic import BaseModel, ConfigDict

from monitor.model import Alert, Message, Post, Reply


class Channel(Protocol):
    """A way to tell people: it composes frozen messages and hands them to one receiver each."""

    @property
    def name(self) -> str:
        """Return the name that routes use."""
        ...

    @property
    def kind(self) -> str:
        """Return the name of the channel's type in `CHANNELS`."""
        ...

    def recipients(self) -> Sequence[str]:
        """Return whom it reaches, one outbox row each; `("",)` where there is only one."""
        ...

    def compose(self, alert: Alert, recipient: str) -> Message:
        """Return the message of an alert: the same input gives the same bytes.

        Never raises, whatever characters the publisher's texts hold.
        """
        ...

    async def send(self, message: Message, recipient: str, now: datetime) -> None:
        """Hand the message over; returning means that the receiver has accepted it.

        Raises:
            DeliveryError: not now; the same message may be tried again.
            PermanentDeliveryError: this message will never be accepted.
            ChannelPaused: the channel itself is refused; its rows wait for a person.
        """
        ...


class ChannelSettings(BaseModel):
    """Base of every channel's settings: unknown keys are refused, errors show no values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What the service lends to its channels.

    `post` checks addresses, bounds time and size, and follows no redirect. `public_url` is the
    console's address for links, "" without one. `domain` ends a Message-ID and a List-Id and must
    not change between restarts.
    """

    post: Post
    public_url: str = ""
    domain: str = "localhost"
    console: TextIO = field(default_factory=lambda: sys.stdout, repr=False)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a probe works with: `head` asks for the headers of an address, `domain` names us."""

    head: Callable[[str, float], Awaitable[Reply]]
    domain: str


@dataclass(frozen=True, kw_only=True)
class ChannelType:
    """A kind of channel: the model of its settings, and how to build one from them.

    `probe` looks whether the receiver would take a message, without sending one: it returns what it
    reached and raises what `send` would. None where there is nothing to reach.
    """

    settings: type[ChannelSettings]
    build: Callable[[str, Any, Tools], Channel]  # Any: an instance of `settings`
    probe: Callable[[Any, Reach], Awaitable[str]] | None = None
