"""skaffold builds a part of the images, and installs only what it builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from support.clients.helm import kinds

from cloche_cluster.languages import languages

ROOT = Path(__file__).resolve().parents[3]


def test_skaffold_installs_exactly_the_languages_that_it_builds() -> None:
    config: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    images = [artifact["image"] for artifact in config["build"]["artifacts"]]
    built = {image.removeprefix("cloche/runtime-") for image in images} & set(languages(ROOT))
    (release,) = config["deploy"]["helm"]["releases"]
    disabled = release["setValues"]["runtimes.disabled"].strip("{}").split(",")
    names = ", ".join(f'"{name}"' for name in disabled)
    assert set(kinds("SandboxRuntime", f"runtimes.disabled=[{names}]")) == built
