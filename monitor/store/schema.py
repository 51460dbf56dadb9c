"""The tables of the SQLite store, as migrations that are applied in order and never edited.

Times are ISO 8601 texts in UTC with microseconds, so that they sort and read as they are.
"""

from collections.abc import Iterator

from sqlite_utils import Database, Migrations
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from monitor.store.chain import Chain

migrations = Migrations("monitor")

_FIRST = """
create table meta (
  key   text primary key,
  value text not null
) without rowid;

-- What is known of each configured source. Written by `record_poll` and `record_failure` only.
create table source (
  id               text primary key,
  url              text not null,      -- a hash: it may hold a key; a change drops the validators
  etag             text not null default '',
  last_modified    text not null default '',
  body_hash        blob not null default x'',
  next_poll_at     text not null,
  last_poll_at     text,               -- NULL: never polled
  last_ok_at       text,               -- NULL: never read; then the next poll is the first one
  last_new_at      text,               -- when a new item was last seen
  failures         integer not null default 0,   -- consecutive
  failing_since    text,               -- NULL: the last poll was good
  error            text not null default '',
  error_kind       text not null default '',
  alarmed_at       text,               -- dropped by m011: a problem says who was told
  suspended        integer not null default 0,   -- 1: the server said 410
  permanent_url    text not null default '',     -- where permanent redirects led
  permanent_seen   integer not null default 0,   -- how often in a row
  permanent_since  text,
  polls            integer not null default 0,
  recent_when      text not null default '[]',   -- JSON: times of the latest items, for the cadence
  configured       integer not null default 1    -- 0: no longer in feeds.yaml
) without rowid;

-- Entries seen in the last document of a source, for the delta parse; not the identity of items.
create table entry (
  source_id text not null,
  hash      blob not null,
  primary key (source_id, hash)
) without rowid;

create table item (
  number        integer primary key,   -- order of arrival
  id            text not null unique,
  source_id     text not null,
  guid          text not null,
  url           text not null,
  canonical_url text not null,
  title         text not null,
  summary       text not null,
  content       text not null,
  lang          text not null,
  published     text,
  updated       text,
  when_at       text not null,
  seen_at       text not null,
  changed_at    text,                  -- NULL: never edited since it was first seen
  words_hash    blob not null,         -- of title, summary and content: an edit changes it
  tags          text not null,         -- JSON list
  trust         integer not null,
  flags         text not null          -- JSON list
);
create index item_seen on item (seen_at);

-- One row per version of an item that made a hit; append-only, never updated, never deleted.
create table evidence (
  number      integer primary key,
  item_id     text not null,
  captured_at text not null,
  url         text not null,
  title       text not null,           -- texts as matched: offsets of hits refer to these
  summary     text not null,
  content     text not null,
  raw         blob not null,           -- the entry as received
  sha256      text not null,           -- hex, of raw, or of the texts where no bytes are known
  words_hash  blob not null,
  unique (item_id, words_hash)
);

create table hit (
  number       integer primary key,
  item_id      text not null,
  rule         text not null,
  version      text not null,          -- hash of the rule that made it
  ruleset      text not null,          -- hash of the set in force
  severity     integer not null,
  clauses      text not null,          -- JSON: clause -> spans
  listed_names text not null,          -- JSON list
  evidence     integer not null references evidence (number),
  made_at      text not null,
  unique (item_id, rule)
);
create index hit_made on hit (made_at);

create table story (
  id               text primary key,
  title            text not null,
  opened_at        text not null,
  latest_at        text not null,      -- arrival of its latest item
  severity         integer not null,
  alerted_severity integer,            -- NULL: nobody was told yet
  alerted_rules    text not null default '[]',
  alerted_names    text not null default '[]',
  last_alert_at    text,
  first_alert_id   text,
  revision         integer not null default 0,   -- alerts made for it
  returned_at      text,               -- when items came again after a quiet time
  muted            integer not null default 0,
  state            text not null default 'new'
) without rowid;
create index story_latest on story (latest_at);

create table member (
  number      integer primary key,     -- order of arrival, which decides stories
  item_id     text not null unique,    -- so no item is ever in two stories
  story_id    text not null references story (id),
  joined_at   text not null,
  fingerprint text not null,           -- JSON of monitor.stories.Fingerprint
  why         text not null,           -- JSON list
  score       real,
  rival       text,
  rival_why   text not null default '',
  copy_of     text
);
create index member_story on member (story_id);
create index member_joined on member (joined_at);

-- Why people were told, or not, of an item's hits. Append-only.
create table decision (
  number     integer primary key,
  item_id    text not null,
  story_id   text not null,
  reason     text not null,            -- a value of monitor.model.Reason
  detail     text not null default '',
  rules      text not null,            -- JSON list of the rules that hit
  alert_id   text,
  ruleset    text not null,
  decided_at text not null
);
create index decision_story on decision (story_id);
create index decision_time on decision (decided_at);

create table alert (
  id          text primary key,
  subject     text not null,
  story_id    text,                    -- NULL: not about a story
  reason      text not null,
  title       text not null,
  severity    integer not null,
  occurred_at text not null
) without rowid;
create index alert_story on alert (story_id);
create index alert_time on alert (occurred_at);

create table outbox (
  id           integer primary key,
  alert_id     text not null,
  channel      text not null,
  recipient    text not null,
  message_id   text not null,
  body         blob not null,          -- frozen: every try sends these bytes
  headers      text not null,          -- JSON
  state        text not null check (state in ('pending', 'sending', 'sent', 'dead', 'cancelled')),
  next_at      text not null,          -- pending: due time; sending: end of the lease
  attempts     integer not null default 0,
  created_at   text not null,
  first_try_at text,
  settled_at   text,
  error        text not null default '',
  alarmed      integer not null default 0,   -- 1: its death was told
  unique (alert_id, channel, recipient)
);
-- Serves the claim; partial, so that it does not grow with what was sent.
create index outbox_due on outbox (channel, next_at, id) where state in ('pending', 'sending');
create index outbox_dead on outbox (id) where state = 'dead';

-- Every try, append-only.
create table attempt (
  number    integer primary key,
  outbox_id integer not null references outbox (id),
  at        text not null,
  outcome   text not null,             -- sent, retry, dead, paused
  code      integer,
  took_ms   integer not null,
  detail    text not null
);
create index attempt_outbox on attempt (outbox_id);

create table channel (
  name         text primary key,
  paused_at    text,                   -- NULL: open
  paused_why   text not null default '',
  alarmed_at   text,
  failures     integer not null default 0,   -- consecutive, over all rows
  probe_at     text                    -- NULL: free; else one row at a time from then on
) without rowid;

-- A digest window that was closed; its key stops a second one for the same local date.
create table digest (
  local_date text primary key,
  closed_at  text not null,
  alert_id   text not null
) without rowid;

-- Every rule set and configuration that was in force.
create table ruleset (
  number    integer primary key,
  hash      text not null,
  loaded_at text not null,
  files     text not null              -- JSON: file name -> text, secrets unresolved
);

-- Items that a rule missed by one clause.
create table near_miss (
  item_id text not null,
  rule    text not null,
  missing text not null,
  seen_at text not null,
  primary key (item_id, rule)
) without rowid;

-- What people did: acknowledge, mute, split, merge, retry. Append-only.
create table activity (
  number  integer primary key,
  at      text not null,
  who     text not null,
  action  text not null,
  subject text not null,
  detail  text not null default ''
);
"""


