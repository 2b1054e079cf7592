"""The runtimes that the chart installs, and the images."""

from __future__ import annotations

import re
from pathlib import PurePath

import pytest
import yaml
from languages.rows import EXTENSIONS
from languages.test_programs import FAILURES
from support.clients.helm import kinds, refusal, the
from support.data.documents import section, tables, text_of
from support.data.names import CHART, ROOT

SOURCES = {
    path.parent.name: yaml.safe_load(path.read_text())
    for path in sorted(ROOT.glob("runtimes/*/runtime.yaml"))
}


def gateway_image(*sets: str) -> tuple[str, str]:
    (container,) = the("Deployment", "cloche-gateway", *sets)["spec"]["template"]["spec"][
        "containers"
    ]
    return container["image"], container["imagePullPolicy"]


def test_the_chart_contains_each_runtime_of_the_repository() -> None:
    assert SOURCES
    assert set(kinds("SandboxRuntime")) == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_the_chart_changes_only_the_image_of_a_runtime(name: str) -> None:
    spec = dict(the("SandboxRuntime", name, 'image.tag="t"')["spec"])
    assert spec.pop("image") == f"cloche/runtime-{name}:t"
    assert spec.pop("imagePullPolicy") == "Never"
    source = dict(SOURCES[name]["spec"])
    source.pop("image")
    source.pop("imagePullPolicy", None)
    assert spec == source


def test_crds_and_runtimes_in_the_chart_are_links_to_their_source() -> None:
    linked = {
        path.name: path.resolve()
        for path in [*CHART.glob("crds/*"), *CHART.glob("runtimes/*")]
        if path.is_symlink()
    }
    assert set(linked) == {
        *(path.name for path in ROOT.glob("crds/*.yaml")),
        *(f"{name}.yaml" for name in SOURCES),
    }
    assert all(path.is_relative_to(ROOT) and path.is_file() for path in linked.values())


def test_each_language_is_in_the_table_that_all_languages_are_tested_by() -> None:
    """tests/languages runs them in Pods."""
    extensions = {
        name: PurePath(source["spec"]["fileName"]).suffix.removeprefix(".")
        for name, source in SOURCES.items()
    }
    assert extensions == EXTENSIONS
    assert set(FAILURES) == set(SOURCES)
    programs = ROOT / "tests" / "languages" / "programs"
    rows = {path.stem for path in programs.glob("python/*")}
    for name, extension in EXTENSIONS.items():
        # SQL has no sockets.
        expected = rows - {"localhost"} if extension == "sql" else rows
        assert {path.stem for path in programs.glob(f"{name}/*.{extension}")} == expected, name
        examples = ROOT / "runtimes" / name / "examples"
        assert (examples / f"hello.{extension}").is_file()
        assert (examples / "hello.yaml").is_file()


def test_the_page_of_languages_has_name_aliases_and_version_of_each() -> None:
    table = tables(text_of("docs/user/languages.md"))[0]
    documented = {
        name.strip("`"): (re.findall(r"`([^`]+)`", aliases), version)
        for name, aliases, version, *_ in table
    }
    specs = {name: source["spec"] for name, source in SOURCES.items()}
    assert documented == {
        name: (spec.get("aliases", []), spec["version"]) for name, spec in specs.items()
    }


def test_the_documented_build_has_each_language() -> None:
    text = section("docs/operate/install.md", "## Build the images")
    (names,) = re.findall(r"^for language in (.+); do$", text, re.MULTILINE)
    assert sorted(names.split()) == sorted(SOURCES)


def test_a_disabled_runtime_is_not_rendered() -> None:
    assert "bash" not in kinds("SandboxRuntime", 'runtimes.disabled=["bash"]')


def test_overrides_are_merged_into_a_runtime() -> None:
    override = (
        'runtimes.overrides.python={"pool":{"size":3},"nodeSelector":{"pool":"sandbox"},'
        '"resources":{"maximum":{"memory":"1Gi"}}}'
    )
    spec = the("SandboxRuntime", "python", override)["spec"]
    assert spec["pool"]["size"] == 3
    assert spec["nodeSelector"] == {"pool": "sandbox"}
    assert spec["resources"]["maximum"]["memory"] == "1Gi"
    assert spec["run"] == SOURCES["python"]["spec"]["run"]


@pytest.mark.parametrize(
    "sets",
    [
        'runtimes.disabled=["pyhton"]',
        'runtimes.overrides={"pyhton":{"pool":{"size":1}}}',
        'image.tags={"runtime-pyhton":"t"}',
        'image.references={"pyhton":"a/b:t"}',
    ],
)
def test_a_misspelt_runtime_is_rejected_with_the_existing_names(sets: str) -> None:
    words = refusal(sets)
    path = sets.partition("=")[0]
    assert f"{path}: " in words
    assert "pyhton" in words
    assert "python" in words


def test_images_are_never_pulled_without_a_registry() -> None:
    assert gateway_image() == ("cloche/gateway:0.1.0", "Never")


@pytest.mark.parametrize(
    ("sets", "image", "policy"),
    [
        (('image.tag="t"',), "cloche/gateway:t", "Never"),
        (('image.tag="t"', 'image.tags={"gateway":"u"}'), "cloche/gateway:u", "Never"),
        (
            ('image.registry="registry.example.com:5000/team"',),
            "registry.example.com:5000/team/cloche/gateway:0.1.0",
            "IfNotPresent",
        ),
        (
            ('image.registry="r.example.com"', 'image.prefix=""', 'image.pullPolicy="Always"'),
            "r.example.com/gateway:0.1.0",
            "Always",
        ),
        (
            ('image.references={"gateway":"r.example.com/g@sha256:ab"}', 'image.tag="t"'),
            "r.example.com/g@sha256:ab",
            "IfNotPresent",
        ),
    ],
)
def test_an_image_reference_follows_registry_tag_and_override(
    sets: tuple[str, ...], image: str, policy: str
) -> None:
    assert gateway_image(*sets) == (image, policy)
