"""What is said of an alert, whatever the channel: headlines, bylines, reasons, digest figures."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from monitor.model import (
    Alert,
    Article,
    Coverage,
    Digest,
    DigestStory,
    Operations,
    Probe,
    RuleRef,
    Severity,
    SourceProblem,
    StoryAlert,
)
from monitor.notify.words import count, day_name, language, later_moment, line, listed, moment


def headline(alert: Alert) -> str:
    """Return `Veto: title`, the same for every alert of a story: what a subject is made of."""
    body = alert.body
    match body:
        case StoryAlert():
            rule = line(body.rules[0].title or body.rules[0].id) if body.rules else ""
            return f"{rule}: {line(body.title)}" if rule else line(body.title)
        case Digest():
            critical = sum(story.severity is Severity.CRITICAL for story in body.stories)
            worst = f", {critical} critical" if critical else ""
            return f"{line(body.date)}: {digest_sum(body)}{worst}"
        case Operations():
            return line(body.title)
        case Probe():
            name = f"Canary of {line(body.canary)}: test" if body.canary else "Test"
            return f"{name} of channel {line(body.channel)}"


def byline(article: Article) -> str:
    """Return the source, language and times of an article in one line."""
    published = f"published {moment(article.published)}" if article.published else "no date given"
    seen = later_moment(article.seen, article.published or article.seen)
    if not article.published:
        seen = moment(article.seen)
    parts = [line(article.source_name or article.source)]
    parts += [language(article.lang)] if article.lang else []
    return ", ".join([*parts, published, f"seen {seen}"])


def rule_place(rule: RuleRef) -> str:
    """Return where a rule can be edited: `rules/un.yaml line 14`, or its id."""
    if not rule.file:
        return line(rule.id)
    return f"{line(rule.file)} line {rule.line}" if rule.line else line(rule.file)


def story_url(story_id: str, public_url: str) -> str:
    """Return the story's page on the console, or "" where there is no console."""
    return f"{public_url.rstrip('/')}/stories/{story_id}" if public_url else ""


def why_sent(story: StoryAlert) -> str:
    """Return the reason of this alert, with what is known of it."""
    detail = line(story.detail)
    return f"{story.reason.value} ({detail})" if detail else story.reason.value


LATER_NOTE = (
    "Later articles on this story join it; they alert again only when they are worse, match "
    "another rule, bring a listed name or a denial, or come back after a quiet spell."
)


def digest_heading(digest: Digest) -> str:
    """Return `Thursday 28 March 2024, 24 hours to 07:00 Europe/Amsterdam`."""
    hours = round((digest.until - digest.since).total_seconds() / 3600)
    until = local(digest.until, digest.zone)
    return f"{_day(digest.date)}, {count(hours, 'hour')} to {until:%H:%M} {line(digest.zone)}"


def digest_sum(digest: Digest) -> str:
    """Return what the period brought in a few words; an empty one says how much was read."""
    new = sum(story.is_new for story in digest.stories)
    updated = len(digest.stories) - new
    parts = [count(new, "new story", "new stories")] if new else []
    parts += [f"{updated} updated"] if updated else []
    if parts:
        return " and ".join(parts)
    whole = digest.coverage.read >= digest.coverage.sources
    return f"nothing, {'and' if whole else 'but only'} {_read(digest.coverage)}"


def digest_sentence(digest: Digest) -> str:
    """Return what the period brought, from how much."""
    summary, items = digest_sum(digest), count(digest.items, "item")
    if not digest.stories:
        return f"{summary[:1].upper()}{summary[1:]} ({items})."
    return f"{summary}, from {count(digest.hits, 'hit')} in {items}; {_read(digest.coverage)}."


def digest_needs(digest: Digest) -> str:
    """Return what waits for the reader: `1 critical, 2 wait for a decision.`, or nothing."""
    critical = sum(story.severity is Severity.CRITICAL for story in digest.stories)
    waiting = sum(story.state == "new" for story in digest.stories)
    parts = [f"{critical} critical"] if critical else []
    parts += [f"{waiting} {'waits' if waiting == 1 else 'wait'} for a decision"] if waiting else []
    return ", ".join(parts) + "." if parts else ""


def themes(digest: Digest) -> list[tuple[str, list[DigestStory]]]:
    """Return the stories under their first rule, the worst theme and story first."""

    def theme(story: DigestStory) -> str:
        return title_of(story.rules[0]) if story.rules else "Other"

    worst: dict[str, int] = {}
    for story in digest.stories:
        worst[theme(story)] = max(worst.get(theme(story), 0), story.severity)
    ranked = sorted(
        digest.stories, key=lambda story: (-worst[theme(story)], theme(story), -story.severity)
    )
    return [(name, list(group)) for name, group in groupby(ranked, theme)]


def story_facts(story: DigestStory) -> str:
    """Return a digest line's second line: sources, articles, state."""
    facts = [listed([line(source) for source in story.sources], 5)] if story.sources else []
    added = f", {story.articles_added} new" if not story.is_new else ""
    facts.append(count(story.articles_total, "article") + added)
    facts.append(f"latest {moment(story.latest_at)}")
    facts.append("alerted" if story.was_alerted else "not alerted")
    facts.append("waits for a decision" if story.state == "new" else line(story.state))
    return " · ".join(facts)


def theme_count(stories: Sequence[DigestStory]) -> str:
    """Return `1 new, 2 updated`."""
    new = sum(story.is_new for story in stories)
    parts = [f"{new} new"] if new else []
    return ", ".join([*parts, f"{len(stories) - new} updated"] if new < len(stories) else parts)


def problem_text(problem: SourceProblem) -> str:
    """Return a source's trouble in words, without its name."""
    text = f"{line(problem.state)} since {moment(problem.since)}"
    text += f" ({line(problem.detail)})" if problem.detail else ""
    return f"{text}. {line(problem.what_to_do)}" if problem.what_to_do else text


def title_of(rule: str) -> str:
    """Return a rule's id as a heading: `petroleum-imports` is `Petroleum imports`."""
    text = line(rule).replace("-", " ")
    return text[:1].upper() + text[1:]


def local(when: datetime, zone: str) -> datetime:
    """Return the time in a named zone, in UTC where the name is unknown."""
    try:
        return when.astimezone(ZoneInfo(zone or "UTC"))
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        return when.astimezone(ZoneInfo("UTC"))


def _read(coverage: Coverage) -> str:
    return f"{coverage.read} of {coverage.sources} feeds were read"


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return line(text)
    return day_name(day)
