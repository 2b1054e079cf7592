"""An evaluation of Inspect with a scripted model in the sandbox `cloche`. Prints `done`."""

import asyncio
import sys
import tempfile

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import bash
from inspect_ai.util import OutputLimitExceededError, SandboxEnvironment

from cloche_client.integrations.inspect_ai import ClocheSandboxEnvironment

MODEL = "mockllm/model"


async def direct(language: str) -> None:
    """Use the environment as tools do."""
    made = await ClocheSandboxEnvironment.sample_init("task", language, {})
    sandbox: SandboxEnvironment = made["default"]
    try:
        result = await sandbox.exec(
            ["sh", "-c", 'cat; echo "$0 $A" >&2; pwd; exit 3', "x y"],
            input="in ", cwd="/tmp", env={"A": "1"},
        )  # fmt: skip
        assert result.stdout.startswith("in /"), result
        assert (result.stderr, result.returncode, result.success) == ("x y 1\n", 3, False), result
        assert (await sandbox.exec(["wc", "-c"], input=b"\xff\xfe")).stdout.strip() == "2"
        assert (await sandbox.exec(["no-such-program"])).returncode == 127
        await sandbox.write_file("d/e/f.txt", "text\n")
        await sandbox.write_file("/tmp/b", b"\xff\0")
        assert await sandbox.read_file("/workspace/d/e/f.txt") == "text\n"
        assert await sandbox.read_file("/tmp/b", text=False) == b"\xff\0"
        assert (await sandbox.exec(["cat", "d/e/f.txt"])).stdout == "text\n"
        await raises(FileNotFoundError, sandbox.read_file("none"))
        await raises(IsADirectoryError, sandbox.read_file("d"))
        await raises(IsADirectoryError, sandbox.write_file("d", "x"))
        await raises(PermissionError, sandbox.write_file("/etc/x", "x"))
        await raises(UnicodeDecodeError, sandbox.read_file("/tmp/b"))
        await raises(TimeoutError, sandbox.exec(["sleep", "10"], timeout=1))
        flood = ["head", "-c", "300000", "/dev/zero"]
        await raises(OutputLimitExceededError, sandbox.exec(flood))
    finally:
        await ClocheSandboxEnvironment.sample_cleanup("task", language, made, interrupted=False)


async def raises(kind: type[BaseException], call: object) -> None:
    """Expect an exception."""
    try:
        await call  # type: ignore[misc]
    except kind:
        return
    raise AssertionError(kind)


def main() -> None:
    """Use the environment directly, then in an evaluation."""
    for language in ("bash", "python"):
        asyncio.run(direct(language))
    outputs = [
        ModelOutput.for_tool_call(MODEL, "bash", {"command": "cat given.txt; echo $((6 * 7))"}),
        ModelOutput.from_content(MODEL, "It printed 42."),
    ]
    for one in outputs:  # else Inspect downloads a tokenizer to count them
        one.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    model = get_model(MODEL, custom_outputs=outputs)
    task = Task(
        dataset=[Sample(input="?", target="42", files={"given.txt": "a file of the sample"})],
        solver=[use_tools(bash(timeout=30)), generate()],
        scorer=includes(),
        sandbox="cloche",
    )
    with tempfile.TemporaryDirectory() as folder:
        (log,) = evaluate(task, model=model, display="none", log_dir=folder)
        assert log.status == "success", log.error and log.error.message
        assert log.samples is not None  # read from the folder when they are used
        printed = [one.text for one in log.samples[0].messages if one.role == "tool"]
    assert [text.strip() for text in printed] == ["a file of the sample42"], printed
    assert log.results is not None
    assert log.results.scores[0].metrics["accuracy"].value == 1


main()
sys.stdout.write("done\n")
