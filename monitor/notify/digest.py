"""What is said of a digest, whatever the channel: figures, themes, stories, what waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from statistics import median

from monitor.model import Coverage, Digest, DigestStory, Severity
from monitor.notify.words import age, count, day_name, language, line, listed, local, short_day

_WHOLE = 40  # stories; of more only the worst are told, so that it stays a page
_STORM = 10
_MANY = 4  # more than a quarter of the feeds
_STORM_TITLE = 64  # characters
_WAITING = 5  # stories told of those that wait since earlier periods
_NAMES = 4  # sources, languages, listed names on one line
_BARS = "▁▂▃▄▅▆▇█"
_DAY = timedelta(days=1)


# ---------------------------------------------------------------- the head


def heading(digest: Digest) -> str:
    """Return `Thursday 28 March 2024, 24 hours to 07:00 Europe/Amsterdam`."""
    return f"{title(digest)}, {span(digest)}"


def title(digest: Digest) -> str:
    """Return `Thursday 28 March 2024`, `Week to Monday 1 April 2024`."""
    day = _day(digest.date)
    names = {"week": f"Week to {day}", "over-cap": f"Over the cap on {day}"}
    return names.get(digest.period, day)


def span(digest: Digest) -> str:
    """Return `24 hours to 07:00 Europe/Amsterdam`."""
    length, until = digest.until - digest.since, local(digest.until, digest.zone)
    hours, days = round(length / timedelta(hours=1)), round(length / _DAY)
    said = count(hours, "hour") if hours else age(digest.since, digest.until)
    said = count(days, "day") if digest.period == "week" and days else said
    return f"{said} to {until:%H:%M} {line(digest.zone)}"


def total(digest: Digest) -> str:
    """Return what the period brought in a few words; an empty one says how much was read."""
    new = sum(story.is_new for story in digest.stories)
    updated = len(digest.stories) - new
    parts = [count(new, "new story", "new stories")] if new else []
    parts += [f"{updated:,} updated"] if updated else []
    if parts:
        return " and ".join(parts)
    whole = digest.coverage.read >= digest.coverage.sources
    return f"nothing, {'and' if whole else 'but only'} {_read(digest.coverage)}"


def sentence(digest: Digest) -> str:
    """Return what the period brought, from how much."""
    summary, items = total(digest), count(digest.items, "item")
    if not digest.stories:
        return f"{summary[:1].upper()}{summary[1:]} ({items})."
    return f"{summary}, from {count(digest.hits, 'hit')} in {items}; {_read(digest.coverage)}."


def summary(digest: Digest) -> str:
    """Return the whole head in words: what came, what is critical, not seen, undecided."""
    parts = (sentence(digest), critical(digest), blindness(digest), undecided(digest))
    return " ".join(filter(None, parts))


def critical(digest: Digest) -> str:
    """Return `2 critical.`, or nothing."""
    number = sum(story.severity is Severity.CRITICAL for story in digest.stories)
    return f"{number:,} critical." if number else ""


def undecided(digest: Digest) -> str:
    """Return what waits for the reader: `5 wait for a decision, and 12 older ones.`, or nothing."""
    new = sum(story.state == "new" for story in digest.stories)
    older = digest.waiting.count
    if not new:
        return f"{count(older, 'older story waits', 'older stories wait')} for a decision." * (
            older > 0
        )
    rest = f", and {count(older, 'older one')}" if older else ""
    return f"{new:,} {'waits' if new == 1 else 'wait'} for a decision{rest}."


def blindness(digest: Digest) -> str:
    """Return `30 feeds are in trouble.` where so many are that the rest says little, or nothing."""
    sick, all_feeds = len(digest.coverage.problems), digest.coverage.sources
    return f"{sick} of {all_feeds} feeds are in trouble." if sick * _MANY > all_feeds else ""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """The hits of the last periods, the last one this one; `usual` is the median of the others."""

    counts: tuple[int, ...]
    now: int
    usual: int
    period: str

    @property
    def bars(self) -> str:
        """Return the counts as a line of blocks."""
        most = max(*self.counts, 1)
        return "".join(
            _BARS[(number * (len(_BARS) - 1) + most - 1) // most] for number in self.counts
        )

    @property
    def legend(self) -> str:
        """Return what the bars are: `hits a day, 14 days`."""
        return f"hits a {self.period}, {count(len(self.counts), self.period)}"

    @property
    def now_said(self) -> str:
        """Return `31 today`."""
        return f"{self.now:,} {'today' if self.period == 'day' else 'this week'}"

    def heights(self, tallest: int) -> list[int]:
        """Return the bars' heights in pixels; a period without a hit keeps a foot of two."""
        most = max(*self.counts, 1)
        return [max(round(number * tallest / most), 2) for number in self.counts]


