"""Terms: what each form finds, and what it must not find."""

# ruff: noqa: E501 - one case a line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.text.fold import fold
from tests.unit.rules.factory import hit_texts, rule

FINDS = [
    ("oil", "crude OIL price", ["OIL"]),
    ("oil", "boiling soil", None),
    ("Security Council", "the security\u00a0council", ["security\u00a0council"]),
    ("Security Council", "security. Council", None),
    ("panel of experts", "panel “of” experts", ["panel “of” experts"]),
    ("sanction*", "sanctions and sanctioned", ["sanctions", "sanctioned"]),
    ("sanction*", "unsanctioned", None),
    ("'*korea'", "SouthKorea", ["SouthKorea"]),
    ("'*kore*'", "the NorthKoreans say", ["NorthKoreans"]),
    ("pan* exp*", "panels experts", ["panels experts"]),
    ("pan* exp*", "panel of experts", None),
    ("col*r", "colour, color, coler x colors", ["colour", "color", "coler"]),
    ("=IT", "IT workers use it", ["IT"]),
    ("=IT", "it workers", None),
    ("=IT", "ＩＴ workers", ["ＩＴ"]),
    ("=Kim-Jong", "the Kim Jong and kim jong", ["Kim Jong"]),
    ("cyber-attack", "a cyberattack, a cyber attack, cyber‑attack", ["cyberattack", "cyber attack", "cyber‑attack"]),
    ("cyberattack", "a cyber-attack", None),
    ("N. Korea*", "N.Korea and N. Koreans", ["N.Korea", "N. Koreans"]),
    ("U.N.", "the UN, the U.N. said", ["UN", "U.N"]),
    ("Yahoo! Japan", "Yahoo! Japan or Yahoo Japan", ["Yahoo! Japan", "Yahoo Japan"]),
    ("oil | gas", "gas and oil", ["gas", "oil"]),
    ("Straße", "STRASSE", ["STRASSE"]),
    ("Iran", "İRAN", ["İRAN"]),
    ("Nord-Corée", "Nord-Core\u0301e", ["Nord-Core\u0301e"]),
    ("North Korea", "Nоrth Kоrea", ["Nоrth Kоrea"]),
    ("AT&T", "AT&amp;T", ["AT&amp;T"]),
    ("북한", "북한이 발사", ["북한"]),
    ("북한", "탈북한", None),
    ("제재", "대북제재", None),
    ("'*제재'", "대북제재를", ["대북제재"]),
    ("미사일", "탄도미사일", ["미사일"]),
    ("전문가 패널", "유엔전문가 패널이", ["전문가 패널"]),
    ("북한 노동자", "탈북한 노동자", None),
    ("IT인력", "북한 IT인력의, IT 인력", ["IT인력", "IT 인력"]),
    ("UN", "UN이 결의", ["UN"]),
    ("=北", "北, 미사일 발사", ["北"]),
    ("=北", "“北 핵실험”", ["北"]),
    ("=北", "北·러 정상회담", ["北"]),
    ("=北", "北…합참", ["北"]),
    ("=北", "北미사일", ["北"]),
    ("=北", "北京で会談", None),
    ("=北", "北海道", None),
    ("=핵", "북 핵 실험", ["핵"]),
    ("=핵", "북핵 실험, 핵을", None),
    ("制裁", "对朝制裁决议", ["制裁"]),
    ("北朝鮮", "北朝鮮がミサイル", ["北朝鮮"]),
    ("ミサイル", "弾道ﾐｻｲﾙ発射", ["ﾐｻｲﾙ"]),
    ("1718委员会", "联合国1718委员会报告", ["1718委员会"]),
    ("Lazarus", "集団Lazarusが", ["Lazarus"]),
    ("制裁*", "制裁决议", ["制裁"]),
    ("金正恩", "金。正恩", None),
    ("санкци*", "антисанкции и САНКЦИЙ", ["САНКЦИЙ"]),
    ("Совет* Безопасности", "Совета Безопасности ООН", ["Совета Безопасности"]),
    ("ёлка", "елка", ["елка"]),
    ("عقوبات", "فرض عقوبات وعقوبات والعقوبات للعقوبات", ["عقوبات", "وعقوبات", "والعقوبات", "للعقوبات"]),
    ("عقوبات", "لاعقوبات", None),
    ("السودان", "في السودان والسودان للسودان", ["السودان", "والسودان", "للسودان"]),
    ("السودان", "سودان", None),
    ("كوريا الشمالية", "وكوريا الشماليّة", ["وكوريا الشماليّة"]),
    ("صاروخ*", "بصاروخها", ["بصاروخها"]),
    ("'*مالي'", "الشمالية شمالي", ["شمالي"]),
    ("إيران", "ايران", ["ايران"]),
]  # fmt: skip


@pytest.mark.parametrize(("term", "text", "found"), FINDS, ids=[f"{a} in {b}" for a, b, _ in FINDS])
def test_a_term_finds_its_word_and_no_other(term: str, text: str, found: list[str] | None) -> None:
    """Each form of a term has exactly the matches that the manual promises."""
    assert hit_texts(rule(term), text) == found


@given(
    st.lists(
        st.sampled_from(["North", "Korea", "U.N.", "Corée", "Straße", "КНДР", "oil"]),
        min_size=1,
        max_size=3,
    ),
    st.data(),
)
def test_the_characters_that_match_fold_to_the_term(words: list[str], data: st.DataObject) -> None:
    """However a phrase is disguised, the span is its characters and no others."""
    phrase = " ".join(words)
    disguises = [
        str.upper,
        str.lower,
        lambda t: t.replace("o", "о"),
        "\u00ad".join,
        lambda t: t.replace(" ", "—"),
        lambda t: t.replace("é", "e\u0301"),
    ]
    disguised = phrase
    for change in data.draw(st.lists(st.sampled_from(disguises), max_size=3)):
        disguised = change(disguised)
    if fold(disguised) != fold(phrase):
        return  # an acronym with something between its letters is no acronym any more

    (found,) = hit_texts(rule(f"'{phrase}'"), f"x “{disguised}” y") or [""]

    assert fold(found).strip() == fold(phrase).strip()
    assert found in disguised
