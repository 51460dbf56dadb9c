"""A fingerprint holds what assignment needs, and survives storage."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories import Fingerprint, fingerprint
from monitor.stories.fingerprints import UNIT
from tests.unit.stories.factories import make_hit, make_item, make_print

TEXT = st.text(max_size=120)


@given(
    title=TEXT, summary=TEXT, lang=st.sampled_from(["", "en", "zh-TW"]), rule=st.text(max_size=9)
)
def test_storage_keeps_everything(title: str, summary: str, lang: str, rule: str) -> None:
    """Whatever the text, what comes back from the store is equal."""
    one = fingerprint(make_item(title, summary=summary, lang=lang), [make_hit(rule)])

    assert Fingerprint.from_json(one.to_json()) == one


def test_vectors_have_unit_length() -> None:
    """Weights are whole numbers, so that sums do not depend on order."""
    one = make_print("North Korea fires ballistic missile", summary="It flew 1,000 km on Thursday.")

    for vector in (one.words, one.facts):
        assert UNIT * 0.98 < sum(weight**2 for _, weight in vector) ** 0.5 < UNIT * 1.02
        assert list(vector) == sorted(vector)


def test_long_text_is_bounded() -> None:
    """A member row stays small whatever the article's length."""
    one = make_print("Title of an item", content=" ".join(f"word{i}x" for i in range(50_000)))

    assert len(one.words) <= 64
    assert len(one.to_json()) < 3000


def test_empty_item_has_an_empty_fingerprint() -> None:
    """An item without text is like nothing."""
    one = make_print("")

    assert (one.title, one.words, one.facts, one.marks) == ("", (), (), ())


def test_summary_goes_before_content() -> None:
    """Both are looked at, as far as a lead goes: a feed's own words may say nothing."""
    long = "veto " * 100
    assert make_print("T", summary=long, content="drone") == make_print("T", summary=long)
    assert make_print("T", content="veto").words == make_print("T", summary="veto").words
    both = make_print("T", summary="veto", content="drone")
    assert {word for word, _ in both.words} > {
        word for word, _ in make_print("T", summary="veto").words
    }


@pytest.mark.parametrize(
    ("changes", "urls"),
    [
        ({"url": "http://a.example/x"}, ("http://a.example/x",)),
        (
            {"url": "http://a.example/x?y=b", "canonical_url": "http://a.example/x"},
            ("http://a.example/x",),
        ),
        ({"url": "https://a.example/"}, ()),
        ({"guid": "https://a.example/?p=12"}, ("https://a.example/?p=12",)),
        ({"guid": "12345678901234"}, ()),
        ({}, ()),
    ],
)
def test_addresses(changes: dict[str, Any], urls: tuple[str, ...]) -> None:
    """The canonical address counts, and a guid that cannot repeat across publishers."""
    assert make_print("T", **changes).urls == urls


def test_marks_are_what_distinguishes_events() -> None:
    """Weapons and amounts of the headline, telling people of all the text."""
    one = make_print(
        "Lavrov: 3 cruise missiles fired", summary="Choe Son Hui and Kim Jong Un saw 500 drones."
    )

    assert one.marks == ("n:3", "p:choesonhui", "p:lavrov", "w:cruise")


@pytest.mark.parametrize(
    ("title", "denies"),
    [
        ("Kremlin denies report on North Korean troops", True),
        ("합참, 북한군 월경설 부인", True),
        ("Минобороны опровергло сообщение о ракете", True),
        ("Agency retracts report on veto", True),
        ("North Korea rejects talks", False),
        ("North Korea fires missile", False),
    ],
)
def test_denial_in_the_headline(title: str, denies: bool) -> None:
    """A denial or a retraction is told from a mere refusal."""
    assert make_print(title).denies is denies


def test_json_carries_a_version() -> None:
    """A later format can tell rows of this one."""
    assert json.loads(make_print("T").to_json())[0] == 1
