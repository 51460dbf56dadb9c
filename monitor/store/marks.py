"""How far a digest has read: numbers of arrival, which no clock can move."""

from dataclasses import asdict, dataclass

from monitor.store.codec import from_json, to_json


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The highest numbers that the last digest saw, 0 before the first."""

    member: int = 0
    decision: int = 0
    item: int = 0
    hit: int = 0

    def to_json(self) -> str:
        """Return the text that `from_json` reads."""
        return to_json(asdict(self))

    @staticmethod
    def from_json(text: str | None) -> "Marks":
        """Return the marks that `to_json` wrote; None is before the first digest."""
        return Marks(**from_json(text)) if text else Marks()