_SILENCES = """
-- What nobody wants to be told of until a time; those of routes.yaml are not kept here.
create table silence (
  name     text primary key,
  rules    text not null,              -- JSON: names; an empty list fits every rule
  sources  text not null,
  themes   text not null,
  text     text not null,              -- words in a row; '' fits every item
  until    text not null,
  who      text not null,
  reason   text not null,
  added_at text not null
) without rowid;
"""


_OVER_CAP = """
-- Alerts that a channel gets in one message with others, because its cap was used up.
create table over_cap (
  alert_id text not null,
  channel  text not null,
  due_at   text not null,
  told_in  text,                       -- NULL: waits; the alert that tells it; '': no such channel
  primary key (alert_id, channel)
) without rowid;
create index over_cap_due on over_cap (due_at) where told_in is null;
"""


_REPEATS = """
-- Alerts that a channel gets again while nobody acknowledges their story.
create table repeat (
  story_id text not null,
  channel  text not null,
  item_id  text not null,              -- what caused the alert
  times_left integer not null,           -- how often still
  next_at  text not null,
  primary key (story_id, channel)
) without rowid;
create index repeat_next on repeat (next_at);
"""


_FULL_TEXT = """
-- What came of asking for the article of an item, failures too. Append-only. The text as matched
-- stands in item.content, and of items with hits in evidence.content.
create table full_text (
  number     integer primary key,
  item_id    text not null,
  asked_at   text not null,
  result     text not null,            -- read, or the kind of what went wrong
  detail     text not null,
  url        text not null,            -- of the document, redirects followed; '': none came
  status     integer,                  -- HTTP; NULL: no answer
  sha256     text not null,            -- hex, of the document
  size_bytes integer not null
);
create index full_text_item on full_text (item_id);
create index full_text_asked on full_text (asked_at);
-- The hash of the feed's own texts, by which an edit is known; NULL: no article was asked for.
alter table item add column feed_words blob;
"""


