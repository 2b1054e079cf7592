"""The images have the packages, locales, time zones and fonts that the page of languages names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from support.data import packages

Run = Callable[..., dict[str, Any]]

IMPORTS = """
import importlib, importlib.metadata, json, sys
found = {}
for package, name in json.load(sys.stdin).items():
    module = importlib.import_module(name)
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        version = module.__version__
    found[package] = version.split("+")[0]
print(json.dumps(found))
"""
REQUIRES = """
const fs = require("node:fs");
const names = JSON.parse(fs.readFileSync(0, "utf8"));
const version = (name) => JSON.parse(fs.readFileSync(`/node_modules/${name}/package.json`)).version;
(async () => {
  const found = {};
  for (const name of names) {
    require(name);
    await import(name);
    found[name] = version(name);
  }
  console.log(JSON.stringify(found));
})();
"""
TYPED = """
import _ from "lodash";
import { DateTime } from "luxon";
const pairs: number[][] = _.chunk([1, 2, 3], 2);
console.log(pairs.length, DateTime.fromISO("2024-02-29").plus({ years: 1 }).toISODate());
"""
GEMS = """
require "json"
names = JSON.parse($stdin.read)
names.each { |name| require name == "activesupport" ? "active_support/all" : name }
puts JSON.generate(names.to_h { |name| [name, Gem::Specification.find_by_name(name).version.to_s] })
"""
EXTENSIONS = """<?php
$missing = array_filter(json_decode(stream_get_contents(STDIN)), fn($n) => !extension_loaded($n));
echo json_encode(array_values($missing));
"""
PLOT = """
import warnings
import matplotlib.pyplot as plt
warnings.simplefilter("error")
plt.rcParams["font.family"] = FAMILY
plt.title("Größe Ελληνικά Кириллица 中文 日本語 한국어 العربية 😀🚀🤖🥳", fontweight="bold")
plt.xlabel("温度 $T^2$")
for suffix in ("png", "svg", "pdf"):
    plt.savefig(f"plot.{suffix}")
print("saved")
"""
THEMED = """
import warnings
import matplotlib.pyplot as plt, seaborn
warnings.simplefilter("error")
seaborn.set_theme()
plt.title("中文 العربية 😀")
plt.savefig("plot.png")
print("saved")
"""
LOCALE_OF_CPP = """
#include <iostream>
#include <locale>
int main() {
    std::cout.imbue(std::locale("en_US.UTF-8"));
    std::cout << 1234567 << "\\n";
}
"""
SET_LOCALES = """
import json, locale, sys
for name in json.load(sys.stdin):
    locale.setlocale(locale.LC_ALL, f"{name}.UTF-8")
locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
print(locale.format_string("%.2f", 1234567.891, grouping=True), sorted("zäa", key=locale.strxfrm))
"""
EASTERN = {
    "python": """
from datetime import datetime
from zoneinfo import ZoneInfo
print(datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("US/Eastern")).strftime("%z"))
""",
    "bash": "TZ=US/Eastern date --date='@1719849600' +%z",
    "cpp": """
#include <chrono>
#include <iostream>
int main() {
    using namespace std::chrono;
    auto zone = locate_zone("US/Eastern");
    auto info = zone->get_info(sys_days{2024y / 7 / 1});
    std::cout << (info.offset == -4h ? "-0400" : "wrong") << "\\n";
}
""",
    "go": """
package main
import ("fmt"; "time")
func main() {
    zone, err := time.LoadLocation("US/Eastern")
    if err != nil { panic(err) }
    fmt.Println(time.Unix(1719849600, 0).In(zone).Format("-0700"))
}
""",
    "php": """<?php
$zone = new DateTimeZone("US/Eastern");
echo (new DateTime("2024-07-01", $zone))->format("O"), "\\n";
""",
    "ruby": 'ENV["TZ"] = "US/Eastern"; puts Time.at(1719849600).strftime("%z")',
    "sql": "\\pset tuples_only\n\\pset format unaligned\nset timezone to 'US/Eastern';\n"
    "select to_char(timestamptz '2024-07-01 12:00Z', 'TZHTZM');",
}


@pytest.fixture(scope="module")
def run(http: httpx.Client) -> Run:
    def post(language: str, code: str, **fields: Any) -> dict[str, Any]:
        asked = {"language": language, "code": code, "timeout": 120, **fields}
        answer = http.post("/api/v1/execute", json=asked)
        assert answer.status_code == httpx.codes.OK, answer.text
        body: dict[str, Any] = answer.json()
        assert body["exit_code"] == 0, body["stderr"]
        return body

    return post


def test_each_python_package_is_imported_and_has_its_documented_version(run: Run) -> None:
    modules = {one.name: one.module for one in packages.python()}
    expected = {one.name: one.version for one in packages.python()}

    body = run("python", IMPORTS, stdin=json.dumps(modules), resources={"memory_mb": 1024})

    assert json.loads(body["stdout"]) == expected


def test_each_javascript_package_is_found_by_require_and_import(run: Run) -> None:
    expected = {one.name: one.version for one in packages.javascript()}

    body = run("javascript", REQUIRES, stdin=json.dumps(list(expected)))

    assert (json.loads(body["stdout"]), body["stderr"]) == (expected, "")


def test_a_typescript_program_imports_packages_with_their_types(run: Run) -> None:
    assert run("typescript", TYPED)["stdout"] == "2 2025-02-28\n"


def test_each_ruby_gem_is_found_and_has_its_documented_version(run: Run) -> None:
    expected = {one.name: one.version for one in packages.ruby()}

    assert json.loads(run("ruby", GEMS, stdin=json.dumps(list(expected)))["stdout"]) == expected


def test_each_php_extension_is_loaded(run: Run) -> None:
    names = [name for extensions in packages.php().values() for name in extensions]

    assert run("php", EXTENSIONS, stdin=json.dumps(names))["stdout"] == "[]"


@pytest.mark.parametrize("family", ["sans-serif", "serif", "monospace", "DejaVu Sans"])
def test_a_plot_has_glyphs_of_each_script_with_any_font_family(run: Run, family: str) -> None:
    body = run("python", PLOT.replace("FAMILY", repr(family)))

    assert (body["stdout"], body["stderr"]) == ("saved\n", "")


def test_a_theme_of_seaborn_keeps_the_glyphs_of_each_script(run: Run) -> None:
    body = run("python", THEMED)

    assert (body["stdout"], body["stderr"]) == ("saved\n", "")


def test_no_package_runs_code_at_the_start_of_python(run: Run) -> None:
    """A `.pth` file would."""
    code = "import pathlib; print(*pathlib.Path('/usr/lib/python3/dist-packages').glob('*.pth'))"

    assert run("python", code)["stdout"] == "\n"


def test_each_documented_locale_can_be_set(run: Run) -> None:
    body = run("python", SET_LOCALES, stdin=json.dumps(sorted(packages.locales())))

    assert body["stdout"] == "1.234.567,89 ['a', 'ä', 'z']\n"


def test_a_cpp_program_uses_a_locale(run: Run) -> None:
    assert run("cpp", LOCALE_OF_CPP)["stdout"] == "1,234,567\n"


@pytest.mark.parametrize("language", EASTERN)
def test_an_old_name_of_a_time_zone_is_known(run: Run, language: str) -> None:
    assert run(language, EASTERN[language])["stdout"].split()[-1] == "-0400"
