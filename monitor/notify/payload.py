"""An alert as data: the body that webhooks and the file channel write, fitting alert.v1.json.

CloudEvents 1.0, structured mode, minified, at most 20,000 bytes whatever the publisher wrote.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from monitor.model import (
    Alert,
    Article,
    Coverage,
    Digest,
    DigestStory,
    Gap,
    NotRead,
    Operations,
    Probe,
    Recovery,
    RuleRef,
    SourceProblem,
    StoryAlert,
    Why,
)
from monitor.notify import marks
from monitor.notify.schema import ALERT_V1
from monitor.notify.wording import story_url
from monitor.notify.words import LONGEST_URL, iso, line, shorten

MOST_BYTES = 20_000  # Standard Webhooks 1.0: "smaller than 20kb"
_REPLACED = {
    code: "\ufffd"
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
    if chr(code) not in "\t\n\r"
}

Data = dict[str, Any]  # JSON


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of a long alert is told: numbers of things, characters of texts.

    A URL of more than `url` bytes is left out: half an address is worse than none.
    """

    articles: int
    excerpt: int
    clauses: int
    spans: int
    rules: int
    stories: int
    sources: int
    text: int
    url: int = LONGEST_URL


# The first whose bytes fit is used; the last fits always (a test tries the worst it can think of).
_LEVELS = (
    Limits(
        articles=20, excerpt=600, clauses=40, spans=10, rules=20, stories=100, sources=50, text=1000
    ),
    Limits(
        articles=20, excerpt=200, clauses=20, spans=5, rules=20, stories=50, sources=30, text=500
    ),
    Limits(
        articles=10, excerpt=120, clauses=10, spans=2, rules=10, stories=30, sources=15, text=300
    ),
    Limits(articles=3, excerpt=60, clauses=6, spans=1, rules=5, stories=12, sources=6, text=150),
    Limits(
        articles=1, excerpt=0, clauses=3, spans=1, rules=2, stories=2, sources=2, text=60, url=1000
    ),
)
_MANY = 1_000_000
_WHOLE = replace(_LEVELS[0], stories=_MANY, sources=_MANY, text=_MANY)


def event_body(alert: Alert, *, domain: str, public_url: str = "") -> bytes:
    """Return the alert as a minified CloudEvents document, shortened until it is small enough."""
    for limits in _LEVELS:
        data = event(alert, domain=domain, public_url=public_url, limits=limits)
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        if len(body) < MOST_BYTES:
            return body
    raise AssertionError("the last level of limits fits always")


def event(alert: Alert, *, domain: str, public_url: str = "", limits: Limits = _LEVELS[0]) -> Data:
    """Return the CloudEvents document of an alert as `alert.v1.json` describes it."""
    return {
        "specversion": "1.0",
        "id": alert.id,
        "source": f"/monitor/{domain}",
        "type": _type(alert),
        "time": iso(alert.occurred_at),
        "subject": _text(_subject(alert), limits) or "-",
        "datacontenttype": "application/json",
        "dataschema": ALERT_V1,
        "data": _data(alert, public_url, limits),
    }


def _type(alert: Alert) -> str:
    body = alert.body
    match body:
        case StoryAlert():
            return f"monitor.story.{'updated' if body.thread_id else 'opened'}.v1"
        case Operations():
            return f"monitor.{body.kind}.v1"
        case Digest():
            return "monitor.digest.v1"
        case Probe():
            return "monitor.test.v1"


def _subject(alert: Alert) -> str:
    body = alert.body
    match body:
        case StoryAlert():
            return body.story_id
        case Digest():
            return body.date
        case Operations():
            return body.about or "service"
        case Probe():
            return body.channel


def _data(alert: Alert, public_url: str, limits: Limits) -> Data:
    body = alert.body
    match body:
        case StoryAlert():
            return _story(body, public_url, limits)
        case Digest():
            return _digest(body, public_url, limits)
        case Operations():
            return _operations(body, limits)
        case Probe():
            return _probe(body, limits)


