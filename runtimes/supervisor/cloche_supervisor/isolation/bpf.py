"""Assemble the seccomp filter of a policy: a classic BPF program that runs at every system call.

The program reads `struct seccomp_data` of <linux/seccomp.h> and returns an action whose lower half
is an error number; error number 0 reports success without making the call. The instructions are
those of <linux/filter.h>. Both supported machines are little-endian.
"""

from __future__ import annotations

import errno
import struct

from cloche_supervisor.isolation import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_supervisor.isolation.policy import Case, Rule

_LOAD, _RETURN = 0x20, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_RET | BPF_K
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45  # BPF_JMP | BPF_K | BPF_JEQ, _JGE, _JSET
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # offsets in seccomp_data; 8 bytes for each argument

_ALLOW = 0x7FFF_0000  # SECCOMP_RET_ALLOW
_FAIL = 0x0005_0000  # SECCOMP_RET_ERRNO
_KILL = 0x8000_0000  # SECCOMP_RET_KILL_PROCESS
_PASS_ON = 0x7FC0_0000  # SECCOMP_RET_USER_NOTIF

_X32 = 0x4000_0000  # __X32_SYSCALL_BIT: x32 calls on x86_64, with other numbers

_AUDITED = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}  # AUDIT_ARCH_X86_64, _AARCH64

_Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def assemble(rules: Sequence[Rule], machine: str) -> bytes:
    """Return the filter for a machine, given as `os.uname` reports it.

    A call with another machine's convention (32 bits) kills the process, because its numbers mean
    other calls. x32 calls fail with ENOSYS, as on a kernel without x32.

    Raises:
        NotImplementedError: there is no filter for this machine.
    """
    if machine not in _AUDITED:
        raise NotImplementedError(f"the system call filter does not support {machine}")
    audited, numbers = _AUDITED[machine], syscalls.MACHINES[machine]
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
            calls.setdefault(call, []).extend(_instructions_of(rule))
    for call, body in calls.items():
        if call in numbers:
            body.append((_RETURN, 0, 0, _ALLOW))
            program += [(_IF_EQUAL, 0, len(body), numbers[call]), *body]
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _instructions_of(rule: Rule) -> list[_Instruction]:
    """Return the instructions for a call that the rule names; permitted calls fall through."""
    action = _PASS_ON if rule.error is None else _FAIL | rule.error
    answer, allow = (_RETURN, 0, 0, action), (_RETURN, 0, 0, _ALLOW)
    if rule.flags is not None:
        place, mask = rule.flags
        return [_argument(place), (_IF_ANY_BIT, 0, 1, mask), answer]
    if rule.given is not None:
        lower, upper = _argument(rule.given), _argument(rule.given, upper=True)
        return [lower, (_IF_EQUAL, 0, 2, 0), upper, (_IF_EQUAL, 1, 0, 0), answer]
    if rule.when:
        return _compare_cases(rule.when, answer)
    return [*_compare_cases(rule.unless, allow), answer]


def _compare_cases(cases: Sequence[Case], answer: _Instruction) -> list[_Instruction]:
    """Return `answer` if the arguments match all values of one of the cases, else fall through."""
    found: list[_Instruction] = []
    for case in cases:
        body = [answer]
        for place, value in reversed(case.items()):
            values = value if isinstance(value, tuple) else (value,)
            # Each comparison but the last jumps over those behind it, to what follows them. The
            # last one goes on there, or skips the rest of the case.
            comparisons = [
                (
                    _IF_EQUAL,
                    len(values) - number - 1,
                    len(body) if number == len(values) - 1 else 0,
                    one,
                )
                for number, one in enumerate(values)
            ]
            body = [_argument(place), *comparisons, *body]
        found += body
    return found


def _argument(place: int, *, upper: bool = False) -> _Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * place + 4 * upper)
