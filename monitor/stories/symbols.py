"""Document symbols: ids that publishers give to one document and that everybody cites alike."""

import re
from collections.abc import Iterator

# UN: S/2024/215, S/PV.9591, S/RES/2664 (2022), A/79/123, A/C.1/79/L.8; press releases SC/15648.
# IAEA GOV/2024/42; CISA AA24-207A; FinCEN FIN-2024-Alert001; EU acts (CFSP) 2024/1471.
_SYMBOL = re.compile(
    r"""(?<![\w/.-])(?:
        (?P<un>[SA]/(?:(?:AC|C|RES|PV|PRST|HRC|INF|SR|ES)[./-]?)?[\dA-Z][\dA-Z./-]*\d
            (?:\s?\((?:19|20)\d\d\))?)
      | (?P<press>(?:SC|GA|SG/SM|SG/SC|DC)/\d{4,6})
      | (?P<iaea>(?:GOV|INFCIRC)/\d[\d/.-]*\d)
      | (?P<cisa>AA\d\d-\d{3}[A-Z])
      | (?P<fincen>FIN-20\d\d-[A-Z]+\d+)
      | \((?:CFSP|EU)\)\s?(?P<eu>20\d\d/\d{1,5})
    )(?![\w/])""",
    re.VERBOSE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")


def symbols(text: str, year: int) -> Iterator[str]:
    """Yield the document symbols in `text` whose own year, where they carry one, is `year`.

    An old symbol (S/RES/2397 (2017)) is background that any story may cite: it names no event.
    """
    for found in _SYMBOL.finditer(text):
        symbol = re.sub(r"\s", "", found[0])
        if "RES/" in symbol and "(" not in symbol:
            continue
        years = _YEAR.findall(symbol)
        if not years or str(year) in years:
            yield symbol
