"""The shipped directories, and a copy for a new user."""

from pathlib import Path

import pytest

from monitor.config import defaults_path, load_config, write_defaults
from monitor.errors import ConfigError
from monitor.notify import CHANNELS

SETTINGS = {"monitor.yaml", "feeds.yaml", "routes.yaml"}


def test_the_shipped_directories_are_found() -> None:
    """In a checkout they stand beside the package."""
    assert (defaults_path("config") / "feeds.yaml").is_file()
    assert (defaults_path("seeds") / "feeds" / "hanbit.xml").is_file()


def test_an_installed_package_carries_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the package wins over what lies beside it."""
    monkeypatch.setattr("monitor.config.defaults._PACKAGE", tmp_path / "monitor")
    (tmp_path / "monitor" / "defaults" / "config").mkdir(parents=True)

    assert defaults_path("config") == tmp_path / "monitor" / "defaults" / "config"
    assert defaults_path("seeds") == tmp_path / "seeds"


def test_a_new_user_gets_a_configuration_that_loads(tmp_path: Path) -> None:
    """The copy is complete and valid."""
    written = write_defaults(tmp_path / "mine")

    names = {path.relative_to(tmp_path / "mine").as_posix() for path in written}
    assert {"monitor.yaml", "feeds.yaml", "routes.yaml", "watchlists/vessels.csv"} <= names
    assert any(name.startswith("rules/") for name in names)
    assert any(name.startswith("schema/") for name in names)
    models = {kind: channel.settings for kind, channel in CHANNELS.items()}
    config = load_config(tmp_path / "mine", {}, models)
    assert [one for one in config.warnings if one.file in SETTINGS] == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """One file in the way and nothing is written at all."""
    (tmp_path / "feeds.yaml").write_text("mine")

    with pytest.raises(ConfigError) as caught:
        write_defaults(tmp_path)

    assert [one.message for one in caught.value.problems] == ["exists already"]
    assert [path.name for path in tmp_path.iterdir()] == ["feeds.yaml"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The reason is the system's."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="cannot be written: "):
        write_defaults(tmp_path / "file")
