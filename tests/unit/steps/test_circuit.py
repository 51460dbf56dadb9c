"""What becomes of a try, and of its channel."""

from datetime import timedelta

import pytest

from monitor.errors import ChannelPaused, DeliveryError, PermanentDeliveryError
from monitor.model import Delivery, Message
from monitor.steps.circuit import after, may_claim, outcome_of
from monitor.store import ChannelState, Outcome
from monitor.testing import NOW

TOOK = timedelta(milliseconds=3)


def _delivery(attempts: int = 0) -> Delivery:
    message = Message(id="a-1", body=b"x")
    return Delivery(
        id=1,
        channel="desk",
        recipient="",
        message=message,
        attempts=attempts,
        first_try_at=None,
        leased_until=NOW,
    )


def test_each_error_class_has_its_outcome() -> None:
    """Accepted, later, never, and the channel itself."""
    later = outcome_of(_delivery(), DeliveryError("503", code=503), NOW, TOOK)
    floor = outcome_of(_delivery(), DeliveryError("429", retry_after=timedelta(hours=2)), NOW, TOOK)
    never = outcome_of(_delivery(), PermanentDeliveryError("550", code=550), NOW, TOOK)
    paused = outcome_of(_delivery(), ChannelPaused("401", code=401), NOW, TOOK)

    assert outcome_of(_delivery(), None, NOW, TOOK).result == "sent"
    assert (later.result, later.code) == ("retry", 503)
    assert later.retry_at is not None
    assert NOW < later.retry_at < NOW + timedelta(minutes=1)
    assert floor.retry_at is not None
    assert floor.retry_at >= NOW + timedelta(hours=2)
    assert (never.result, paused.result, paused.retry_at) == ("dead", "paused", NOW)


def test_tries_end_after_about_four_days() -> None:
    """The last step is followed by a dead letter, never by silence."""
    attempts, waited = 0, timedelta()
    while True:
        outcome = outcome_of(_delivery(attempts), DeliveryError("down"), NOW, TOOK)
        if outcome.result == "dead":
            break
        assert outcome.retry_at is not None
        waited += outcome.retry_at - NOW
        attempts += 1

    assert attempts == 12
    assert timedelta(days=3) < waited < timedelta(days=5)


def test_a_channel_that_fails_in_a_row_is_probed_with_one_message() -> None:
    """Five failures open the circuit; probes come further and further apart, up to a cap."""
    retry = Outcome(result="retry", at=NOW, took=TOOK)
    circuit = ChannelState(name="desk")
    rests = []
    for _ in range(30):
        circuit = after(circuit, retry)
        rests.append(circuit.probe_at - NOW if circuit.probe_at else None)

    assert rests[:4] == [None] * 4
    assert rests[4] == timedelta(seconds=30)
    assert rests[5] == timedelta(seconds=60)
    assert rests[-1] == timedelta(minutes=30)
    assert may_claim(ChannelState(name="desk"), NOW, 4) == 4
    assert may_claim(circuit, NOW, 4) == 0
    assert may_claim(circuit, NOW + timedelta(hours=1), 4) == 1


@pytest.mark.parametrize("result", ["sent", "dead"])
def test_an_answer_closes_the_circuit(result: str) -> None:
    """A receiver that answers is well, even if it refuses this message for good."""
    tired = ChannelState(name="desk", failures=9, probe_at=NOW, paused_at=NOW)

    assert after(tired, Outcome(result=result, at=NOW, took=TOOK)) == ChannelState(name="desk")  # type: ignore[arg-type]


def test_a_refused_channel_rests_and_remembers_since_when() -> None:
    """The first refusal dates the pause; a probe that fails does not move it."""
    paused = Outcome(result="paused", at=NOW, took=TOOK, code=401, detail="401")
    later = Outcome(result="paused", at=NOW + timedelta(hours=6), took=TOOK, code=403, detail="403")

    first = after(ChannelState(name="desk"), paused)
    second = after(first, later)

    assert (first.paused_at, second.paused_at) == (NOW, NOW)
    assert second.paused_why == "403"
    assert may_claim(first, NOW + timedelta(hours=1), 4) == 0


def test_a_refusal_of_a_receiver_that_is_being_replaced_counts_when_said_twice() -> None:
    """A 404 is looked at again after ten minutes; the second one is final."""
    error = PermanentDeliveryError("404", code=404)

    first = outcome_of(_delivery(), error, NOW, TOOK)
    second = outcome_of(_delivery(attempts=1), error, NOW, TOOK)

    assert (first.result, first.retry_at) == ("retry", NOW + timedelta(minutes=10))
    assert second.result == "dead"
    assert after(ChannelState(name="desk", failures=3), first) == ChannelState(name="desk")


@pytest.mark.parametrize("code", [421, 429])
def test_a_channel_that_says_too_much_rests_at_once(code: int) -> None:
    """One such reply speaks for all rows of the channel."""
    retry = Outcome(result="retry", at=NOW, took=TOOK, code=code)

    circuit = after(ChannelState(name="desk"), retry)

    assert may_claim(circuit, NOW, 4) == 0
    assert may_claim(circuit, NOW + timedelta(seconds=30), 4) == 1


def test_a_channel_whose_certificate_is_wrong_is_tried_again_soon() -> None:
    """Without a reply a passing cause is likelier than with a refusal of the password."""
    paused = Outcome(result="paused", at=NOW, took=TOOK, detail="certificate has expired")

    circuit = after(ChannelState(name="desk"), paused)

    assert circuit.paused_at == NOW
    assert may_claim(circuit, NOW + timedelta(minutes=15), 4) == 1
