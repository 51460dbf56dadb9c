"""The command `monitor`. One file per group of commands; each is imported when it is called.

Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 problem found, 2 usage, 3 configuration,
4 partly failed, 5 locked by another process, 6 database of a newer version.
"""

import importlib
import io
import sys
from collections.abc import Mapping
from typing import NamedTuple

import click

from monitor import __version__
from monitor.errors import ConfigError, MonitorError, NewerSchema, StoreBusy

EXIT_PROBLEM, EXIT_USAGE, EXIT_CONFIG, EXIT_PARTLY, EXIT_LOCKED, EXIT_NEWER = 1, 2, 3, 4, 5, 6


class _Entry(NamedTuple):
    module: str
    help: str


_COMMANDS: Mapping[str, _Entry] = {
    "run": _Entry("run", "Watch: poll, match and alert until stopped."),
    "once": _Entry("run", "Run one cycle over every source and say what it found."),
    "demo": _Entry("demo", "Watch the sample feeds: no network, no accounts."),
    "init": _Entry("setup", "Write a commented configuration into a new directory."),
    "check": _Entry("setup", "Check the configuration and run every rule's examples."),
    "config": _Entry("setup", "Show the effective settings, what an edit changes, the schemas."),
    "hits": _Entry("look", "List what matched, newest first."),
    "stories": _Entry("look", "List stories, worst first."),
    "digest": _Entry("digest", "Print what the next digest would say if it closed now."),
    "show": _Entry("look", "Show a story, an item or a rule, with every reason."),
    "story": _Entry("story", "Mend stories: split, merge, mute, acknowledge."),
    "ack": _Entry("triage", "Say that stories are seen: they are not told again."),
    "dismiss": _Entry("triage", "Say that stories are of no interest, and why."),
    "escalate": _Entry("triage", "Say that stories were passed on, and where to."),
    "assign": _Entry("triage", "Say who works on stories."),
    "note": _Entry("triage", "Write down something about stories."),
    "activity": _Entry("triage", "List who did what, configuration changes included."),
    "routes": _Entry("routes", "Say who would get a story, when, and why."),
    "silence": _Entry("silence", "Tell nobody of what is known and harmless, until a time."),
    "why": _Entry("why", "Say for each rule why a text matches, or what is missing."),
    "match": _Entry("match", "Match items from a JSON Lines file, one line out per item."),
    "rules": _Entry("rules", "List, show, test and compare rules."),
    "replay": _Entry("replay", "Match stored items again: hits gained and lost; nothing is sent."),
    "history": _Entry("replay", "List the rule sets that were in force, and when."),
    "coverage": _Entry("coverage", "Say what was read, what was not and for how long."),
    "feeds": _Entry("feeds", "List, test, find, import and export sources."),
    "notify": _Entry("notify", "Send a test message, or preview an alert."),
    "outbox": _Entry("outbox", "List, show, retry and cancel messages."),
    "verify": _Entry("evidence", "Prove that no record of the evidence was changed or cut off."),
    "erase": _Entry("evidence", "Blank what is kept of an item; its hash stays."),
    "db": _Entry("db", "Back up, restore, check, migrate and prune the database."),
    "doctor": _Entry("doctor", "Look for what is wrong, or soon will be, and say what to do."),
    "health": _Entry("run", "Say whether the watch is alive, for scripts and containers."),
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are used: help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"monitor.cli.{entry.module}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="monitor")
def cli() -> None:
    """Watch news and official feeds for sanctions stories: one alert per story, with the reason."""


def main() -> None:
    """Run the command line; errors raised on purpose become a message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # JSON and nine languages, whatever the locale
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        cli(prog_name="monitor")
    except MonitorError as error:
        click.echo(_told(error), err=True)
        sys.exit(_exit_code(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has left; there is nobody to tell


def _told(error: MonitorError) -> str:
    if not isinstance(error, ConfigError):
        return f"monitor: {error}"
    errors = sum(not problem.is_warning for problem in error.problems)
    return f"{error}\n{errors} error(s) in the configuration; nothing was changed."


def _exit_code(error: MonitorError) -> int:
    if isinstance(error, ConfigError):
        return EXIT_CONFIG
    if isinstance(error, StoreBusy):
        return EXIT_LOCKED
    return EXIT_NEWER if isinstance(error, NewerSchema) else EXIT_PROBLEM
