"""An alert as plain text of 80 columns: the console's output and the text part of every mail."""

from collections.abc import Iterator, Sequence

from monitor.model import Alert, Article, Coverage, Digest, Operations, Probe, RuleRef, StoryAlert
from monitor.notify import marks
from monitor.notify.wording import (
    byline,
    digest_heading,
    digest_needs,
    digest_sentence,
    headline,
    problem_text,
    rule_place,
    story_facts,
    story_url,
    theme_count,
    themes,
    why_sent,
)
from monitor.notify.words import LONGEST_URL, count, line, listed, moment, wrap

WIDTH = 79  # a terminal of 80 columns wraps at the 80th
EXCERPT = 600  # characters
MOST_ARTICLES = 10
MOST_STORIES = 200


def render(alert: Alert, public_url: str = "") -> str:
    """Return the whole alert as lines; it is complete without a console."""
    return "\n".join(_lines(alert, public_url)) + "\n"


def _lines(alert: Alert, public_url: str) -> Iterator[str]:
    body = alert.body
    match body:
        case StoryAlert():
            yield from _story(body, public_url)
        case Digest():
            yield from _digest(body)
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


def _digest(digest: Digest) -> Iterator[str]:
    yield from wrap(f"Digest: {digest_heading(digest)}", WIDTH)
    yield from wrap(f"{digest_sentence(digest)} {digest_needs(digest)}", WIDTH)
    shown = 0
    for name, stories in themes(digest):
        yield ""
        yield f"{name.upper()} · {theme_count(stories)}"
        for story in stories[: max(MOST_STORIES - shown, 0)]:
            yield from wrap(f"[{story.severity.name}] {line(story.title)}", WIDTH, "    ", "  ")
            yield from wrap(story_facts(story), WIDTH, "    ")
            yield f"    {line(story.url, LONGEST_URL)}"
        shown += len(stories)
    if shown > MOST_STORIES:
        more = count(shown - MOST_STORIES, "more story", "more stories")
        yield f"  and {more}: monitor stories lists them"
    yield from _unseen(digest.coverage)
    if digest.evidence_head:
        yield from ["", "Evidence: the day's records end in", f"  {line(digest.evidence_head)}"]


def _unseen(coverage: Coverage) -> Iterator[str]:
    if not coverage.problems:
        return
    yield ""
    yield f"WHAT WE COULD NOT SEE · {count(len(coverage.problems), 'feed')}"
    for problem in coverage.problems:
        name = line(problem.name or problem.source)
        yield from wrap(f"{name}: {problem_text(problem)}", WIDTH, "    ", "  ")


def _operations(news: Operations) -> Iterator[str]:
    yield from wrap(f"[{news.kind.upper()}] {line(news.title)}", WIDTH)
    yield from wrap(line(news.detail), WIDTH)
    yield f"Since {moment(news.since)}" + (f", {line(news.about)}" if news.about else "")
    if news.what_to_do:
        yield from wrap(f"What to do: {line(news.what_to_do)}", WIDTH)
