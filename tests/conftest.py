"""What all tests share: Hypothesis in moderation, the place of the shared data."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from monitor.cli.logs import set_up

settings.register_profile(
    "suite",
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")

pytest_plugins = ["tests.kit"]
set_up(sys.__stderr__ or sys.stderr)
_ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _log_lines_as_before() -> Iterator[None]:
    """Undo what a test's command set up for log lines: the next test reads its own."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


_MAY_LACK = ("shared data", "boots no systemd")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the labelled data beside the checkout; without it the test is skipped."""
    path = Path(os.environ.get("MONITOR_SHARED", _ROOT.parent / "shared"))
    if not (path / "data").is_dir():
        pytest.skip(f"the shared data is not at {path}: set MONITOR_SHARED")
    return path


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of CI in which a test was skipped for a tool that is missing there.

    The labelled data may be absent, and a kernel may refuse to boot a machine in namespaces;
    everything else .ci/run installs.
    """
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    reasons = {str(report.longrepr) for report in reporter.stats.get("skipped", ())}
    missing = sorted(one for one in reasons if not any(text in one for text in _MAY_LACK))
    if missing:
        sys.stderr.write("\nskipped in CI:\n" + "\n".join(missing) + "\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