def _probe(probe: Probe, limits: Limits) -> Data:
    data = {"channel": _text(probe.channel, limits), "text": _text(probe.text, limits)}
    return {**data, "canary": _text(probe.canary, limits)} if probe.canary else data


def _story(story: StoryAlert, public_url: str, limits: Limits) -> Data:
    return {
        "story_id": story.story_id,
        "title": _text(story.title, limits),
        "severity": story.severity.label,
        "theme": _text(story.theme, limits),
        "reason": story.reason.value,
        "detail": _text(story.detail, limits),
        "state": story.state,
        "rules": [_rule(rule, limits) for rule in story.rules[: limits.rules]],
        "first_seen": iso(story.first_seen),
        "last_seen": iso(story.last_seen),
        "article_count": story.article_count,
        "source_count": story.source_count,
        "independent_count": story.independent_count,
        "languages": [_text(code, limits) for code in story.languages[: limits.rules]],
        "listed_names": [_text(name, limits) for name in story.listed_names[: limits.rules]],
        "thread_id": story.thread_id,
        "articles": [_article(article, limits) for article in story.articles[: limits.articles]],
        "links": _links(story.story_id, public_url),
    }


def _rule(rule: RuleRef, limits: Limits) -> Data:
    return {
        "id": _text(rule.id, limits),
        "title": _text(rule.title, limits),
        "version": _text(rule.version, limits),
        "severity": rule.severity.label,
        "file": _text(rule.file, limits),
        "line": rule.line,
        "why": _text(rule.why, limits),
    }


def _article(article: Article, limits: Limits) -> Data:
    return {
        "item_id": article.item_id,
        "url": _url(article.url, limits),
        "title": _text(article.title, limits),
        "source": _text(article.source, limits),
        "source_name": _text(article.source_name, limits),
        "lang": _text(article.lang, limits),
        "published": iso(article.published) if article.published else None,
        "seen": iso(article.seen),
        "sha256": article.sha256,
        "copy_of": _url(article.copy_of, limits) or None,
        "excerpt": _excerpt(article, limits),
        "why": [_why(why, limits) for why in article.why[: limits.clauses]],
    }


def _why(why: Why, limits: Limits) -> Data:
    return {
        "rule": _text(why.rule, limits),
        "clause": _text(why.clause, limits),
        "matched": [
            {
                "field": span.field,
                "start": span.start,
                "end": span.end,
                "text": _text(span.text, limits),
            }
            for span in why.matched[: limits.spans]
        ],
    }


