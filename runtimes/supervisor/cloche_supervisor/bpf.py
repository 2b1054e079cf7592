"""The seccomp filter of a policy: a program in classic BPF that the kernel runs at every call.

What it reads is `struct seccomp_data` of <linux/seccomp.h>, what it answers an action with, in its
lower half, an error number; 0 there is success without the call. Instructions: <linux/filter.h>.
Both machines are little-endian.
"""

from __future__ import annotations

import errno
import struct

from cloche_supervisor import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_supervisor.policy import Rule

_LOAD, _RETURN = 0x20, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_RET | BPF_K
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45  # BPF_JMP | BPF_K | BPF_JEQ, _JGE, _JSET
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # places in seccomp_data; 8 bytes an argument

_ALLOW = 0x7FFF_0000  # SECCOMP_RET_ALLOW
_FAIL = 0x0005_0000  # SECCOMP_RET_ERRNO
_KILL = 0x8000_0000  # SECCOMP_RET_KILL_PROCESS

_X32 = 0x4000_0000  # __X32_SYSCALL_BIT: the same machine with other numbers

_MACHINES = {
    "x86_64": (0xC000_003E, syscalls.X86_64),  # AUDIT_ARCH_X86_64
    "aarch64": (0xC000_00B7, syscalls.AARCH64),  # AUDIT_ARCH_AARCH64
}

_Instruction = tuple[int, int, int, int]  # code, how far to jump if so, if not, operand


def assemble(rules: Sequence[Rule], machine: str) -> bytes:
    """The filter for a kind of machine, as `os.uname` names it.

    A call by another machine's convention (32 bits) kills the process: its numbers mean other
    calls. x32, which is such a one in disguise, is as if the kernel lacked it.

    Raises:
        NotImplementedError: no rule could be held on such a machine.
    """
    if machine not in _MACHINES:
        raise NotImplementedError(f"there is no filter of system calls for {machine}")
    audited, numbers = _MACHINES[machine]
    program = [
        (_LOAD, 0, 0, _MACHINE),
        (_IF_EQUAL, 1, 0, audited),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _FAIL | errno.ENOSYS),
    ]
    calls: dict[str, list[_Instruction]] = {}
    for rule in rules:
        for call in rule.calls:
            calls.setdefault(call, []).extend(_judge(rule))
    for call, judgement in calls.items():
        if call in numbers:
            judgement.append((_RETURN, 0, 0, _ALLOW))
            program += [(_IF_EQUAL, 0, len(judgement), numbers[call]), *judgement]
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _judge(rule: Rule) -> list[_Instruction]:
    """What to do with a call that the rule names; behind it goes on what the rule leaves open."""
    fail, allow = (_RETURN, 0, 0, _FAIL | rule.error), (_RETURN, 0, 0, _ALLOW)
    if rule.flags is not None:
        place, mask = rule.flags
        return [_argument(place), (_IF_ANY_BIT, 0, 1, mask), fail]
    if rule.when:
        return _of_each(rule.when, fail)
    return [*_of_each(rule.unless, allow), fail]


def _of_each(cases: Sequence[dict[int, int]], answer: _Instruction) -> list[_Instruction]:
    """Answer so where the arguments have all the values of one of the cases, else go on."""
    found: list[_Instruction] = []
    for case in cases:
        for number, (place, value) in enumerate(case.items()):
            # Past the other values' two instructions each, and the answer.
            otherwise = 2 * (len(case) - number - 1) + 1
            found += [_argument(place), (_IF_EQUAL, 0, otherwise, value)]
        found.append(answer)
    return found


def _argument(place: int) -> _Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * place)
