"""What is said of an alert, whatever the channel: headlines, bylines, reasons."""

from monitor.model import Alert, Article, Digest, Operations, Probe, RuleRef, StoryAlert
from monitor.notify import digest
from monitor.notify.words import language, later_moment, line, moment


def headline(alert: Alert) -> str:
    """Return `Veto: title`, the same for every alert of a story: what a subject is made of."""
    body = alert.body
    match body:
        case StoryAlert():
            rule = line(body.rules[0].title or body.rules[0].id) if body.rules else ""
            return f"{rule}: {line(body.title)}" if rule else line(body.title)
        case Digest():
            worst = digest.critical(body).rstrip(".")
            date = f"week to {line(body.date)}" if body.period == "week" else line(body.date)
            return f"{date}: {digest.total(body)}{', ' if worst else ''}{worst}"
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
