"""An alert as the few parts that a chat message has; each chat channel writes them its own way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from monitor.model import (
    Alert,
    Article,
    Digest,
    DigestStory,
    Operations,
    Probe,
    RuleRef,
    StoryAlert,
)
from monitor.notify import digest, marks, troubles
from monitor.notify.wording import byline, headline, rule_place, story_url, why_sent
from monitor.notify.words import count, line, listed, moment, shorten, web_url

_T = TypeVar("_T")


@dataclass(frozen=True)
class Line:
    """A line of a section; `url` makes it a link."""

    text: str
    url: str = ""


@dataclass(frozen=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Card:
    """The parts of a message: `tag` is the severity or kind, `quote` the text as published."""

    tag: str
    title: str
    url: str = ""
    byline: str = ""
    quote: tuple[marks.Piece, ...] = ()
    sections: tuple[Section, ...] = ()
    footer: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a card tells: characters of the quote and of a text, lines, sections."""

    quote: int
    text: int
    lines: int
    sections: int


_LEVELS = (
    Limits(quote=600, text=300, lines=20, sections=20),
    Limits(quote=400, text=200, lines=10, sections=10),
    Limits(quote=200, text=120, lines=6, sections=6),
    Limits(quote=80, text=80, lines=3, sections=4),
    Limits(quote=0, text=60, lines=2, sections=2),
)
_LONGEST_URL = 1000  # characters; a longer one would fill a chat message by itself


def fitting(
    alert: Alert, public_url: str, write: Callable[[Card], _T], fits: Callable[[_T], bool]
) -> _T:
    """Return what `write` makes of the fullest card of the alert that `fits`.

    The shortest card is taken even when it does not fit, which no known service needs.
    """
    written = [write(card(alert, public_url, _LEVELS[0]))]
    for limits in _LEVELS[1:]:
        if fits(written[-1]):
            break
        written.append(write(card(alert, public_url, limits)))
    return written[-1]


def card(alert: Alert, public_url: str, limits: Limits) -> Card:
    """Return the alert as a card within the limits."""
    body = alert.body
    match body:
        case StoryAlert():
            return _story(body, public_url, limits)
        case Digest():
            return _digest(body, public_url, limits)
        case Operations():
            return _operations(body, limits)
        case Probe():
            text = Line(_text(body.text, limits))
            return Card(tag="TEST", title=headline(alert), sections=(Section("", (text,)),))


def _story(story: StoryAlert, public_url: str, limits: Limits) -> Card:
    first = story.articles[0]
    sections = [
        Section("Sent because", tuple(_reasons(story, limits))),
        *(_rule(rule, first, limits) for rule in story.rules),
        Section("This story", tuple(_others(story, limits))),
    ]
    page = _link(story_url(story.story_id, public_url))
    sections += [Section("", (Line("Story page", page),))] if page else []
    kept = tuple(section for section in sections if section.lines)[: limits.sections]
    update = "Update: " if story.thread_id else ""
    return Card(
        tag=story.severity.name,
        title=update + line(story.title, max(limits.text, 100)),
        url=_link(first.url),
        byline=_text(byline(first), limits),
        quote=tuple(marks.excerpt(first, limits.quote)) if limits.quote else (),
        sections=kept,
        footer=f"SHA-256 {line(first.sha256)} · story {line(story.story_id)}",
    )


def _reasons(story: StoryAlert, limits: Limits) -> Iterator[Line]:
    yield Line(_text(why_sent(story), limits))
    if story.listed_names:
        names = listed([line(name) for name in story.listed_names], 5)
        yield Line(_text(f"On a list: {names}", limits))


def _rule(rule: RuleRef, article: Article, limits: Limits) -> Section:
    clauses = [found for found in marks.found(article, 3) if found.rule == line(rule.id)]
    lines = [Line(_text(f"{found.clause}: {found.words}", limits)) for found in clauses]
    heading = f"Rule {line(rule.title or rule.id)} ({rule_place(rule)})"
    return Section(_text(heading, limits), tuple(lines[: limits.lines]))


def _others(story: StoryAlert, limits: Limits) -> Iterator[Line]:
    others = story.articles[1 : limits.lines]
    if others:
        sources = count(story.source_count, "source")
        yield Line(f"{count(story.article_count, 'article')} from {sources}")
    for article in others:
        source = line(article.source_name or article.source)
        yield Line(_text(f"{source}: {line(article.title)}", limits), _link(article.url))


def _digest(body: Digest, public_url: str, limits: Limits) -> Card:
    sections = []
    for theme in digest.themes(body, limits.lines * limits.sections)[: limits.sections]:
        shown = theme.stories[: limits.lines]
        lines = [_digest_line(story, body, public_url, limits) for story in shown]
        if left_out := theme.left_out + len(theme.stories) - len(shown):
            lines.append(Line(f"and {left_out:,} more"))
        sections.append(Section(f"{shorten(theme.title, 60)} · {theme.note}", tuple(lines)))
    notes = " ".join(digest.notes(body))
    sections += [
        *_unseen(body, limits),
        *([Section("", (Line(_text(notes, limits)),))] * bool(notes)),
    ]
    head = line(body.evidence_head)
    return Card(
        tag="DIGEST",
        title=_text(digest.heading(body), limits),
        byline=digest.summary(body),
        sections=tuple(sections),
        footer=_text(f"Evidence head {head}", limits) if head else "",
    )


def _digest_line(story: DigestStory, body: Digest, public_url: str, limits: Limits) -> Line:
    details = "; ".join(digest.details(story, body))
    text = _text(f"[{story.severity.name}] {line(story.title)}", limits)
    url = _link(story_url(story.story_id, public_url) or story.url)
    return Line(f"{text} ({_text(details, limits)})", url)


def _unseen(body: Digest, limits: Limits) -> Iterator[Section]:
    shown, _ = troubles.troubles(body)
    others = troubles.also(body)
    if not shown and not others:
        return
    lines = [
        Line(_text(f"{one.who}: {one.what}" + (f" ({one.names})" if one.names else ""), limits))
        for one in shown[: limits.lines]
    ]
    lines += [Line(_text(text, limits)) for text in others]
    yield Section(f"What we could not see · {troubles.heading(body)}", tuple(lines))


def _operations(news: Operations, limits: Limits) -> Card:
    sections = [Section("", (Line(_text(news.detail, limits)),))]
    if news.what_to_do:
        sections.append(Section("What to do", (Line(_text(news.what_to_do, limits)),)))
    about = f", {line(news.about)}" if news.about else ""
    return Card(
        tag=news.kind.upper(),
        title=_text(news.title, limits),
        byline=_text(f"since {moment(news.since)}{about}", limits),
        sections=tuple(sections),
    )


def _text(text: str, limits: Limits) -> str:
    return line(text, limits.text)


def _link(url: str) -> str:
    return web_url(url) if len(url) <= _LONGEST_URL else ""
