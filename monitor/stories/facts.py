"""The facts of a text that survive translation: concepts of the lexicon and amounts."""

from collections.abc import Iterator

from monitor.stories import lexicon
from monitor.stories.numbers import amounts


def facts(text: str) -> Iterator[str]:
    """Yield `kind:id` of every concept and `n:1400000` of every amount in a folded text.

    Kinds: c country, p person, o organisation, l place, w weapon, v act or thing, n amount.
    """
    yield from lexicon.concepts(text, lexicon.load())
    for amount in amounts(text):
        yield f"n:{amount}"
