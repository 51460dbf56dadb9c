"""What the tests of the configuration share: two kinds of channel, and a short load."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from monitor import rules
from monitor.config import Config
from monitor.config.assemble import assemble
from monitor.config.parts import Surroundings
from monitor.errors import ConfigError


class Screen(BaseModel):
    """Settings of a channel without any."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Hook(BaseModel):
    """Settings of a channel with a secret, a number and a switch."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: SecretStr
    port: int = Field(default=443, ge=1)
    strict: bool = True
    share: float = 1.0
    keys: tuple[SecretStr, ...] = ()
    login: Annotated[str, Field(repr=False)] = ""
    sender: str = Field(default="", alias="from", max_length=9)


CHANNELS: Mapping[str, type[BaseModel]] = {"console": Screen, "hook": Hook}


def _no_secret(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", path)


Load = Callable[..., Config]


@pytest.fixture
def load() -> Load:
    """Return a function that loads texts: monitor, feeds, routes, and files by name."""

    def _load(
        *,
        environ: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        read_secret: Callable[[str], str] = _no_secret,
        **texts: str,
    ) -> Config:
        named = {f"{name}.yaml": text for name, text in texts.items()}
        around = Surroundings(
            environ=environ or {},
            read_secret=read_secret,
            channels=CHANNELS,
            load_rules=rules.load,
        )
        return assemble({**named, **(files or {})}, around, Path("conf"))

    return _load


@pytest.fixture
def faults(load: Load) -> Callable[..., list[str]]:
    """Return a function that loads texts and returns the faults as `file:line:col: message`."""

    def _faults(**texts: object) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(**texts)
        return [
            f"{one.file}:{one.line}:{one.column}: {one.message}" + f" [{one.hint}]" * bool(one.hint)
            for one in caught.value.problems
            if not one.is_warning
        ]

    return _faults
