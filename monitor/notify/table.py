"""The stories of a digest as CSV, to be opened by a spreadsheet: all of them, one row each."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime

from monitor.model import Digest, DigestStory
from monitor.notify.words import iso, line

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # what spreadsheets compute
_NOT_IN_NAME = re.compile("[^0-9A-Za-z-]+")  # ASCII: the library takes minutes over other names
COLUMNS = (
    "story",
    "severity",
    "theme",
    "rules",
    "title",
    "new",
    "articles_added",
    "articles",
    "sources",
    "languages",
    "listed_names",
    "state",
    "decided_by",
    "decided_at",
    "assignee",
    "opened_at",
    "latest_at",
    "alerted_at",
    "url",
)


def name_of(digest: Digest) -> str:
    """Return the file's name: `digest-2024-03-28.csv`."""
    kind = {"week": "digest-week", "over-cap": "over-cap"}.get(digest.period, "digest")
    return f"{kind}-{_NOT_IN_NAME.sub('', digest.date)[:20] or 'undated'}.csv"


def table_of(digest: Digest) -> bytes:
    """Return every story of a digest as CSV in UTF-8 with a mark, for spreadsheets' sake."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for story in digest.stories:
        writer.writerow(map(_cell, _row(story)))
    return text.getvalue().encode("utf-8-sig", "replace")


def _row(story: DigestStory) -> Sequence[object]:
    return (
        story.story_id,
        story.severity.label,
        story.theme,
        story.rules,
        story.title,
        "yes" if story.is_new else "no",
        story.articles_added,
        story.articles_total,
        story.source_names or story.sources,
        story.languages,
        story.listed_names,
        story.state,
        story.decided_by,
        story.decided_at,
        story.assignee,
        story.opened_at,
        story.latest_at,
        story.told_at,
        story.url,
    )


def _cell(value: object) -> str:
    """Return a value as one line that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, tuple):
        value = ", ".join(value)
    text = line(str(value), 2000)
    return f"'{text}" if text.startswith(_FORMULA) else text
