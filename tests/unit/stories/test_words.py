"""Words of every script become comparable tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.words import folded, language, words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Żołnierze Größe", ["zolnie", "grosse"]),
        ("sanctions, SANCTIONED a", ["sancti", "sancti"]),
        ("북한이 北", ["북한", "한이", "北"]),
        ("弾道ミサイルを発射", ["弹道", "ミサイル", "发射"]),
        ("Северная", ["северн"]),
        ("1.4 10,000", ["1.4", "10,000"]),
        ("وكالة", ["وكالة"]),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    """Alphabetic words are cut short, Han and Hangul give pairs, hiragana nothing."""
    assert list(words(folded(text))) == tokens


def test_two_ways_to_write_han_are_one() -> None:
    """Taipei, Beijing and Tokyo write one word in three ways."""
    assert folded("彈道導彈") == folded("弹道导弹")
    assert folded("弾道") == folded("弹道")


@pytest.mark.parametrize(
    ("tag", "text", "lang"),
    [
        ("zh-TW", "", "zh"),
        ("PT_br", "", "pt"),
        ("", "북한", "ko"),
        ("", "北朝鮮がミサイル", "ja"),
        ("", "朝鲜", "zh"),
        ("", "кндр", "ru"),
        ("", "كوريا", "ar"),
        ("", "קוריאה", "he"),
        ("", "north korea", ""),
    ],
)
def test_language_from_tag_or_script(tag: str, text: str, lang: str) -> None:
    """The publisher's word is taken first; without it the script tells what it can."""
    assert language(tag, text) == lang


@given(st.text(max_size=200))
def test_folding_is_idempotent(text: str) -> None:
    """Folding folded text changes nothing that tokens are made of."""
    assert list(words(folded(folded(text)))) == list(words(folded(text)))
