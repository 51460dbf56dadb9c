"""Which articles are asked for, and which texts stay."""

from datetime import timedelta

from monitor.model import FullText, ItemId
from monitor.steps.full_text import sort_out, with_article
from monitor.store.full_text import Before
from monitor.store.items import words_hash
from monitor.testing import NOW, make_item

ITEM = make_item()
WORDS = words_hash(ITEM)


def _before(**changes: object) -> Before:
    known = {"words": b"both", "feed_words": WORDS, "content": "The text.", "asked": 1}
    return Before(**{**known, **changes})  # type: ignore[arg-type]


def test_new_items_are_asked_for_newest_first() -> None:
    """Under a cap the newest are the ones that matter."""
    items = [make_item(id=ItemId(f"i-{n}"), when=NOW + timedelta(hours=n)) for n in (1, 3, 2)]

    found = sort_out(items, {})

    assert [item.id for item in found.wanted] == ["i-3", "i-2", "i-1"]
    assert [item for item, _ in found.items] == items
    assert {words for _, words in found.items} == {WORDS}


def test_a_known_item_keeps_its_text() -> None:
    """And is not asked for."""
    found = sort_out([ITEM], {ITEM.id: _before()})

    assert found.wanted == ()
    assert found.items[0][0].content == "The text."


def test_an_edited_item_is_asked_for_and_keeps_its_text_until_then() -> None:
    """Five times at most."""
    edited = _before(feed_words=b"other")
    often = _before(feed_words=b"other", asked=5)

    assert sort_out([ITEM], {ITEM.id: edited}).wanted == (ITEM,)
    assert sort_out([ITEM], {ITEM.id: edited}).items[0][0].content == "The text."
    assert sort_out([ITEM], {ITEM.id: often}).wanted == ()


def test_an_item_from_before_full_text_is_asked_for_when_it_is_edited() -> None:
    """What was stored without articles is not fetched in one heap."""
    same = _before(feed_words=None, words=WORDS, content="")
    edited = _before(feed_words=None, words=b"other", content="")

    assert sort_out([ITEM], {ITEM.id: same}).wanted == ()
    assert sort_out([ITEM], {ITEM.id: same}).items[0][0] == ITEM
    assert sort_out([ITEM], {ITEM.id: edited}).wanted == (ITEM,)


def test_only_a_text_that_was_read_is_taken() -> None:
    """A failure leaves what is there."""
    known = make_item(content="The text.")
    read = FullText(result="read", asked_at=NOW, text="A new text.")
    failed = FullText(result="paywall", asked_at=NOW)

    assert with_article(known, read).content == "A new text."
    assert with_article(known, failed) == known
    assert with_article(known, None) == known


def test_an_erased_text_stays_erased_until_the_feed_says_something_else() -> None:
    """A fault of ours leaves no hash, and is taken up again."""
    erased = _before(content="")
    fault = _before(content="", words=b"")
    never_read = _before(content="", words=WORDS)
    edited = _before(content="", feed_words=b"other")

    assert sort_out([ITEM], {ITEM.id: erased}).items == ()
    for known in (fault, never_read, edited):
        assert [item for item, _ in sort_out([ITEM], {ITEM.id: known}).items] == [ITEM]
    assert sort_out([ITEM], {ITEM.id: edited}).wanted == (ITEM,)
