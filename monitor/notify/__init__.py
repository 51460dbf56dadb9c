"""Channels: how alerts reach people and programs, one file each.

A new channel is a module with a settings model, a class that fits `Channel` and a `ChannelType`,
one line in `CHANNELS`, and a section in docs/alerts.md (a test asks for both); the contract suite
of `monitor.testing` must pass.
"""

from collections.abc import Mapping

from monitor.notify.apprise import APPRISE
from monitor.notify.base import Channel, ChannelSettings, ChannelType, Reach, Tools
from monitor.notify.console import CONSOLE
from monitor.notify.discord import DISCORD
from monitor.notify.email import EMAIL
from monitor.notify.file import FILE
from monitor.notify.slack import SLACK
from monitor.notify.teams import TEAMS
from monitor.notify.webhook import WEBHOOK

CHANNELS: Mapping[str, ChannelType] = {
    "apprise": APPRISE,
    "console": CONSOLE,
    "discord": DISCORD,
    "email": EMAIL,
    "file": FILE,
    "slack": SLACK,
    "teams": TEAMS,
    "webhook": WEBHOOK,
}

__all__ = ["CHANNELS", "Channel", "ChannelSettings", "ChannelType", "Reach", "Tools"]
