"""Items that tell of one event join one story; everything else stays apart."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories import Window, assign, cluster, story_id
from tests.unit.stories.factories import make_hit, make_item, make_print, opened, run
from tests.unit.stories.test_window import PRINTS

TEST = "North Korea fires short-range ballistic missile toward the Sea of Japan"
TOLD = "South Korea's Joint Chiefs said the missile was launched from Pyongyang on Thursday."


def test_first_item_opens_a_story() -> None:
    """Where nothing is like it, an item opens a story whose id depends on the item alone."""
    one = make_print(TEST)

    answer = assign(one, Window())

    assert (answer.story_id, answer.score, answer.rival) == (None, None, None)
    assert answer.why == ("no recent story is like it",)
    assert story_id(one) == story_id(make_print(TEST, summary="edited"))
    assert story_id(one).startswith("s-")


def test_one_weak_fact_joins_nothing_within_a_language_either() -> None:
    """Two measures of one morning share the act and the state, and are two stories."""
    rules = ["sanctions"]
    window, _ = opened(make_print("Treasury sanctions North Korean bankers", rules=rules))
    other = "Seoul imposes independent sanctions on a North Korean shipping firm"

    assert assign(make_print(other, hours=1, rules=rules), window).story_id is None


@pytest.mark.parametrize(
    ("known", "new", "why"),
    [
        (
            {"title": "Report of the panel", "summary": "S/2024/215 is out"},
            {"title": "Эксперты ООН опубликовали S/2024/215"},
            "same document symbol S/2024/215",
        ),
        (
            {"title": "First headline", "url": "http://a.example/1"},
            {"title": "Another text", "url": "http://a.example/1"},
            "same address http://a.example/1",
        ),
        (
            {"title": "Panel’s mandate ends - Reuters"},
            {"title": "Panel's mandate ends | AP News", "source_id": "b"},
            "same title",
        ),
    ],
)
@pytest.mark.parametrize("hours", [1, 70])
def test_certain_layers(known: dict[str, str], new: dict[str, str], why: str, hours: float) -> None:
    """Symbol, address and headline join within 72 hours, whatever the language."""
    window, story = opened(make_print(**known))

    answer = assign(make_print(**new, hours=hours), window)

    assert (answer.story_id, answer.why[0]) == (story, why)


def test_nothing_joins_after_72_hours() -> None:
    """Not even the same document: a story ends."""
    window, _ = opened(make_print(TEST))

    assert assign(make_print(TEST, hours=72.1, source_id="b"), window).story_id is None


def test_likeness_ends_after_48_hours_of_quiet() -> None:
    """Later only a shared symbol, address or title joins."""
    window, story = opened(make_print(TEST, summary=TOLD, lang="en"))
    rewritten = f"{TEST}, Seoul says"

    near = assign(make_print(rewritten, summary=TOLD, lang="en", hours=2), window)
    far = assign(make_print(rewritten, summary=TOLD, lang="en", hours=49), window)

    assert near.story_id == story
    assert far.story_id is None


@pytest.mark.parametrize(
    ("title", "lang"),
    [
        ("北, 동해상으로 단거리 탄도미사일 발사", "ko"),
        ("朝鲜向日本海发射短程弹道导弹", "zh"),
        ("北朝鮮が日本海に短距離弾道ミサイルを発射", "ja"),
        ("КНДР запустила баллистическую ракету малой дальности в Японское море", "ru"),
        ("Nordkorea feuert ballistische Kurzstreckenrakete ins Japanische Meer", "de"),
    ],
)
def test_other_languages_join(title: str, lang: str) -> None:
    """One event in two languages is one story; the shared facts are the reason."""
    window, story = opened(make_print(TEST, lang="en"))

    answer = assign(make_print(title, lang=lang, hours=1), window)

    assert answer.story_id == story
    assert answer.score is not None
    assert answer.score >= 1
    assert "srbm" in answer.why[0]


def test_one_common_name_joins_no_languages() -> None:
    """Two short headlines that share only the leader's name are alike, but by nothing telling."""
    window, _ = opened(make_print("Kim Jong Un", lang="en"))

    answer = assign(make_print("김정은 위원장", lang="ko"), window)

    assert (answer.story_id, answer.score) == (None, 0)


@pytest.mark.parametrize(
    "title",
    [
        "North Korea sends workers to Russian construction sites",
        "Russia vetoes Security Council resolution on sanctions monitors",
        "Earthquake off the coast of Japan",
    ],
)
def test_a_shared_clock_joins_nothing(title: str) -> None:
    """Another event of the same minute stays apart, with the rival named."""
    window, story = opened(make_print(TEST, lang="en"))

    answer = assign(make_print(title, lang="en"), window)

    assert answer.story_id is None
    assert answer.rival in (story, None)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (
            {"title": TEST, "summary": "The test was held on Oct 28."},
            {"title": TEST, "summary": "The test was held on Oct 31.", "source_id": "b"},
            "the days named differ",
        ),
        (
            {"title": TEST, "url": "http://a.example/1"},
            {"title": TEST, "url": "http://a.example/2", "hours": 50},
            "the source repeats it",
        ),
    ],
)
def test_serial_headlines_stay_apart(
    first: dict[str, str], second: dict[str, str], reason: str
) -> None:
    """Monday's and Thursday's test are two stories though the words are the same."""
    window, story = opened(make_print(**first))

    answer = assign(make_print(**second), window)

    assert answer.story_id is None
    assert answer.rival == story
    assert reason in answer.rival_why


