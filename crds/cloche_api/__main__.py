"""`python -m cloche_api DIRECTORY` writes the CustomResourceDefinitions, one file each."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from cloche_api.crd import all_crds

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
        sys.exit("usage: python -m cloche_api DIRECTORY")
    for name, text in rendered().items():
        path = Path(sys.argv[1]) / name
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
