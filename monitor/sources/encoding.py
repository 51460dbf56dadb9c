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
# Codecs of Python that are no encodings of documents.
_NO_ENCODINGS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})
_NOT_IN_PYTHON = {"windows-949": "cp949", "x-sjis": "cp932", "windows-874": "cp874"}

# The letters that make up most of a text in the languages that use an encoding, and their share
# of all that is not ASCII. Where nothing is declared, or wrongly, the right encoding is the one in
# which they are as frequent as they should be.
_CYRILLIC = ("оеаинтсрвлкмдпуяыі", 0.8)
_JAPANESE = ("のにはをたがでてとしれさいるもなあこすっンースルラクリト。、", 0.35)
_FREQUENT = {
    "cp949": ("이다의는에가을를한지고서하로은도사과인대기자시정리일부국제나스수", 0.3),
    "gb18030": ("的一是在不了有和人这中国为上个我以要他时来用们生到作地于出年对会发说，。", 0.2),
    "big5hkscs": ("的一是在不了有和人這中國為上個我以要他時來用們生到作地於出年對會發說，。", 0.2),
    "cp932": _JAPANESE,
    "euc_jp": _JAPANESE,
    "cp1251": _CYRILLIC,
    "koi8_r": _CYRILLIC,
    "cp866": _CYRILLIC,
    "cp1256": ("اليمنرتوبةدعفسكهقحجشصطذخضأإى", 0.9),
    "cp1255": ("אבגדהוזחטיכלמנסעפצקרשתםןץףך", 0.9),
    "cp1253": ("αβγδεζηθικλμνξοπρστυφχψωςάέίόύήώ", 0.9),
    "cp874": ("านรอกเงมยลวดทส่้ัิีคปบหพแ", 0.8),
    "cp1254": ("ıişğüöçİâ", 0.9),
    "cp1250": ("ąęłśżźćńóěřžůűőăîșțčšýáíéöü", 0.9),
    "cp1252": ("éèàùâêîôûçäöüßñóáíúãõøåæ’‘“”–—«»·°£©®€\u00a0ÉÀÖÄÜ…¿¡", 0.7),
}
_PLAUSIBLE = 0.5  # of the share; noise stays far below
_WESTERN = frozenset({"cp1250", "cp1252", "cp1254"})
# In Latin scripts a letter that is not ASCII stands alone; in all others they come in runs.
_WESTERN_RUN = 1.8  # bytes
_HIGH_BYTES = re.compile(rb"[\x80-\xff]+")
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
    label = _NOT_IN_PYTHON.get(label.lower(), label)
    try:
        b"a".decode(label, "ignore")  # a codec that is no text encoding (`rot13`) is refused here
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""
    return "" if name in _NO_ENCODINGS else name


def _decodes(body: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(body)  # half a character at the end is fine
    except (UnicodeError, ValueError, LookupError):
        return False
    return True


def _guess(body: bytes) -> str:
    """Return the encoding of bytes that are not what they say, or say nothing."""
    if _is_nearly_utf8(body):
        return "utf-8"
    sample = body[:_SAMPLE_BYTES]
    runs = _HIGH_BYTES.findall(sample)
    is_western = sum(map(len, runs)) <= _WESTERN_RUN * len(runs)
    scores = {
        codec: _score(sample, codec) for codec in _FREQUENT if (codec in _WESTERN) == is_western
    }
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
    letters, share = _FREQUENT[codec]
    return sum(char in letters for char in foreign) / len(foreign) / share