def test_one_address_for_many_entries_joins_nothing() -> None:
    """Some official feeds link every entry to one page; their entries are told apart by guid."""
    page = "http://treasury.example/actions"
    window, story = opened(make_print("Designation of a tanker", url=page, guid="1"))

    other = assign(make_print("Cyber advisory on a bank", url=page, guid="2"), window)
    again = assign(make_print("Designation: a tanker, updated", url=page, guid="1"), window)
    elsewhere = assign(make_print("Read this", url=page, guid="2", source_id="b"), window)

    assert (other.story_id, other.rival) == (None, story)
    assert "gives other items that address" in other.rival_why
    assert again.story_id == elsewhere.story_id == story


def test_a_series_stays_apart_though_another_source_has_the_headline() -> None:
    """One clear sign of a series is enough: hiding an event is worse than one message more."""
    first = make_print(TEST, url="http://a.example/1", source_id="a")
    window, story = opened(first, make_print(TEST, url="http://b.example/1", source_id="b"))

    answer = assign(make_print(TEST, url="http://a.example/2", source_id="a", hours=30), window)

    assert (answer.story_id, answer.rival) == (None, story)


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("Choe Son Hui meets Lavrov in Moscow", "Choe Son Hui meets Putin in Moscow", "people"),
        ("North Korea fires ballistic missile", "North Korea fires cruise missile", "weapons"),
        ("18 North Korean soldiers flee", "3,000 North Korean soldiers flee", "amounts"),
    ],
)
def test_clashes_are_told(first: str, second: str, clash: str) -> None:
    """Differing people, weapons or amounts count against a join, and the reason says so."""
    window, _ = opened(make_print(first, lang="en"))

    answer = assign(make_print(second, lang="en", hours=1), window)

    assert f"{clash} differ" in answer.rival_why + answer.why[0]


def test_what_happened_again_is_another_event() -> None:
    """`Again` in a headline counts against a story that says it of nothing, not within one."""
    window, story = opened(make_print("북한, 동해상으로 탄도미사일 발사", lang="ko"))
    again = make_print("북한, 동해상으로 탄도미사일 또 발사", lang="ko", hours=24)

    answer = assign(again, window)
    window.add(story_id(again), again)
    next_report = make_print(
        "北, 동해상으로 탄도미사일 또 발사", lang="ko", hours=25, source_id="b"
    )

    assert (answer.story_id, answer.rival) == (None, story)
    assert "it happened again" in answer.rival_why
    assert assign(next_report, window).story_id == story_id(again)


def test_days_that_differ_count_against_likeness() -> None:
    """Reworded reports of two days' tests clash."""
    window, _ = opened(make_print(TEST, summary="It happened on Oct 28.", lang="en"))

    answer = assign(
        make_print(f"{TEST}: Seoul", summary="It happened on Oct 31.", lang="en"), window
    )

    assert "days differ" in answer.rival_why + answer.why[0]


def test_rules_help_but_are_not_needed() -> None:
    """No rule in common makes a join harder; without hits nothing is held against it."""
    known = make_print(TEST, lang="en", rules=["missiles"])
    window, story = opened(known)
    reworded = "North Korea launches short-range ballistic missile into the Sea of Japan"
    new = make_print(reworded, lang="en")

    plain = assign(new, window)
    other = assign(replace(new, rules=("oil",)), window)
    same = assign(replace(new, rules=("missiles", "oil")), window)

    assert plain.story_id == same.story_id == story
    assert plain.score == same.score
    assert plain.score is not None
    assert other.score is not None
    assert other.score < plain.score


def test_copy_is_told_from_a_report_of_its_own() -> None:
    """A text that repeats another's words names it; one that only tells the same does not."""
    wire = make_print(TEST, summary=TOLD, lang="en", source_id="ap")
    window, _ = opened(wire, make_print(TEST, summary="안녕", lang="ko", source_id="x"))

    copied = assign(make_print(TEST, summary=TOLD, lang="en", source_id="b", hours=1), window)
    own = assign(
        make_print("Pyongyang launches short-range ballistic missile", lang="en", hours=1), window
    )

    assert copied.copy_of == wire.item_id
    assert copied.why[-1] == "copy of ap, 100%"
    assert own.copy_of is None


def test_copy_of_the_earliest() -> None:
    """Of equal texts the first published is the original."""
    first = make_print(TEST, summary=TOLD, lang="en", source_id="ap")
    second = make_print(TEST, summary=TOLD, lang="en", source_id="b", hours=1)
    window, _ = opened(second, first)

    answer = assign(make_print(TEST, summary=TOLD, lang="en", source_id="c", hours=2), window)

    assert answer.copy_of == first.item_id


