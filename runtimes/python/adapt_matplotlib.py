"""Adapt Matplotlib at the build of the image: fonts for most scripts, and a stored list of fonts.

- A text uses the fonts of FALLBACKS for the glyphs that its own font lacks. `font.family` in
  matplotlibrc would not be enough, because programs and seaborn's themes replace it.
- Matplotlib searches the fonts and stores their list at its first import, in the program's home
  directory. That is new for each program, so it reads the list of the image.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

MODULE = Path("/usr/lib/python3/dist-packages/matplotlib/font_manager.py")
LIST = Path("/opt/python/fonts.json")
FALLBACKS = ("DejaVu Sans", "WenQuanYi Micro Hei", "Symbola", "Unifont", "Unifont Upper")
"""In their order: Latin, Greek, Cyrillic, Arabic; Chinese, Japanese, Korean; emoji up to Unicode 9;
anything else, as enlarged pixels."""
HOME = Path("/tmp/home")  # noqa: S108  in the image's build, where nothing else runs
CHANGES = {
    "        for family in prop.get_family():\n": (
        f"        for family in dict.fromkeys((*prop.get_family(), *{FALLBACKS!r})):\n"
    ),
    "            fm = json_load(fm_path)\n": (
        f"            fm = json_load(fm_path if fm_path.exists() else {str(LIST)!r})\n"
    ),
}


def main() -> None:
    """Change the module and write the list."""
    text = MODULE.read_text(encoding="utf-8")
    for old, new in CHANGES.items():
        if text.count(old) != 1:
            sys.exit(f"{MODULE} has {text.count(old)} lines {old.strip()!r}: adapt CHANGES")
        text = text.replace(old, new)
    MODULE.write_text(text, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-c", "import matplotlib.font_manager"],
        env={"HOME": str(HOME), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )
    LIST.parent.mkdir(exist_ok=True)
    (found,) = HOME.glob(".cache/matplotlib/fontlist-*.json")
    shutil.copyfile(found, LIST)
    shutil.rmtree(HOME)


main()