def trend(digest: Digest) -> Trend | None:
    """Return how this period compares with those before, None where none is known."""
    if len(digest.trend) < 2 or digest.period == "over-cap":  # noqa: PLR2004 (nothing to compare)
        return None
    *before, now = digest.trend
    return Trend(counts=digest.trend, now=now, usual=round(median(before)), period=digest.period)


# ---------------------------------------------------------------- the stories


def is_storm(digest: Digest) -> bool:
    """Return whether there are so many stories that only the worst are told, and briefly."""
    return len(digest.stories) > _WHOLE


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Stories of one theme; `left_out` says how many more there are."""

    title: str
    note: str  # 1 new, 2 updated
    stories: tuple[DigestStory, ...]
    left_out: int = 0


def themes(digest: Digest, room: int | None = None) -> list[Theme]:
    """Return the stories by theme, the worst theme and story first, as many as there is room for.

    Each theme shows its worst story while there is room, and the worst of all fill the rest.
    """
    worst: dict[str, int] = {}
    for story in digest.stories:
        worst[story.theme] = max(worst.get(story.theme, 0), story.severity)
    ranked = sorted(digest.stories, key=lambda one: (-worst[one.theme], one.theme, -one.severity))
    groups = [(name, tuple(group)) for name, group in groupby(ranked, lambda one: one.theme)]
    if room is None:
        room = _STORM if is_storm(digest) else _WHOLE
    shares = _shared_out([group for _, group in groups], room)
    return [
        Theme(
            title=title_of(name) if name else "Other",
            note=_theme_note(group),
            stories=group[:share],
            left_out=len(group) - share,
        )
        for (name, group), share in zip(groups, shares, strict=True)
    ]


def _shared_out(groups: Sequence[Sequence[DigestStory]], room: int) -> list[int]:
    """Return how many stories of each group are told: one each, then the worst, taking turns."""
    shares = [0] * len(groups)
    turns = sorted(
        (place > 0, -story.severity, place, number)
        for number, group in enumerate(groups)
        for place, story in enumerate(group)
    )
    for *_, number in turns[:room]:
        shares[number] += 1
    return shares


def _theme_note(stories: Sequence[DigestStory]) -> str:
    """Return `1 new, 2 updated`."""
    new = sum(story.is_new for story in stories)
    parts = [f"{new:,} new"] if new else []
    parts += [f"{len(stories) - new:,} updated"] if new < len(stories) else []
    return ", ".join(parts)


def left_out(shown: Sequence[Theme]) -> str:
    """Return `1,268 more stories`, or nothing when all are told."""
    number = sum(theme.left_out for theme in shown)
    return count(number, "more story", "more stories") if number else ""


def headline(story: DigestStory, digest: Digest) -> str:
    """Return a story's title, on one line in a storm."""
    return line(story.title, _STORM_TITLE) if is_storm(digest) else line(story.title)


def details(story: DigestStory, digest: Digest) -> list[str]:
    """Return what a story is made of and what became of it; in a storm in one short line."""
    if is_storm(digest):
        parts = (_articles(story), status(story, digest))
        return [" · ".join(filter(None, parts))]
    return [*filter(None, (facts(story), status(story, digest)))]


def facts(story: DigestStory) -> str:
    """Return what a story is made of: its rules, sources, articles, names on lists."""
    parts = [
        listed([line(name) for name in story.rule_titles or story.rules], 2),
        listed([line(name) for name in story.source_names or story.sources], _NAMES),
        _articles(story),
    ]
    if story.listed_names:
        parts.append(f"on list: {listed([line(name) for name in story.listed_names], _NAMES)}")
    return " · ".join(part for part in parts if part)


