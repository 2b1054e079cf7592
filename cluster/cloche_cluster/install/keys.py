"""API keys in the cluster's Secret: made, looked up, never shown twice."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api.keys import SECRET_NAME, hash_key, new_key
from cloche_api.limits import LABEL_VALUE
from cloche_cluster.errors import ClusterError
from cloche_cluster.install.names import NAMESPACE

if TYPE_CHECKING:
    from cloche_cluster.kubectl import Kubectl


@dataclass(frozen=True)
class KeyStore:
    """The translator of the Secret with the keys' hashes."""

    kubectl: Kubectl

    def works(self, key: str) -> bool:
        """Say whether the text `key` is one of the cluster's keys."""
        wanted = hash_key(key)
        return any(json.loads(value)["sha256"] == wanted for value in self._entries().values())

    def names(self) -> set[str]:
        """Return the names of all keys."""
        return set(self._entries())

    def create(self, name: str, tenant: str, *, replace: bool = False) -> str:
        """Make a key, keep its hash, and return its text, which nobody can find again.

        Raises ClusterError when the name is taken and `replace` is false, or a name is no name.
        """
        check_name("NAME", name)
        check_name("TENANT", tenant)
        entries = self._entries()
        if name in entries and not replace:
            raise ClusterError(f"there is a key named {name} already: choose another NAME")
        text, record = new_key(tenant)
        value = base64.b64encode(record.model_dump_json(by_alias=True).encode()).decode()
        self._patch(name, value)
        return text

    def _patch(self, name: str, value: str) -> None:
        patch = json.dumps({"data": {name: value}})
        # From a file, as a command line can be read by every user of the machine.
        self.kubectl.run(
            "patch", "secret", SECRET_NAME, "-n", NAMESPACE, "--type=merge",
            "--patch-file=/dev/stdin", stdin=patch,
        )  # fmt: skip

    def _entries(self) -> dict[str, str]:
        secret = self.kubectl.json("get", "secret", SECRET_NAME, "-n", NAMESPACE)
        data = secret.get("data") or {}
        return {name: base64.b64decode(value).decode() for name, value in data.items()}


def check_name(what: str, name: str) -> None:
    """Raise ClusterError unless `name` is a label's value, which every name of ours must be."""
    if not re.fullmatch(LABEL_VALUE, name):
        raise ClusterError(
            f"{what}={name!r}: must be 1 to 63 letters, digits, `-`, `_` or `.`, "
            "with a letter or digit at both ends"
        )
