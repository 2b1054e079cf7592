"""The Dockerfiles of an own runtime, and the context that they are built in."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError, CommandError

if TYPE_CHECKING:
    from cloche_cluster.own.packages import Packages

DOCKERFILE = Path("Dockerfile")
SCRIPT = "in_image.py"
LOCK = "lock"
"""The folder of the lock files."""

_CLEAN = r"""apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log \
           /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /workspace/.tmp/* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +"""
_ARGUMENTS = """# Additional certificate authorities of the build machine, if it has any.
ARG PIP_CERT=
ARG NODE_EXTRA_CA_CERTS="""

TO_LOCK = f"""ARG BASE
FROM ${{BASE}} AS packages
USER 0
{_ARGUMENTS}
COPY . /own/
RUN python3 /own/{SCRIPT} lock

FROM scratch
COPY --from=packages /lock /
"""
"""The Dockerfile whose result is the lock files."""

TO_BUILD = f"""# An own runtime: `make runtime` wrote this file.
# BASE is the image of the language that it extends.
ARG BASE
FROM ${{BASE}} AS packages
USER 0
{_ARGUMENTS}
COPY {SCRIPT} packages.json /own/
COPY {LOCK} /own/{LOCK}
RUN python3 /own/{SCRIPT} install

FROM ${{BASE}}
USER 0
COPY {SCRIPT} packages.json /own/
COPY {LOCK} /own/{LOCK}
RUN python3 /own/{SCRIPT} apt \\
 && {{ [ -e /node_modules ] || ln -s /usr/share/nodejs /node_modules; }} \\
 && {_CLEAN}
COPY --from=packages /out /
USER 65532:65532
"""
"""The Dockerfile of the image."""


def write_context(folder: Path, packages: Packages, dockerfile: str) -> None:
    """Write what the Dockerfile copies, and the Dockerfile itself, into `folder`."""
    (folder / DOCKERFILE).write_text(dockerfile, encoding="utf-8")
    text = json.dumps(packages.lists, indent=1)
    (folder / "packages.json").write_text(f"{text}\n", encoding="utf-8")
    shutil.copyfile(Path(__file__).parent / SCRIPT, folder / SCRIPT)


def explained(error: CommandError) -> ClusterError:
    """Return the problem that the build printed, or the error itself."""
    found = re.findall(r"PROBLEM: (.*)", str(error))
    return ClusterError(found[-1]) if found else error
