"""Reading a directory: what is read, what is refused, what has changed."""

import os
from pathlib import Path

import pytest

from monitor.config.files import fingerprint, read_files, read_secret_file


def _write(directory: Path, **texts: str | bytes) -> None:
    for name, text in texts.items():
        path = directory / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))


def test_settings_rules_and_watchlists_are_read_in_a_fixed_order(tmp_path: Path) -> None:
    """The order on disk does not matter; editors' and volumes' dot files are left out."""
    _write(
        tmp_path,
        routes_yaml="r",
        rules__b_yaml="b",
        rules__a_yaml="a",
        watchlists__v_csv="v",
        monitor_yaml="m",
        feeds_yaml="f",
    )
    (tmp_path / "rules" / ".#a.yaml").symlink_to("nobody@nowhere.1")

    texts, problems = read_files(tmp_path)

    assert list(texts.items()) == [
        ("monitor.yaml", "m"),
        ("feeds.yaml", "f"),
        ("routes.yaml", "r"),
        ("rules/a.yaml", "a"),
        ("rules/b.yaml", "b"),
        ("watchlists/v.csv", "v"),
    ]
    assert problems == []


def test_rules_may_come_from_another_directory(tmp_path: Path) -> None:
    """The demo has settings of its own and the shipped rules."""
    for folder in ("demo", "shipped/rules", "shipped/watchlists"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "demo" / "monitor.yaml").write_text("m")
    (tmp_path / "shipped" / "monitor.yaml").write_text("other")
    (tmp_path / "shipped" / "rules" / "a.yaml").write_text("a")

    texts, _ = read_files(tmp_path / "demo", tmp_path / "shipped")

    assert texts == {"monitor.yaml": "m", "rules/a.yaml": "a"}


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Some editors put one at the start of UTF-8."""
    _write(tmp_path, monitor_yaml=b"\xef\xbb\xbfversion: 1\r\n")

    assert read_files(tmp_path)[0] == {"monitor.yaml": "version: 1\r\n"}


def test_a_directory_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    """It says how to write a new one."""
    texts, (problem,) = read_files(tmp_path / "nope")

    assert texts == {}
    assert problem.message == "there is no such directory"
    assert "monitor init" in problem.hint
    assert problem.file.endswith("nope")


def test_text_that_is_not_utf8_is_located(tmp_path: Path) -> None:
    """A file saved in another encoding is refused at its first strange byte."""
    _write(tmp_path, feeds_yaml="feeds:\n- name: ä€".encode("cp1252"))

    texts, (problem,) = read_files(tmp_path)

    assert texts == {}
    assert (problem.file, problem.line, problem.column) == ("feeds.yaml", 2, 9)
    assert problem.message == "is not UTF-8 text: byte 0xe4"
    assert problem.source_line.startswith("- name: ")


def test_what_is_no_file_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory, a link to nowhere, a file beyond the cap: each is named."""
    monkeypatch.setattr("monitor.config.files._MAX_BYTES", 10)
    (tmp_path / "monitor.yaml").mkdir()
    (tmp_path / "feeds.yaml").symlink_to("nowhere")
    _write(tmp_path, routes_yaml="x" * 11, rules__a_yaml="x" * 10)

    texts, problems = read_files(tmp_path)

    assert list(texts) == ["rules/a.yaml"]
    assert [(one.file, one.message.split(":")[0]) for one in problems] == [
        ("monitor.yaml", "is not a file"),
        ("feeds.yaml", "cannot be read"),
        ("routes.yaml", "is larger than 0 MB"),
    ]


def test_a_folder_that_cannot_be_listed_is_a_problem_not_an_empty_rule_set(tmp_path: Path) -> None:
    """Silence about unreadable rules would be blindness."""
    (tmp_path / "rules").write_text("not a folder")

    texts, (problem,) = read_files(tmp_path)

    assert texts == {}
    assert problem.file.endswith("rules")
    assert problem.message == "cannot be read: Not a directory"
    assert fingerprint(tmp_path) != fingerprint(tmp_path / "nope")


