"""Folding: the same word however it is written, and the way back to the original."""

import pytest
from hypothesis import given

from monitor.text.fold import SENTENCE_END, fold, fold_cased
from tests.unit.text.alphabet import TEXTS, has_mixed_letters

WRITTEN = [
    ("North Korea", " north korea "),
    ("NORTH-KOREA", " north korea "),
    ("Pyongyang’s", " pyongyang s "),
    ("“Ship‑to—ship”", " ship to ship "),
    ("Ｎｏｒｔｈ", " north "),
    ("cyber\u00adattack", " cyberattack "),
    ("sanc\u200btions", " sanctions "),
    ("Corée", " coree "),
    ("Core\u0301e", " coree "),
    ("Straße STRASSE", " strasse strasse "),
    ("İran ırak", " iran irak "),
    ("Łódź Ørsted", " lodz orsted "),
    ("Œuvre Æsir", " oeuvre aesir "),
    ("U.N. and D.P.R.K.", " un and dprk "),
    ("N. Korea N.Korea", " n korea n korea "),
    ("AT&amp;T", " at t "),
    ("Ship&#8209;to&#x2011;ship", " ship to ship "),
    ("R&D; x", " r d x "),
    ("Nоrth Kоrea", " north korea "),
    ("Сeверная", " северная "),
    ("KHДP", " кндр "),
    ("КНДР", " кндр "),
    ("CКА", " ска "),
    ("Hµ", " hμ "),
    ("zЖ Moscow Москва", " zж moscow москва "),
    ("Ёлка ёлка", " елка елка "),
    ("Корей Коре\u0438\u0306", " корей корей "),
    ("إيران وأوروبا", " ايران واوروبا "),
    ("كُورِيَا", " كوريا "),
    ("عقوبــات مدرسة على", " عقوبات مدرسه علي "),
    ("٢٣٩٧", " 2397 "),
    ("שָׁלוֹם", " שלום "),
    ("ガス か\u3099", " ガス が "),
    ("ﾐｻｲﾙ ｶﾞｽ", " ミサイル ガス "),
    ("\u1112\u1161\u11ab\u1100\u116e\u11a8 하\u11ab", " 한국 한 "),
    ("北・中", " 北 中 "),
    ("UN이 IT인력", " un 이 it 인력 "),
    ("美北정상회담", " 美北 정상회담 "),
    ("米IT企業", " 米 it 企業 "),
    ("第1718号", " 第 1718 号 "),
    ("नमस्ते", " नमस्ते "),
    ("สวัสดี", " สวัสดี "),
    ("💣 m²", " m2 "),
    ("\ud800a", " a "),
    ("", " "),
    ("—", " "),
    ("– é", " e "),
]


@pytest.mark.parametrize(("text", "folded"), WRITTEN, ids=[text or "empty" for text, _ in WRITTEN])
def test_spellings_of_one_word_fold_alike(text: str, folded: str) -> None:
    """Case, accents, dashes, quotes, width, invisible and look-alike letters are gone."""
    assert fold(text) == folded


SENTENCES = [
    ("Kim died. Russia said", 1),
    ("Kim died! Russia said", 1),
    ("Did he? Russia said", 1),
    ("he said.” Russia", 1),
    ("in Mexico. (AP via", 1),
    ("resolution 2397. Russia", 1),
    ("resolution 2397. russia", 0),
    ("the U.N. Security Council", 0),
    ("in St. Petersburg", 0),
    ("No. 5 and Gen. Kim and Sept. 9", 0),
    ("5 млн. Россия", 0),
    ("at 5. March", 0),
    ("wait... Russia", 1),
    ("a title\nA summary", 1),
    ("wrapped\nline goes on", 0),
    ("決議。北朝鮮", 1),
    ("発射！また？もう", 2),
    ("قال. روسيا", 1),
    ("لماذا؟ روسيا", 1),
    ("Is it? Yes! Good. End", 3),
]


@pytest.mark.parametrize(("text", "ends"), SENTENCES, ids=[text for text, _ in SENTENCES])
def test_sentences_end_where_a_reader_would_end_them(text: str, ends: int) -> None:
    """Stops end a sentence, except after abbreviations, single letters and short numbers."""
    assert fold(text).count(SENTENCE_END) == ends


def test_reserved_characters_of_a_text_are_spaces() -> None:
    """A text cannot bring its own sentence and field ends."""
    assert fold("a\x01b\x02c") == " a b c "


def test_cased_folding_keeps_capitals() -> None:
    """Capitals stay, position for position."""
    assert fold_cased("The IT wörker of İST in ЁЖ") == " The IT worker of IST in ЕЖ "


@given(TEXTS)
def test_folding_again_changes_nothing_but_script_words(text: str) -> None:
    """Folded words are in their final form."""
    folded = fold(text).replace(SENTENCE_END, " ")

    assert fold(folded).split() == folded.split() or has_mixed_letters(folded)


@given(TEXTS)
def test_folded_text_is_words_between_single_spaces(text: str) -> None:
    """There is one space at both ends and never two in a row."""
    folded = fold(text)

    assert folded[0] == folded[-1] == " "
    assert "  " not in folded
    assert folded == folded.casefold() or any(not c.isascii() for c in folded)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "a. " * 30_000,
        "&" * 50_000,
        "\u0301" * 50_000,
        "(" * 50_000 + "A",
        "." * 50_000,
        "a.b." * 20_000,
        "北a" * 30_000,
    ],
)
def test_hostile_texts_fold_in_linear_time(text: str) -> None:
    """Long runs of what the expressions look for cost no more than other text."""
    assert fold(text)