_CANARY = """
-- The canary of each local date; the key stops a second one. What it did was rolled back.
create table canary (
  local_date   text primary key,
  begun_at     text not null,          -- first try; its time to arrive counts from here
  tried_at     text not null,          -- latest try
  alert_id     text,                   -- NULL: it has not come as far as the outbox
  error        text not null,          -- where it stopped
  delivered_at text                    -- NULL: not every recipient has taken it
) without rowid;
"""


_INDEXES = """
create index item_url on item (url);
create index item_canonical on item (canonical_url);
create index near_miss_seen on near_miss (seen_at);
"""


_TRIAGE = """
alter table story add column assignee text not null default '';   -- '': nobody

-- Whose edit a set was (owners of the files that changed; '': not known), and what it changed.
alter table ruleset add column who text not null default '';
alter table ruleset add column changes text not null default '[]';   -- JSON list of lines

-- Serve what was done to one subject, and the last time that stories were regrouped.
create index activity_subject on activity (subject);
create index activity_mended on activity (number) where action in ('split', 'merge');
"""


_OUTBOX_COUNTS = """
create index outbox_state on outbox (state, channel);   -- counting what is in each
"""


_STORY_COUNTS = """
-- Of the item, again: so that a story's sources are counted without reading its items.
alter table member add column source_id text not null default '';
update member set source_id = (select source_id from item where item.id = member.item_id);
create index member_counts on member (story_id, source_id, joined_at);
drop index member_story;
"""


_DIGESTS = """
-- Digest windows that were closed; the key stops a second one of a kind for the same local date.
create table digest_window (
  kind          text not null,         -- day, week
  local_date    text not null,
  closed_at     text not null,
  alert_id      text not null,         -- '': nobody gets such digests
  primary key (kind, local_date)
) without rowid;
insert into digest_window (kind, local_date, closed_at, alert_id)
  select 'day', local_date, closed_at, alert_id from digest
  union all select 'week', max(local_date), closed_at, '' from digest having count(*) > 0;
insert or ignore into meta (key, value)
  select 'digest_marks_week', value from meta where key = 'digest_marks';
drop table digest;
alter table digest_window rename to digest;

-- Serves the stories that wait for a decision.
create index story_waiting on story (latest_at) where state = 'new' and muted = 0;
"""


_CHAIN = """
-- The chain of evidence: a link for each record, in order. Append-only, which triggers hold.
create table link (
  number integer primary key,
  day    text not null,        -- UTC date; it never goes back, whatever the clock does
  kind   text not null,        -- evidence, hit, decision, activity, erasure
  row    integer not null,     -- number of the record in its table
  entry  text not null,        -- hex SHA-256 of the record as it was written
  head   text not null,        -- hex SHA-256 of the head before, day, kind, row and entry
  unique (kind, row)
);
create index link_day on link (day, number);
create trigger link_update before update on link begin
  select raise(abort, 'the chain of evidence is append-only');
end;
create trigger link_delete before delete on link begin
  select raise(abort, 'the chain of evidence is append-only');
end;

-- Who erased what is kept of an item, and why; NULL: it is whole. The hash stays in the chain.
alter table evidence add column erased_at text;
alter table evidence add column erased_by text not null default '';
alter table evidence add column erased_why text not null default '';
"""


