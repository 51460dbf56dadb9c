"""The figures that docs/evaluation.md promises of the shipped rules, as gates."""

import gzip
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from monitor.rules import RuleSet
from tests.evaluation import labels
from tests.evaluation import rules as evaluation
from tests.evaluation.labels import Labelled
from tests.evaluation.rules import AUXILIARY, RULES, Counts, Predicted

_MICRO_F1 = 0.90
_LANGUAGE_F1 = 0.85  # of each language with 20 positives or more
_STRAYS_PER_100_000 = 15.0
_GAP = 0.05  # between news that was read and news that nobody read
_EVERY = 8  # of the corpus: 25,000 items are judged in a few seconds


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    """Return the shipped rules."""
    return evaluation.shipped()


@pytest.fixture(scope="module")
def tuning(shared: Path) -> Sequence[Labelled]:
    """Return the labelled news that the rules were tuned on."""
    return labels.first(shared, check=False)


@pytest.fixture(scope="module")
def predicted(tuning: Sequence[Labelled], ruleset: RuleSet) -> Predicted:
    """Return what the shipped rules hit."""
    return evaluation.predict(tuning, ruleset)


@pytest.mark.shared
def test_eight_rules_together_reach_the_promised_score(
    tuning: Sequence[Labelled], predicted: Predicted
) -> None:
    """Micro-F1 over the eight rules is at least 0.90 on the tuning part."""
    assert evaluation.micro(tuning, predicted).f1 >= _MICRO_F1


@pytest.mark.shared
def test_rules_are_better_than_keyword_alerts_one_by_one(
    shared: Path, tuning: Sequence[Labelled], predicted: Predicted
) -> None:
    """No rule scores below the keyword alert that it replaces."""
    alerts = evaluation.keyword_alerts(shared, tuning)

    worse = [
        rule
        for rule in RULES
        if evaluation.count(tuning, predicted, rule).f1 < evaluation.count(tuning, alerts, rule).f1
    ]

    assert worse == []


@pytest.mark.shared
def test_every_language_with_enough_positives_reaches_its_score(
    tuning: Sequence[Labelled], predicted: Predicted
) -> None:
    """A language with 20 positives or more has an F1 of at least 0.85."""
    scores = {
        lang: evaluation.micro(items, predicted, (*RULES, AUXILIARY))
        for lang, items in evaluation.by_language(tuning).items()
    }

    enough = {lang: one for lang, one in scores.items() if one.tp + one.fn >= evaluation.FEW}
    assert set(enough) >= {"en", "ko"}
    assert {lang: one.f1 for lang, one in enough.items() if one.f1 < _LANGUAGE_F1} == {}


@pytest.mark.shared
def test_unrelated_news_hardly_ever_fires(shared: Path, ruleset: RuleSet) -> None:
    """Of news neither on the DPRK nor on sanctions at most 15 in 100,000 items are hit."""
    sample = list(islice(labels.corpus(shared), 0, None, _EVERY))

    strays = [
        item.id
        for item in sample
        if evaluation.rules_hit(item, ruleset) and evaluation.is_unrelated(item)
    ]

    assert len(strays) * 100_000 / len(sample) <= _STRAYS_PER_100_000, strays


@pytest.mark.shared
def test_the_parts_share_no_item(shared: Path, tuning: Sequence[Labelled]) -> None:
    """An item is in one part alone, and about 30 % are in the check part."""
    check = {one.item.id for one in labels.first(shared, check=True)}

    assert check.isdisjoint(one.item.id for one in tuning)
    assert 0.25 < len(check) / (len(check) + len(tuning)) < 0.35


@pytest.mark.shared
def test_news_that_nobody_read_scores_like_news_that_was_read(
    shared: Path, ruleset: RuleSet
) -> None:
    """Micro-F1 is 0.90 on the second tuning part, and at most 0.05 lower on what is not read."""
    tune, *unread = (
        labels.second(shared, "tune"),
        labels.second(shared, "check"),
        labels.third(shared),
    )

    read, *rest = (
        evaluation.micro(one, evaluation.predict(one, ruleset)).f1 for one in (tune, *unread)
    )

    assert read >= _MICRO_F1
    assert min(rest) >= read - _GAP


def test_labels_without_text_are_joined_with_the_corpus(tmp_path: Path) -> None:
    """Each part has its items with the text of the corpus; an unknown id is refused."""
    known = _shared_with_corpus(tmp_path, ["a", "b", "c"])
    file = tmp_path / "labels.jsonl"
    rows = [
        {"id": "b", "labels": ["missile_nuclear"], "aux": ["dprk_troops_russia"], "part": "tune"},
        {"id": "a", "labels": ["none"], "aux": [], "part": "check", "doubt": True},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))

    [tuned], [unread] = (labels.joined(known, part, file) for part in ("tune", "check"))

    assert tuned.item.title == "b"
    assert tuned.gold == frozenset({"missile-nuclear", "dprk-troops-russia"})
    assert (unread.item.id, unread.doubt) == ("a", True)
    file.write_text(json.dumps({"id": "z", "labels": [], "part": "tune"}))
    with pytest.raises(LookupError, match="1 ids are not in the corpus"):
        labels.joined(known, "tune", file)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (10, 10, 0.722, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval_agrees_with_published_values(
    hits: int, of: int, low: float, high: float
) -> None:
    """The interval of a share is that of the published tables, and everything for nothing."""
    assert evaluation.wilson(hits, of) == pytest.approx((low, high), abs=0.001)


def test_scores_follow_from_the_counts() -> None:
    """Three right, one wrong, two missed: precision 3/4, recall 3/5, F1 2/3."""
    counts = Counts(2, 1, 1) + Counts(1, 0, 1)

    assert (counts.precision, counts.recall) == (0.75, 0.6)
    assert counts.f1 == pytest.approx(2 / 3)
    assert (Counts().precision, Counts().recall, Counts().f1) == (0.0, 0.0, 0.0)


def _shared_with_corpus(folder: Path, titles: Sequence[str]) -> Path:
    (folder / "data").mkdir()
    rows = [{"id": title, "title": title, "lang": "en"} for title in titles]
    with gzip.open(folder / "data" / "corpus.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(map(json.dumps, rows)))
    return folder
