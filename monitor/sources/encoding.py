"""Which character encoding a document is in, decided once for the whole of it.

feedparser decides by itself, but document by document: cutting the one entry with a bad byte
would change how the others read. The order is feedparser's; what it reads as windows-1252 for
want of better is looked at more closely, since Cyrillic and Korean come out as noise.
"""

import codecs
import re

from monitor.model import Document

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKERS = (  # `<?xm` without a BOM
    (b"\x4c\x6f\xa7\x94", "cp037"),
    (b"\x00\x3c\x00\x3f", "utf-16-be"),
    (b"\x3c\x00\x3f\x00", "utf-16-le"),
    (b"\x00\x00\x00\x3c", "utf-32-be"),
    (b"\x3c\x00\x00\x00", "utf-32-le"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]+)""", re.IGNORECASE)
# Names that servers and programs write without looking; any bytes decode in them.
_CARELESS = frozenset({"iso8859-1", "cp1252", "iso8859-15", "ascii"})
# Supersets that are meant by these names (WHATWG Encoding Standard, section 4.2).
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
_NOT_IN_PYTHON = {"windows-949": "cp949", "x-sjis": "cp932", "windows-874": "cp874"}

# The letters that make up most of a text in the languages that use an encoding. Where nothing is
# declared, or wrongly, the encoding in which these are frequent is the right one.
_FREQUENT = {
    "cp949": "이다의는에가을를한지고서하로은도사과인대기자시정리일부국제나스수",
    "gb18030": "的一是在不了有和人这中国为上个我以要他时来用们生到作地于出年对会发说",
    "big5hkscs": "的一是在不了有和人這中國為上個我以要他時來用們生到作地於出年對會發說",
    "cp932": "のにはをたがでてとしれさいるもなあこすっンースル",
    "euc_jp": "のにはをたがでてとしれさいるもなあこすっンースル",
    "cp1251": "оеаинтсрвлкмдпуяыьгзбйч",
    "koi8_r": "оеаинтсрвлкмдпуяыьгзбйч",
    "cp866": "оеаинтсрвлкмдпуяыьгзбйч",
    "cp1256": "اليمنرتوبةدعفسكهق",
    "cp1255": "יוהלארתבשמןם",
    "cp1253": "αοιετσνηυρπκμλςάέίό",
    "cp874": "านรอกเงมยลวดทส่้",
    "cp1250": "ąęłśżźćńěščřžýáíéůúőűăâîșț",
    "cp1254": "ıişğüöçİ",
    "cp1252": "éèàùâêîôûçäöüßñóáíúãõøåæ’‘“”–—«»\u00a0",
}
_PLAUSIBLE = 0.15  # share of frequent letters among all that are not ASCII; noise stays below 0.1
_SAMPLE_BYTES = 200_000


def detect(document: Document) -> str:
    """Return the Python codec to decode the body with (`errors="replace"`).

    UTF-8 that decodes is UTF-8, whatever is declared: by chance that does not happen. Otherwise
    the HTTP header wins over the XML declaration, if the bytes decode at all.
    """
    body = document.body
    for start, codec in (*_BOMS, *_MARKERS):
        if body.startswith(start):
            return codec
    named = _named(document)
    if body.isascii():  # says nothing, but for those that write all in seven bits
        return next(
            (codec for codec in named if codec.startswith(("iso2022", "hz", "utf-7"))), "ascii"
        )
    if _decodes(body, "utf-8"):
        return "utf-8"
    for codec in named:
        meant = _MEANT.get(codec, codec)
        if codec not in _CARELESS and _decodes(body, meant):
            return meant
    return _guess(body)


def _named(document: Document) -> list[str]:
    """Return the codecs that the HTTP header and the XML declaration name, in this order."""
    header = _CHARSET.search(document.headers.get("content-type", ""))
    declared = _DECLARED.match(document.body[:400])
    labels = [header[1]] if header else []
    if declared:
        labels.append(declared[1].decode("ascii"))
    return list(filter(None, map(_codec, labels)))


def _codec(label: str) -> str:
    """Return Python's name of an encoding, or an empty text for one it does not know."""
    try:
        info = codecs.lookup(_NOT_IN_PYTHON.get(label.lower(), label))
    except (LookupError, ValueError):
        return ""
    # `rot13` and `zip` are codecs too, but decode to bytes or from text.
    return info.name if info._is_text_encoding else ""


def _decodes(body: bytes, codec: str) -> bool:
    try:
        body.decode(codec)
    except (UnicodeError, ValueError):
        return False
    return True


def _guess(body: bytes) -> str:
    """Return the encoding of bytes that are not what they say, or say nothing."""
    if _is_nearly_utf8(body):
        return "utf-8"
    sample = bytes(byte for byte in body[:_SAMPLE_BYTES] if byte)
    scores = {codec: _score(sample, codec) for codec in _FREQUENT}
    best = max(scores, key=lambda codec: scores[codec])
    return best if scores[best] >= _PLAUSIBLE else "cp1252"


def _is_nearly_utf8(body: bytes) -> bool:
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return sum(char > "\x7f" for char in text) > 10 * bad


def _score(sample: bytes, codec: str) -> float:
    """Return the share of the language's frequent letters, 0 for bytes that do not decode."""
    text = sample.decode(codec, "replace")
    foreign = [char for char in text if char > "\x7f"]
    bad = text.count("\ufffd")
    if not foreign or bad * 50 > len(foreign):
        return 0.0
    frequent = frozenset(_FREQUENT[codec])
    return sum(char in frequent for char in foreign) / len(foreign)
