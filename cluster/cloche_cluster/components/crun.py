"""crun, which runs the sandbox Pods, from its source in Debian's archive.

Why it is not runc, and what each edit of the source repairs: docs/decisions/crun.md.
"""

from __future__ import annotations

import hashlib
import platform
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.apt_sources import mirror, read_sources
from cloche_cluster.machine.command import run
from cloche_cluster.machine.lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_cluster.console import Console

VERSION = "1.21"
_SHA256 = "4bfb700e764a4804a4de3ecf07753f4c391005356d60356df65d80ae0914c486"
_ARCHIVE = f"pool/main/c/crun/crun_{VERSION}.orig.tar.gz"

_EDITS = (
    # The directory of control groups (version 1), in which everyone could make files.
    ("src/libcrun/linux.c", '"size=1024k"', '"size=1024k,mode=755"'),
    # A container without streams has the node's /dev/null, which would get the Pod's user as owner.
    (
        "src/libcrun/container.c",
        "if (! isatty (i))",
        "struct stat st; if (fstat (i, &st) == 0 && ! S_ISCHR (st.st_mode))",
    ),
)
"""Files with what is replaced in them."""

_CONFIGURE = (
    *("./configure", "--quiet", "--disable-shared", "CFLAGS=-O2"),
    *("--disable-criu", "--disable-dl", "--disable-systemd"),
    "ac_cv_search_yajl_tree_get=-lyajl_s",  # the library's name in Debian, if it is static
)
_MAKE = ("make", "--silent", "LDFLAGS=-all-static -s", "crun")

_APT_HELPER = "/usr/lib/apt/apt-helper"
"""apt's downloader, which uses the machine's proxy and compares the hash."""
_FETCH_TIMEOUT = 300.0
_BUILD_TIMEOUT = 900.0
"""In seconds. The build takes half a minute on 2 cores."""


def ensure_crun(cache: Path, console: Console, c_libraries: Callable[[], object]) -> Path:
    """Return crun, built if the cache lacks it.

    `c_libraries` returns when the packages that the build needs are installed. Raises ClusterError
    if the source cannot be fetched or the build fails.
    """
    recipe = repr((_SHA256, _EDITS, _CONFIGURE, _MAKE, platform.machine()))
    place = cache / "bin" / f"crun-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    program = place / "crun"
    if program.exists():
        return program
    with locked(cache / "bin" / ".crun.lock", console, "the build of crun"):
        if not program.exists():
            c_libraries()
            _build(place, console)
    return program


def _build(place: Path, console: Console) -> None:
    """Build in a temporary directory and rename the program: no partial build is used."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".building-") as temporary:
        _unpack(Path(temporary))
        source = Path(temporary, f"crun-{VERSION}")
        for name, old, new in _EDITS:
            _edit(source / name, old, new)
        (source / "git-version.h").write_text(f'#define GIT_VERSION "{VERSION}"\n')
        for words in (_CONFIGURE, _MAKE):
            run(["nice", *words], timeout=_BUILD_TIMEOUT, cwd=source)
        place.mkdir(exist_ok=True)
        (source / "crun").rename(place / "crun")
    console.step(f"built crun {VERSION} in {time.monotonic() - began:.0f} s")


def _unpack(directory: Path) -> None:
    archive = directory / "source.tar.gz"
    address = f"{mirror(read_sources())}/{_ARCHIVE}"
    words = (_APT_HELPER, "download-file", address, archive, f"SHA256:{_SHA256}")
    run(words, timeout=_FETCH_TIMEOUT)
    run(["tar", "--extract", "--file", archive, "--directory", directory], timeout=60)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    if old not in text:
        raise ClusterError(f"{path.name} of crun {VERSION} does not contain {old!r}")
    path.write_text(text.replace(old, new))
