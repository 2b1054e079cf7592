"""Build images in the background, two at a time, while the cluster starts."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.buildah import Buildah
from cloche_cluster.images.table import DEBIAN, discover
from cloche_cluster.images.tags import Tagged, stage, tag_all
from cloche_cluster.machine.command import end_children

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from types import TracebackType

    from cloche_cluster.console import Console
    from cloche_cluster.images.engine import Builder
    from cloche_cluster.images.table import Image

WORKERS = 2
"""Images built at a time. A single build mostly waits for network and disk."""


@dataclass
class ImageBuilds:
    """Builds `images` in their order; the engine's store may already have some of them.

    Use it as a context manager: the builds run within the block, and those that have not begun are
    dropped at its end. `engine` returns the engine, installed if necessary. `later` are the names
    of images that wait for `begin_later`, and then only use CPU time that nothing else needs.
    """

    repository: Path
    images: Sequence[Image]
    engine: Callable[[], Builder]
    console: Console
    later: Collection[str] = ()
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _threads: list[threading.Thread] = field(default_factory=list)
    _tagged: dict[str, Tagged] = field(default_factory=dict)
    _waiting: list[str] = field(default_factory=list)
    _ended: dict[str, ClusterError | None] = field(default_factory=dict)
    _builder: Builder | None = None
    _later_begun: bool = False
    _stopped: bool = False
    _failure: ClusterError | None = None

    def __enter__(self) -> Self:
        """Start building."""
        self._start(self._prepare)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Begin no further build, and wait for the running ones; after an error, terminate them."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if kind:
            end_children()
        while self._threads:
            self._threads.pop().join()

    def begin_later(self) -> None:
        """Allow the images in `later` to be built."""
        with self._changed:
            self._later_begun = True
            self._changed.notify_all()

    @property
    def builder(self) -> Builder:
        """The engine; available after `wait` has returned."""
        assert self._builder is not None
        return self._builder

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all images, in their order."""
        return tuple(image.name for image in self.images)

    def built(self, names: Iterable[str]) -> list[Tagged]:
        """Return those of the images `names` that are in the store now."""
        with self._changed:
            there = [name for name in names if name in self._ended and not self._ended[name]]
            return [self._tagged[name] for name in there]

    def wait(self, names: Collection[str]) -> tuple[Tagged, ...]:
        """Wait until the images `names` are in the store, and return them with their tags.

        Raises ClusterError as soon as one of them fails.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._failure
                    or any(self._ended.get(name) for name in names)
                    or all(name in self._ended for name in names)
                )
            )
            if self._failure:
                raise self._failure
            for error in (self._ended.get(name) for name in names):
                if error:
                    raise error
            return tuple(self._tagged[name] for name in names)

    def wait_for_any(self, names: Collection[str]) -> tuple[tuple[Tagged, ...], list[ClusterError]]:
        """Wait until at least one of `names` has ended; return the built images and the errors.

        Both contain everything in `names` that has ended so far.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failure or any(n in self._ended for n in names))
            if self._failure:
                raise self._failure
            ended = {name: self._ended[name] for name in names if name in self._ended}
            built = tuple(self._tagged[name] for name, error in ended.items() if not error)
            return built, [error for error in ended.values() if error]

    def has_ended(self, name: str) -> bool:
        """Return whether the image `name` is in the store or has failed."""
        with self._changed:
            return name in self._ended

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._guarded, args=(work,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run `work` and pass any error to the threads that wait."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  nothing else would wake the waiting threads
            known = error if isinstance(error, ClusterError) else None
            with self._changed:
                self._failure = known or ClusterError(f"internal error: {error!r}")
                self._changed.notify_all()

    def _prepare(self) -> None:
        """Ensure the base image, on which all tags depend, and start the workers."""
        self._builder = self.engine()
        debian = self.builder.debian_id() or self._make_debian()
        tagged = tag_all(self.repository, self.images, debian)
        there = self.builder.references()
        missing = [one for one in tagged if one.reference not in there]
        if missing and isinstance(self.builder, Buildah):
            self.builder.remove_leftovers()
        with self._changed:
            self._tagged = {one.image.name: one for one in tagged}
            self._waiting = [one.image.name for one in missing]
            self._ended = {one.image.name: None for one in tagged if one not in missing}
            self._changed.notify_all()
            for _ in range(min(WORKERS, len(missing)) if not self._stopped else 0):
                self._start(self._work)

    def _make_debian(self) -> str:
        if not isinstance(self.builder, Buildah):
            raise ClusterError(f"{DEBIAN} could not be pulled")
        self.console.step(f"building the base image {DEBIAN} from Debian's packages …")
        self.builder.make_debian()
        made = self.builder.debian_id()
        if made is None:
            raise ClusterError(f"buildah's store lacks the base image {DEBIAN} after its build")
        return made

    def _work(self) -> None:
        """Build one image after the other until none is left."""
        while one := self._next():
            error = None
            try:
                self._build(one)
            except ClusterError as failure:
                error = ClusterError(f"image {one.image.name} was not built: {failure}")
            with self._changed:
                self._ended[one.image.name] = error
                self._changed.notify_all()

    def _next(self) -> Tagged | None:
        """Take the first image whose predecessor has been built; None at the end."""
        with self._changed:
            while self._waiting and not self._stopped:
                for name in self._waiting:
                    if self._may_begin(name):
                        self._waiting.remove(name)
                        return self._tagged[name]
                self._changed.wait()
            return None

    def _may_begin(self, name: str) -> bool:
        if name in self.later and not self._later_begun:
            return False
        after = self._tagged[name].image.after
        return not after or after not in self._tagged or after in self._ended

    def _build(self, one: Tagged) -> None:
        image = one.image
        base = self._tagged[image.base] if image.base else None
        if base and (error := self._ended[base.image.name]):
            raise ClusterError(f"its base image failed: {error}")
        self.console.step(f"building image {image.name}:{one.tag} …")
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="cloche-context-") as temporary:
            stage(self.repository, image.dockerfile, one.files, Path(temporary))
            self.builder.build(
                Path(temporary),
                image.dockerfile,
                one.reference,
                {"BASE": base.reference} if base else {},
                idle=image.name in self.later,
            )
        self.console.step(f"built image {image.name} in {time.monotonic() - began:.0f} s")


def ensure_images(
    repository: Path, builder: Builder, console: Console, images: Sequence[Image] | None = None
) -> tuple[Tagged, ...]:
    """Build those of `images` (default: all) that the builder's store lacks; return all.

    Raises ClusterError if a Dockerfile copies a missing file, or a build fails.
    """
    wanted = discover(repository) if images is None else images
    names = [one.name for one in wanted]
    with ImageBuilds(repository, wanted, lambda: builder, console) as builds:
        tagged = builds.wait(names)
    remove_old(builder)
    return tagged


def remove_old(builder: Builder) -> None:
    """Remove all but the newest few versions of each image, if the store is Cloche's own."""
    if isinstance(builder, Buildah):
        builder.remove_old()
