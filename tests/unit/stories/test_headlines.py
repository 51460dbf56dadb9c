"""Headlines are compared without what the desk adds."""

import pytest

from monitor.stories.headlines import headline, lead, title_key


@pytest.mark.parametrize(
    ("title", "bare"),
    [
        ("North Korea fires a missile - Reuters", "North Korea fires a missile"),
        (
            "韓国とつながる道路を爆破した北朝鮮 | NHK - nhk.or.jp",
            "韓国とつながる道路を爆破した北朝鮮",
        ),
        ("韩媒批评国安高官鲁莽发言刺激朝鲜-观察者网", "韩媒批评国安高官鲁莽发言刺激朝鲜"),
        ("[속보] 北 단거리탄도미사일 여러 발 발사(종합2보)", "北 단거리탄도미사일 여러 발 발사"),
        (
            "'[정치,북한] 김영남 사망…평창올림픽때 대표단장 방남",
            "김영남 사망…평창올림픽때 대표단장 방남",
        ),
        ("N. Korea fires ballistic missile: JCS (2nd LD)", "N. Korea fires ballistic missile: JCS"),
        ("Kim says &quot;ready&quot; for talks", 'Kim says "ready" for talks'),
        ("Veto - Reuters", "Veto - Reuters"),
    ],
)
def test_publisher_and_labels_go(title: str, bare: str) -> None:
    """What is left is the headline; a title that would be too short is left alone."""
    assert headline(title) == bare


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("(서울=연합뉴스) 오지은 기자 = 북한이 발사했다.", "북한이 발사했다."),
        ("【NHK】北朝鮮は発表した。", "北朝鮮は発表した。"),
        ("Pyongyang, October 14 (KCNA) -- Kim Yo Jong said", "Kim Yo Jong said"),
        ("SEOUL (AP) — North Korea said", "North Korea said"),
        ("North Korea (DPRK) said", "North Korea (DPRK) said"),
    ],
)
def test_dateline_goes(text: str, bare: str) -> None:
    """Place, agency and reporter stand in every item of a wire and tell nothing."""
    assert lead(text) == bare


def test_lead_is_bounded() -> None:
    """A page of text costs no more than its beginning."""
    assert len(lead("x" * 100_000)) == 400
    assert len(headline("x" * 100_000)) == 400


def test_equal_headlines_have_equal_keys() -> None:
    """Case, punctuation and accents do not count."""
    assert title_key("Russia vetoes “UN” résolution!") == title_key("russia vetoes un resolution")


def test_short_headline_has_no_key() -> None:
    """A title such as `Press release` recurs and must not join anything."""
    assert title_key("Statement") == ""
