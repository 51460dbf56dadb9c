"""The one layout of a rule file: spaces only, since a rewrite of the YAML would lose comments."""

import re

from monitor.errors import ConfigError
from monitor.yamlnodes import load

_COMMENT = re.compile(r"^( *)#(?=[^\s#!])")
_BLANK_LINES = re.compile(r"\n{3,}")


def fmt(text: str) -> str:
    """Return the file with Unix line ends, no spaces at line ends and single blank lines.

    Comments get a space after their `#`. Idempotent. Where a change would change a value (inside a
    block of text), or the file cannot be read, it comes back as it was.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    tidy = "\n".join(_COMMENT.sub(r"\1# ", line.rstrip()) for line in lines)
    tidy = _BLANK_LINES.sub("\n\n", tidy).strip("\n") + "\n"
    try:
        is_same = load("", tidy).plain() == load("", text).plain()
    except ConfigError:
        return text
    return tidy if is_same else text
