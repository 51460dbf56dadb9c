"""The daily canary: a made-up item goes the whole way, and its absence is told elsewhere.

It is polled like any source, on the real database, in transactions that are rolled back: neither
statistics nor stories can ever count it. What stays is one message that says so, and a row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import NoReturn, TypeVar

import structlog

from monitor import rules
from monitor.alerts.canary import Flight, arrived_at, due_date, missing
from monitor.alerts.route import Route
from monitor.fetch.canary import SCHEME
from monitor.model import Alert, AlertId, Operations, Probe, Reason, Source, SourceId, stable_id
from monitor.rules import RuleSet
from monitor.steps.record import PollReport
from monitor.steps.tell import enqueue, tell_operations
from monitor.steps.watch import Canary, RecentStories, Watch
from monitor.store import Transaction

log = structlog.get_logger()

DELIVERED_AT = "canary_delivered_at"  # in `meta`: for those who measure from outside
_MISSING_SINCE = "canary_missing_since"  # in `meta`: people were told that it is absent
_SOURCE = SourceId("(canary)")  # no feed can be called so
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # when a first poll is due that nobody waits for
_RULE = """
version: 1
rules:
  - id: canary
    title: Canary
    theme: canary
    severity: low
    when:
      all:
        - bird: [canary of]
        - voice: [sings]
    match: [The canary of 2024-03-28 sings]
    no_match: [A canary was sold]
