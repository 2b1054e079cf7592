"""Adapt Matplotlib at the build of the image: fonts for most scripts, and a stored list of fonts.

- A text, also one with formulas, uses the fonts of FALLBACKS for glyphs that its own font lacks.
  `font.family` in matplotlibrc would not be enough, because programs and seaborn's themes replace
  it.
- Matplotlib searches the fonts and stores their list at its first import, in the program's home
  directory. That is new for each program, so it reads the list of the image.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path("/usr/lib/python3/dist-packages/matplotlib")
LIST = Path("/opt/python/fonts.json")
FALLBACKS = ("DejaVu Sans", "WenQuanYi Micro Hei", "Symbola", "Unifont", "Unifont Upper")
"""In their order: Latin, Greek, Cyrillic, Arabic; Chinese, Japanese, Korean; emoji up to Unicode 9;
anything else, as enlarged pixels."""
HOME = Path("/tmp/home")  # noqa: S108  in the image's build, where nothing else runs

_NO_GLYPH = '                _log.warning("Font %r does not have a glyph for %a [U+%x], "\n'
CHANGES = (
    (
        "font_manager.py",
        "        for family in prop.get_family():\n",
        f"        for family in dict.fromkeys((*prop.get_family(), *{FALLBACKS!r})):\n",
    ),
    (
        "font_manager.py",
        "            fm = json_load(fm_path)\n",
        f"            fm = json_load(fm_path if fm_path.exists() else {str(LIST)!r})\n",
    ),
    (
        "_mathtext.py",
        "from .font_manager import FontProperties, findfont, get_font\n",
        "from .font_manager import FontProperties, findfont, fontManager, get_font\n",
    ),
    (
        "_mathtext.py",
        _NO_GLYPH,
        "                for path in fontManager._find_fonts_by_props(FontProperties()):\n"
        "                    font = get_font(path)\n"
        "                    if font.get_char_index(uniindex):\n"
        "                        return font, uniindex, False\n" + _NO_GLYPH,
    ),
    # WenQuanYi has a bit that fontTools does not know, with which `pdf.fonttype = 42` would fail.
    (
        "backends/_backend_pdf_ps.py",
        "    options = subset.Options(glyph_names=True, recommended_glyphs=True)\n",
        (
            "    options = subset.Options(\n"
            "        glyph_names=True, recommended_glyphs=True, prune_unicode_ranges=False\n"
            "    )\n"
        ),
    ),
)
"""Lines of Matplotlib's modules, and what replaces them."""


def main() -> None:
    """Change the modules and write the list."""
    for name, old, new in CHANGES:
        module = PACKAGE / name
        text = module.read_text(encoding="utf-8")
        if text.count(old) != 1:
            sys.exit(f"{module} has {text.count(old)} times {old.strip()!r}: adapt CHANGES")
        module.write_text(text.replace(old, new), encoding="utf-8")
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
