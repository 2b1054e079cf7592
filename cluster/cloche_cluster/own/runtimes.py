"""Build an own runtime, install it into a cluster, list and remove such runtimes."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_api.meta import API_VERSION
from cloche_cluster.errors import ClusterError, CommandError
from cloche_cluster.images.table import Image
from cloche_cluster.images.tags import Tagged, content_tag, context_files, stage
from cloche_cluster.own import recipe
from cloche_cluster.own.packages import Packages, check_name, stored
from cloche_cluster.targets.base import SANDBOX_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloche_cluster.console import Console
    from cloche_cluster.images.engine import Builder
    from cloche_cluster.kubectl import Kubectl

FOLDER = "own-runtimes"
"""The folder of the checkout with a folder for each own runtime."""
LABEL = "cloche.dev/own-runtime"
BASE = "cloche.dev/base"
"""The annotation with the language that it extends."""
BASE_IMAGE = "cloche.dev/base-image"
"""The annotation with the image of that language, of which it has the supervisor."""

_KIND = "SandboxRuntime"
_JARS = "/opt/own/java/*"
_COPIED = (recipe.SCRIPT, "packages.json", recipe.LOCK)


@dataclass(frozen=True)
class OwnRuntimes:
    """The own runtimes of one checkout, whose folders are in `folder`."""

    folder: Path
    console: Console

    def lock(self, name: str, packages: Packages, base: str, builder: Builder) -> None:
        """Find the exact versions of `packages` on the image `base`, and write the folder.

        An earlier lock file remains if that fails.
        """
        place = self.folder / name
        self.console.step(f"finding the packages of {name} …")
        with tempfile.TemporaryDirectory(prefix="cloche-own-") as temporary:
            context, found = Path(temporary) / "context", Path(temporary) / recipe.LOCK
            context.mkdir()
            recipe.write_context(context, packages, recipe.TO_LOCK)
            try:
                builder.export(context, recipe.DOCKERFILE, found, {"BASE": base})
            except CommandError as error:
                raise recipe.explained(error) from None
            place.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(place / recipe.LOCK, ignore_errors=True)
            shutil.copytree(found, place / recipe.LOCK)
        packages.write(place)

    def build(self, name: str, packages: Packages, base: Tagged, builder: Builder) -> Tagged:
        """Build the image from the lock files, unless the store has it; return it."""
        place = self.folder / name
        recipe.write_context(place, packages, recipe.TO_BUILD)
        files = context_files(place, _COPIED)
        tag = content_tag(place, recipe.DOCKERFILE, files, [base.reference])
        image = Image(f"own-{name}", recipe.DOCKERFILE, base=base.image.name)
        tagged = Tagged(image, tag, files)
        if tagged.reference in builder.references():
            return tagged
        self.console.step(f"building image {image.name}:{tag} …")
        with tempfile.TemporaryDirectory(prefix="cloche-context-") as temporary:
            stage(place, recipe.DOCKERFILE, files, Path(temporary))
            try:
                builder.build(
                    Path(temporary), recipe.DOCKERFILE, tagged.reference, {"BASE": base.reference}
                )
            except CommandError as error:
                raise recipe.explained(error) from None
        return tagged

    def packages(self, name: str) -> Packages:
        """Return the packages of a runtime that was made before. Raises ClusterError."""
        found = stored(self.folder / name)
        if found is None:
            raise ClusterError(
                f"there is no {FOLDER}/{name}: name a language and packages, for example "
                f'`make runtime NAME={name} FROM=python PIP="rapidfuzz"`'
            )
        return found

    def is_locked(self, name: str, packages: Packages) -> bool:
        """Return whether there are lock files for exactly these packages."""
        place = self.folder / name
        return (place / recipe.LOCK).is_dir() and stored(place) == packages

    def names(self) -> list[str]:
        """Return the names of the runtimes that have a folder."""
        return sorted(path.parent.name for path in self.folder.glob("*/packages.yaml"))


@dataclass(frozen=True)
class InstalledRuntimes:
    """The SandboxRuntimes of a cluster."""

    kubectl: Kubectl

    def all(self) -> dict[str, dict[str, Any]]:
        """Return the objects by name."""
        found = self.kubectl.json("get", "sbr", "-n", SANDBOX_NAMESPACE)["items"]
        return {one["metadata"]["name"]: one for one in found}

    def own(self) -> dict[str, dict[str, Any]]:
        """Return those that `make runtime` made."""
        return {name: one for name, one in self.all().items() if is_own(one)}

    def base(self, name: str, language: str) -> dict[str, Any]:
        """Return the runtime that `name` extends. Raises ClusterError if the names are wrong."""
        check_name(name)
        every = self.all()
        taken = {alias: one for one, found in every.items() for alias in _names(found)}
        if name in taken and not (name in every and is_own(every[name])):
            raise ClusterError(
                f"NAME: {name} is a name of the language {taken[name]}: choose another"
            )
        languages = {one: found for one, found in every.items() if not is_own(found)}
        language = language if language in languages else taken.get(language, language)
        if language not in languages:
            there = ", ".join(sorted(languages))
            raise ClusterError(f"FROM: there is no language {language!r}; installed are {there}")
        return languages[language]

    def install(self, manifest: Mapping[str, Any]) -> None:
        """Create or change a runtime."""
        self.kubectl.apply([dict(manifest)])

    def remove(self, name: str) -> None:
        """Remove an own runtime. Raises ClusterError if there is none of this name."""
        own = self.own()
        if name not in own:
            there = ", ".join(sorted(own)) or "none"
            raise ClusterError(f"NAME: there is no own runtime {name!r}; installed are: {there}")
        self.kubectl.run("delete", "sbr", name, "-n", SANDBOX_NAMESPACE)


def is_own(runtime: Mapping[str, Any]) -> bool:
    """Return whether `make runtime` made a SandboxRuntime."""
    return LABEL in (runtime["metadata"].get("labels") or {})


def manifest(
    name: str, base: Mapping[str, Any], tagged: Tagged, packages: Packages
) -> dict[str, Any]:
    """Return the SandboxRuntime `name`: the language's, with another image and without aliases.

    With packages of Maven, programs are compiled and run with their class path.
    """
    spec: dict[str, Any] = json.loads(json.dumps(base["spec"]))
    spec.pop("aliases", None)
    if packages.maven:
        entries = [entry["run"] for entry in spec.get("entries") or ()]
        waiting = (spec.get("prestart") or {}).get("processes") or ()
        for one in (spec["compile"], spec["run"], *entries, *waiting):
            one["command"] = _with_jars(one["command"])
    prefix = spec["image"].rpartition("/")[0]
    return {
        "apiVersion": API_VERSION,
        "kind": _KIND,
        "metadata": {
            "name": name,
            "namespace": SANDBOX_NAMESPACE,
            "labels": {LABEL: "true"},
            "annotations": {
                BASE: base["metadata"]["name"],
                BASE_IMAGE: base["spec"]["image"],
            },
        },
        "spec": spec | {"image": f"{prefix}/{tagged.image.name}:{tagged.tag}"},
    }


def _with_jars(command: list[str]) -> list[str]:
    """Return the command line of `java` with a longer class path."""
    return [
        f"{word}:{_JARS}" if before == "-cp" else word
        for before, word in zip(["", *command], command, strict=False)
    ]


def outdated(runtimes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of own runtimes that extend an image which is no longer installed."""
    return [
        name
        for name, runtime in runtimes.items()
        if is_own(runtime)
        and (notes := runtime["metadata"].get("annotations") or {})
        and (base := runtimes.get(notes.get(BASE, "")))
        and base["spec"]["image"] != notes.get(BASE_IMAGE)
    ]


def _names(runtime: Mapping[str, Any]) -> list[str]:
    return [runtime["metadata"]["name"], *(runtime["spec"].get("aliases") or ())]
