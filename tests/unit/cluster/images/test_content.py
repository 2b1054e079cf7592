from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from cloche_cluster.embedded.node.images import write_image
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.buildah import older_versions
from cloche_cluster.images.oci import OciLayout
from cloche_cluster.images.table import discover
from cloche_cluster.images.tags import Tagged, context_files, copied_sources, stage, tag_all
from cloche_cluster.machine.apt_sources import Source, parse_deb822, parse_list, sources_for
from cloche_cluster.targets.embedded import stale_images


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files = {
        "gateway/Dockerfile": "FROM debian:trixie-slim\nCOPY gateway/app /app\n",
        "gateway/app/main.py": "print()",
        "runtimes/base/Dockerfile": "FROM debian:trixie-slim\nCOPY runtimes/supervisor /opt/\n",
        "runtimes/supervisor/a.py": "a",
        "runtimes/lua/Dockerfile": "ARG BASE\nFROM ${BASE}\n",
        "runtimes/lua/runtime.yaml": "kind: SandboxRuntime\n",
        "runtimes/draft/Dockerfile": "FROM scratch\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def tags(repository: Path, debian: str = "id") -> dict[str, str]:
    return {one.image.name: one.tag for one in tag_all(repository, discover(repository), debian)}


def test_a_folder_with_both_files_is_a_language_and_the_base_comes_first(repository: Path) -> None:
    images = discover(repository)
    assert [one.name for one in images] == ["runtime-base", "gateway", "runtime-lua"]
    assert [one.language for one in images] == [None, None, "lua"]
    assert [one.name for one in images if not one.deployed] == ["runtime-base"]


def test_an_image_is_built_after_the_one_with_the_same_first_layers() -> None:
    """A build of both at once would make these layers twice."""
    root = Path(__file__).resolve().parents[4]
    after = {one.name: one.after for one in discover(root)}
    assert after["runtime-cpp"] == "runtime-c"
    steps = [
        (root / f"runtimes/{one}/Dockerfile").read_text().split("\nRUN ") for one in ("c", "cpp")
    ]
    first = [text[1].partition("\n\n")[0].strip() for text in steps]
    assert first[0] == first[1]


def test_the_images_of_the_repository_are_discovered() -> None:
    root = Path(__file__).resolve().parents[4]
    found = {one.name for one in discover(root)}
    assert {"runtime-base", "runtime-python", "runtime-javascript", "runtime-bash"} <= found
    assert tag_all(root, discover(root), "id")


def test_the_copied_sources_of_a_dockerfile_are_found() -> None:
    dockerfile = """
FROM x AS build
COPY a.txt b/ /target/
copy --chown=1:1 --chmod=755 c /c
COPY ["d e", "/d"]
ADD f \\
    # why
    g /g
COPY --from=build /h /h
RUN --mount=type=bind,source=i,target=/i --mount=type=cache,target=/j true
# COPY k /k
"""
    assert copied_sources(dockerfile) == ("a.txt", "b/", "c", "d e", "f", "g", "i")


def test_the_tag_of_an_image_depends_only_on_its_contents(repository: Path) -> None:
    before = tags(repository)
    os.utime(repository / "gateway/app/main.py", (1, 1))
    (repository / "gateway/app/__pycache__").mkdir()
    (repository / "gateway/app/__pycache__/main.pyc").write_text("x")
    (repository / "unrelated").write_text("x")
    assert tags(repository) == before


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("gateway/app/main.py", {"gateway"}),
        ("gateway/Dockerfile", {"gateway"}),
        ("runtimes/supervisor/a.py", {"runtime-base", "runtime-lua"}),
        ("runtimes/lua/Dockerfile", {"runtime-lua"}),
    ],
)
def test_a_change_changes_the_tags_of_dependent_images(
    repository: Path, path: str, changed: set[str]
) -> None:
    before = tags(repository)
    with (repository / path).open("a") as file:
        file.write("# more\n")
    after = tags(repository)
    assert {name for name in after if after[name] != before[name]} == changed


def test_another_debian_image_file_mode_or_file_name_is_another_tag(repository: Path) -> None:
    before = tags(repository)
    assert not set(tags(repository, "other").values()) & set(before.values())
    (repository / "gateway/app/main.py").chmod(0o755)
    executable = tags(repository)["gateway"]
    (repository / "gateway/app/main.py").rename(repository / "gateway/app/other.py")
    assert len({before["gateway"], executable, tags(repository)["gateway"]}) == 3


def test_a_dockerfile_that_copies_a_missing_file_is_an_error(repository: Path) -> None:
    (repository / "gateway/Dockerfile").write_text("FROM x\nCOPY absent /\n")
    with pytest.raises(ClusterError, match="gateway/Dockerfile: it copies absent"):
        tags(repository)


