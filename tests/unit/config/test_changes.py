"""What an edit of the configuration files changes, in words."""

import pytest

from monitor.config.changes import changes

FEEDS = "feeds: [{id: a, url: 'https://a.example.org/f', every: 15m}, {id: b, url: 'https://b/f'}]"
RULES = "rules: [{id: veto, severity: high, when: {any: [veto]}}, {id: oil, when: {any: [oil]}}]"
ROUTES = "routes: [{when: {severity: high}, send: desk}]\nchannels: {desk: {console: {}}}"


def _said(old: dict[str, str], new: dict[str, str]) -> list[str]:
    return [one.said for one in changes(old, new)]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("feeds.yaml", FEEDS, FEEDS.replace("15m", "5m"), ["feed a changed: every 5m, was 15m"]),
        ("feeds.yaml", FEEDS, FEEDS.replace("//a.", "//x."), ["feed a changed: url"]),
        ("feeds.yaml", FEEDS, FEEDS.replace("id: b", "id: c"), ["feed c added", "feed b removed"]),
        (
            "feeds.yaml",
            FEEDS,
            f"defaults: {{lang: ko}}\n{FEEDS}",
            ["setting defaults.lang changed: ko, was default"],
        ),
        (
            "monitor.yaml",
            "digest: {at: '07:00'}",
            "digest: {zone: UTC}",
            [
                "setting digest.zone changed: UTC, was default",
                "setting digest.at changed: default, was 07:00",
            ],
        ),
        (
            "rules/x.yaml",
            RULES,
            RULES.replace("high, when: {any: [veto]}", "low, when: {any: [no]}"),
            ["rule veto changed: severity low, was high; when"],
        ),
        ("rules/x.yaml", RULES, RULES.replace("id: oil", "id: fuel, was: oil"),
         ["rule fuel renamed: oil"]),
        ("rules/x.yaml", RULES, RULES.replace("id: oil", "id: fuel, was: gas"),
         ["rule fuel added: was gas", "rule oil removed"]),
        ("rules/x.yaml", RULES, RULES.replace("id: oil", "id: fuel"),
         ['rule fuel added: like oil, which is gone; "was: oil" keeps its history',
          "rule oil removed"]),
        ("rules/x.yaml", "rules: [{id: a, x: y}]", "rules: [{id: b, x: z}]",
         ["rule b added", "rule a removed"]),
        ("rules/x.yaml", "terms: {a: {en: [x]}}", "terms: {a: {en: [y]}}",
         ["term list a changed: en"]),
        (
            "routes.yaml",
            ROUTES,
            ROUTES.replace("severity: high", "severity: low").replace("desk: {c", "room: {c"),
            [
                "channel room added",
                "channel desk removed",
                "route {when: {severity: low}, send: desk} added",
                "route {when: {severity: high}, send: desk} removed",
            ],
        ),
        (
            "routes.yaml",
            ROUTES,
            ROUTES + "\nsilences: [{rule: [a, b], until: 2024-09-05, by: x, reason: y}]",
            ["silence {rule: [a, b], until: 2024-09-05, by: x, reason: y} added"],
        ),
        ("watchlists/v.csv", "name\na\n", "name\nb\nc\n",
         ["watchlist v.csv changed: 2 lines more, 1 lines less"]),
        ("watchlists/v.csv", "", "name\n",
         ["watchlist v.csv added: 1 lines more, 0 lines less"]),
        ("watchlists/v.csv", "name\n", "",
         ["watchlist v.csv removed: 0 lines more, 1 lines less"]),
    ],
)  # fmt: skip
def test_each_change_is_said_in_a_line(file: str, old: str, new: str, said: list[str]) -> None:
    """What was added, removed, changed or renamed, with the values where they are short."""
    assert _said({file: old}, {file: new}) == said


def test_what_moved_to_another_file_is_not_removed() -> None:
    """A rule is known by its id, wherever it stands."""
    old = {"rules/a.yaml": RULES, "rules/b.yaml": ""}

    assert _said(old, {"rules/a.yaml": "", "rules/b.yaml": RULES}) == [
        "rule veto changed: moved here from rules/a.yaml",
        "rule oil changed: moved here from rules/a.yaml",
    ]


@pytest.mark.parametrize(
    "text", ["", "rules: {", "- list", "rules: words", "rules: [text, {title: x}]", "feeds: {a: b}"]
)
def test_texts_of_any_form_are_compared(text: str) -> None:
    """A stored set may be of another version; nothing that it holds stops the comparison."""
    for name in ("rules/x.yaml", "feeds.yaml", "routes.yaml", "monitor.yaml"):
        for one, other in ((text, RULES), (RULES, text), (text, FEEDS), (ROUTES, text)):
            assert all(change.file == name for change in changes({name: one}, {name: other}))


def test_entries_that_are_no_mappings_are_shown_as_they_are() -> None:
    """The comparison judges nothing; check does."""
    assert _said({}, {"routes.yaml": "routes: [everything]\nchannels: {a: x}"}) == [
        "channel a added",
        "route everything added",
    ]
    old, new = {"routes.yaml": "channels: {a: x}"}, {"routes.yaml": "channels: {a: {b: c}}"}
    assert _said(old, new) == ["channel a changed"]


def test_equal_files_differ_in_nothing_and_huge_ones_as_a_whole() -> None:
    """A file of megabytes is not read twice at every reload."""
    huge = "rules: []\n" + "#" * 4_000_001

    assert changes({"feeds.yaml": FEEDS}, {"feeds.yaml": FEEDS}) == ()
    assert _said({"rules/x.yaml": huge}, {"rules/x.yaml": RULES}) == ["file rules/x.yaml changed"]


def test_no_address_and_no_key_is_shown() -> None:
    """Both may hold a secret; that they changed is enough."""
    old = {"feeds.yaml": "feeds: [{id: a, url: 'https://x/?key=1', auth: {basic: 'u:p'}}]"}
    new = {"feeds.yaml": "feeds: [{id: a, url: 'https://x/?key=2', auth: {basic: 'u:q'}}]"}

    assert _said(old, new) == ["feed a changed: url; auth"]
    assert _said({}, {"routes.yaml": "routes: [{url: x, send: " + "y" * 99 + "}]"}) == [
        "route {send: " + "y" * 80 + "…} added"
    ]
