"""The state of a checkout's installation, in `.cloche`, which git ignores."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.machine.files import REPOSITORY, write_private
from cloche_cluster.targets.choice import Kind, Target

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Checkout:
    """A checkout: its root directory, and the directory with its state."""

    root: Path = REPOSITORY

    @property
    def directory(self) -> Path:
        """The directory that git ignores."""
        return self.root / ".cloche"

    @property
    def env_file(self) -> Path:
        """The file with URL, API key and kubeconfig for a shell."""
        return self.directory / "env"

    @property
    def _record(self) -> Path:
        return self.directory / "cluster.json"

    def remember(self, target: Target) -> None:
        """Record where `up` installs, so that `down` removes exactly that."""
        fields = dataclasses.asdict(dataclasses.replace(target, exists=True))
        write_private(self._record, json.dumps(fields, indent=1) + "\n")

    def remember_languages(self, names: Iterable[str] | None) -> None:
        """Record the languages that `up` installs; None: all."""
        if names is None:
            self._languages.unlink(missing_ok=True)
        else:
            write_private(self._languages, json.dumps(sorted(names)) + "\n")

    def remembered_languages(self) -> tuple[str, ...] | None:
        """Return the languages that `remember_languages` recorded; None: all."""
        try:
            return tuple(json.loads(self._languages.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @property
    def _languages(self) -> Path:
        return self.directory / "languages.json"

    def link_tools(self, programs: Iterable[Path | str]) -> None:
        """Link the cluster's kubectl and helm into `.cloche/bin`."""
        tools = self.directory / "bin"
        tools.mkdir(parents=True, exist_ok=True)
        for program in programs:
            found = shutil.which(program)
            if found is None:
                continue
            link = tools / Path(found).name
            link.unlink(missing_ok=True)
            link.symlink_to(Path(found).absolute())

    def remembered(self) -> Target | None:
        """Return the target that `remember` recorded, or None."""
        try:
            fields = json.loads(self._record.read_text())
            return Target(**{**fields, "kind": Kind(fields["kind"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget(self) -> None:
        """Remove all recorded state."""
        shutil.rmtree(self.directory, ignore_errors=True)