def _articles(story: DigestStory) -> str:
    """Return `7 articles in 3 languages`, `2 articles, Korean`."""
    articles = count(story.articles_total, "article")
    languages = [language(code) for code in story.languages]
    if len(languages) > 1:
        return f"{articles} in {len(languages)} languages"
    return f"{articles}, {languages[0]}" if languages and languages != ["English"] else articles


def status(story: DigestStory, digest: Digest) -> str:
    """Return what became of a story: what joined, when people were told, what was decided."""
    parts = [] if story.is_new else [f"updated: {_more(story)}"]
    if story.told_at is not None:
        parts.append(f"alerted {clock(story.told_at, digest)}")
    if story.state != "new":
        parts.append(_decided(story, digest))
    elif not story.is_new and story.opened_at is not None:
        parts.append(f"undecided for {age(story.opened_at, digest.until)}")
    if story.assignee:
        parts.append(f"with {line(story.assignee)}")
    if story.is_new and story.articles_total > 1:
        parts.append(f"last article {clock(story.latest_at, digest)}")
    return ", ".join(parts)


def _more(story: DigestStory) -> str:
    return count(story.articles_added, "more article") if story.articles_added else "an edit"


def _decided(story: DigestStory, digest: Digest) -> str:
    by = f" by {line(story.decided_by)}" if story.decided_by else ""
    at = f" {clock(story.decided_at, digest)}" if story.decided_at else ""
    return f"{line(story.state)}{by}{at}"


# ---------------------------------------------------------------- what waits


def waiting(digest: Digest) -> tuple[DigestStory, ...]:
    """Return the worst of the stories that wait since earlier periods; in a storm none."""
    return () if is_storm(digest) else digest.waiting.stories[:_WAITING]


def waiting_note(digest: Digest) -> str:
    """Return `12 stories, the oldest for 9 days`."""
    stories = count(digest.waiting.count, "story", "stories")
    oldest = digest.waiting.oldest
    return f"{stories}, the oldest for {age(oldest, digest.until)}" if oldest else stories


def waits(story: DigestStory, digest: Digest) -> str:
    """Return since when a story waits, and what it is made of."""
    since = f"waits for {age(story.opened_at, digest.until)}" if story.opened_at else ""
    whose = f"with {line(story.assignee)}" if story.assignee else ""
    articles = count(story.articles_total, "article")
    return " · ".join(part for part in (since, articles, whose) if part)


# ---------------------------------------------------------------- the foot


def notes(digest: Digest) -> list[str]:
    """Return what else is worth a glance: near misses, what was kept quiet."""
    said = []
    items = sum(one.items for one in digest.near_misses)
    if items:
        rules = [f"{line(one.title or one.rule)} {one.items:,}" for one in digest.near_misses]
        fell = count(items, "item fell", "items fell")
        said.append(f"Near misses: {fell} just short of a rule ({listed(rules, 3)}).")
    if digest.silenced:
        quiet = count(digest.silenced, "story", "stories")
        said.append(f"Kept quiet by a silence or a mute: {quiet}.")
    return said


def evidence(digest: Digest) -> str:
    """Return what proves later that no record was changed, or nothing where there is none."""
    if not digest.evidence_head:
        return ""
    return (
        "Evidence: all records up to now end in this hash. Keep it: monitor verify --head HASH "
        "shows later whether any of them was changed or cut off."
    )


def sent_because(digest: Digest, channel: str) -> str:
    """Return why a channel gets this."""
    name = {"day": "the daily digest", "week": "the weekly digest"}.get(digest.period)
    if name is None:
        return f"You get this because routes.yaml caps how many messages {line(channel)} gets."
    return f"You get this because the configuration sends {line(channel)} {name}."


# ---------------------------------------------------------------- times


def clock(when: datetime, digest: Digest) -> str:
    """Return a local time, with its day where that is not within the last day of the digest."""
    at = local(when, digest.zone)
    if digest.until - when < _DAY:
        return f"{at:%H:%M}"
    return f"{short_day(at)} {at:%H:%M}"


def title_of(name: str) -> str:
    """Return an id as a heading: `weapons-trade` is `Weapons trade`."""
    text = line(name).replace("-", " ")
    return text[:1].upper() + text[1:]


def _read(coverage: Coverage) -> str:
    return f"{coverage.read:,} of {coverage.sources:,} feeds were read"


def _day(text: str) -> str:
    try:
        return day_name(date.fromisoformat(text))
    except ValueError:
        return line(text)
