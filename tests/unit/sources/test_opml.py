"""OPML in and out."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.model import Source, SourceId
from monitor.sources.opml import dump, load, slug


def _opml(body: str) -> bytes:
    return f'<?xml version="1.0"?><opml version="2.0"><head/><body>{body}</body></opml>'.encode()


def test_folders_become_tags() -> None:
    """Also nested ones; so do categories."""
    found = load(
        _opml(
            '<outline text="News"><outline text="East Asia">'
            '<outline type="rss" text="Wire" title="Harbour Wire" xmlUrl="https://wire.example/rss"'
            ' category="/ships/oil,un" language="en"/></outline></outline>'
            '<outline text="Post" xmlUrl="https://post.example/rss"/>'
        )
    )

    assert found.skipped == ()
    assert found.sources == (
        Source(
            id=SourceId("harbour-wire"),
            url="https://wire.example/rss",
            name="Harbour Wire",
            lang="en",
            tags=frozenset({"news", "east-asia", "ships", "oil", "un"}),
        ),
        Source(id=SourceId("post"), url="https://post.example/rss", name="Post"),
    )


def test_what_is_left_out_is_told() -> None:
    """Outlines without address, and feeds listed twice, which keep the tags of both places."""
    found = load(
        _opml(
            '\n<outline text="Nowhere"/>\n<outline/>\n<outline text="Bad" xmlUrl="file:///etc"/>'
            '<outline text="A"><outline text="Wire" xmlUrl="https://wire.example/rss"/></outline>'
            '<outline text="B"><outline text="Again" xmlUrl="http://www.wire.example/rss/"/></outline>'
        )
    )

    (source,) = found.sources
    assert (str(source.id), source.tags) == ("wire", frozenset({"a", "b"}))
    assert found.skipped == (
        "line 2: Nowhere: no xmlUrl",
        "line 3: an outline: no xmlUrl",
        "line 4: Bad: no xmlUrl",
        "line 4: http://www.wire.example/rss/: listed twice, as wire before",
    )


def test_ids_are_made_and_made_unique() -> None:
    """From the name, else from the address; in the letters that ids may have."""
    found = load(
        _opml(
            '<outline text="Zürich Wire!" xmlUrl="https://a.example/1"/>'
            '<outline text="zurich-wire" xmlUrl="https://a.example/2"/>'
            '<outline text="Zurich  Wire" xmlUrl="https://a.example/3"/>'
            '<outline text="제재 뉴스" xmlUrl="https://kr.example/rss"/>'
            '<outline xmlUrl="https://xn--e1afmkfd.example/"/>'
        )
    )

    assert [source.id for source in found.sources] == [
        "zurich-wire",
        "zurich-wire-2",
        "zurich-wire-3",
        "kr-example-rss",
        "xn-e1afmkfd-example",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<opml><body>", id="breaks-off"),
        pytest.param(b"<rss/>", id="another-format"),
        pytest.param(_opml("<outline>" * 51 + "</outline>" * 51), id="deep"),
    ],
)
def test_what_is_no_opml_is_refused(text: bytes) -> None:
    """With the reason."""
    with pytest.raises(ParseError):
        load(text)


def test_nonsense_in_our_own_attributes_falls_back_to_defaults() -> None:
    """Files are edited by hand."""
    (source,) = load(
        _opml(
            '<outline xmlUrl="https://a.example/" xmlns:monitor="x" monitor:id="Not An Id"'
            ' monitor:every="often" monitor:trust="" monitor:firstPoll="never"/>'
        )
    ).sources

    assert source == Source(id=SourceId("a-example"), url="https://a.example/")


_TEXT = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20
)
_SOURCES = st.lists(
    st.builds(
        Source,
        id=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).map(SourceId),
        url=st.integers(0, 10**6).map("https://feeds.example/{}?a=1&b=<".format),
        name=_TEXT | st.just(""),
        type=st.sampled_from(["feed", "jsonfeed", "sitemap"]),
        lang=st.sampled_from(["", "en", "ko"]),
        every=st.integers(60, 86_400).map(lambda seconds: timedelta(seconds=seconds)),
        timeout=st.integers(1, 60).map(lambda seconds: timedelta(seconds=seconds)),
        trust=st.integers(1, 5),
        tags=st.frozensets(st.sampled_from(["un", "ships/oil", "dprk", "제재"])),
        enabled=st.booleans(),
        full_text=st.booleans(),
        verify_tls=st.booleans(),
        note=_TEXT | st.just("two\nlines"),
        first_poll=st.sampled_from(["alert", "digest", "silent"]),
    ),
    max_size=5,
    unique_by=(lambda source: source.id, lambda source: source.url),
)


@given(_SOURCES)
def test_what_is_exported_is_imported(sources: list[Source]) -> None:
    """Every setting of every source, in order."""
    found = load(dump(sources, title="Feeds & more").encode())

    assert list(found.sources) == sources
    assert found.skipped == ()


def test_secrets_are_never_exported() -> None:
    """The file is made to be passed on."""
    source = Source(
        id=SourceId("a"),
        url="https://a.example/",
        user="u",
        password="hunter2",
        headers={"X": "k3y"},
    )

    text = dump([source])

    assert "hunter2" not in text
    assert "k3y" not in text


@given(st.text(max_size=200))
def test_a_slug_is_an_id_or_empty(text: str) -> None:
    """Safe in files, addresses and commands."""
    made = slug(text)

    assert made == slug(made)
    assert len(made) <= 60
    assert all(char.isascii() and (char.isalnum() or char == "-") for char in made)