def test_files_that_look_like_configuration_but_are_not_read_are_warned_of(tmp_path: Path) -> None:
    """A rule file with the wrong ending would be silently without effect."""
    _write(
        tmp_path, feed_yaml="", rules__a_yml="", watchlists__v_txt="", monitor_yml="", notes_md=""
    )

    _, problems = read_files(tmp_path)

    assert all(problem.is_warning for problem in problems)
    assert [(one.file, one.hint) for one in problems] == [
        ("feed.yaml", 'did you mean "feeds.yaml"?'),
        ("monitor.yml", 'did you mean "monitor.yaml"?'),
        ("rules/a.yml", "rename it to end in .yaml"),
        ("watchlists/v.txt", "rename it to end in .csv"),
    ]


def test_a_name_that_is_not_utf8_can_be_printed(tmp_path: Path) -> None:
    """File systems take any bytes as a name."""
    folder = tmp_path / "rules"
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/\xe4.yaml")).write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")

    texts, _ = read_files(tmp_path)

    (name,) = texts
    assert name.encode("utf-8") == b"rules/\\udce4.yaml"


def test_the_fingerprint_changes_with_every_change_of_the_files(tmp_path: Path) -> None:
    """Content, a new file, a file gone, a new time: each asks for a reload; other files do not."""
    _write(tmp_path, monitor_yaml="a", rules__a_yaml="a")
    seen = [fingerprint(tmp_path)]

    (tmp_path / "notes.txt").write_text("x")
    assert fingerprint(tmp_path) == seen[0]
    (tmp_path / "monitor.yaml").write_text("longer")
    seen.append(fingerprint(tmp_path))
    (tmp_path / "rules" / "b.yaml").write_text("b")
    seen.append(fingerprint(tmp_path))
    (tmp_path / "rules" / "a.yaml").unlink()
    seen.append(fingerprint(tmp_path))
    os.utime(tmp_path / "monitor.yaml", ns=(1, 1))
    seen.append(fingerprint(tmp_path))

    assert len(set(seen)) == len(seen)
    assert fingerprint(tmp_path) == seen[-1]


def test_a_link_to_nowhere_has_a_fingerprint_too(tmp_path: Path) -> None:
    """The look every two seconds never fails; the load that follows says what is wrong."""
    before = fingerprint(tmp_path)
    (tmp_path / "monitor.yaml").symlink_to("nowhere")

    assert fingerprint(tmp_path) != before


def test_a_secret_file_is_found_beside_the_configuration(tmp_path: Path) -> None:
    """A relative path starts at the directory, an absolute one where it says."""
    (tmp_path / "token").write_text("t\n")

    assert read_secret_file(tmp_path, "token") == "t\n"
    assert read_secret_file(Path("/nowhere"), str(tmp_path / "token")) == "t\n"
    with pytest.raises(FileNotFoundError):
        read_secret_file(tmp_path, "other")


def test_what_systemd_lends_is_taken_before_the_file(tmp_path: Path) -> None:
    """`secrets/smtp` is the credential `secrets_smtp`; without one the file itself is read."""
    _write(tmp_path, secrets__smtp="file", secrets__hook="file", lent__secrets_smtp="lent")
    (tmp_path / "lent" / "secrets.smtp").rename(tmp_path / "lent" / "secrets_smtp")
    lent = str(tmp_path / "lent")

    assert read_secret_file(tmp_path, "secrets/smtp", lent) == "lent"
    assert read_secret_file(tmp_path, "./secrets/smtp", lent) == "lent"
    assert read_secret_file(tmp_path, "secrets/hook", lent) == "file"
    assert read_secret_file(tmp_path, str(tmp_path / "secrets" / "smtp"), lent) == "file"
