"""What an alert would look like, for `monitor notify preview`: nothing is sent."""

from collections.abc import Mapping

from monitor.model import Alert, Digest
from monitor.notify import html, mail, table


def preview(alert: Alert, public_url: str = "", channel: str = "desk") -> Mapping[str, str]:
    """Return the mail's parts by file suffix: `html`, `txt` with the subject on top, `csv`."""
    text = f"Subject: {mail.subject(alert)}\n\n{mail.text(alert, public_url, channel)}"
    parts = {"html": html.render(alert, public_url, mail.notes(alert, channel)), "txt": text}
    if isinstance(alert.body, Digest):
        parts["csv"] = table.table_of(alert.body).decode("utf-8-sig")
    return parts
