"""Install Cloche into a cluster: first what the first answer needs, then each language."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloche_api.keys import KeyLimits
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.table import REPOSITORY_NAME
from cloche_cluster.install import env_file
from cloche_cluster.install.example import example_for, run_example, wait_until_ready
from cloche_cluster.install.keys import KeyStore
from cloche_cluster.install.release import Release
from cloche_cluster.install.user_namespaces import user_namespaces
from cloche_cluster.languages import languages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloche_cluster.checkout import Checkout
    from cloche_cluster.console import Console
    from cloche_cluster.images.builds import ImageBuilds
    from cloche_cluster.images.engine import Builder
    from cloche_cluster.images.tags import Tagged
    from cloche_cluster.targets.base import Access, Cluster

_RUNTIME = "runtime-"

LOCAL_KEY = "local"
"""The name and the tenant of the key that `up` creates."""
_LOCAL_LIMITS = KeyLimits(rate_per_minute=1_000_000, concurrency=1_000)
"""Its limits are high: its holder owns the cluster, and tests and benchmarks use it heavily."""


@dataclass
class Installer:
    """Installs the images of one checkout's builds into one cluster.

    `engine` returns the engine that has built the images; `wanted` are the chosen languages.
    """

    checkout: Checkout
    cluster: Cluster
    access: Access
    engine: Callable[[], Builder]
    wanted: Sequence[str]
    console: Console
    ready: bool = False
    """Whether the installation works, which is the case before the first answer is printed."""
    _tags: dict[str, str] = field(default_factory=dict)

    def first_answer(self, builds: ImageBuilds, first: Sequence[str]) -> None:
        """Install with the images `first`, and get the first answer.

        Other images that the cluster already has are included, and an installed language keeps its
        present image until its new one is available.
        """
        tagged = builds.wait(first)
        rest = builds.built(name for name in builds.names if name not in first)
        self._load(tagged)
        self._add((*tagged, *self._already_loaded(rest)))
        self._tags = self._present_tags() | self._tags
        self._release().apply_crds()
        changed = self._upgrade(self.cluster.values())
        self.console.step("the chart is installed" if changed else "the chart is up to date")
        url = self.cluster.expose(self.access)
        wait_until_ready(url)
        key = self._local_key()
        path = self.checkout.env_file
        env_file.write(path, env_file.Environment(url, key, str(self.access.kubeconfig)))
        self.checkout.link_tools([self.access.kubectl.program, self.access.helm])
        self.ready = True
        self.console.step(f"ready at {url}; shell variables are in {path}")
        available = [one.image.language for one in tagged if one.image.language]
        run_example(url, key, example_for(self.checkout.root, available), self.console)

    def add_the_rest(self, builds: ImageBuilds, first: Sequence[str]) -> None:
        """Install the other images as they are built, and report each available language.

        Raises ClusterError, at the end, that names the images that failed.
        """
        left = [name for name in builds.names if name not in first]
        failed: list[ClusterError] = []
        while left:
            tagged, errors = builds.wait_for_any(left)
            failed += errors
            left = [name for name in left if not builds.has_ended(name)]
            self._load(tagged)
            before = dict(self._tags)
            self._add(tagged)
            if self._tags != before:
                self._upgrade(self.cluster.values())
                self._report_available(name for name in self._tags if name not in before)
        if failed:
            raise ClusterError("\n".join(str(error) for error in failed))

    @property
    def available(self) -> list[str]:
        """The languages that are installed now."""
        there = (name for name in self._tags if name.startswith(_RUNTIME))
        return [name.removeprefix(_RUNTIME) for name in there]

    def install(self, tagged: Iterable[Tagged], values: dict[str, Any]) -> None:
        """Install exactly these images, of this checkout or another revision, with `values`.

        Of the cluster's values, an earlier revision gets those that its chart has.
        """
        images = tuple(tagged)
        self._load(images)
        self._tags = {}
        self._add(images)
        self._release().apply_crds()
        schema = self.checkout.root / "charts/cloche/values.schema.json"
        known = values_of_schema(self.cluster.values(), json.loads(schema.read_text("utf-8")))
        self._upgrade(known, values)

    def _add(self, tagged: Iterable[Tagged]) -> None:
        self._tags |= {one.image.name: one.tag for one in tagged if one.image.deployed}

    def _report_available(self, images: Iterable[str]) -> None:
        added = [name.removeprefix(_RUNTIME) for name in images if name.startswith(_RUNTIME)]
        before = len(self.available) - len(added)
        for count, language in enumerate(added, start=before + 1):
            self.console.step(f"{language} is available ({count} of {len(self.wanted)} languages)")

    def _load(self, tagged: Iterable[Tagged]) -> None:
        wanted = [one.reference for one in tagged if one.image.deployed]
        missing = self.cluster.missing_images(wanted)
        if missing:
            self.console.step(f"loading {_counted(missing)} into the cluster …")
            self.cluster.load_images(self.engine(), missing)

    def _already_loaded(self, tagged: Sequence[Tagged]) -> list[Tagged]:
        """Return those of `tagged` that the cluster's nodes already have."""
        missing = set(self.cluster.missing_images([one.reference for one in tagged]))
        return [one for one in tagged if one.reference not in missing]

    def _present_tags(self) -> dict[str, str]:
        """Return the installed tags of the languages whose new image is not available yet."""
        late = {f"{_RUNTIME}{name}" for name in self.wanted} - set(self._tags)
        if not late:
            return {}
        installed = self._release().image_tags()
        references = {
            f"{REPOSITORY_NAME}/{name}:{tag}": (name, tag)
            for name, tag in installed.items()
            if name in late
        }
        missing = set(self.cluster.missing_images(list(references)))
        return dict(pair for reference, pair in references.items() if reference not in missing)

    def _upgrade(self, of_cluster: dict[str, Any], more: dict[str, Any] | None = None) -> bool:
        """Upgrade the release to the present tags; return False if nothing has changed."""
        images = image_values(self._tags, languages(self.checkout.root))
        values = merged(of_cluster, images, more or {})
        namespaces = user_namespaces(self.access.kubectl, values, self.console)
        return self._release().upgrade(merged(values, namespaces))

    def _release(self) -> Release:
        return Release(self.access, self.checkout.root, self.console)

    def _local_key(self) -> str:
        store = KeyStore(self.access.kubectl)
        present = env_file.read(self.checkout.env_file)
        if present and store.works(present.api_key, _LOCAL_LIMITS):
            return present.api_key
        name = self._key_name(store)
        self.console.step(f"creating the API key `{name}`")
        return store.create(name, LOCAL_KEY, _LOCAL_LIMITS, replace=True)

    def _key_name(self, store: KeyStore) -> str:
        """Return a name that no other checkout's key has."""
        if LOCAL_KEY not in store.names():
            return LOCAL_KEY
        return f"{LOCAL_KEY}-{hashlib.sha256(str(self.checkout.root).encode()).hexdigest()[:8]}"


def _counted(references: Sequence[str]) -> str:
    return "1 image" if len(references) == 1 else f"{len(references)} images"


def image_values(tags: Mapping[str, str], languages: Iterable[str]) -> dict[str, Any]:
    """Return the values for images with these `tags`, by the images' names.

    Those of the chart's `languages` whose image has no tag are disabled.
    """
    disabled = [name for name in languages if f"runtime-{name}" not in tags]
    return {"image": {"tags": dict(tags)}, "runtimes": {"disabled": sorted(disabled)}}


def values_of_schema(values: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a chart's JSON schema names, at each level that lists its names."""
    properties = schema.get("properties", {})
    if schema.get("additionalProperties") is not False:
        return values
    return {
        name: values_of_schema(value, properties[name]) if isinstance(value, dict) else value
        for name, value in values.items()
        if name in properties
    }


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Merge values recursively; later parts take precedence."""
    result: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            old = result.get(name)
            both = isinstance(old, dict) and isinstance(value, dict)
            result[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result
