"""Code and template nodes of Dify, with the requests that Dify's CodeExecutor makes.

Dify is not a package. The programs follow its transformers for Python, JavaScript and Jinja2: the
code of the node, inputs as JSON in base64, and the result between two marks.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from textwrap import dedent
from typing import Any

import httpx
import pytest

MARK = "<<RESULT>>"
PYTHON = dedent("""\
    %(code)s

    import json
    from base64 import b64decode

    given = json.loads(b64decode('%(inputs)s').decode('utf-8'))
    output = json.dumps(main(**given), indent=4)
    print(f'''<<RESULT>>{output}<<RESULT>>''')
    """)
JAVASCRIPT = dedent("""\
    %(code)s

    var given = JSON.parse(Buffer.from('%(inputs)s', 'base64').toString('utf-8'))
    var output = JSON.stringify(main(given))
    console.log(`<<RESULT>>${output}<<RESULT>>`)
    """)
JINJA2 = dedent("""\
    def main(**inputs):
        import jinja2
        return jinja2.Template('''%(code)s''').render(**inputs)

    import json
    from base64 import b64decode

    given = json.loads(b64decode('%(inputs)s').decode('utf-8'))
    print(f'''<<RESULT>>{main(**given)}<<RESULT>>''')
    """)
PRELOAD = dedent("""\
    import jinja2

    if __name__ == '__main__':
        jinja2.Template('{{s}}').render(s='a')
    """)


def sent(http: httpx.Client, language: str, program: str, code: str, **inputs: Any) -> Any:
    """Return the answer to the request of a node."""
    encoded = b64encode(json.dumps(inputs, ensure_ascii=False).encode()).decode()
    body = {
        "language": language,
        "code": program % {"code": code, "inputs": encoded},
        "preload": PRELOAD if program is JINJA2 else "",
        "enable_network": True,
    }
    answer = http.post("/v1/sandbox/run", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def result(answer: Any) -> str:
    """Return what Dify takes for the output of a node. It fails the node for any error."""
    assert (answer["code"], answer["message"]) == (0, "success")
    assert not answer["data"]["error"]
    found = re.search(f"{MARK}(.*){MARK}", answer["data"]["stdout"], re.DOTALL)
    assert found is not None
    return found[1]


def test_a_python_node_returns_the_result_of_its_function(http: httpx.Client) -> None:
    code = (
        "def main(name: str, n: int) -> dict:\n    return {'greeting': f'Grüß {name}', 'n': n + 1}"
    )
    found = json.loads(result(sent(http, "python3", PYTHON, code, name="Éva", n=1)))
    assert found == {"greeting": "Grüß Éva", "n": 2}


def test_a_javascript_node_returns_the_result_of_its_function(http: httpx.Client) -> None:
    code = "function main({name, items}) { return {name, sum: items.reduce((a, b) => a + b, 0)} }"
    found = json.loads(result(sent(http, "nodejs", JAVASCRIPT, code, name="é", items=[1, 2, 3])))
    assert found == {"name": "é", "sum": 6}


def test_a_template_node_returns_its_text(http: httpx.Client) -> None:
    template = "{% for one in items %}- {{ one | upper }}\n{% endfor %}"
    answer = sent(http, "python3", JINJA2, template, items=["a", "ü"])
    assert result(answer) == "- A\n- Ü\n"


@pytest.mark.parametrize(
    ("language", "program", "code", "words"),
    [
        ("python3", PYTHON, "def main(n): return 1 / n", "ZeroDivisionError"),
        ("python3", PYTHON, "def main(n) return n", "SyntaxError"),
        ("python3", JINJA2, "{{ n / 0 }}", "ZeroDivisionError"),
        ("python3", JINJA2, "{% if n %}", "TemplateSyntaxError"),
        ("nodejs", JAVASCRIPT, "function main({n}) { return n.a.b }", "TypeError"),
    ],
)
def test_a_failed_node_has_its_traceback_as_error(
    http: httpx.Client, language: str, program: str, code: str, words: str
) -> None:
    answer = sent(http, language, program, code, n=0)
    assert (answer["code"], answer["data"]["exit_code"]) == (0, 1)
    assert words in answer["data"]["error"]


def test_the_packages_that_dify_lists_have_jinja2(http: httpx.Client) -> None:
    answer = http.get("/v1/sandbox/dependencies", params={"language": "python3"}).json()
    names = {one["name"].lower() for one in answer["data"]["dependencies"]}
    assert {"jinja2", "numpy", "pandas", "requests"} <= names


def test_a_wrong_key_is_401_with_an_empty_body(http: httpx.Client) -> None:
    answer = http.post(
        "/v1/sandbox/run", json={"language": "python3", "code": "1"}, headers={"X-API-Key": "x"}
    )
    assert (answer.status_code, answer.content) == (401, b"")
