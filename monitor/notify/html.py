"""An alert as an HTML mail: one file, no remote content, readable in light and dark."""

from collections.abc import Mapping, Sequence
from functools import cache
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from monitor.model import Alert, Article, Digest, Operations, Probe, StoryAlert
from monitor.notify import digest, marks, troubles, wording, words

EXCERPT = 600  # characters
MOST_ARTICLES = 10
_COLOURS = ("#e8d3ff", "#bfe3ff", "#ffe08a", "#d6f0c2", "#ffd0c7", "#cfd8e3")  # one per clause
_BADGES = {"CRITICAL": "#b3261e", "HIGH": "#b54708", "MEDIUM": "#8a6100", "LOW": "#51606f"}


def render(alert: Alert, public_url: str = "", notes: Sequence[str] = ()) -> str:
    """Return the mail's HTML; every text of the publisher is escaped, no link acts on GET.

    `notes` are said at the foot of a digest.
    """
    body = alert.body
    match body:
        case StoryAlert():
            return _fill("story", alert, _story(body, public_url))
        case Digest():
            return _fill("digest", alert, {**_digest(body, public_url), "notes": [*notes]})
        case Operations() | Probe():
            return _fill("notice", alert, {"news": body})


def host(url: str) -> str:
    """Return the host of a URL without `www.`, or "the source"."""
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        name = ""
    return words.line(name.removeprefix("www.")) or "the source"


def _fill(name: str, alert: Alert, values: Mapping[str, object]) -> str:
    template = _environment().get_template(f"{name}.html.j2")
    return template.render(
        alert=alert, body=alert.body, headline=wording.headline(alert), badges=_BADGES, **values
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("monitor.notify"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        line=words.line,
        moment=words.moment,
        web_url=words.web_url,
        host=host,
    )
    environment.globals.update(
        wording=wording, digest=digest, count=words.count, listed=words.listed
    )
    return environment


def _story(story: StoryAlert, public_url: str) -> Mapping[str, object]:
    first, *others = story.articles
    return {
        "first": first,
        "others": others[:MOST_ARTICLES],
        "pieces": marks.excerpt(first, EXCERPT),
        "found": {rule.id: _found(first, rule.id) for rule in story.rules},
        "colours": _colours(first),
        "story_url": wording.story_url(story.story_id, public_url),
    }


def _found(article: Article, rule: str) -> Sequence[marks.Found]:
    return [found for found in marks.found(article) if found.rule == words.line(rule)]


def _colours(article: Article) -> Mapping[str, str]:
    clauses = dict.fromkeys(found.clause for found in marks.found(article))
    return {clause: _COLOURS[n % len(_COLOURS)] for n, clause in enumerate(clauses)}


def _digest(body: Digest, public_url: str) -> Mapping[str, object]:
    shown, left_out = troubles.troubles(body)
    return {
        "themes": digest.themes(body),
        "trend": digest.trend(body),
        "troubles": shown,
        "feeds_left_out": left_out,
        "also": troubles.also(body),
        "unseen": troubles.heading(body),
        "public_url": public_url,
    }