"""
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class Song:
    """How the canary of a date went through the lines; `fault` is where it stopped, or empty."""

    local_date: str
    fault: str = ""


class _Forgotten(Exception):
    """Ends a transaction that is to leave no trace; no error."""


def _forget() -> NoReturn:
    raise _Forgotten


class Rehearsal(Watch):
    """A watch that does everything and keeps nothing: its transactions are rolled back."""

    async def read(self, step: Callable[[Transaction], _Result]) -> _Result:
        """Run a step as one that writes: its source is known in there only."""
        return await self.write(step)

    def write_now(self, step: Callable[[Transaction], _Result]) -> _Result:
        """Run a step in a write transaction and undo it."""
        results: list[_Result] = []
        try:
            with self.store.write() as tx:
                sources = list(self.settings.sources.values())
                tx.sources.sync(sources, [_EPOCH] * len(sources))
                results.append(step(tx))
                _forget()
        except _Forgotten:
            return results[0]
        finally:
            self.recent.forget_all()


@cache
def _ruleset() -> RuleSet:
    return rules.load([("the built-in canary", _RULE)])


def due(tx: Transaction, watch: Watch, now: datetime) -> str | None:
    """Return the local date whose canary is to fly now, or None."""
    settings = watch.settings
    if settings.canary is None:
        return None
    return due_date(now, settings.canary.at, settings.digest_zone, tx.canary.last())


def rehearsal(watch: Watch, local_date: str) -> tuple[Rehearsal, Source]:
    """Return the watch on which the canary of a date is polled, and its source."""
    assert watch.settings.canary is not None, "it is due"
    source = Source(id=_SOURCE, url=f"{SCHEME}{local_date}", name="Canary", first_poll="alert")
    settings = replace(
        watch.settings,
        ruleset=_ruleset(),
        sources={source.id: source},
        routes=(Route(send=watch.settings.canary.channels),),
        silences=(),
    )
    return (
        Rehearsal(
            settings=settings,
            channels=watch.channels,
            store=watch.store,
            fetch=watch.fetch,
            parse=watch.parse,
            writer=watch.writer,
            recent=RecentStories(),
        ),
        source,
    )


def song_of(local_date: str, report: PollReport, canary: Canary) -> Song:
    """Return whether a rehearsal went as it must: one new story, told to every channel."""
    told = report.told
    if report.result != "read":
        fault = f"it could not be read: {report.error or report.result}"
    elif len(told) != 1:
        fault = f"its rule hit {len(told)} items, not one"
    elif told[0].decision.reason is not Reason.NEW_STORY:
        fault = f"nobody would be told: {told[0].decision.reason.value}"
    elif told[0].deliveries < len(canary.channels):
        fault = f"{told[0].deliveries} messages were made for {len(canary.channels)} channels"
    else:
        fault = ""
    return Song(local_date=local_date, fault=fault)


def look_after(tx: Transaction, watch: Watch, now: datetime, song: Song | None) -> list[str]:
    """Send the canary that has sung, and tell of one that does not arrive; return what was told."""
    canary = watch.settings.canary
    if canary is None:
        return []
    if song is not None:
        _send(tx, watch, canary, song, now)
    flight = tx.canary.last()
    if flight is None or flight.delivered_at is not None:
        return []
    landings = tx.canary.landings(flight.alert_id) if flight.alert_id else ()
    absent = missing(landings, canary.channels)
    if landings and not absent:
        return _landed(tx, watch, replace(flight, delivered_at=arrived_at(landings)), now)
    if now - flight.begun_at < canary.within or tx.log.meta(_MISSING_SINCE):
        return []
    return _tell_missing(tx, watch, flight, absent, now)


def _send(tx: Transaction, watch: Watch, canary: Canary, song: Song, now: datetime) -> None:
    """Store how a canary sang, and put its message into the outbox if all went well.

    A date that has its message has had its canary: what another try sang is forgotten.
    """
    last = tx.canary.last()
    known = last if last and last.local_date == song.local_date else None
    if known and known.alert_id:
        return
    begun_at = known.begun_at if known else now
    flight = Flight(local_date=song.local_date, begun_at=begun_at, tried_at=now, error=song.fault)
    if not song.fault:
        flight = replace(flight, alert_id=_enqueue(tx, watch, canary, song, now))
    tx.canary.put(flight)


def _enqueue(tx: Transaction, watch: Watch, canary: Canary, song: Song, now: datetime) -> AlertId:
    """Put the message of a canary into the outbox, one for each channel; return its id."""
    date = song.local_date
    alert_id = AlertId(stable_id("a-", "canary", date))
    alerts = {
        name: Alert(id=alert_id, occurred_at=now, body=_probe(name, date))
        for name in canary.channels
    }
    for name, alert in alerts.items():
        enqueue(tx, watch, alert, [name])
    first = alerts[canary.channels[0]]
    tx.stories.put_alert(first, story_id=None, reason="canary", title=f"Canary of {date}")
    return alert_id


def _probe(channel: str, local_date: str) -> Probe:
    text = (
        "This is the daily test of the whole watch, nothing happened and nothing is to be done: a "
        "made-up item went through fetching, reading, rules, stories, the outbox and this channel. "
        "On a day without this message look whether the watch runs."
    )
    return Probe(channel=channel, text=text, canary=local_date)


def _landed(tx: Transaction, watch: Watch, flight: Flight, now: datetime) -> list[str]:
    """Store that a canary has arrived; tell that it is back if people know of its absence."""
    assert flight.delivered_at is not None, "it has arrived"
    tx.canary.put(flight)
    tx.log.set_meta(DELIVERED_AT, flight.delivered_at.isoformat())
    since = tx.log.meta(_MISSING_SINCE)
    if not since:
        return []
    tx.log.set_meta(_MISSING_SINCE, "")
    operations = Operations(
        kind="canary.back",
        title="The canary arrives again",
        detail=f"The canary of {flight.local_date} went the whole way.",
        since=flight.delivered_at,
    )
    tell_operations(tx, watch, operations, now, key=since)
    return [operations.title]


def _tell_missing(
    tx: Transaction, watch: Watch, flight: Flight, absent: Mapping[str, str], now: datetime
) -> list[str]:
    """Tell of a canary that has not arrived, on channels other than those it is missing at."""
    tx.log.set_meta(_MISSING_SINCE, now.isoformat())
    names = ", ".join(absent)
    places = "\n".join(f"{name}: {why}" for name, why in absent.items())
    is_stuck = flight.alert_id is None
    operations = Operations(
        kind="canary.missing",
        title=f"The canary of {flight.local_date} has not arrived"
        + ("" if is_stuck else f" at {names}"),
        detail=f"It came no further than this: {flight.error}" if is_stuck else places,
        since=flight.begun_at,
        about="" if is_stuck else names,
        what_to_do="Alerts may be stuck too: monitor health; monitor outbox list; "
        "monitor notify test CHANNEL",
    )
    others = list(watch.settings.ops_channels)
    if not is_stuck:
        others = [name for name in others if name not in absent]
        others = others or [name for name in watch.channels if name not in absent]
    told = tell_operations(tx, watch, operations, now, key=flight.local_date, channels=others)
    if told is None:
        log.error("no other channel is left to tell of the canary", missing=list(absent))
    return [operations.title]
