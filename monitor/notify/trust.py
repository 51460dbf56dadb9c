"""Whether a failed connection failed over the other side's certificate."""

import ssl


def is_untrusted(error: BaseException | None) -> bool:
    """Return whether a certificate was refused: expired, of another name, of nobody known."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
