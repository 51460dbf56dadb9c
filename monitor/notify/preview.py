"""What an alert would look like, for `monitor notify preview`: nothing is sent."""

from collections.abc import Mapping

from monitor.model import Alert
from monitor.notify import html, mail


def preview(alert: Alert, public_url: str = "") -> Mapping[str, str]:
    """Return the mail's two parts by file suffix: `html`, and `txt` with the subject on top."""
    text = f"Subject: {mail.subject(alert)}\n\n{mail.text(alert, public_url)}"
    return {"html": html.render(alert, public_url), "txt": text}
