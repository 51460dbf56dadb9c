"""Nobody gets us to call an inside address: URLs, names, answers and redirects, for both uses."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import pytest

from monitor.errors import FetchError, RefusedAddress
from monitor.fetch.client import Fetcher
from monitor.fetch.dial import Resolver
from monitor.model import Validators
from tests.integration.fetch.server import Names, fetching, make_source, reply, say, serving

Use = Literal["fetch", "get", "post"]
USES: tuple[Use, ...] = ("fetch", "get", "post")
NAMES = {
    "private.test": ["10.0.0.1"],
    "loopback.test": ["127.0.0.1"],
    "loopback6.test": ["::1"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "mixed-last.test": ["127.0.0.1", "93.184.216.34"],
    "mixed6.test": ["2606:4700::1111", "fd00::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "cgnat.test": ["100.64.0.1"],
    "sixtofour.test": ["2002:7f00:1::1"],
    "teredo.test": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "nat64-local.test": ["64:ff9b:1::7f00:1"],
    "compatible.test": ["::127.0.0.1"],
    "isatap.test": ["2606:4700::5efe:127.0.0.1"],
    "multicast.test": ["239.255.255.250"],
    "zone.test": ["fe80::1%lo"],
    "broadcast.test": ["255.255.255.255"],
    "zero.test": ["0.0.0.0"],
    "zero6.test": ["::"],
}
LITERALS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7F.0.0.1",
    "017700000001", "0177.0.0.1", "127.0.0.1.", "0", "0.0.0.0", "localhost", "LOCALHOST",
    "localhost.", "１２７.0.0.1", "１２７。０。０。１", "①②⑦.⓪.⓪.①", "127。0。0。1",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]",
    "10.0.0.1", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0xa9fea9fe", "100.64.0.1",
    "[fd00:ec2::254]", "[ff02::1]", "%31%32%37.0.0.1", "127.0.0.1%00.example.org", "127.0.0.1%23",
    "user@127.0.0.1", "user:pass@127.0.0.1", "example.org@127.0.0.1", "example.org:80@127.0.0.1",
    "127.0.0.1\\@example.org", "127.0.0.1#@example.org", "127.0.0.1?@example.org",
    "127.0.0.1 ", "127.0.0.1\t", "①27.0.0.1", *NAMES,
]  # fmt: skip


class NamesOrSystem:
    """Our answers for our names, the system's for everything else."""

    def __init__(self) -> None:
        self.system = Resolver()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        return NAMES.get(host.rstrip(".").lower()) or await self.system(host, port)


async def call(fetcher: Fetcher, use: Use, url: str) -> object:
    """Make one request of the given use."""
    if use == "fetch":
        return await fetcher.fetch(make_source(url), Validators())
    if use == "get":
        return await fetcher.get(url, timeout=2)
    return await fetcher.post(url, b"{}", {}, 2)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("host", LITERALS)
def test_no_inside_address_is_reached(host: str, use: Use) -> None:
    """However it is written or named, an inside address is refused with a named error."""

    async def scenario() -> None:
        resolve = NamesOrSystem()
        async with serving(say(reply(body=b"secret"))) as server:
            async with fetching(resolve=resolve, allow=()) as fetcher:
                with pytest.raises(FetchError) as info:
                    await call(fetcher, use, f"http://{host}:{server.port}/")
            resolve.system.close()

        assert info.value.kind in {"refused-address", "url", "dns"}
        assert server.connections == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::1]"])
def test_the_refusal_is_named(host: str) -> None:
    """The operator reads which host, which address and why."""

    async def scenario() -> None:
        async with fetching(allow=()) as fetcher:
            with pytest.raises(RefusedAddress, match=r"resolves to .* not public \(loopback\)"):
                await fetcher.get(f"http://{host}/")

    asyncio.run(scenario())


def test_an_allowed_network_is_reached() -> None:
    """`allow_networks` opens what it names."""

    async def scenario() -> None:
        async with serving(say(reply(body=b"x"))) as server, fetching() as fetcher:
            assert (await fetcher.get(server.url())).body == b"x"

    asyncio.run(scenario())


