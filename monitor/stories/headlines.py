"""Headlines and first lines without what the desk adds: publisher, labels, place and reporter."""

import html
import re

from monitor.stories.words import folded

_MIN_TITLE = 12  # characters; a shorter headline ("Press release") recurs
_MIN_REST = 12  # characters that must be left when a publisher is taken off
_TITLE = 400  # characters of a headline compared: hostile ones are as long as a feed allows
_LEAD = 400  # characters of text compared: what a wire puts first
# "... - Reuters", "... | NHK - nhk.or.jp", "...-观察者网"; more than one may stand at the end.
_PUBLISHER = re.compile(r"(?:\s+[-–—]\s*|\s*[|｜]\s*|-(?=[^-\s]{2,8}$))[^-–—|｜]{2,45}$")
# "[속보]", "【独自】" at the start, "(종합2보)", "(2nd LD)" at the end.
_LABELS = re.compile(
    r"^\s*['‘“\"]?(?:\[[^\]]{1,16}\]|【[^】]{1,12}】)\s*"
    r"|\s*\((?:종합\d?보?|\d보|\d?(?:st|nd|rd|th)?\s?(?:LD|LEAD|UPDATE)\s?\d?)\)\s*$",
    re.IGNORECASE,
)
# "(서울=연합뉴스) 오지은 기자 = ", "【NHK】", "Pyongyang, October 14 (KCNA) -- ".
_DATELINE = re.compile(
    r"^\s*(?:[(【\[][^)】\]]{1,40}[)】\]]\s*(?:[^=]{0,60}(?:기자|특파원)\s*=\s*)?"
    r"|[A-Z][\w .]{2,30},[^()]{2,25}\([A-Z][A-Za-z]{1,9}\)\s*[-–—]+\s*"
    r"|[A-Z][A-Z .,]{2,30}\([A-Z][A-Za-z]{1,9}\)\s*[-–—]+\s*)"
)


def headline(title: str) -> str:
    """Return the title without publisher and desk labels."""
    text = html.unescape(title[: 2 * _TITLE])[:_TITLE]
    for _ in range(3):
        shorter = _PUBLISHER.sub("", text)
        if len(shorter) < _MIN_REST:
            break
        text = shorter
    for _ in range(2):
        text = _LABELS.sub("", text)
    return text.strip()


def lead(text: str) -> str:
    """Return the first few hundred characters of a text, without place, agency and reporter."""
    return _DATELINE.sub("", html.unescape(text[: 2 * _LEAD]))[:_LEAD]


def title_key(headline: str) -> str:
    """Return the words of a headline, by which equal ones are found: no case, no punctuation.

    A headline too short to name an event gives the empty text.
    """
    key = " ".join("".join(c if c.isalnum() else " " for c in folded(headline)).split())
    return key if len(key) >= _MIN_TITLE else ""
