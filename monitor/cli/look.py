"""`hits`, `stories` and `show`: what was found, and every reason."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import directory_option, looking, output_options, stored
from monitor.cli.output import emit, since
from monitor.errors import MonitorError
from monitor.model import STATES

_LIMIT = click.option("--limit", default=50, show_default=True, help="At most so many.")
_COLUMNS = (
    "id",
    "severity",
    "state",
    "assignee",
    "latest_at",
    "items",
    "independent",
    "languages",
    "rules",
    "title",
)
_SINCE = click.option("--since", "since_", default="30d", show_default=True, help="30d, 12h, date.")


@click.command()
@directory_option
@click.option("--rule", help="Of this rule only.")
@_SINCE
@_LIMIT
@output_options
def hits(*, directory: Path, rule: str | None, since_: str, limit: int, output: str) -> None:
    """List what matched, newest first, with its story and why people were told or not."""
    from monitor.engine.clock import utc_now

    with looking(directory) as tx:
        rows = tx.items.recent_hits(rule=rule, since=since(since_, utc_now()), limit=limit)
    emit(
        rows, output, ("made_at", "rule", "severity", "source", "title", "story", "state", "reason")
    )


@click.command()
@directory_option
@click.option("--state", type=click.Choice(STATES), help="Of this state only; new: undecided.")
@click.option("--assignee", help="Those that this person works on.")
@_SINCE
@_LIMIT
@output_options
def stories(
    *,
    directory: Path,
    state: str | None,
    assignee: str | None,
    since_: str,
    limit: int,
    output: str,
) -> None:
    """List stories, worst first, with their rules, sources, state and who works on them."""
    from monitor.engine.clock import utc_now

    with looking(directory) as tx:
        begin = since(since_, utc_now())
        rows = tx.stories.recent(begin, limit, state=state, assignee=assignee)
    emit(rows, output, _COLUMNS)


@click.command()
@click.argument("id_")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(*, id_: str, directory: Path, as_json: bool) -> None:
    """Show a story (s-...), an item (i-... or its address), or a rule, with every reason."""
    with stored(directory) as (config, tx):
        if id_ in config.ruleset.rules:
            found: Mapping[str, Any] | None = _rule(config.ruleset.rules[id_])
        else:
            found = story_details(tx, id_) or _item(tx, id_)
    if found is None:
        click.echo(f'nothing has the id "{id_}"; see monitor stories, monitor hits', err=True)
        sys.exit(EXIT_PROBLEM)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2, default=str))
    else:
        click.echo(_text(found))


def story_details(tx: Any, prefix: str) -> dict[str, Any] | None:
    """Return a story with members, decisions, deliveries and activity; a prefix may name it.

    Raises:
        MonitorError: several stories begin so.
    """
    ids = tx.stories.find(prefix)
    if not ids:
        return None
    if len(ids) > 1:
        raise MonitorError(f'several stories begin with "{prefix}": {", ".join(ids)}')
    story = tx.stories.get(ids[0])
    members = tx.stories.members(story.id)
    for member in members:
        del member["fingerprint"]
        shown = tx.items.shown(member["id"])
        member["hits"] = [_hit(hit) for hit in shown.hits]
        member["articles"] = tx.full_text.of(member["id"])
        member |= {name: getattr(shown, name) for name in ("title", "summary", "content", "sha256")}
    return {
        "kind": "story",
        "id": story.id,
        "title": story.title,
        "severity": story.severity.label,
        "state": story.state,
        "assignee": story.assignee,
        "muted": story.muted,
        "rules": sorted(story.rules),
        "opened_at": story.opened_at,
        "latest_at": story.latest_at,
        "sources": story.sources,
        "items": members,
        "decisions": tx.stories.decisions(story.id),
        "deliveries": tx.outbox.of_story(story.id),
        "activity": tx.log.activities(story.id),
    }


def _hit(hit: Any) -> dict[str, Any]:
    from monitor.store.codec import clause_to_dict

    return {
        "rule": hit.rule,
        "version": hit.version,
        "severity": hit.severity.label,
        "clauses": [clause_to_dict(clause) for clause in hit.clauses],
    }


def _item(tx: Any, id_: str) -> dict[str, Any] | None:
    item = tx.items.get(id_)
    if item is None:
        return None
    fields = ("id", "source_id", "title", "summary", "url", "lang", "published", "seen_at", "flags")
    story = tx.stories.story_of(item.id)
    return {
        "kind": "item",
        **{name: getattr(item, name) for name in fields},
        "story": story,
        "content": item.content,
        "articles": tx.full_text.of(item.id),
        "hits": [_hit(hit) for hit in tx.items.hits(item.id)],
    }


def _rule(info: Any) -> dict[str, Any]:
    return {
        "kind": "rule",
        "id": info.id,
        "title": info.title,
        "theme": info.theme,
        "severity": info.severity.label,
        "why": info.why,
        "file": f"{info.file}:{info.line}",
        "version": info.version,
    }


def _text(found: Mapping[str, Any]) -> str:
    lines = [f"{found['kind']} {found['id']}: {found['title']}"]
    plain = (
        "severity",
        "state",
        "assignee",
        "rules",
        "why",
        "file",
        "version",
        "source_id",
        "url",
        "published",
    )
    lines += [f"  {name}: {_plain(found[name])}" for name in plain if found.get(name)]
    lines += map(_article_line, found.get("articles", ()))
    for hit in found.get("hits", ()):
        lines += _hit_lines(hit, "  ")
    for item in found.get("items", ()):
        lines += _member_lines(item)
    for row in found.get("decisions", ()):
        alert = f", alert {row['alert_id']}" if row["alert_id"] else ""
        lines.append(f"  {row['decided_at'][:16]} {row['reason']} {row['detail']}{alert}".rstrip())
    for row in found.get("deliveries", ()):
        to = f"{row['channel']} {row['recipient']}".strip()
        lines.append(f"  message {row['id']} to {to}: {row['state']} {row['error']}".rstrip())
    for row in found.get("activity", ()):
        lines.append(f"  {row['at'][:16]} {row['who']}: {row['action']} {row['detail']}".rstrip())
    return "\n".join(lines)


def _plain(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _member_lines(item: Mapping[str, Any]) -> list[str]:
    lines = [f"  {item['id']} {item['source']} [{item['lang']}] {item['title']}"]
    lines.append(f"    {item['url']}")
    lines.append(f"    joined: {'; '.join(item['why'])}")
    if item["rival"]:
        lines.append(f"    not {item['rival']}: {item['rival_why']}")
    lines.append(f"    SHA-256 {item['sha256']}")
    lines += (f"  {_article_line(one)}" for one in item["articles"])
    for hit in item["hits"]:
        lines += _hit_lines(hit, "    ")
    return lines


def _article_line(one: Mapping[str, Any]) -> str:
    """Return what came of asking for an article: what was read, or why the feed's text stands."""
    when = one["asked_at"][:16]
    if one["result"] == "read":
        return f"  article read {when} from {one['url']} SHA-256 {one['sha256']}"
    return f"  article not read {when}: {one['result']} {one['detail']}".rstrip()


def _hit_lines(hit: Mapping[str, Any], indent: str) -> list[str]:
    lines = [f"{indent}rule {hit['rule']} ({hit['severity']}, version {hit['version'][:12]})"]
    for clause in hit["clauses"]:
        words = ", ".join(f'"{span["text"]}" in {span["field"]}' for span in clause["matched"])
        lines.append(f"{indent}  + {clause['clause']}: {words}")
    return lines
