"""The window answers by its members, however they came and went."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.model import ItemId, StoryId
from monitor.stories import Fingerprint, Window, assign, story_id
from monitor.stories import window as window_module
from tests.unit.stories.factories import NOON, make_print

HEADLINES = (
    "North Korea fires ballistic missile toward the Sea of Japan",
    "North Korea test-fires ballistic missile, Seoul says",
    "북한, 동해상으로 단거리 탄도미사일 발사",
    "北朝鮮が弾道ミサイルを日本海に発射",
    "Russia vetoes UN resolution on sanctions monitors",
    "США ввели санкции против танкеров",
    "Lazarus hackers stole $1.5bn from Bybit",
    "Kim Jong Un visits munitions factory - KCNA",
)
PRINTS = tuple(
    make_print(title, hours=hours, source_id=source, url=f"http://{source}.example/{i}/{hours}")
    for i, title in enumerate(HEADLINES)
    for hours, source in ((0, "a"), (5, "b"), (40, "a"))
)
STEPS = st.lists(st.sampled_from(PRINTS), max_size=20)


def filled(prints: list[Fingerprint]) -> Window:
    """Return a window into which these were assigned and added, in this order."""
    window = Window()
    for one in prints:
        window.add(assign(one, window).story_id or story_id(one), one)
    return window


def state(window: Window) -> dict[str, object]:
    """Return all that answers depend on."""
    now = {
        "stories": window._story_of,
        "exact": {key: set(ids) for key, ids in window._exact.items()},
        "shared": window._shared,
        "times": window._by_time,
        "groups": {
            story: (group.facts, group.marks, group.days, group.rules, group.denials)
            for story, group in window._groups.items()
        },
    }
    return deepcopy(now)


@given(STEPS)
def test_rebuilt_window_gives_the_same_answers(steps: list[Fingerprint]) -> None:
    """After a restart the window is made of the stored members, and nothing has changed."""
    live = filled(steps)
    rebuilt = Window()
    for item_id, story in reversed(live._story_of.items()):
        member = live._groups[story].members[item_id]
        rebuilt.add(story, Fingerprint.from_json(member.to_json()))

    assert len(rebuilt) == len(live)
    assert [assign(one, rebuilt) for one in PRINTS] == [assign(one, live) for one in PRINTS]


@given(STEPS, st.integers(min_value=0, max_value=60))
def test_forgetting_leaves_no_trace(steps: list[Fingerprint], hours: int) -> None:
    """A window that forgot equals one that never knew: memory is bounded by what is in it."""
    bound = NOON + timedelta(hours=hours)
    forgot = filled(steps)
    stories = dict(forgot._story_of)
    never = Window()
    for one in steps:
        if one.when >= bound:
            never.add(stories[one.item_id], one)

    forgot.drop_before(bound)

    assert state(forgot) == state(never)
    assert [assign(one, forgot) for one in PRINTS] == [assign(one, never) for one in PRINTS]


@given(STEPS, st.data())
def test_split_then_merge_is_the_identity(steps: list[Fingerprint], data: st.DataObject) -> None:
    """Moving members out of a story and back leaves the window as it was."""
    window = filled([PRINTS[0], *steps])
    before = [assign(one, window) for one in PRINTS]
    known = state(window)
    moved = data.draw(st.lists(st.sampled_from(sorted(window._story_of)), unique=True))
    homes = {item_id: window._story_of[item_id] for item_id in moved}

    for item_id in moved:
        window.move(item_id, StoryId("s-split"))
    for item_id, home in homes.items():
        window.move(item_id, home)

    assert [assign(one, window) for one in PRINTS] == before
    assert state(window) == known


def test_moving_or_forgetting_an_unknown_item_does_nothing() -> None:
    """An item that has left the window cannot be mended in it."""
    window = Window()

    window.move(ItemId("gone"), StoryId("s-x"))
    window.forget(ItemId("gone"))

    assert len(window) == 0


def test_item_that_comes_again_is_one_member() -> None:
    """An edited item replaces itself."""
    window = Window()
    window.add(StoryId("s-x"), PRINTS[0])
    window.add(StoryId("s-y"), PRINTS[0])

    assert len(window) == 1
    assert window._story_of == {PRINTS[0].item_id: "s-y"}
    assert list(window._groups) == ["s-y"]


def test_common_words_end_the_search() -> None:
    """The index is read rare entries first, and only so far: the cost is bounded."""
    window = filled(list(PRINTS))
    visits = window_module.VISITS
    try:
        window_module.VISITS = 0

        assert window.near(PRINTS[0]) == []
    finally:
        window_module.VISITS = visits
    assert window.near(PRINTS[0])


def test_a_story_that_a_flood_made_huge_keeps_its_latest_members(monkeypatch: Any) -> None:
    """Whatever the order in which they came: the cost of the next item is bounded."""
    monkeypatch.setattr(window_module, "MEMBERS", 3)
    prints = [make_print(f"Headline {n}", hours=n, source_id="a") for n in range(6)]
    forwards, backwards = Window(), Window()

    for one in prints:
        forwards.add(StoryId("s-x"), one)
    for one in reversed(prints):
        backwards.add(StoryId("s-x"), one)

    assert list(forwards._story_of) == [one.item_id for one in prints[-3:]]
    assert state(forwards) == state(backwards)


def test_the_latest_members_with_a_key_are_looked_at(monkeypatch: Any) -> None:
    """A feed that gives all its entries one address does not make each dearer than the last."""
    monkeypatch.setattr(window_module, "SAME", 2)
    window = Window()
    address = "http://a.example/2024/oil"
    prints = [make_print(f"{n} ships", hours=n, url=address) for n in range(4)]
    for number, one in enumerate(prints):
        window.add(StoryId(f"s-{number}"), one)
    (url,) = prints[0].urls

    found = window.same(f"url {url}")

    assert [member for _, member in found] == [prints[3], prints[2]]
