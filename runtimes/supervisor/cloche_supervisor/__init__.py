"""PID 1 of every sandbox Pod: takes one program in, runs it, tells what became of it.

Standard library only, Python 3.9 and newer. docs/design/protocol.md states what it promises.
`typing`, `dataclasses` and `subprocess` are not imported: they cost more at start than all of this.
"""
