"""One frozen table says how telling a word is."""

from importlib.resources import files

from monitor.stories import idf


def test_rare_outweighs_common() -> None:
    """A word that most items hold weighs next to nothing, one that none holds most."""
    assert idf.weight("the") < 1 < idf.weight("missil") < idf.weight("zzzqqq") == idf.UNKNOWN


def test_foreign_function_words_weigh_little() -> None:
    """The table serves all languages: a word counts as where it is most common."""
    assert max(map(idf.weight, ("die", "und", "les", "для", "что", "jest"))) < 2.6


def test_subject_of_the_watch_weighs_least() -> None:
    """What every watched item names joins none of them."""
    assert idf.weight("c:nk") == 0


def test_packing_keeps_weights_and_is_reproducible() -> None:
    """The file depends on the weights alone, to a quarter."""
    table = {"b": 1.5, "a": 0.25, "ж": 7.75}

    assert idf.parse(idf.pack(table)) == table
    assert idf.pack(table) == idf.pack(dict(reversed(table.items())))


def test_table_is_small() -> None:
    """The package stays light (issue 6: counts only, compressed)."""
    assert len(files("monitor.stories").joinpath(idf.NAME).read_bytes()) < 1_500_000
