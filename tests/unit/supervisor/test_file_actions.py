"""Actions on the files of a session: no link is followed, and nothing is lost or left behind."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from support.fixtures.supervisor import HELLO, UID, Result, Reused, Supervisors

from cloche_supervisor.protocol.frame import ACTIONS, read
from cloche_supervisor.protocol.wire import ProtocolError

OWN = f"mode=755,uid={UID},gid={UID}"


def frame(action: str, **changes: Any) -> dict[str, Any]:
    return {
        "protocol": 1,
        "execution": "0b5c3f0e-0000-4000-8000-000000000002",
        "action": action,
        "files": [],
        "output_files": [],
        "limits": {"files_bytes": 262144},
        "afterwards": "keepFiles",
    } | changes


def act(reused: Reused, action: str, **changes: Any) -> Result:
    """Do an action, and check that a program or another action may follow."""
    result = reused.complete(frame(action, **changes))
    assert result.stages == ["files"]
    assert result.exit["execution"] == frame(action)["execution"]
    return result


def write(reused: Reused, **files: str) -> dict[str, Any]:
    sent = [{"path": path, "text": text} for path, text in files.items()]
    return act(reused, "WriteFiles", files=sent).exit


def listed(reused: Reused, pattern: str = "**") -> list[tuple[str, int]]:
    end = act(reused, "ListFiles", output_files=[pattern]).exit
    assert not end["files_truncated"]
    return [(file["path"], file["size"]) for file in end["listed"]]


def test_files_are_written_listed_read_and_removed_between_programs(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    binary = base64.b64encode(bytes(range(256))).decode()
    sent = [{"path": "d/e/b", "base64": binary}, {"path": "a", "text": "grüße"}]
    end = act(reused, "WriteFiles", files=sent).exit
    assert (end["exit_code"], end["problem"]) == (0, None)
    assert [(file["path"], file["size"]) for file in end["listed"]] == [("d/e/b", 256), ("a", 7)]
    look = "stat -c '%a %U' a d/e/b d; cat a; echo x >> a; touch .hidden"
    assert reused.bash(look, "keepFiles").stdout.endswith("grüße")
    assert listed(reused) == [("a", 9), ("d/e/b", 256), ("main.py", 0)]
    assert listed(reused, ".*") == [(".hidden", 0)]
    found = act(reused, "ReadFiles", output_files=["d/e/b"]).exit
    assert found["files"] == [{"path": "d/e/b", "base64": binary}]
    gone = act(reused, "RemoveFiles", output_files=["a", "d/e/b", "none"]).exit
    assert [file["path"] for file in gone["listed"]] == ["a", "d/e/b"]
    assert listed(reused) == [("main.py", 0)]
    assert reused.bash("ls -A . d/e", "keepFiles").stdout.split() == [
        *(".:", ".hidden", ".tmp", "d", "main.py", "d/e:"),
    ]
    assert reused.end().code == 0


def test_the_time_of_a_file_is_its_own_within_the_years_that_a_status_has(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    touch = "touch -d @1767323070.5 now; touch -d @-5 past; touch -d @999999999999 future"
    reused.bash(touch, "keepFiles")
    end = act(reused, "ListFiles", output_files=["[nfp]*"]).exit
    times = {file["path"]: file["modified"] for file in end["listed"]}
    assert times == {"now": 1767323070.5, "past": 0, "future": 253402300799}


@pytest.mark.parametrize(
    ("before", "path", "reason"),
    [
        ("touch a", "a/b", "Not a directory"),
        ("ln -s /dev/shm a", "a/b", "Not a directory"),
        ("ln -s d a; mkdir d", "a/b", "Not a directory"),
        ("mkdir a", "a", "Is a directory"),
        ("mkdir -p a/b; touch a/b/c", "a", "Is a directory"),
        ("mkfifo a", "a/b", "Not a directory"),
    ],
)
def test_nothing_in_the_place_of_a_file_or_directory_is_removed(
    supervisors: Supervisors, before: str, path: str, reason: str
) -> None:
    reused = supervisors.reused()
    reused.bash(before, "keepFiles")
    names = reused.bash("find . ! -name main.py | sort; ls /dev/shm", "keepFiles").stdout
    end = write(reused, first="1", **{path: "2"}, last="3")
    assert (end["exit_code"], [file["path"] for file in end["listed"]]) == (1, ["first"])
    assert end["problem"].startswith(f"{path}: ")
    assert end["problem"] in {f"{path}: {reason}", f"{path}: Too many levels of symbolic links"}
    reused.bash("rm first", "keepFiles")
    assert reused.bash("find . ! -name main.py | sort; ls /dev/shm", "keepFiles").stdout == names


@pytest.mark.parametrize(
    "before",
    ["ln -s /etc/passwd a", "ln -s b a; echo kept > b", "mkfifo a", "touch a; chmod 0 a . "],
)
def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(
    supervisors: Supervisors, before: str
) -> None:
    reused = supervisors.reused(options=OWN)
    reused.bash(before, "keepFiles")
    assert write(reused, a="new")["problem"] is None
    look = reused.bash("stat -c '%F %a' a; cat a; cat b 2>/dev/null; true", "keepFiles").stdout
    assert look in {"regular file 644\nnew", "regular file 644\nnewkept\n"}


def test_links_are_neither_listed_nor_read_nor_removed(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    reused.bash("ln -s /etc/passwd a; ln -s /etc d; mkdir e; ln e/../main.py hard", "keepFiles")
    assert listed(reused) == [("hard", 0), ("main.py", 0)]
    for pattern in ("a", "d/passwd", "e"):
        assert listed(reused, pattern) == []
        assert act(reused, "ReadFiles", output_files=[pattern]).exit["files"] == []
        assert act(reused, "RemoveFiles", output_files=[pattern]).exit["listed"] == []
    assert reused.bash("readlink a d", "keepFiles").stdout == "/etc/passwd\n/etc\n"


def test_a_file_that_does_not_fit_leaves_the_old_one_and_the_session(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused(options="mode=777,size=1m")
    assert write(reused, a="old")["problem"] is None
    fill = "head -c 900k /dev/zero > big"
    reused.bash(fill, "keepFiles")
    end = write(reused, a="x" * 200_000)
    assert end["problem"] == "a: the working directory is full"
    assert reused.bash("cat a; ls -A", "keepFiles").stdout == "old.tmp\na\nbig\nmain.py\n"
    assert act(reused, "RemoveFiles", output_files=["big"]).exit["listed"]
    assert write(reused, a="x" * 200_000)["problem"] is None


def test_names_that_programs_choose_are_listed_and_removed(supervisors: Supervisors) -> None:
    reused = supervisors.reused(options=OWN)
    make = """if True:
        import os
        os.mkdir("closed")
        for name in (b"closed/in", b"\\xff", b"a\\nb", b"*", b"x", "\\u202e".encode()):
            open(name, "w").close()
        os.chmod("closed", 0o500)
    """
    reused.python(make, "keepFiles")
    names = {"*", "a\nb", "closed/in", "main.py", "x", "\u202e", "\ufffd"}
    assert {path for path, _ in listed(reused)} == names
    assert [path for path, _ in listed(reused, "[*]")] == ["*"]
    gone = act(reused, "RemoveFiles", output_files=["closed/in", "[*]"]).exit
    assert [file["path"] for file in gone["listed"]] == ["*", "closed/in"]
    assert {path for path, _ in listed(reused)} == names - {"*", "closed/in"}


def test_a_list_is_bounded_and_a_known_path_is_found_in_any_directory(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    many = """if True:
        for n in range(21_000):
            open(f"{n:05}", "w").close()
        open("wanted", "w").write("1")
    """
    reused.python(many, "keepFiles")
    end = act(reused, "ListFiles", output_files=["*"]).exit
    assert (len(end["listed"]), end["files_truncated"]) == (1000, True)
    assert listed(reused, "wanted") == [("wanted", 1)]
    assert act(reused, "ReadFiles", output_files=["wanted"]).exit["files"]
    long = """if True:
        import os
        os.makedirs("/".join(["d" * 250] * 3))
        for n in range(300):
            open("/".join(["d" * 250] * 3 + [f"{n:0250}"]), "w").close()
    """
    reused.python(long, "keepFiles")
    end = act(reused, "ListFiles", output_files=["d" * 250 + "/**"]).exit
    assert 100 < len(end["listed"]) < 300
    assert end["files_truncated"]
    assert sum(len(file["path"]) for file in end["listed"]) <= 128 * 1024


def test_ready_reports_the_actions(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    peer.send(HELLO)
    peer.read_until(b"\n")
    assert tuple(json.loads(peer._out)["actions"]) == ACTIONS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action": "CopyFiles"}, "action: must be one of WriteFiles, "),
        ({"action": None}, "action: must be a string"),
        ({"run": {"command": ["true"]}}, "run: is not a known key"),
        ({"protocol": 2}, "protocol: must be 1"),
        ({"files": [{"path": "../a", "text": ""}]}, "files[0].path: must be a relative path"),
        ({"output_files": ["/etc/*"]}, "output_files[0]: must be a relative path"),
        ({"limits": {}}, "limits.files_bytes: is missing"),
        ({"afterwards": "stay"}, "afterwards: must be one of"),
    ],
)
def test_a_malformed_action_is_rejected_and_its_key_named(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ProtocolError) as raised:
        read(json.dumps(frame("ListFiles") | changes).encode())
    assert str(raised.value).startswith(f"frame: {message}")
