"""An alert as plain text of 80 columns: the console's output and the text part of every mail."""

from collections.abc import Iterator, Sequence

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
from monitor.notify.words import LONGEST_URL, count, line, listed, moment, wrap

WIDTH = 79  # a terminal of 80 columns wraps at the 80th
EXCERPT = 600  # characters
MOST_ARTICLES = 10


def render(alert: Alert, public_url: str = "") -> str:
    """Return the whole alert as lines; it is complete without a console."""
    return "\n".join(_lines(alert, public_url)) + "\n"


def _lines(alert: Alert, public_url: str) -> Iterator[str]:
    body = alert.body
    match body:
        case StoryAlert():
            yield from _story(body, public_url)
        case Digest():
            yield from _digest(body, public_url)
        case Operations():
            yield from _operations(body)
        case Probe():
            yield from [f"[TEST] {headline(alert)}", *wrap(line(body.text), WIDTH)]


def _story(story: StoryAlert, public_url: str) -> Iterator[str]:
    first, *others = story.articles
    yield from wrap(
        f"[{story.severity.name}] {listed([line(r.title or r.id) for r in story.rules], 3)}", WIDTH
    )
    yield from wrap(line(story.title), WIDTH)
    yield from wrap(byline(first), WIDTH)
    yield line(first.url, LONGEST_URL)
    if line(first.title) != line(story.title):
        yield ""
        yield from wrap(f"Now: {line(first.title)}", WIDTH)
    text = " ".join(marks.text_of(marks.excerpt(first, EXCERPT), "*").split())
    yield from ["", *wrap(text, WIDTH, "  ")] if text else []
    yield ""
    yield from wrap(f"Sent because: {why_sent(story)}", WIDTH)
    if story.listed_names:
        yield from wrap(f"On a list: {listed([line(n) for n in story.listed_names], 10)}", WIDTH)
    for rule in story.rules:
        yield from _rule(rule, first)
    yield from _others(story, others)
    yield ""
    if url := story_url(story.story_id, public_url):
        yield f"Story:    {url}"
    yield from wrap(f"Evidence: captured {moment(first.seen)}, story {line(story.story_id)}", WIDTH)
    yield f"SHA-256:  {line(first.sha256)}"


def _rule(rule: RuleRef, article: Article) -> Iterator[str]:
    clauses = [found for found in marks.found(article) if found.rule == line(rule.id)]
    why = f" {line(rule.why)}" if rule.why else ""
    yield from wrap(f"Why: rule {line(rule.id)} ({rule_place(rule)}).{why}", WIDTH, "  ", "")
    if not clauses:
        yield "  + matched an earlier article of this story"
    room = min(max((len(found.clause) for found in clauses), default=0), 20)
    for found in clauses:
        yield from wrap(found.words, WIDTH, " " * (room + 5), f"  + {line(found.clause):{room}} ")


def _others(story: StoryAlert, others: Sequence[Article]) -> Iterator[str]:
    if not others and story.article_count == 1:
        return
    sources = count(story.source_count, "source")
    yield ""
    articles = count(story.article_count, "article")
    yield f"This story: {articles} from {sources}, first seen {moment(story.first_seen)}"
    for article in others[:MOST_ARTICLES]:
        copied = " (a copy)" if article.copy_of else ""
        source = line(article.source_name or article.source)
        yield from wrap(f"{source}: {line(article.title)}{copied}", WIDTH, "    ", "  - ")
        yield f"    {line(article.url, LONGEST_URL)}"
    if (more := story.article_count - 1 - len(others[:MOST_ARTICLES])) > 0:
        yield f"  and {count(more, 'more article')}: monitor show {line(story.story_id)}"


def _digest(body: Digest, public_url: str) -> Iterator[str]:
    yield from wrap(f"Digest: {digest.heading(body)}", WIDTH)
    yield from wrap(digest.summary(body), WIDTH)
    if (trend := digest.trend(body)) is not None:
        yield from ["", f"{trend.bars}  {trend.legend}: {trend.now_said}, usual {trend.usual:,}"]
    for theme in (shown := digest.themes(body)):
        yield ""
        yield f"{theme.title.upper()} · {theme.note}"
        for story in theme.stories:
            yield from _digest_story(story, body, public_url)
    if more := digest.left_out(shown):
        yield from ["", f"  and {more}: monitor stories"]
    yield from _waiting(body)
    yield from _unseen(body)
    for note in digest.notes(body):
        yield from ["", *wrap(note, WIDTH)]
    if body.evidence_head:
        yield from ["", *wrap(digest.evidence(body), WIDTH), f"  {line(body.evidence_head)}"]


def _digest_story(story: DigestStory, body: Digest, public_url: str) -> Iterator[str]:
    title = digest.headline(story, body)
    yield from wrap(f"[{story.severity.name}] {title}", WIDTH, "    ", "  ")
    for text in digest.details(story, body):
        yield from wrap(text, WIDTH, "    ")
    yield f"    {story_url(story.story_id, public_url) or line(story.url, LONGEST_URL)}"


def _waiting(body: Digest) -> Iterator[str]:
    shown = digest.waiting(body)
    if not shown:
        return
    yield ""
    yield f"STILL WAITING FOR A DECISION · {digest.waiting_note(body)}"
    for story in shown:
        yield from wrap(f"[{story.severity.name}] {line(story.title)}", WIDTH, "    ", "  ")
        yield from wrap(f"{digest.waits(story, body)} · {story.story_id}", WIDTH, "    ")
    if body.waiting.count > len(shown):
        more = count(body.waiting.count - len(shown), "more story", "more stories")
        yield f"  and {more}: monitor stories --state new"


def _unseen(body: Digest) -> Iterator[str]:
    shown, left_out = troubles.troubles(body)
    others = troubles.also(body)
    if not shown and not others:
        return
    yield ""
    yield f"WHAT WE COULD NOT SEE · {troubles.heading(body)}"
    for trouble in shown:
        names = f" ({trouble.names})" if trouble.names else ""
        advice = f". {trouble.what_to_do}" if trouble.what_to_do else ""
        text = f"{trouble.who}: {trouble.what}{names}{advice}"
        yield from wrap(text, WIDTH, "    ", "  ")
    if left_out:
        yield f"  and {count(left_out, 'more feed')}: monitor feeds list --problems"
    for text in others:
        yield from wrap(text, WIDTH, "    ", "  ")


def _operations(news: Operations) -> Iterator[str]:
    yield from wrap(f"[{news.kind.upper()}] {line(news.title)}", WIDTH)
    yield from wrap(line(news.detail), WIDTH)
    yield f"Since {moment(news.since)}" + (f", {line(news.about)}" if news.about else "")
    if news.what_to_do:
        yield from wrap(f"What to do: {line(news.what_to_do)}", WIDTH)
