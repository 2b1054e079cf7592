"""PID 1 of every sandbox Pod: receives a program, runs it and reports the result.

Standard library only, Python 3.9 and newer. docs/design/protocol.md specifies its behaviour.
`typing`, `dataclasses` and `subprocess` are not imported, because importing them takes longer than
the rest of the supervisor's start.
"""
