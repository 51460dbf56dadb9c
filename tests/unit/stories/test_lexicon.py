"""Terms of many languages name one concept."""

from importlib.resources import files

import pytest

from monitor.stories import lexicon
from monitor.stories.facts import facts
from monitor.stories.lexicon import concepts, load, parse
from monitor.stories.words import folded

SMALL = parse(
    "# a comment\n"
    "\n"
    "c nk: north korea*, 北朝鮮, 북한, =北, كوريا الشماليه\n"
    "c korea: korea\n"
    "l north: north, 北\n"
    "v troops: soldat*, soldiers, חיילים\n"
)


def found(text: str) -> list[str]:
    """Return the concepts of a text by the small lexicon."""
    return list(concepts(folded(text), SMALL))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("North Koreans", ["c:nk"]),
        ("north, Korea", ["c:nk"]),
        ("Korea", ["c:korea"]),
        ("Koreans", []),
        ("soldaten soldiers soldier", ["v:troops", "v:troops"]),
        ("北朝鮮が北へ", ["c:nk", "l:north"]),
        ("의 북한군", ["c:nk"]),
        ("وكوريا الشمالية", ["c:nk"]),
        ("והחיילים", ["v:troops"]),
        ("north", ["l:north"]),
        ("", []),
    ],
)
def test_longest_term_wins(text: str, names: list[str]) -> None:
    """Phrases before words, endings where starred, prefixes of Arabic and Hebrew taken off."""
    assert found(text) == names


def test_korean_shorthand_needs_korean() -> None:
    """北 is North Korea in a Korean headline, and a direction elsewhere."""
    assert found("北 미사일") == ["c:nk", "l:north"]
    assert "c:nk" not in found("北へ")


def test_shorthand_inside_a_word_is_none() -> None:
    """A syllable of another word is no shorthand."""
    small = parse("c russia: =러\n")

    assert list(concepts("러 외무", small)) == ["c:russia"]
    assert list(concepts("러시아 3러", small)) == []


@pytest.mark.parametrize(
    "headline",
    [
        "North Korea fires ballistic missile toward Sea of Japan",
        "北, 동해상으로 탄도미사일 발사",
        "КНДР запустила баллистическую ракету в сторону Японского моря",
        "朝鲜向日本海发射弹道导弹",
        "北朝鮮が日本海へ弾道ミサイルを発射",
        "La Corée du Nord tire un missile balistique vers la mer du Japon",
        "Nordkorea feuert ballistische Rakete ins Japanische Meer",
        "Corea del Norte dispara un misil balístico hacia el mar de Japón",
        "Coreia do Norte dispara míssil balístico em direção ao mar do Japão",
        "Korea Północna wystrzeliła pocisk balistyczny do Morza Japońskiego",
    ],
)
def test_one_event_in_ten_languages(headline: str) -> None:
    """Country, weapon and act are found in every language of the feeds."""
    assert {"c:nk", "w:ballistic"} <= set(facts(folded(headline)))


def test_every_term_belongs_to_one_concept() -> None:
    """A term under two ids would be found under the first only, in silence."""
    owners: dict[str, set[str]] = {}
    text = files("monitor.stories").joinpath(lexicon.NAME).read_bytes().decode("utf-8")
    for line in text.splitlines():
        head, _, terms = line.partition(": ")
        if not line.startswith("#"):
            for term in terms.split(","):
                owners.setdefault(folded(term).strip(), set()).add(head)

    assert {term: ids for term, ids in owners.items() if len(ids) > 1} == {}


def test_shipped_lexicon_is_well_formed() -> None:
    """Every line of the shipped file names a kind we know."""
    shipped = load()
    kinds = {concept[:2] for concept in (*shipped.inside.values(), *shipped.korean.values())}

    assert kinds == {"c:", "p:", "o:", "l:", "w:", "v:"}
    assert load() is shipped
