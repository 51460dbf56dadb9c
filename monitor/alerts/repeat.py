"""How often people are told again of what nobody acknowledged."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """So many `times`, and so long after the message before."""

    every: timedelta
    times: int
