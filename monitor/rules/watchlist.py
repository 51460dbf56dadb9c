"""Watch lists: CSV files of names, aliases and IMO numbers, used in rules as `$file-name`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of all watch lists."""
