"""Where everything is kept; the only place with SQL.

A caller opens a transaction (`with store.write() as tx:`) and works on the tables it groups:
`tx.sources`, `tx.items`, `tx.stories`, `tx.outbox`, `tx.log`. Decisions are taken by the caller
inside the block, so that what they saw is what is committed.
"""

from monitor.store.outbox import ChannelState, Outcome
from monitor.store.sources import SourceState
from monitor.store.sqlite import SqliteStore, Transaction

__all__ = ["ChannelState", "Outcome", "SourceState", "SqliteStore", "Transaction"]
