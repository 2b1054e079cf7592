"""An agent of deepagents with a scripted model, whose tools work in a session. Prints `done`."""

import sys
from collections.abc import Sequence
from typing import Any

from deepagents import create_deep_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import Runnable

from cloche_client import Client
from cloche_client.integrations.deepagents import ClocheSandbox


class Scripted(GenericFakeChatModel):
    """A model that says what the test wrote. It accepts tools as a real one does."""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        """Return itself: the script has the calls."""
        del tools, kwargs
        return self


CALLS = [
    ("write_file", {"file_path": "/workspace/primes.py", "content": "print([2, 3, 5])\n"}),
    ("execute", {"command": "python3 primes.py; echo oops >&2; exit 3"}),
    ("read_file", {"file_path": "/workspace/primes.py"}),
    ("edit_file", {"file_path": "/workspace/primes.py", "old_string": "5", "new_string": "5, 7"}),
    ("execute", {"command": "python3 primes.py"}),
    ("ls", {"path": "/workspace"}),
    ("grep", {"pattern": "print", "path": "/workspace"}),
    ("glob", {"pattern": "*.py", "path": "/workspace"}),
]


def agent(sandbox: ClocheSandbox) -> list[str]:
    """Let an agent call all tools, and return what they answered."""
    messages = [
        AIMessage("", tool_calls=[{"name": name, "args": args, "id": str(n)}])
        for n, (name, args) in enumerate(CALLS)
    ]
    model = Scripted(messages=iter([*messages, AIMessage("finished")]))
    made = create_deep_agent(model=model, backend=sandbox)
    answer = made.invoke({"messages": [{"role": "user", "content": "go"}]})
    assert answer["messages"][-1].content == "finished"
    return [str(one.content) for one in answer["messages"] if isinstance(one, ToolMessage)]


def main() -> None:
    """Use the sandbox directly, then by an agent."""
    with Client() as client, client.session("bash") as session:
        sandbox = ClocheSandbox(session)
        assert sandbox.id == session.id
        result = sandbox.execute("echo out; echo err >&2; exit 3")
        assert (result.output, result.exit_code, result.truncated) == ("out\nerr\n", 3, False)
        result = sandbox.execute("if", timeout=5)
        assert result.exit_code == 2, result
        result = sandbox.execute("echo so far; sleep 10", timeout=1)
        assert result.output.startswith("so far\n"), result
        assert result.exit_code == 124, result
        assert sandbox.execute("head -c 300000 /dev/zero | tr '\\0' x").truncated

        sent = sandbox.upload_files(
            [("/workspace/d/[a].bin", b"\xff"), ("/tmp/t", b"t"), ("/etc/x", b"")]
        )
        assert [one.error for one in sent] == [None, None, "permission_denied"], sent
        found = sandbox.download_files(
            ["/workspace/d/[a].bin", "/tmp/t", "/workspace/none", "/workspace/d"]
        )
        assert [one.content for one in found] == [b"\xff", b"t", None, None], found
        assert found[2].error == "file_not_found"

        printed = agent(sandbox)
        assert "[2, 3, 5]" in printed[1], printed
        assert "oops" in printed[1], printed
        assert "print([2, 3, 5])" in printed[2], printed
        assert "[2, 3, 5, 7]" in printed[4], printed
        assert all("primes.py" in one for one in printed[5:]), printed


main()
sys.stdout.write("done\n")
