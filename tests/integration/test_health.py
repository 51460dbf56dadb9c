"""What the database says to the dead-man and to the metrics, on real rows."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from monitor.alerts.canary import Flight
from monitor.engine.deadman import broken_promises
from monitor.errors import FetchError
from monitor.model import AlertId
from monitor.steps.record import record_failure
from monitor.steps.tell import enqueue
from monitor.steps.watch import Watch
from monitor.store import ChannelState
from monitor.testing import make_story_alert
from monitor.web.figures import read_figures

HOUR = timedelta(hours=1)


def _broken(kit: Any, sources: Any, change: Any) -> tuple[str, ...]:
    """Return the broken promises after a change of the store."""

    async def work(watch: Watch) -> Any:
        await watch.write(lambda tx: change(tx, watch))
        return await watch.read(lambda tx: broken_promises(tx, kit.now, HOUR))

    found: tuple[str, ...] = kit.run(sources, work)
    return found


def _fail(*names: str) -> Any:
    def change(tx: Any, watch: Watch) -> None:
        for source in watch.settings.sources.values():
            if source.id in names:
                error = FetchError("timed out", kind="timeout")
                record_failure(tx, watch, source, error, watch_now(tx))

    return change


def watch_now(tx: Any) -> datetime:
    """Return when the sources of a fresh store are due: now."""
    at: datetime = tx.sources.states()[0].next_poll_at
    return at


def test_one_source_that_fails_breaks_nothing_and_all_of_them_do(kit: Any) -> None:
    """The watch tells of one itself; that nothing at all is read may not get out."""
    sources = [kit.source("a"), kit.source("b")]

    assert _broken(kit, sources, _fail("a")) == ()
    assert _broken(kit, sources, _fail("a", "b")) == ("no source at all could be read",)


def test_polls_that_starve_are_told(kit: Any) -> None:
    """A source whose poll is overdue by more than an hour."""

    def change(tx: Any, _watch: Watch) -> None:
        [state] = tx.sources.states()
        tx.sources.put(replace(state, next_poll_at=kit.now - 2 * HOUR))

    found = _broken(kit, [kit.source("a")], change)

    assert found == ("1 polls are overdue by an hour or more",)


def test_a_channel_that_takes_nothing_for_an_hour_is_told_and_held_messages_are_not(
    kit: Any,
) -> None:
    """Due since two hours, refused since two hours; held for quiet hours is no fault."""

    def waits(tx: Any, watch: Watch) -> None:
        enqueue(tx, watch, make_story_alert(occurred_at=kit.now - 2 * HOUR), ("hook",))
        tx.outbox.put_channel(ChannelState(name="other", paused_at=kit.now - 2 * HOUR))
        tx.outbox.put_channel(ChannelState(name="fresh", paused_at=kit.now))

    def held(tx: Any, watch: Watch) -> None:
        channel = watch.channels["hook"]
        alert = make_story_alert(id="a-held", occurred_at=kit.now - 2 * HOUR)
        message = channel.compose(alert, "x")
        tx.outbox.enqueue(alert.id, "held", "x", message, alert.occurred_at, due=kit.now + HOUR)

    found = _broken(kit, [], waits)
    again = _broken(kit, [], held)

    assert found == ("channel hook takes nothing", "channel other takes nothing")
    assert again == ("channel hook takes nothing",), "a start tries refused channels again"


def test_canaries_that_are_sent_and_do_not_arrive_are_told(kit: Any) -> None:
    """Where they were turned off since, nothing is."""

    def flight(begun: timedelta, delivered: timedelta) -> Any:
        def change(tx: Any, _watch: Watch) -> None:
            tx.canary.put(
                Flight(
                    local_date=f"{kit.now - begun:%Y-%m-%d}",
                    begun_at=kit.now - begun,
                    tried_at=kit.now - begun,
                    alert_id=AlertId("a-canary"),
                    error="",
                    delivered_at=kit.now - delivered,
                )
            )

        return change

    assert _broken(kit, [], flight(70 * HOUR, 69 * HOUR)) == ()
    [told] = _broken(kit, [], flight(HOUR, 69 * HOUR))
    assert told.startswith("no canary arrived since 2024-03-26")


def test_the_figures_of_the_metrics_are_those_of_the_store(kit: Any) -> None:
    """Feeds with their state, the outbox by channel and state, since when the oldest waits."""

    async def work(watch: Watch) -> Any:
        def change(tx: Any) -> None:
            for _ in range(3):
                _fail("a")(tx, watch)
            alert = make_story_alert(occurred_at=kit.now - HOUR)
            enqueue(tx, watch, alert, ("hook",))

        await watch.write(change)
        return await watch.read(lambda tx: read_figures(tx, kit.now))

    figures = kit.run([kit.source("a"), kit.source("b")], work)

    assert [(one.name, one.state, one.failures) for one in figures.feeds] == [
        ("a", "failing", 3),
        ("b", "new", 0),
    ]
    assert figures.outbox == {("hook", "pending"): 1}
    assert figures.waits_since == {"hook": kit.now - HOUR}
    assert figures.canary_at is None
