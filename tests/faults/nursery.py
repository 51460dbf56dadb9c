"""Starts workers quickly: everything is imported once, each line of stdin forks one worker.

    nursery.py CONFIG      prints the process id of each worker on a line

The worker is what `monitor run` runs; it ends by the signal that the driver sends it.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from monitor.cli.run import _run, set_up_logs
from monitor.service import read_config


def main() -> None:
    """Fork at each line, collecting the worker before."""
    directory = Path(sys.argv[1])
    config = read_config(directory, os.environ)
    pid = 0
    for _ in sys.stdin:
        if pid:
            os.waitpid(pid, 0)
        pid = os.fork()
        if pid == 0:
            set_up_logs()
            asyncio.run(_run(config, directory))
            os._exit(0)
        print(pid, flush=True)
    if pid:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
