"""Full text on real sockets: articles are served by a site beside the feeds."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from monitor import rules
from monitor.model import ArticleLimits, Reason
from monitor.pipeline import poll_source
from monitor.steps.record import PollReport
from monitor.steps.watch import Watch
from tests.data.articles import PAGES, Page, html
from tests.kit import hash_of

_RULES = Path(__file__).parents[2] / "config" / "rules"
VETO = next(page for page in PAGES if page.rule == "veto")
HTML = {"content-type": "text/html; charset=utf-8"}


@cache
def _shipped() -> Any:
    return rules.load([(f"rules/{one.name}", one.read_text()) for one in _RULES.glob("*.yaml")])


def _path(page: Page) -> str:
    return f"/{hash_of(page.title)}"


def _serve(kit: Any, pages: Any = PAGES, **changes: Any) -> None:
    """Serve a feed of summaries, and its articles beside it."""
    items = [(page.title, page.summary) for page in pages]
    kit.feeds.put("/a.xml", kit.rss(*items, base=kit.feeds.url))
    for page in pages:
        kit.feeds.put(_path(page), changes.get("body", html(page)), **{"content-type": "text/html"})


def _poll(kit: Any, *, full_text: bool = True, later: int = 0, **settings: Any) -> PollReport:
    source = kit.source("a", full_text=full_text)
    kit.now += timedelta(minutes=later)
    poll: Callable[[Watch], Any] = lambda watch: poll_source(watch, source, kit.now)  # noqa: E731
    report: PollReport = kit.run([source], poll, ruleset=_shipped(), **settings)
    return report


def _hits(report: PollReport) -> set[tuple[str, str]]:
    return {(told.item.title, hit.rule) for told in report.told for hit in told.hits}


def _stored(kit: Any, what: Callable[[Any], Any]) -> Any:
    async def read(watch: Watch) -> Any:
        return await watch.read(what)

    return kit.run([kit.source("a")], read)


def _asked(kit: Any) -> list[str]:
    return [path for _, path, _, _ in kit.feeds.requests if not path.endswith((".xml", ".txt"))]


def test_full_text_finds_what_summaries_do_not_say(kit: Any, tmp_path: Path) -> None:
    """Eleven articles in nine languages: none by their summaries, all by their texts, no other."""
    _serve(kit)
    wanted = {(page.title, page.rule) for page in PAGES if page.rule}

    report = _poll(kit)
    kit.folder = tmp_path / "without"
    without = _poll(kit, full_text=False)

    assert _hits(without) & wanted == set()
    assert wanted <= _hits(report)
    assert {told.item.title for told in report.told} == {title for title, _ in wanted}
    assert report.articles == {"read": len(PAGES)}
    assert without.articles == {}


def test_articles_of_one_event_are_one_story_in_nine_languages(kit: Any) -> None:
    """By what they say, since headlines and summaries say nothing."""
    pages = [page for page in PAGES if page.rule == "veto"]
    _serve(kit, pages)
    for page in pages:
        entry = kit.rss((page.title, page.summary), base=kit.feeds.url, lang=page.lang)
        kit.feeds.put(f"/{page.lang}.xml", entry)
    sources = [kit.source(page.lang, full_text=True) for page in pages]

    async def polls(watch: Watch) -> list[PollReport]:
        return [await poll_source(watch, source, kit.now) for source in sources]

    reports = kit.run(sources, polls, ruleset=_shipped())
    told = [one for report in reports for one in report.told]

    assert len(told) == 9
    assert len({one.story_id for one in told}) == 1
    assert sum(one.decision.reason is Reason.NEW_STORY for one in told) == 1


def test_what_was_read_is_evidence(kit: Any) -> None:
    """Address, status, digest and size of the document; the text as matched, where hits point."""
    _serve(kit, [VETO])

    (told,) = _poll(kit).told

    (row,) = _stored(kit, lambda tx: tx.full_text.of(told.item.id))
    document = html(VETO).encode()
    assert row["url"] == told.item.url
    assert (row["result"], row["status"], row["size_bytes"]) == ("read", 200, len(document))
    assert row["sha256"] == hashlib.sha256(document).hexdigest()
    shown = _stored(kit, lambda tx: tx.items.shown(told.item.id))
    spans = [span for hit in shown.hits for clause in hit.clauses for span in clause.matched]
    assert {span.field for span in spans} == {"content"}
    assert all(shown.content[span.start : span.end] == span.text for span in spans)


def test_an_article_is_asked_for_once(kit: Any) -> None:
    """A feed that repeats its entries in other bytes costs no request and loses no text."""
    _serve(kit, [VETO])
    first = _poll(kit)
    entry = kit.rss((VETO.title, VETO.summary), base=kit.feeds.url)
    kit.feeds.put("/a.xml", entry.replace("<item>", "<item >"))

    again = _poll(kit, later=30)

    assert (first.new_items, again.result) == (1, "read")
    assert (again.new_items, again.changed_items, again.articles) == (0, 0, {})
    assert _asked(kit) == [_path(VETO)]


def test_an_erased_item_is_not_brought_back_by_its_feed(kit: Any) -> None:
    """The feed repeats it in other bytes: neither its words nor its article return."""
    _serve(kit, [VETO])
    item_id = _poll(kit).told[0].item.id

    async def erase(watch: Watch) -> None:
        await watch.write(lambda tx: tx.chain.erase(item_id, kit.now, "dpo", "asked to"))

    kit.run([kit.source("a")], erase)
    entry = kit.rss((VETO.title, VETO.summary), base=kit.feeds.url)
    kit.feeds.put("/a.xml", entry.replace("<item>", "<item >"))
    again = _poll(kit, later=30)

    item = _stored(kit, lambda tx: tx.items.get(item_id))
    assert (again.new_items, again.changed_items, again.articles) == (0, 0, {})
    assert (item.title, item.content) == ("(erased)", "")
    assert [row["url"] for row in _stored(kit, lambda tx: tx.full_text.of(item_id))] == [""]


def test_an_edited_entry_is_asked_for_again_and_a_failure_keeps_the_text(kit: Any) -> None:
    """The first time the article is gone; the text that was read stays. Then it is back."""
    _serve(kit, [VETO])
    first = _poll(kit)
    item_id = first.told[0].item.id

    def edited(summary: str) -> PollReport:
        page = kit.rss((VETO.title, summary), base=kit.feeds.url)
        kit.feeds.put("/a.xml", page.replace(str(hash_of(VETO.title)), _path(VETO)[1:]))
        return _poll(kit, later=30)

    kit.feeds.put(_path(VETO), "gone", status=404)
    failed = edited("Diplomats spoke again.")
    kept = _stored(kit, lambda tx: tx.items.get(item_id))
    kit.feeds.put(_path(VETO), html(VETO).replace("Thirteen", "Fourteen"), **HTML)
    read = edited("Diplomats spoke a third time.")
    renewed = _stored(kit, lambda tx: tx.items.get(item_id))

    assert (failed.changed_items, failed.articles) == (1, {"not-found": 1})
    assert "Russia vetoed" in kept.content
    assert kept.summary == "Diplomats spoke again."
    assert (read.changed_items, read.articles) == (1, {"read": 1})
    assert "Fourteen" in renewed.content


def test_a_feed_that_edits_without_end_is_asked_a_few_times_only(kit: Any) -> None:
    """A counter in the summary must not cost a request with every poll."""
    _serve(kit, [VETO])
    source = kit.source("a", full_text=True)

    async def polls(watch: Watch) -> None:
        for count in range(8):
            page = kit.rss((VETO.title, f"{count} readers"), base=kit.feeds.url)
            kit.feeds.put("/a.xml", page)
            await poll_source(watch, source, kit.now)

    kit.run([source], polls)

    assert len(_asked(kit)) == 5


def test_the_newest_are_asked_for_and_the_rest_is_counted(kit: Any) -> None:
    """What is over the cap is matched on the text of its feed, and stored like all others."""
    _serve(kit)

    report = _poll(kit, articles=ArticleLimits(at_most=3))

    assert report.new_items == len(PAGES)
    assert report.articles == {"read": 3, "over-cap": len(PAGES) - 3}
    assert len(_asked(kit)) == 3


def _broken(kit: Any, how: str) -> None:
    """Break the article of VETO on its site."""
    path, put = _path(VETO), kit.feeds.put
    if how == "robots":
        put("/robots.txt", "User-agent: *\nDisallow: /", **{"content-type": "text/plain"})
    elif how == "robots-down":
        put("/robots.txt", "", status=503)
    elif how == "moved-home":
        put(path, "", status=302, location="/")
        put("/", html(VETO), **HTML)
    elif how == "moved-to-login":
        put(path, "", status=302, location="/login?next=a")
        put("/login?next=a", html(VETO), **HTML)
    elif how == "moved-inside":
        put(path, "", status=302, location="http://169.254.169.254/latest/meta-data")
    elif how == "moved-past-robots":
        put("/robots.txt", "User-agent: test\nDisallow: /private", **HTML)
        put(path, "", status=302, location="/private/a")
        put("/private/a", html(VETO), **HTML)
    else:
        put(path, *_ANSWERS[how])


_SHORT = "<html><body><p>{}</p></body></html>"
_ANSWERS: dict[str, Any] = {
    "missing": ("not here", 404),
    "payment": ("pay", 402),
    "broken": ("oops", 500),
    "empty": ("", 200),
    "teaser": (_SHORT.format("A short teaser. Subscribe to continue reading."), 200),
    "marked": (
        '<script type="application/ld+json">{"isAccessibleForFree": false}</script>'
        + _SHORT.format("The beginning of a long story of ships and men. " * 8),
        200,
    ),
    "challenge": (_SHORT.format("Checking your browser before you go on."), 200),
    "script": ("<html><body><div id=app></div><script>go()</script></body></html>", 200),
    "nested": ("<html><body>" + "<div>" * 100_000, 200),
    "huge": (b"<html><body>" + b"<p>x</p>" * 500_000, 200),
    "binary": (b"%PDF-1.7 \x00\x01" * 400, 200),
}
_KINDS = {
    "robots": "robots",
    "robots-down": "server-error",
    "moved-home": "home-page",
    "moved-to-login": "paywall",
    "moved-inside": "refused-address",
    "moved-past-robots": "robots",
    "missing": "not-found",
    "payment": "http",
    "broken": "server-error",
    "empty": "empty",
    "teaser": "paywall",
    "marked": "paywall",
    "challenge": "challenge",
    "script": "no-text",
    "nested": None,  # whatever the parser makes of it: a text without a hit, or a refusal
    "huge": "too-large",
    "binary": "binary",
}


@pytest.mark.parametrize("how", list(_KINDS))
def test_a_failure_costs_nothing(kit: Any, tmp_path: Path, how: str) -> None:
    """Every item is stored, the hits are those without full text, and it is said what went wrong.

    The feed's own words of the second item hit a rule.
    """
    told = Page("en", "Russia vetoes Security Council text on North Korea", "", VETO.body, "veto")
    pages = [VETO, told]
    _serve(kit, pages)
    _broken(kit, how)
    if how not in {"robots", "robots-down"}:
        kit.feeds.put(_path(told), "not here", status=404)

    report = _poll(kit)
    kit.folder = tmp_path / "without"
    without = _poll(kit, full_text=False)

    assert (report.result, report.new_items) == ("read", 2)
    assert _hits(report) == _hits(without)
    assert {title for title, _ in _hits(report)} == {told.title}
    if _KINDS[how]:
        assert _KINDS[how] in report.articles
    assert report.articles.get("read", 0) <= (_KINDS[how] is None)


def test_an_article_of_another_kind_is_not_downloaded(kit: Any) -> None:
    """What its header calls no page is left alone."""
    _serve(kit, [VETO])
    kit.feeds.put(_path(VETO), b"%PDF", **{"content-type": "application/pdf"})

    assert _poll(kit).articles == {"media-type": 1}


def test_a_site_that_is_down_is_left_alone_after_a_few_tries(kit: Any) -> None:
    """Of ten articles that do not come three are waited for."""
    pages = [Page("en", f"Item {number}", "", (), "") for number in range(10)]
    kit.feeds.put("/a.xml", kit.rss(*((one.title, "") for one in pages), base="http://127.0.0.1:9"))

    report = _poll(kit)

    assert report.articles == {"connect": 3, "site-down": 7}
    assert report.new_items == 10


def test_the_time_for_the_articles_of_a_poll_is_bounded(kit: Any) -> None:
    """A site that lets us wait delays its own feed by that much, and loses no item."""
    _serve(kit)
    kit.feeds.slow = {_path(page) for page in PAGES}

    report = _poll(kit, articles=ArticleLimits(within=timedelta(seconds=0.4)))

    assert report.new_items == len(PAGES)
    assert report.articles == {"out-of-time": len(PAGES)}
    assert report.seconds["articles"] < 5


def test_a_page_that_several_items_share_is_asked_for_once(kit: Any) -> None:
    """Notices that are updated link to one page."""
    url = f"{kit.feeds.url}{_path(VETO)}"
    entries = "".join(
        f"<item><title>Notice {number}</title><link>{url}</link><guid>g{number}</guid></item>"
        for number in range(3)
    )
    _serve(kit, [VETO])
    kit.feeds.put("/a.xml", f'<rss version="2.0"><channel>{entries}</channel></rss>')

    report = _poll(kit)

    assert report.articles == {"read": 3}
    assert _asked(kit) == [_path(VETO)]


def test_items_without_an_address_of_their_own_are_not_asked_for(kit: Any) -> None:
    """No link, or one to the site itself."""
    entries = "<item><title>One</title></item><item><title>Two</title><link>{}/</link></item>"
    page = f'<rss version="2.0"><channel>{entries.format(kit.feeds.url)}</channel></rss>'
    kit.feeds.put("/a.xml", page)

    report = _poll(kit)

    assert report.articles == {"no-link": 1, "home-page": 1}
    assert _asked(kit) == []


def test_an_article_takes_no_hit_away(kit: Any) -> None:
    """What suppresses a rule stands in the article by the way; the feed's own words hit."""
    kit.rules = kit.rules.replace("    match: [Russia", "    unless: [bakery]\n    match: [Russia")
    page = Page("en", "Russia vetoes a text in the Security Council", "", VETO.body, "veto")
    _serve(kit, [page])
    kit.feeds.put(_path(page), html(page).replace("steps", "bakery"), **HTML)
    kit.feeds.put(
        _path(page), html(page).replace("<p>Several", "<p>Beside a bakery several"), **HTML
    )
    source = kit.source("a", full_text=True)

    report = kit.run([source], lambda watch: poll_source(watch, source, kit.now))

    assert report.articles == {"read": 1}
    assert [hit.rule for told in report.told for hit in told.hits] == ["veto"]


def test_a_poll_that_dies_between_fetch_and_record_reads_its_articles_again(kit: Any) -> None:
    """Nothing of it was stored, neither items nor validators: the next poll has them all."""
    _serve(kit, [VETO])
    source = kit.source("a", full_text=True)

    async def dies(watch: Watch) -> None:
        read = watch.articles
        assert read is not None

        async def and_dies(*arguments: Any) -> Any:
            await read(*arguments)
            raise asyncio.CancelledError

        watch.articles = and_dies
        with pytest.raises(asyncio.CancelledError):
            await poll_source(watch, source, kit.now)

    kit.run([source], dies)
    report = _poll(kit)

    assert report.new_items == 1
    assert report.articles == {"read": 1}
    assert report.told
