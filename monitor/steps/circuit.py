"""What becomes of a try, and of its channel: a pure table from outcomes to what is stored."""

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.alerts import timing
from monitor.errors import ChannelPaused, DeliveryError, PermanentDeliveryError
from monitor.model import Delivery
from monitor.store import ChannelState, Outcome

LEASE = timedelta(minutes=20)  # longer than the longest send: 600 s after a mail's final dot
_FAILURES_TO_PROBE = 5  # in a row, over all rows of a channel; then one row is tried at a time
_PROBE_FIRST = timedelta(seconds=30)
_PROBE_CAP = timedelta(minutes=30)
_PROBE_PAUSED = timedelta(hours=6)  # a provider may have been at fault; a person usually was
_PROBE_UNTRUSTED = timedelta(minutes=15)  # no reply at all: a certificate, a captive portal
_DEPLOYING = frozenset({400, 404, 405, 413, 415, 422})  # HTTP; while a receiver is being replaced
_SECOND_LOOK = timedelta(minutes=10)
_TOO_MUCH = frozenset({421, 429})  # SMTP and HTTP: said of the channel, not of the message


def may_claim(circuit: ChannelState, now: datetime, at_once: int) -> int:
    """Return how many rows of a channel may be in flight now; 0 while it rests."""
    if circuit.probe_at is None:
        return at_once
    return 1 if now >= circuit.probe_at else 0


def outcome_of(
    delivery: Delivery, error: DeliveryError | None, at: datetime, took: timedelta
) -> Outcome:
    """Return what a try came to; a channel that is refused costs its rows no try."""
    if error is None:
        return Outcome(result="sent", at=at, took=took)
    detail, code = str(error), error.code
    if isinstance(error, ChannelPaused):
        return Outcome(result="paused", at=at, took=took, retry_at=at, code=code, detail=detail)
    wait = _wait(delivery, error)
    if wait is None:
        return Outcome(result="dead", at=at, took=took, code=code, detail=detail)
    return Outcome(result="retry", at=at, took=took, retry_at=at + wait, code=code, detail=detail)


def _wait(delivery: Delivery, error: DeliveryError) -> timedelta | None:
    """Return how long to wait for the next try, None for none.

    Receivers that are being replaced refuse for minutes what they take before and after, so a
    refusal counts when it is said twice.
    """
    if not isinstance(error, PermanentDeliveryError):
        return timing.next_retry(delivery.attempts + 1, error.retry_after, delivery.message.id)
    return _SECOND_LOOK if error.code in _DEPLOYING and delivery.attempts == 0 else None


def after(circuit: ChannelState, outcome: Outcome) -> ChannelState:
    """Return the channel's circuit after a try.

    A message that is refused for good says nothing against the channel.
    """
    if outcome.result in ("sent", "dead") or outcome.code in _DEPLOYING:
        return ChannelState(name=circuit.name)
    if outcome.result == "paused":
        return replace(
            circuit,
            alarmed_at=circuit.alarmed_at if circuit.paused_at else None,
            paused_at=circuit.paused_at or outcome.at,
            paused_why=outcome.detail,
            probe_at=outcome.at + (_PROBE_PAUSED if outcome.code else _PROBE_UNTRUSTED),
        )
    failures = circuit.failures + 1
    if outcome.code in _TOO_MUCH:
        failures = max(failures, _FAILURES_TO_PROBE)
    return replace(circuit, failures=failures, probe_at=_probe_at(failures, outcome.at))


def _probe_at(failures: int, at: datetime) -> datetime | None:
    over = failures - _FAILURES_TO_PROBE
    if over < 0:
        return None
    doublings: int = 2 ** min(over, 16)
    return at + min(_PROBE_FIRST * doublings, _PROBE_CAP)