_HEALTH = """
-- What the health of a source is judged by; written with every poll, read with it.
alter table source add column newest_at text;              -- latest believable time of an item
alter table source add column silent_after text;           -- NULL: its rhythm is not known yet
alter table source add column usual_pause_s integer;       -- NULL: likewise
alter table source add column unread_since text;           -- NULL: the last poll was good
alter table source add column outcomes integer not null default 0;  -- a bit a poll, 1: it failed
alter table source add column shortened_s integer;         -- NULL: asked at its own interval
alter table source add column shortened_at text;
alter table source add column title text not null default '';  -- of the feed, as last known
alter table source add column lang text not null default '';
alter table source add column host text not null default '';   -- that its items lead to
alter table source add column problem integer;             -- NULL: it is well; else open in problem
alter table source add column day text not null default '';    -- of the counts that follow
alter table source add column day_polls integer not null default 0;
alter table source add column day_reads integer not null default 0;
alter table source add column day_items integer not null default 0;
alter table source add column day_late integer not null default 0;
alter table source add column day_hours integer not null default 0;

-- The days before: counts are moved here from `source` with the first poll of a new day.
create table source_day (
  source_id  text not null,
  day        text not null,              -- UTC
  polls      integer not null,
  reads      integer not null,
  items      integer not null,
  late_items integer not null,           -- taken in when a source could be read again
  hours      integer not null,           -- a bit for each hour from which an item is known
  primary key (source_id, day)
) without rowid;

-- Spans in which a source was not read, or in which its window rolled over.
create table unseen (
  source_id  text not null,
  kind       text not null check (kind in ('not-read', 'gap')),
  since      text not null,
  until      text not null,
  late_items integer not null default 0,
  primary key (source_id, kind, since)
) without rowid;
create index unseen_until on unseen (until);

-- What ailed a source, from begin to end; source '' is the line to the world.
create table problem (
  number      integer primary key,
  source_id   text not null,
  state       text not null,             -- a value of monitor.model.Health
  since       text not null,
  noticed_at  text not null,
  detail      text not null,             -- the evidence
  kind        text not null default '',  -- of the error
  cause       text not null default '',  -- shared with other sources; '': its own
  well_since  text,                      -- NULL: the last poll was no better
  well_reads  integer not null default 0,
  relapses    integer not null default 0,
  late_items  integer not null default 0,
  ended_at    text,                      -- NULL: it goes on
  told_at     text,                      -- NULL: nobody was told
  end_told_at text
);
create index problem_open on problem (since) where ended_at is null;
create index problem_ended on problem (ended_at);
create index problem_source on problem (source_id);
create index problem_untold on problem (number)
  where told_at is null or (ended_at is not null and end_told_at is null);

-- Failures that people were told of stay told.
insert into problem (source_id, state, since, noticed_at, detail, kind, told_at)
  select id, 'failing', coalesce(failing_since, alarmed_at), alarmed_at, error, error_kind,
    alarmed_at
  from source where alarmed_at is not null;
update source set unread_since = last_ok_at where failures > 0 and error_kind <> 'truncated';
update source set problem = (select max(number) from problem where source_id = source.id);
"""


@migrations()
def m001_first(db: Database) -> None:
    """Create the tables."""
    for statement in _statements(_FIRST):
        db.execute(statement)


@migrations()
def m002_silences(db: Database) -> None:
    """Create the table of silences."""
    for statement in _statements(_SILENCES):
        db.execute(statement)


@migrations()
def m003_over_cap(db: Database) -> None:
    """Create the table of what waits to be told with others."""
    for statement in _statements(_OVER_CAP):
        db.execute(statement)


@migrations()
def m004_repeats(db: Database) -> None:
    """Create the table of what is told again until it is acknowledged."""
    for statement in _statements(_REPEATS):
        db.execute(statement)


@migrations()
def m005_indexes(db: Database) -> None:
    """Create the indexes that look-ups by address, and listings of near misses, use."""
    for statement in _statements(_INDEXES):
        db.execute(statement)


@migrations()
def m020_full_text(db: Database) -> None:
    """Create the table of what came of asking for articles."""
    for statement in _statements(_FULL_TEXT):
        db.execute(statement)


@migrations()
def m021_canary(db: Database) -> None:
    """Create the table of the daily canary."""
    for statement in _statements(_CANARY):
        db.execute(statement)


@migrations()
def m030_triage(db: Database) -> None:
    """Add who works on a story, and whose edit a configuration was."""
    for statement in _statements(_TRIAGE):
        db.execute(statement)


@migrations()
def m031_digests(db: Database) -> None:
    """Let a day and a week that end on one date have a digest each."""
    for statement in _statements(_DIGESTS):
        db.execute(statement)


@migrations()
def m032_chain(db: Database) -> None:
    """Begin the chain of evidence with what is stored so far."""
    for statement in _statements(_CHAIN):
        db.execute(statement)
    Chain(db).add_all()


@migrations()
def m040_outbox_counts(db: Database) -> None:
    """Create the index that counts the outbox without reading its messages."""
    for statement in _statements(_OUTBOX_COUNTS):
        db.execute(statement)


@migrations()
def m060_story_counts(db: Database) -> None:
    """Let a story of thousands of items be counted in one walk along an index."""
    for statement in _statements(_STORY_COUNTS):
        db.execute(statement)


@migrations()
def m010_health(db: Database) -> None:
    """Create what the health of sources is judged by, and the ledger of what was not seen."""
    for statement in _statements(_HEALTH):
        db.execute(statement)


@migrations()
def m011_alarms_are_problems(db: Database) -> None:
    """Drop the column that `problem.told_at` took the place of."""
    db.execute("alter table source drop column alarmed_at")


def _statements(script: str) -> Iterator[str]:
    """Return the statements one by one, comments kept: executescript would commit behind us."""
    statement = ""
    for line in script.strip().splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