@pytest.mark.parametrize("use", USES)
def test_an_answer_that_changes_between_look_ups_is_caught(use: Use) -> None:
    """The name is looked up once for each connection, and what was checked is dialled."""

    async def scenario() -> None:
        closing = reply(body=b"x", headers={"Connection": "close"})
        names = Names(rebind_test=[["127.0.0.1"], ["10.0.0.1"]])
        async with serving(say(closing)) as server, fetching(resolve=names) as fetcher:
            await call(fetcher, use, server.url(host="rebind.test"))
            asked_for_one = list(names.asked)
            with pytest.raises(RefusedAddress):
                await call(fetcher, use, server.url(host="rebind.test"))

        assert asked_for_one == ["rebind.test"]
        assert names.asked == ["rebind.test"] * 2
        assert server.connections == 1

    asyncio.run(scenario())


def test_a_connection_is_not_shared_between_names() -> None:
    """Two names on one address are two pools: what was checked for one does not serve the other."""

    async def scenario() -> None:
        names = Names(a_test=["127.0.0.1"], b_test=["127.0.0.1"])
        async with serving(say(reply(body=b"x"))) as server, fetching(resolve=names) as fetcher:
            await fetcher.get(server.url(host="a.test"))
            await fetcher.get(server.url(host="b.test"))

        assert server.connections == 2
        assert [r.headers["host"] for r in server.requests] == [
            f"{name}.test:{server.port}".encode() for name in "ab"
        ]

    asyncio.run(scenario())


@pytest.mark.parametrize("hops", [1, 3, 5])
def test_a_redirect_chain_that_ends_inside_is_refused(hops: int) -> None:
    """Each hop is checked, the last one too."""

    async def scenario() -> None:
        names = Names(feed_test=["127.0.0.1"], inside_test=["127.0.0.1", "10.0.0.1"])
        async with serving(say(reply(body=b"secret"))) as inside:
            answers = [reply("302 Found", headers={"Location": f"/{n}"}) for n in range(hops - 1)]
            last = reply("302 Found", headers={"Location": inside.url(host="inside.test")})
            script = say(*answers, last)
            async with serving(script) as server, fetching(resolve=names) as fetcher:
                with pytest.raises(RefusedAddress, match=r"inside\.test"):
                    await fetcher.get(server.url(host="feed.test"))

        assert len(server.requests) == hops
        assert inside.connections == 0

    asyncio.run(scenario())


def test_a_post_is_not_redirected() -> None:
    """A webhook's answer cannot send its body elsewhere."""

    async def scenario() -> None:
        async with serving(say(reply(body=b"x"))) as other:
            away = reply("307 Temporary Redirect", headers={"Location": other.url()})
            async with serving(say(away)) as server, fetching() as fetcher:
                answer = await fetcher.post(server.url(), b"{}", {}, 2)

        assert answer.status == 307
        assert other.connections == 0

    asyncio.run(scenario())


def test_a_dead_address_leaves_the_others_a_chance() -> None:
    """The second address of a name is tried when the first refuses."""

    async def scenario() -> None:
        names = Names(two_test=["::1", "127.0.0.1"])  # the server listens on the second one
        allow = ["::1", "127.0.0.1"]
        async with (
            serving(say(reply(body=b"x"))) as server,
            fetching(resolve=names, allow=allow) as fetcher,
        ):
            document = await fetcher.get(server.url(host="two.test"))

        assert document.body == b"x"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "kind"),
    [("nowhere.test", "dns"), ("closed.test", "connect"), ("x" * 64 + ".test", "dns")],
)
def test_names_without_answer_and_closed_ports_are_named(host: str, kind: str) -> None:
    """No address, and nobody at the address, are two different faults."""

    async def scenario() -> None:
        names = Names(nowhere_test=[], closed_test=["127.0.0.1"])
        system = Resolver()
        resolve = system if len(host) > 60 else names
        async with fetching(resolve=resolve) as fetcher:
            with pytest.raises(FetchError) as info:
                await fetcher.get(f"http://{host}:1/")
        system.close()

        assert info.value.kind == kind
        assert host in str(info.value)

    asyncio.run(scenario())
