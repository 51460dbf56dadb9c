"""Which encoding a document is in, whatever it says."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import Document
from monitor.sources.encoding import detect

RUSSIAN = "Совет Безопасности не продлил мандат группы экспертов по санкциям против КНДР"
KOREAN = "유엔 안전보장이사회는 대북제재 전문가패널의 임기를 연장하지 못했다"
JAPANESE = "国連安全保障理事会は専門家パネルの任期を延長できなかった"
CHINESE = "联合国安理会未能延长制裁专家小组的任期，有国家投了否决票"
TAIWANESE = "聯合國安理會未能延長制裁專家小組的任期，有國家投了否決票"


def _feed(text: str, codec: str, declared: str = "") -> bytes:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    return f"{declaration}<rss><item><title>{text}</title></item></rss>".encode(codec)


def _decoded(body: bytes, content_type: str = "") -> str:
    document = Document(body, {"content-type": content_type} if content_type else {})
    return body.decode(detect(document), "replace")


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp866"),
        (KOREAN, "euc-kr"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc-jp"),
        (CHINESE, "gb18030"),
        (TAIWANESE, "big5"),
        ("مجلس الأمن يفشل في تمديد ولاية فريق الخبراء", "cp1256"),
        ("מועצת הביטחון לא האריכה את המנדט", "cp1255"),
        ("Το Συμβούλιο Ασφαλείας δεν παρέτεινε την εντολή", "cp1253"),
        ("คณะมนตรีความมั่นคงไม่ต่ออายุคณะผู้เชี่ยวชาญ", "cp874"),
        ("Rada Bezpieczeństwa nie przedłużyła mandatu", "cp1250"),
        ("Güvenlik Konseyi yaptırımları izleyen uzmanların görevini uzatmadı", "cp1254"),
        ("Le Conseil de sécurité n’a pas renouvelé le mandat – échec", "cp1252"),
    ],
)
@pytest.mark.parametrize("declared", ["", "utf-8", "iso-8859-1"], ids=["nothing", "utf8", "latin1"])
def test_legacy_text_is_readable_though_mislabelled(text: str, codec: str, declared: str) -> None:
    """What servers declare without looking does not turn news into noise."""
    assert text in _decoded(_feed(text, codec, declared))


@pytest.mark.parametrize(
    ("codec", "declared", "content_type"),
    [
        pytest.param("cp1251", "windows-1251", "", id="declaration"),
        pytest.param("koi8-r", "", "text/xml; charset=koi8-r", id="header"),
        pytest.param(
            "koi8-r", "windows-1251", "application/xml;charset='KOI8-R'", id="header-wins"
        ),
        pytest.param("utf-8", "iso-8859-1", "text/xml; charset=windows-1252", id="utf-8-wins"),
        pytest.param("utf-8", "no-such-encoding", "", id="unknown-name"),
        pytest.param("utf-16", "utf-16", "", id="utf-16-with-mark"),
        pytest.param("utf-16-le", "utf-16", "", id="utf-16-le"),
        pytest.param("utf-16-be", "utf-16", "", id="utf-16-be"),
        pytest.param("utf-32", "utf-32", "", id="utf-32-with-mark"),
        pytest.param("utf-32-be", "utf-32", "", id="utf-32-be"),
        pytest.param("utf-32-le", "utf-32", "", id="utf-32-le"),
        pytest.param("utf-8-sig", "windows-1251", "", id="byte-order-mark-wins"),
    ],
)
def test_the_bytes_decide_between_declarations(
    codec: str, declared: str, content_type: str
) -> None:
    """Mark, then UTF-8, then header, then declaration."""
    assert RUSSIAN in _decoded(_feed(RUSSIAN, codec, declared), content_type)


@pytest.mark.parametrize("codec", ["gb2312", "ks_c_5601-1987", "iso-2022-jp", "hz"])
def test_names_of_seven_bits_and_of_supersets_are_honoured(codec: str) -> None:
    """A declared East Asian encoding is read in its superset."""
    text = {"ks_c_5601-1987": KOREAN, "iso-2022-jp": JAPANESE}.get(codec, CHINESE)

    assert text in _decoded(_feed(text, codec, codec))


def test_names_that_python_lacks_are_translated() -> None:
    """`windows-949` is what Korean servers call their encoding."""
    body = _feed("짧은 말", "cp949", "windows-949")

    assert "짧은 말" in _decoded(body)


def test_one_bad_byte_does_not_spoil_utf8() -> None:
    """One bad byte, and feedparser reads everything as Latin (its issue 421)."""
    body = _feed(RUSSIAN + " MARK " + KOREAN, "utf-8", "utf-8").replace(b"MARK", b"\xff")

    text = _decoded(body)

    assert RUSSIAN in text
    assert KOREAN in text


def test_half_a_character_at_the_end_does_not_spoil_utf8() -> None:
    """A document that breaks off inside a letter is still UTF-8."""
    body = _feed("é", "utf-8", "iso-8859-1")
    cut = body[: body.index("é".encode()) + 1]

    assert detect(Document(cut)) == "utf-8"


@pytest.mark.parametrize("name", ["rot13", "zlib", "unicode_escape", "\x00", "undefined"])
def test_what_is_no_character_encoding_is_ignored(name: str) -> None:
    """Python calls more things codecs than decode bytes to text."""
    document = Document("é!".encode("cp1252"), {"content-type": f"text/xml; charset={name}"})

    assert detect(document) == "cp1252"


def test_noise_is_read_as_latin() -> None:
    """Where no language shows, every byte is at least a character."""
    assert detect(Document(bytes(range(128, 160)) * 3)) == "cp1252"


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_bytes_decode_in_what_is_detected(body: bytes, charset: str) -> None:
    """The answer is always a codec that exists."""
    codec = detect(Document(body, {"content-type": f"text/xml; charset={charset}"}))

    assert codecs.lookup(codec)
    assert isinstance(body.decode(codec, "replace"), str)