def test_no_original_in_the_language() -> None:
    """A story told only in another language has nothing to copy from."""
    window, story = opened(make_print("S/2024/215", lang="ko", summary="보고서 S/2024/215 공개"))

    answer = assign(make_print(TEST, summary=f"{TOLD} S/2024/215", lang="en"), window)

    assert (answer.story_id, answer.copy_of) == (story, None)


def test_denial_of_the_story_is_marked() -> None:
    """A denial that joins a story it denies is an update; in a story of denials it is not."""
    report = "North Korean troops cross into Ukraine, Kyiv says"
    denial = "Kremlin denies North Korean troops cross into Ukraine"
    window, story = opened(make_print(report, lang="en"))
    answer = assign(make_print(denial, lang="en", hours=1), window)
    denials, _ = opened(make_print(denial, lang="en"))

    assert (answer.story_id, answer.is_denial) == (story, True)
    assert not assign(make_print(denial, lang="en", source_id="b"), denials).is_denial


def test_nearest_rival_is_named() -> None:
    """An item says which other story it did not join, and why."""
    window, _ = opened(make_print(TEST, lang="en"))
    other = make_print("North Korea fires cruise missile into the Yellow Sea", lang="en")
    window.add(story_id(other), other)

    answer = assign(make_print(TEST, lang="en", source_id="b"), window)
    near = assign(make_print(f"{TEST}, Tokyo says", lang="en", source_id="b"), window)

    assert answer.rival is None
    assert near.rival == story_id(other)
    assert near.rival_why.startswith("likeness 0.")


def test_of_two_stories_the_one_told_by_many() -> None:
    """A story that broke in two heals: what may join either joins the larger part."""
    members = [make_print(TEST, lang="en", source_id=s) for s in "abcdefgh"]
    window, story = opened(*members)
    fragment = make_print("Pyongyang fires short-range ballistic missile: Seoul", lang="en")
    window.add(story_id(fragment), fragment)
    new = make_print("Pyongyang fires short-range ballistic missile, Tokyo says", lang="en")

    answer = assign(new, window)

    assert (answer.story_id, answer.rival) == (story, story_id(fragment))
    assert answer.score is not None
    assert float(answer.rival_why.split()[1]) > answer.score >= 1


def test_assigning_changes_nothing() -> None:
    """The same question twice has the same answer."""
    window, _ = opened(*PRINTS[:6])

    assert [assign(one, window) for one in PRINTS] == [assign(one, window) for one in PRINTS]


@given(st.lists(st.sampled_from(PRINTS), unique=True, max_size=len(PRINTS)))
def test_no_item_in_two_stories_or_none(stream: list[object]) -> None:
    """Whatever the order, every item has one story, named after one of its members."""
    prints = [one for one in PRINTS if one in stream]
    found = run(prints)

    assert set(found) == {one.item_id for one in prints}
    assert {found[one.item_id] for one in prints} <= {story_id(one) for one in prints}


TIED = tuple(
    make_print(title, lang=lang, source_id=source)
    for source in "ab"
    for title, lang in (
        (TEST, "en"),
        ("Russia vetoes UN resolution on sanctions monitors", "en"),
        ("Лавров посетил завод в Пхеньяне", "ru"),
        ("라자루스, 바이비트서 15억 달러 탈취", "ko"),
    )
)


@given(st.permutations(TIED))
def test_order_of_equal_times_changes_only_ids(order: list[object]) -> None:
    """Items of one minute whose events are distinct group alike in every order of arrival."""
    first, second = run(TIED), run(order)  # type: ignore[arg-type]

    def groups(found: dict[str, str]) -> set[frozenset[str]]:
        return {
            frozenset(item for item, at in found.items() if at == story) for story in found.values()
        }

    assert groups(first) == groups(second)  # type: ignore[arg-type]
    assert len(groups(first)) == 4  # type: ignore[arg-type]


def test_cluster_is_assign_and_add_in_a_loop() -> None:
    """The whole stream gives what one item after the other gives."""
    items = [
        make_item(TEST, source_id=source, hours=i, lang="en") for i, source in enumerate("abc")
    ]
    other = make_item("Veto on sanctions monitors in the council", hours=3)

    found = list(cluster((item, [make_hit()]) for item in [*items, other]))

    prints = [make_print(TEST, source_id=s, hours=i, lang="en") for i, s in enumerate("abc")]
    assert [item for item, _, _ in found] == [item.id for item in [*items, other]]
    assert len({story for _, story, _ in found[:3]}) == 1
    assert found[0][1] == story_id(prints[0])
    assert found[0][2].story_id is None
    assert found[1][2].story_id == found[0][1]
    assert found[3][1] != found[0][1]


def test_cluster_forgets_what_is_old() -> None:
    """A week after its arrival a member has left the window."""
    week = [make_item(TEST, source_id="a"), make_item(TEST, source_id="b", hours=24 * 8)]
    late = make_item(TEST, source_id="c", hours=1)

    found = [story for _, story, _ in cluster((item, ()) for item in [*week, late])]

    assert len(set(found)) == 3
