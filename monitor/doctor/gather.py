"""Gathers the facts of an installation; nothing is changed and no message is sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from monitor.config import Config
from monitor.doctor import gather_machine, gather_network
from monitor.doctor.facts import Facts, Files
from monitor.engine.vitals import HEALTH
from monitor.errors import ConfigError, StoreError
from monitor.model import Source, SourceId, Validators
from monitor.service import fetching, read_config
from monitor.store import SqliteStore
from monitor.store.survey import survey


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is examined: a configuration, the environment it reads, where unit files lie."""

    directory: Path
    environ: Mapping[str, str]
    units: Path
    clock: Callable[[], datetime]


def local_facts(place: Place) -> tuple[Facts, Config | None]:
    """Return what can be known without a network, and the configuration where it is right."""
    facts = Facts(
        at=place.clock(),
        software=gather_machine.software(),
        files=Files(directory=str(place.directory)),
        limits=gather_machine.limits(),
        units=gather_machine.units(place.units),
    )
    try:
        config = read_config(place.directory, place.environ)
    except ConfigError as error:
        errors = tuple(one.render() for one in error.problems if not one.is_warning)
        return replace(facts, files=replace(facts.files, errors=errors)), None
    database = Path(config.service.storage.database)
    facts = replace(
        facts,
        files=_files(config, place.directory),
        volume=gather_machine.volume(database),
        secrets=gather_machine.secrets(place.directory, config.files),
        holder=gather_machine.holder(database),
    )
    if facts.volume is None or not facts.volume.has_database:
        return facts, config
    return replace(facts, survey=survey(database, HEALTH, place.clock())), config


def _files(config: Config, directory: Path) -> Files:
    return Files(
        directory=str(directory),
        warnings=len(config.warnings),
        sources=len(config.sources),
        enabled=sum(source.enabled for source in config.sources),
        rules=len(config.ruleset.rules),
        channels=tuple((one.name, one.kind) for one in config.channels.values()),
    )


async def network_facts(
    facts: Facts,
    config: Config,
    place: Place,
    chosen: Sequence[Source],
    on_answer: Callable[[], None],
) -> Facts:
    """Return the facts with what the chosen sources, and the receivers of channels, answer."""
    known = _known(facts, Path(config.service.storage.database))
    async with fetching(config, place.clock) as fetcher:
        channels = await gather_network.ask_channels(config, fetcher)
        feeds = await gather_network.ask_sources(chosen, known, fetcher, place.clock, on_answer)
    return replace(facts, feeds=feeds, channels=channels)


def _known(facts: Facts, database: Path) -> Mapping[SourceId, Validators]:
    """Return the validators of the sources, nothing where the database cannot be read."""
    if facts.survey is None or facts.survey.outbox is None:
        return {}
    store = SqliteStore(database)
    try:
        store.look()
        with store.read() as tx:
            return {state.id: state.validators for state in tx.sources.states()}
    except StoreError:
        return {}
    finally:
        store.close()