def _digest(digest: Digest, public_url: str, limits: Limits) -> Data:
    return {
        "date": _text(digest.date, limits),
        "zone": _text(digest.zone, limits),
        "since": iso(digest.since),
        "until": iso(digest.until),
        "items": digest.items,
        "hits": digest.hits,
        "story_count": len(digest.stories),
        "stories": [_line(story, public_url, limits) for story in digest.stories[: limits.stories]],
        "coverage": _coverage(digest.coverage, limits),
        "evidence_head": _text(digest.evidence_head, limits),
        "period": digest.period,
        "trend": list(digest.trend),
        "waiting": {
            "count": digest.waiting.count,
            "oldest": _iso_or_none(digest.waiting.oldest),
            "stories": [
                _line(story, public_url, limits)
                for story in digest.waiting.stories[: limits.stories // 4]
            ],
        },
        "near_misses": [
            {
                "rule": _text(one.rule, limits),
                "title": _text(one.title, limits),
                "items": one.items,
            }
            for one in digest.near_misses[: limits.rules]
        ],
        "silenced": digest.silenced,
    }


def _line(story: DigestStory, public_url: str, limits: Limits) -> Data:
    return {
        "story_id": story.story_id,
        "title": _text(story.title, limits),
        "severity": story.severity.label,
        "rules": [_text(rule, limits) for rule in story.rules[: limits.rules]],
        "is_new": story.is_new,
        "articles_added": story.articles_added,
        "articles_total": story.articles_total,
        "sources": [_text(source, limits) for source in story.sources[: limits.rules]],
        "url": _url(story.url, limits),
        "latest_at": iso(story.latest_at),
        "state": story.state,
        "was_alerted": story.was_alerted,
        "theme": _text(story.theme, limits),
        "rule_titles": [_text(title, limits) for title in story.rule_titles[: limits.rules]],
        "source_names": [_text(name, limits) for name in story.source_names[: limits.rules]],
        "languages": [_text(code, limits) for code in story.languages[: limits.rules]],
        "listed_names": [_text(name, limits) for name in story.listed_names[: limits.rules]],
        "opened_at": _iso_or_none(story.opened_at),
        "told_at": _iso_or_none(story.told_at),
        "decided_by": _text(story.decided_by, limits),
        "decided_at": _iso_or_none(story.decided_at),
        "assignee": _text(story.assignee, limits),
        "links": _links(story.story_id, public_url),
    }


def coverage_data(coverage: Coverage) -> Data:
    """Return what was and was not seen, in full: the `coverage` of a digest's document."""
    return _coverage(coverage, _WHOLE)


def _coverage(coverage: Coverage, limits: Limits) -> Data:
    most = limits.sources
    return {
        "sources": coverage.sources,
        "read": coverage.read,
        "problem_count": len(coverage.problems),
        "problems": [_problem(one, limits) for one in coverage.problems[: limits.stories]],
        "not_read_count": len(coverage.not_read),
        "not_read": [_not_read(one, limits) for one in coverage.not_read[:most]],
        "gap_count": len(coverage.gaps),
        "gaps": [_gap(one, limits) for one in coverage.gaps[:most]],
        "recovery_count": len(coverage.recoveries),
        "recoveries": [_recovery(one, limits) for one in coverage.recoveries[:most]],
    }


def _not_read(one: NotRead, limits: Limits) -> Data:
    return {
        "source": _text(one.source, limits),
        "name": _text(one.name, limits),
        "seconds": round(one.total.total_seconds()),
        "spells": one.spells,
        "late_items": one.late_items,
        "is_over": one.is_over,
    }


def _gap(gap: Gap, limits: Limits) -> Data:
    return {
        "source": _text(gap.source, limits),
        "name": _text(gap.name, limits),
        "since": iso(gap.since),
        "until": iso(gap.until),
    }


def _recovery(recovery: Recovery, limits: Limits) -> Data:
    return {
        "source": _text(recovery.source, limits),
        "name": _text(recovery.name, limits),
        "state": recovery.state.value,
        "since": iso(recovery.since),
        "until": iso(recovery.until),
        "late_items": recovery.late_items,
    }


def _problem(problem: SourceProblem, limits: Limits) -> Data:
    return {
        "source": _text(problem.source, limits),
        "name": _text(problem.name, limits),
        "state": problem.state.value,
        "since": iso(problem.since),
        "detail": _text(problem.detail, limits),
        "what_to_do": _text(problem.what_to_do, limits),
    }


def _operations(news: Operations, limits: Limits) -> Data:
    return {
        "kind": news.kind,
        "title": _text(news.title, limits),
        "detail": _text(news.detail, limits),
        "since": iso(news.since),
        "about": _text(news.about, limits),
        "what_to_do": _text(news.what_to_do, limits),
    }


def _iso_or_none(when: datetime | None) -> str | None:
    return iso(when) if when else None


def _links(story_id: str, public_url: str) -> Data:
    return {"story": story_url(story_id, public_url)} if public_url else {}


def _excerpt(article: Article, limits: Limits) -> str:
    if not limits.excerpt:
        return ""
    return line(marks.text_of(marks.excerpt(article, limits.excerpt)))


def _text(text: str, limits: Limits) -> str:
    """Return the text with what JSON readers trip over replaced one for one: offsets stay true."""
    return shorten(text[: limits.text + 1].translate(_REPLACED), limits.text)


def _url(url: str, limits: Limits) -> str:
    mended = url[: limits.url + 1].translate(_REPLACED)
    return mended if len(mended.encode()) <= limits.url else ""
