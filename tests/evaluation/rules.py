"""Judge the shipped rules on labelled news, beside the keyword alerts an analyst would set up."""

import hashlib

CHECK_SHARE = 77  # of 256: 30 % of the labelled items are never read or tuned on


def is_check(item_id: str) -> bool:
    """Return whether a labelled item belongs to the check part, decided by its id alone."""
    return hashlib.sha256(item_id.encode()).digest()[0] < CHECK_SHARE
