"""The watch of the replayed week: composed as `monitor run` does it, with the week's clock.

    week_worker.py CONFIG BEGAN START SPEED

`BEGAN` is the instant (seconds of the machine's clock) at which the week's clock showed `START`.
"""

import asyncio
import os
import sys
from datetime import datetime
from pathlib import Path

from monitor.cli import run
from monitor.service import Place, Reloader, engine_of, opened, read_config
from tests.evaluation.week_feeds import Clock


async def watch(directory: Path, clock: Clock) -> None:
    config = read_config(directory, os.environ)
    place = Place(database=Path(config.service.storage.database), clock=clock.now)
    async with opened(config, place) as open_:
        reloader = Reloader(
            directory=directory,
            environ=os.environ,
            opened=open_,
            clock=place.clock,
            on_refused=lambda error: print(error, file=sys.stderr),
        )
        first = run.FirstCycle(sum(source.enabled for source in config.sources))
        engine = engine_of(config, open_, place, first.saw, reloader)
        run._on_signals(engine.stop, reloader.look)
        await engine.run()


if __name__ == "__main__":
    _, config, began, start, speed = sys.argv
    run.set_up_logs()
    asyncio.run(
        watch(
            Path(config),
            Clock(began=float(began), start=datetime.fromisoformat(start), speed=float(speed)),
        )
    )
