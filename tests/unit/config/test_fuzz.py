"""Any text as any file: loaded, or refused with problems that say where. Never a traceback."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config import Config
from monitor.config.assemble import assemble
from monitor.config.parts import Surroundings
from monitor.config.show import shown
from monitor.errors import ConfigError, Problem
from monitor.notify import CHANNELS
from monitor.rules import load

MODELS = {kind: channel.settings for kind, channel in CHANNELS.items()}
NAMES = ["monitor.yaml", "feeds.yaml", "routes.yaml"]
ALL_NAMES = [*NAMES, "rules/a.yaml", "watchlists/a.csv"]
REPOSITORY = Path(__file__).resolve().parents[3]
SHIPPED = {
    name: (REPOSITORY / folder / name).read_text("utf-8")
    for folder in ("config", "seeds/config")
    for name in NAMES
}


def _outcome(files: dict[str, str]) -> Config | tuple[Problem, ...]:
    around = Surroundings(
        environ={"SEEDS_URL": "http://127.0.0.1", "A": "b", "EMPTY": ""},
        read_secret=lambda path: Path(path).read_text("utf-8"),
        channels=MODELS,
        load_rules=load,
    )
    try:
        return assemble(files, around, Path("conf"))
    except ConfigError as error:
        return error.problems


def _check(files: dict[str, str]) -> None:
    outcome = _outcome(files)
    if isinstance(outcome, Config):
        assert shown(outcome)
        assert len(outcome.hash) == 64
        return
    assert outcome
    for problem in outcome:
        text = files.get(problem.file, "")
        assert problem.render()
        assert problem.line <= len(text.splitlines()) + 1


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(ALL_NAMES), st.text(max_size=80), max_size=3))
def test_any_text_is_loaded_or_refused(files: dict[str, str]) -> None:
    """Noise of any kind."""
    _check(files)


_SCALARS = st.sampled_from(
    ["", "x", "1", "-1", "true", "15m", "0s", "[]", "{}", "[a, b]", "{a: b}", "${A}", "${", "${B}",
     "${EMPTY:-}", "${file:/nowhere}", "https://a.example", "'07:00'", "critical", "console",
     "webhook", "Europe/Paris", "é", "999999y", "1e999", "NaN", "\"\\0\"", "- a"]
)  # fmt: skip
_WORDS = (
    "version instance name storage database keep items polling every at_once allow_networks proxy "
    "digest at zone send self_watch tell feed_failing_after web public_url defaults feeds id url "
    "trust tags enabled auth basic bearer headers channels routes when severity rule source as "
    "console webhook secret email to smtp from "
    "terms rules title theme why all any none near unless mask match no_match score threshold lang"
)
_KEYS = st.sampled_from(_WORDS.split())
_TREES = st.recursive(
    _SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(_KEYS, below, max_size=4).map(
            lambda entries: f"{{{', '.join(f'{key}: {text}' for key, text in entries.items())}}}"
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(ALL_NAMES), _TREES, min_size=1, max_size=3))
def test_any_tree_of_known_words_is_loaded_or_refused(files: dict[str, str]) -> None:
    """Right keys in wrong places, values of the wrong kind."""
    _check(files)


@settings(max_examples=60)
@given(st.sampled_from(NAMES), st.data())
def test_a_damaged_file_is_loaded_or_refused(name: str, data: st.DataObject) -> None:
    """A shipped file with some characters replaced, as a slip of the hand does."""
    text = SHIPPED[name]
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 20))
    slip = data.draw(st.text(st.sampled_from(list("a1:-[]{}\n \t'\"*&#$")), max_size=4))

    _check({name: text[:start] + slip + text[start + length :]})
