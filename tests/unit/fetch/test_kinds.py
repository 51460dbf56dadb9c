"""The list of kinds is the list of what is raised."""

import re
from pathlib import Path

from monitor import fetch
from monitor.errors import RefusedAddress
from monitor.fetch.kinds import WHAT_TO_DO, kind_of


def test_every_kind_that_is_raised_has_an_advice_and_no_other() -> None:
    """A new kind comes with a word to the operator; a kind that is gone leaves none."""
    files = Path(next(iter(fetch.__path__))).glob("*.py")
    text = "\n".join(path.read_text() for path in files)
    raised = set(re.findall(r'kind\s*=\s*"([a-z0-9-]+)"', text))
    chosen = set(re.findall(r'"([a-z0-9-]+)" if [^\n]* else', text)) | set(
        re.findall(r'"[a-z0-9-]+" if [^\n]* else "([a-z0-9-]+)"', text)
    )

    raised |= {RefusedAddress("x").kind, *map(kind_of, range(100, 1000))}
    assert raised <= set(WHAT_TO_DO)
    assert set(WHAT_TO_DO) <= raised | chosen
