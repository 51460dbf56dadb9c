"""Every channel is registered and documented, and the manual's example is true."""

import importlib
import json
import pkgutil
import re
from pathlib import Path

import jsonschema

import monitor.notify
from monitor.notify import CHANNELS, ChannelType
from monitor.notify.payload import event_body
from monitor.notify.schema import alert_schema
from monitor.testing import make_story_alert

MANUAL = Path(__file__).parents[3] / "docs" / "alerts.md"


def test_each_file_that_defines_a_channel_is_registered_under_its_name() -> None:
    """A channel nobody registered would be refused as unknown."""
    defined = {}
    for module in pkgutil.iter_modules(monitor.notify.__path__):
        loaded = importlib.import_module(f"monitor.notify.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, ChannelType):
                defined[module.name] = value

    assert defined == dict(CHANNELS)


def test_each_channel_and_each_of_its_settings_is_documented() -> None:
    """A section per kind, which names every key."""
    sections = dict(re.findall(r"(?ms)^### (\S+)\n(.*?)(?=^##)", MANUAL.read_text()))

    assert set(sections) == set(CHANNELS)
    for kind, channel_type in CHANNELS.items():
        for key, field in channel_type.settings.model_fields.items():
            assert f"`{field.alias or key}`" in sections[kind], f"{kind}: {key}"


def test_the_example_in_the_manual_is_what_is_sent() -> None:
    """It fits the schema and equals today's bytes."""
    [example] = re.findall(r"```json\n(.*?)```", MANUAL.read_text(), re.DOTALL)

    told = json.loads(example)
    jsonschema.Draft202012Validator(alert_schema()).validate(told)
    assert told == json.loads(
        event_body(
            make_story_alert(),
            domain="monitor.example.org",
            public_url="https://monitor.example.org",
        )
    )


def test_every_type_of_document_is_documented() -> None:
    """A receiver can switch on it."""
    manual = MANUAL.read_text()

    for name in alert_schema()["properties"]["type"]["enum"]:
        assert f"`{name}`" in manual
