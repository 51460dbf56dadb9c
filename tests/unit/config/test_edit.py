"""feeds.yaml is changed in place."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.crosscheck import each
from monitor.config.edit import Change, Uneditable, edited
from monitor.config.files import write_file
from monitor.errors import MonitorError
from monitor.yamlnodes import load

DAY = "2026-11-25"
FILE = """\
# The list.
version: 1
feeds:
  # ---- official
  - id: un   # the first
    url: https://press.example/rss.xml   # moved twice
    every: "10m"
    note: >-
      A text of
      two lines.
    tags: [official, un]

  - url: https://b.example/feed
    id: b
    lang: en
  - {id: c, url: "https://c.example/f", lang: en}  # short
  - {"id": "d", "url": "https://d.example/f"}
  - id: e
    url: ${FEED_E}
"""


def _edit(text: str, *changes: tuple[str, str, str]) -> str:
    return edited(
        text,
        [Change(feed=f, key=k, value=v, why="because", day=DAY) for f, k, v in changes],
    )


def _changed(before: str, after: str) -> list[str]:
    """Return the lines that are new, in order."""
    known = set(before.splitlines())
    return [line for line in after.splitlines() if line not in known]


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        pytest.param(
            ("un", "url", "https://new.example/rss"),
            ["    # audit 2026-11-25: because", "    url: https://new.example/rss   # moved twice"],
            id="a-value",
        ),
        pytest.param(
            ("un", "every", "5m"),
            ["    # audit 2026-11-25: because", '    every: "5m"'],
            id="quotes-stay",
        ),
        pytest.param(
            ("un", "enabled", "false"),
            ["    # audit 2026-11-25: because", "    enabled: false"],
            id="a-new-key",
        ),
        pytest.param(
            ("b", "url", "https://new.example/a#b, c"),
            ["  # audit 2026-11-25: because", '  - url: "https://new.example/a#b, c"'],
            id="beside-the-dash-and-in-need-of-quotes",
        ),
        pytest.param(
            ("c", "lang", "ko"),
            [
                "  # audit 2026-11-25: because",
                '  - {id: c, url: "https://c.example/f", lang: ko}  # short',
            ],
            id="in-braces",
        ),
        pytest.param(
            ("d", "enabled", "false"),
            [
                "  # audit 2026-11-25: because",
                '  - {"id": "d", "url": "https://d.example/f", enabled: false}',
            ],
            id="a-new-key-in-braces",
        ),
    ],
)
def test_a_change_touches_its_line_alone(change: tuple[str, str, str], lines: list[str]) -> None:
    """Comments, quotes and order stay; the reason stands above."""
    after = _edit(FILE, change)

    assert _changed(FILE, after) == lines
    assert len(after.splitlines()) - len(FILE.splitlines()) in (1, 2)
    entry = next(one for one in yaml.safe_load(after)["feeds"] if one["id"] == change[0])
    assert str(entry[change[1]]).lower() == change[2]


def test_several_changes_of_a_feed_stand_together() -> None:
    """Places move with every change."""
    after = _edit(FILE, ("b", "enabled", "false"), ("b", "every", "5m"), ("b", "lang", "fr"))

    entry = yaml.safe_load(after)["feeds"][1]
    assert (entry["enabled"], entry["every"], entry["lang"]) == (False, "5m", "fr")
    assert after.count("# audit") == 3


def test_a_later_reason_takes_the_place_of_the_one_before() -> None:
    """Years of audits leave one line a value."""
    once = _edit(FILE, ("un", "every", "5m"))

    assert _edit(once, ("un", "every", "2m")).count("# audit") == 1


def test_line_ends_stay_as_they_are() -> None:
    """A file of Windows stays one; a last line may have no end."""
    windows = FILE.replace("\n", "\r\n")
    short = "feeds:\n  - id: a\n    url: https://a.example/f"

    after = _edit(windows, ("un", "enabled", "false"))

    assert after.count("\n") == after.count("\r\n")
    assert _edit(short, ("a", "enabled", "false")).endswith(
        "url: https://a.example/f\n    # audit 2026-11-25: because\n    enabled: false\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FILE, id="reference"),
        pytest.param('feeds:\n  - id: e\n    url: "https://a.example/\\\n      f"\n', id="lines"),
    ],
)
def test_what_is_not_a_plain_value_is_left_alone(text: str) -> None:
    """A reference would become the secret that it stands for."""
    with pytest.raises(Uneditable):
        _edit(text, ("e", "url", "https://new.example/"))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_any_value_reads_back(value: str) -> None:
    """Whatever a server may put into an address."""
    kept = "".join(char for char in value if char.isprintable())

    after = _edit(FILE, ("un", "url", kept))

    feed = next(each(load("feeds.yaml", after).get("feeds")))  # as we read it: all is text
    url = feed.get("url")
    assert url is not None
    assert url.text == kept


def test_the_shipped_list_can_be_edited_everywhere() -> None:
    """Each of its feeds: nothing else changes."""
    path = Path(__file__).parents[3] / "config" / "feeds.yaml"
    text = path.read_text("utf-8")
    feeds = yaml.safe_load(text)["feeds"]

    after = edited(
        text,
        [Change(feed=f["id"], key="every", value="3m", why="x", day=DAY) for f in feeds[::8]],
    )

    wanted = [{**f, "every": "3m"} if n % 8 == 0 else f for n, f in enumerate(feeds)]
    assert yaml.safe_load(after)["feeds"] == wanted


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    """Behind a link too; nothing else is left beside it."""
    real, link = tmp_path / "real.yaml", tmp_path / "feeds.yaml"
    real.write_text("a")
    real.chmod(0o640)
    link.symlink_to(real)

    write_file(link, "a", "b")

    assert (real.read_text(), real.stat().st_mode & 0o777) == ("b", 0o640)
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feeds.yaml", "real.yaml"]


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Somebody edits the list while it is audited."""
    path = tmp_path / "feeds.yaml"
    path.write_text("edited")

    with pytest.raises(MonitorError, match="changed meanwhile"):
        write_file(path, "before", "after")
    with pytest.raises(MonitorError, match="cannot be written"):
        write_file(tmp_path / "absent.yaml", "", "")

    assert path.read_text() == "edited"
