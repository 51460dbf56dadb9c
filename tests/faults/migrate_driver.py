"""Kills the first opening of a database before each SQL statement; opens it again (F3).

migrate_driver.py FOLDER      prints one JSON object per kill
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from monitor.store import SqliteStore
from monitor.testing import NOW
from tests.acceptance.crash_driver import count_statements, forked


def main() -> None:
    """Print, per kill, the tables after the second opening and whether the file is whole."""
    folder = Path(sys.argv[1])

    def opening(path: Path, at: int | None) -> Callable[[], int]:
        def child() -> int:
            counted = count_statements(at)
            store = SqliteStore(path)
            store.open(NOW)
            store.close()
            return counted()

        return child

    total = forked(opening(folder / "reference.db", None))
    for at in range(1, total + 1):
        path = folder / f"kill-{at}.db"
        assert forked(opening(path, at)) == -1, f"statement {at} was not reached"
        store = SqliteStore(path)
        store.open(NOW)
        store.verify()
        with store.read() as tx:
            db = tx.items._db
            tables = sorted(
                sql for (sql,) in db.execute("select sql from sqlite_master where sql is not null")
            )
        store.close()
        print(json.dumps({"kill": at, "tables": hash(tuple(tables)), "count": len(tables)}))


if __name__ == "__main__":
    main()
