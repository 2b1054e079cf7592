"""`python -m cloche_api.crd DIRECTORY` writes what is generated from the models.

The CustomResourceDefinitions go to DIRECTORY, one file each, and the types of resources as JSON to
this package.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from cloche_api import resources
from cloche_api.crd import typed_dicts
from cloche_api.crd.definitions import all_crds

TYPED_DICTS = Path(resources.__file__).parent
"""The directory of the modules that `typed_dicts` generates."""
HEADER = "# Generated from the models in cloche_api by `make crds`. Do not edit.\n"


def rendered() -> dict[str, str]:
    """Return the file name and the text of every CustomResourceDefinition."""
    return {
        f"{crd['spec']['names']['plural']}.yaml": HEADER
        + yaml.safe_dump(crd, sort_keys=False, width=100, allow_unicode=True)
        for crd in all_crds()
    }


def main() -> None:
    """Write all files, and print their paths."""
    if len(sys.argv) != 2:  # noqa: PLR2004  the program and its one argument
        sys.exit("usage: python -m cloche_api.crd DIRECTORY")
    directory = Path(sys.argv[1])
    written = {directory / name: text for name, text in rendered().items()}
    types = {TYPED_DICTS / name: text for name, text in typed_dicts.sources().items()}
    for path, text in {**written, **types}.items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
