"""What a reply means, and what of it may be shown."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from monitor.errors import ChannelPaused, DeliveryError, PermanentDeliveryError
from monitor.model import Reply
from monitor.notify.replies import LONGEST_WAIT, judge, origin, retry_after
from monitor.testing import NOW
from monitor.text.clean import one_line

URL = "https://user:pa%24%24word@chat.example/hooks/T0KEN0?sig=CANARY%2F1&v=2"


def refusal(reply: Reply, secret: str = "") -> DeliveryError | None:
    """Return the error that a reply raises, None where it accepts."""
    try:
        judge(reply, "https://h", NOW, secret=secret)
    except DeliveryError as error:
        return error
    return None


@given(st.integers(100, 999), st.text(max_size=60), st.text(max_size=30))
def test_every_reply_has_a_meaning(status: int, body: str, wait: str) -> None:
    """2xx is accepted, all else is one of three errors with the status."""
    reply = Reply(status=status, headers={"retry-after": wait}, body=body.encode())

    error = refusal(reply)

    assert (error is None) == (status // 100 == 2)
    if error is not None:
        assert error.code == status
        assert type(error) in {DeliveryError, ChannelPaused, PermanentDeliveryError}
        assert error.retry_after is None or timedelta(0) <= error.retry_after <= LONGEST_WAIT
        assert len(str(error)) < 300
        assert one_line(str(error)) == str(error)


def test_an_echoed_url_is_not_shown() -> None:
    """Receivers that repeat the request in their error page leak no key, encoded or not."""
    body = f"POST {URL} failed: hooks/T0KEN0, CANARY%2F1, CANARY/1, pa$$word at chat.example"

    text = str(refusal(Reply(status=500, body=body.encode()), URL))

    assert "failed" in text
    assert "chat.example" in text
    assert not [key for key in ("T0KEN0", "CANARY", "pa$$word", "pa%24") if key in text]


def test_a_reply_of_control_characters_is_one_line() -> None:
    """Nobody forges a log line through an error page."""
    error = refusal(Reply(status=500, body=b"a\r\n\x1b[2JERROR b\x00\xff"))

    assert str(error) == "https://h: HTTP 500 (a [2JERROR b\ufffd)"


def test_only_the_host_of_a_url_is_shown() -> None:
    """User, password, path and query are keys."""
    assert origin(SecretStr(URL)) == "https://chat.example"


def test_a_date_without_a_zone_is_utc() -> None:
    """RFC 5322 dates with -0000 carry no zone."""
    now = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)

    wait = retry_after({"retry-after": "Thu, 28 Mar 2024 21:10:00 -0000"}, now)

    assert wait == timedelta(minutes=10)