def test_copying_the_whole_repository_is_an_error(repository: Path) -> None:
    with pytest.raises(FileNotFoundError, match="whole repository"):
        context_files(repository, ["."])


def test_the_build_context_contains_exactly_the_hashed_files(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "gateway/app/link").symlink_to("main.py")
    (repository / "gateway/app/main.py").chmod(0o700)
    files = context_files(repository, ["gateway/app"])
    target = tmp_path / "context"
    stage(repository, Path("gateway/Dockerfile"), files, target)
    found = {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir()}
    assert found == {"gateway/Dockerfile", "gateway/app/link", "gateway/app/main.py"}
    assert (target / "gateway/app/main.py").stat().st_mode & 0o777 == 0o755
    assert (target / "gateway/Dockerfile").stat().st_mode & 0o777 == 0o644


def test_an_image_reference_is_a_full_name(repository: Path) -> None:
    (_, gateway, *_) = tag_all(repository, discover(repository), "id")
    assert isinstance(gateway, Tagged)
    assert gateway.reference == f"docker.io/cloche/gateway:{gateway.tag}"


def test_old_images_are_stale_unless_a_pod_uses_them() -> None:
    there = {
        "docker.io/cloche/gateway:old",
        "docker.io/cloche/gateway:new",
        "docker.io/cloche/runtime-lua:used",
        "localhost/cloche/pause:1",
        "sha256:0123",
        "docker.io/library/other:1",
    }
    needed = ["docker.io/cloche/gateway:new", "cloche/runtime-lua:used"]
    assert stale_images(there, needed) == ["docker.io/cloche/gateway:old"]


DEB822 = """Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
"""


def test_the_machines_debian_mirrors_are_used_for_the_base_image() -> None:
    lines = sources_for("trixie", parse_deb822(DEB822))
    assert lines == [
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb http://security.example/debian-security trixie-security main",
    ]


def test_one_line_apt_sources_are_read_and_third_party_ones_ignored() -> None:
    text = (
        "deb [signed-by=/k] http://a.example/debian bookworm main\n# deb http://b.example sid x\n"
    )
    assert parse_list(text) == [Source("http://a.example/debian", "bookworm")]
    third_party = [Source("http://tools.example/apt", "nodistro")]
    with pytest.raises(ClusterError, match="no Debian mirror"):
        sources_for("trixie", third_party)


def test_a_written_image_is_reproducible(tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar", tmp_path / "two.tar"
    for target in (one, two):
        write_image(target, "localhost/x:1", {"pause": b"program"}, "/pause")
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as archive:
        manifest_file = archive.extractfile("manifest.json")
        assert manifest_file is not None
        (manifest,) = json.load(manifest_file)
        config_file = archive.extractfile(manifest["Config"])
        assert config_file is not None
        assert json.load(config_file)["config"]["Entrypoint"] == ["/pause"]
    assert manifest["RepoTags"] == ["localhost/x:1"]


def plain_image(directory: Path, layers: list[bytes]) -> None:
    directory.mkdir()
    for layer in layers:
        (directory / hashlib.sha256(layer).hexdigest()).write_bytes(layer)
    manifest = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "n": len(layers)}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    (directory / "version").write_text("Directory Transport Version: 1.1\n")


def test_shared_layers_are_in_the_archive_once(tmp_path: Path) -> None:
    layout = OciLayout(tmp_path / "layout")
    for name, layers in (("one", [b"shared"]), ("two", [b"shared", b"own"])):
        plain_image(tmp_path / name, layers)
        layout.add(tmp_path / name, f"docker.io/cloche/{name}:1")
    layout.write(tmp_path / "images.tar")
    with tarfile.open(tmp_path / "images.tar") as archive:
        names = archive.getnames()
        index_file = archive.extractfile("index.json")
        assert index_file is not None
        manifests = json.load(index_file)["manifests"]
    assert len([name for name in names if name.startswith("blobs/sha256/")]) == 4
    named = [one["annotations"]["io.containerd.image.name"] for one in manifests]
    assert named == ["docker.io/cloche/one:1", "docker.io/cloche/two:1"]
    assert all(
        f"blobs/sha256/{one['digest'].removeprefix('sha256:')}" in names for one in manifests
    )
    assert not (tmp_path / "one").exists()


def test_only_older_versions_of_an_image_are_selected_for_removal() -> None:
    ours = [f"docker.io/cloche/gateway:{number}" for number in range(3)]
    others = ["docker.io/library/debian:a", "docker.io/library/debian:b", "<none>:<none>"]
    assert older_versions([*ours, *others], kept=1) == ours[1:]
    assert older_versions([*ours, *others], kept=3) == []
