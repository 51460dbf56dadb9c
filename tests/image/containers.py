"""Builds the image with buildah and runs it in namespaces of its own: no daemon, no registry.

The Dockerfile's base image is made from Debian's packages and given the name that it asks for.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim-bookworm"
IMAGE = "localhost/sanctions-monitor:test"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# As `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges` does it.
_START = """
set -e
mount --bind "$ROOT" "$ROOT" && mount -o remount,bind,ro "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$ROOT/tmp"
mount --bind "$DATA" "$ROOT/data"
if [ -n "$CONFIG" ]; then
  mount --bind "$CONFIG" "$ROOT/config" && mount -o remount,bind,ro "$ROOT/config"
fi
exec chroot "$ROOT" /usr/bin/setpriv --reuid="$ID" --regid="$ID" --clear-groups \
  --bounding-set=-all --inh-caps=-all --no-new-privs /usr/bin/env -i -C "$DIRECTORY" "$@"
"""


class Store:
    """A place for images that nobody else uses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def buildah(self, *words: str) -> str:
        """Run buildah and return what it prints."""
        places = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "run")]
        done = subprocess.run(
            ["buildah", *places, "--storage-driver", "vfs", *words],
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, f"buildah {words[0]}: {done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def make_base(self) -> None:
        """Make what stands in for the base image: Debian's own Python 3.11 in an empty tree."""
        if self.buildah("images", "-q", "--filter", f"reference={BASE}"):
            return
        container = self.buildah("from", "scratch")
        tree = Path(self.buildah("mount", container))
        self.run_mmdebstrap(tree)
        (tree / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        self.buildah("umount", container)
        path = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        self.buildah("config", "--env", path, container)
        self.buildah("commit", "-q", "--rm", "--disable-compression", container, BASE)

    @staticmethod
    def run_mmdebstrap(tree: Path) -> None:
        """Install a minimal Debian into a directory."""
        packages = "--include=python3-venv,ca-certificates"
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", packages, "bookworm", str(tree)],
            capture_output=True, check=True, timeout=600,
        )  # fmt: skip

    def build(self) -> None:
        """Build the image from the Dockerfile as it is."""
        certificates = f"{_CERTIFICATES}:{_CERTIFICATES}:ro"
        self.buildah(
            "build", "--format", "docker", "--pull-never", "--isolation", "chroot",
            "--disable-compression", "--volume", certificates, "--env", f"PIP_CERT={_CERTIFICATES}",
            "-t", IMAGE, str(ROOT),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Image:
    """A built image: its settings, and its files."""

    settings: Mapping[str, Any]
    tree: Path

    @property
    def user(self) -> str:
        """Return the number of the user it runs as."""
        return str(self.settings["User"]).partition(":")[0]

    @property
    def health_command(self) -> Sequence[str]:
        """Return the command of the health check, which must need no shell."""
        kind, *command = map(str, self.settings["Healthcheck"]["Test"])
        assert kind == "CMD", "CMD-SHELL would need a shell"
        return command


def built(store: Store) -> Image:
    """Build the image and open its files."""
    store.make_base()
    store.build()
    inspected = json.loads(store.buildah("inspect", "--type", "image", IMAGE))
    container = store.buildah("from", "--pull-never", IMAGE)
    tree = Path(store.buildah("mount", container))
    return Image(settings=inspected["Docker"]["config"], tree=tree)


@dataclass(frozen=True, kw_only=True)
class Container:
    """How an image is run: its volume, and a configuration in place of the image's own."""

    image: Image
    data: Path
    config: Path | None = None
    environment: Mapping[str, str]

    def command(self, *words: str) -> list[str]:
        """Return the command line that runs words in a container that ends with them."""
        settings = self.image.settings
        given = [*settings["Env"], *(f"{name}={text}" for name, text in self.environment.items())]
        shell = ["sh", "-c", _START, "sh", *given, *words]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts", *shell]

    def places(self) -> dict[str, str]:
        """Return what the start script reads."""
        return {
            "PATH": os.environ["PATH"],
            "ROOT": str(self.image.tree),
            "DATA": str(self.data),
            "CONFIG": str(self.config or ""),
            "ID": self.image.user,
            "DIRECTORY": str(self.image.settings["WorkingDir"]),
        }

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            self.command(*words), env=self.places(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip

    @contextmanager
    def running(self, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
        """Run the image's own command in the background."""
        words = [*self.image.settings["Entrypoint"], *self.image.settings["Cmd"]]
        with log.open("wb") as out:
            process = subprocess.Popen(
                self.command(*words), env=self.places(), stdin=subprocess.DEVNULL,
                stdout=out, stderr=out,
            )  # fmt: skip
            try:
                yield process
            finally:
                process.kill()
                process.wait(20)


def inner_pid(process: "subprocess.Popen[bytes]") -> int:
    """Return the process id, seen from outside, of the first process of a container."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])
