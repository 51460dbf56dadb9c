"""The watch of the replayed week: composed as `monitor run` does it, with the week's clock.

    week_worker.py CONFIG BEGAN START SPEED

`BEGAN` is the instant (seconds of the machine's clock) at which the week's clock showed `START`.
"""

import asyncio
import os
import sys
from datetime import datetime
from pathlib import Path

from monitor import daemon
from monitor.cli import run
from monitor.service import Place, read_config
from tests.evaluation.week_feeds import Clock


async def watch(directory: Path, clock: Clock) -> None:
    config = read_config(directory, os.environ)
    place = Place(database=Path(config.service.storage.database), clock=clock.now)
    talk = daemon.Talk(
        on_start=lambda _: None,
        on_report=lambda _: None,
        on_refused=lambda error: print(error, file=sys.stderr),
    )
    await daemon.run(config, os.environ, place, talk)


if __name__ == "__main__":
    _, config, began, start, speed = sys.argv
    run.set_up_logs()
    asyncio.run(
        watch(
            Path(config),
            Clock(began=float(began), start=datetime.fromisoformat(start), speed=float(speed)),
        )
    )
