"""Disk, tools and package sources: what is missing determines what is required and queried."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from cloche_cluster.components.pins import COMPONENTS, COMPONENTS_DIRECTORY, read_pin
from cloche_cluster.doctor import disk, sizes, sources, supply
from cloche_cluster.doctor.disk import MIB, Need, Place
from cloche_cluster.doctor.findings import Level
from cloche_cluster.doctor.needs import Needs, missing_images
from cloche_cluster.doctor.sources import Question
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.errors import CommandError, LateError
from cloche_cluster.images.buildah import Buildah
from cloche_cluster.images.debian import OWN_NAME
from cloche_cluster.images.table import discover
from cloche_cluster.images.tags import tag_all
from cloche_cluster.machine.apt_sources import MIRROR_VARIABLE, Source
from cloche_cluster.machine.files import REPOSITORY

PINS = tuple(read_pin(one, COMPONENTS_DIRECTORY) for one in COMPONENTS)
IMAGES = discover(REPOSITORY)
CACHES = sizes.GoCaches(Path("/go/build"), Path("/go/mod"))
ONE = Need(Path("/var/cache/cloche/bin"), 500 * MIB, program=True)
TWO = Need(Path("/var/lib/cloche"), 300 * MIB)


def test_required_sizes_on_one_file_system_are_added_up() -> None:
    places = [Place(ONE, 1, 700 * MIB), Place(TWO, 1, 700 * MIB)]
    (found,) = disk.check(places)
    assert found.level is Level.PROBLEM
    assert "700 MiB is free for /var/cache/cloche/bin, /var/lib/cloche, 800 MiB" in found.text
    apart = [Place(ONE, 1, 700 * MIB), Place(TWO, 2, 700 * MIB)]
    assert [one.level for one in disk.check(apart)] == [Level.OK, Level.OK]


def test_the_free_space_that_the_kubelet_requires_is_reserved() -> None:
    need = Need(Path("/var/lib/cloche"), 0)
    assert disk.check([Place(need, 1, 90 * MIB, kept=100 * MIB)])[0].level is Level.PROBLEM
    assert disk.check([Place(need, 1, 110 * MIB, kept=100 * MIB)])[0].level is Level.OK


def test_a_read_only_or_noexec_directory_is_a_problem() -> None:
    (found,) = disk.check([Place(ONE, 1, 700 * MIB, writable=False)])
    assert "/var/cache/cloche/bin is not writable" in found.text
    (found,) = disk.check([Place(ONE, 1, 700 * MIB, executable=False)])
    assert "noexec" in found.text
    assert disk.check([Place(TWO, 1, 700 * MIB, executable=False)])[0].level is Level.OK


def test_the_file_system_of_a_missing_directory_is_that_of_its_parent(tmp_path: Path) -> None:
    absent = tmp_path / "one" / "two"
    assert disk.nearest(absent) == tmp_path
    (place,) = disk.read_places([Need(absent, 1)], absent)
    status = os.statvfs(tmp_path)
    assert place.device == tmp_path.stat().st_dev
    assert place.kept == status.f_blocks * status.f_frsize // disk.KUBELET_SHARE
    assert place.writable
    assert disk.on_one_file_system(absent, tmp_path)
    assert not disk.on_one_file_system(absent, Path("/proc"))


def wanted(needs: Needs, *, fetch_modules: bool = True) -> dict[str, int]:
    found = sizes.wanted(
        needs, Path("/cache"), CACHES, images=len(IMAGES), fetch_modules=fetch_modules
    )
    return {str(one.path): one.size for one in found}


def test_all_components_and_images_require_the_full_size() -> None:
    everything = wanted(Needs(components=PINS, images=IMAGES))
    assert everything["/cache/bin"] == sizes.PROGRAMS
    assert everything["/cache/buildah"] == sizes.IMAGES
    assert everything["/go/build"] == sizes.BUILD_CACHE
    assert everything["/go/mod"] == sizes.MODULES


def test_fewer_components_and_images_require_less_space() -> None:
    assert wanted(Needs()) == {"/cache/bin": 0, "/cache/buildah": 0}
    some = wanted(Needs(components=PINS[:1], images=IMAGES[:1]), fetch_modules=False)
    assert 0 < some["/cache/bin"] < sizes.PROGRAMS / 2
    assert 0 < some["/cache/buildah"] < sizes.IMAGES / 2
    assert some["/go/mod"] == 0
    assert "/cache/buildah" not in wanted(Needs(docker=True, images=IMAGES))


def test_images_that_cannot_be_linked_require_space_for_copies(tmp_path: Path) -> None:
    layout = Layout(state=tmp_path)

    def size(needs: Needs, *, one_file_system: bool) -> int:
        return sizes.of_node(
            needs, layout, images=len(IMAGES), one_file_system=one_file_system
        ).size

    assert size(Needs(images=IMAGES), one_file_system=True) == 0
    assert size(Needs(images=IMAGES), one_file_system=False) == sizes.COPIES
    assert size(Needs(images=IMAGES, docker=True), one_file_system=True) == sizes.COPIES


class Store(Buildah):
    """A store of which the contents are given."""

    def references(self) -> set[str]:
        return {OWN_NAME, *(one.reference for one in TAGGED[1:])}

    def debian_id(self) -> str | None:
        return "some-identity"


TAGGED = tag_all(REPOSITORY, IMAGES, "some-identity")


def test_an_image_without_its_tag_in_the_store_is_missing() -> None:
    store = Store(Path("/none"), Path("/none"))
    assert missing_images(REPOSITORY, IMAGES, store) == (TAGGED[0].image,)
    assert missing_images(REPOSITORY, IMAGES, None) == IMAGES


def script(text: str) -> Question:
    return Question("Go modules", (sys.executable, "-c", text), "name another in GOPROXY")


def test_each_source_is_queried_and_a_failed_one_is_a_problem() -> None:
    fails = "import sys; sys.exit('dial tcp: lookup x: no such host')"
    good, bad = sources.ask_all([script("pass"), script(fails)])
    assert good.level is Level.OK
    assert bad.level is Level.PROBLEM
    assert "dial tcp: lookup x: no such host" in bad.text
    assert "GOPROXY" in bad.text
    assert "\n" not in bad.text
    assert sources.ask_all([]) == []


def test_a_source_is_queried_in_an_empty_directory() -> None:
    look = "import os, sys; assert os.getcwd() == sys.argv[1] == os.environ['X'] != '/'"
    question = Question("x", (sys.executable, "-c", look, "{place}"), "", {"X": "{place}"})
    assert sources.ask_all([question])[0].level is Level.OK


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "`x` failed with exit code 1:\n    E: Could not connect (refused)\n    E: Failed",
            "refused",
        ),
        (
            "`x` failed with exit code 1:\n    first\n    ERROR: No matching distribution",
            "No match",
        ),
        ("a source is away\n`x --timeout` failed with exit code 1:\n    E: Failed", "E: Failed"),
        ("npm is not installed", "npm is not installed"),
    ],
)
def test_the_most_informative_line_of_an_error_is_shown(words: str, expected: str) -> None:
    shown = sources.reason(CommandError(words))
    assert expected in shown
    assert "\n" not in shown


def test_a_source_that_times_out_is_reported_as_such() -> None:
    slow = Question("x", (sys.executable, "-c", "import time; time.sleep(60)"), "", seconds=0)
    assert sources.reason(LateError("`x` did not end within 5 s")) == "no response in time"
    assert "no response in time" in sources.ask_all([slow])[0].text


def test_the_go_module_proxy_is_queried_with_go_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("GOPROXY", f"http://127.0.0.1:{port}")
    (found,) = sources.ask_all([sources.go_modules(PINS[0])])
    assert found.level is Level.PROBLEM
    assert str(port) in found.text


def test_the_package_index_is_queried_with_pip_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (found,) = sources.ask_all([sources.python_packages("supervisor", in_image=False)])
    assert found.level is Level.PROBLEM


def test_only_archives_of_the_machines_own_distribution_are_queried() -> None:
    archives = [Source("http://a", "trixie"), Source("http://b", "trixie"), Source("http://c", "x")]
    assert sources.of_machine(archives, "trixie") == archives[:1]
    assert sources.of_machine(archives, "noble") == []
    assert not sources.can_ask(Source("cdrom:[x]", "trixie"))
    words = sources.debian(Source("http://a/debian/", "trixie")).argv
    assert "http://a/debian/dists/trixie/InRelease" in words


def levels(needs: Needs, tmp_path: Path) -> dict[str, Level]:
    layout = Layout(cache=tmp_path, state=tmp_path)
    found = supply.examine(needs, REPOSITORY, tmp_path, layout)
    return {one.subject: one.level for one in found}


def test_no_source_is_queried_when_nothing_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "run", None)
    monkeypatch.setattr(supply, "answers", None)
    assert set(levels(Needs(), tmp_path)) == {"programs", "packages", "images", "disk"}


def test_go_modules_are_not_queried_without_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloche_cluster.components.go.find_go", lambda: "/nowhere/go")
    found = levels(Needs(components=PINS), tmp_path)
    assert found["Go"] is Level.PROBLEM
    assert "Go modules" not in found


def test_missing_apt_or_a_missing_mirror_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert levels(Needs(packages=None), tmp_path)["packages"] is Level.PROBLEM
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(supply, "read_sources", list)
    image = next(one for one in IMAGES if one.name == "runtime-bash")
    assert levels(Needs(images=(image,)), tmp_path)["Debian packages"] is Level.PROBLEM
