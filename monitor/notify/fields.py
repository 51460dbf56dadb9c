"""Types of settings that several channels share; they read the text of a YAML scalar."""

from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

_T = TypeVar("_T")


def _as_many(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else [value]


def _is_web_address(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("is no web address: write https://host/path")
    return value


OneOrMany = Annotated[
    tuple[_T, ...], BeforeValidator(_as_many, json_schema_input_type=str | list[str])
]
SecretUrl = Annotated[SecretStr, AfterValidator(_is_web_address)]  # a chat channel's URL is its key
