"""Judge0 CE: submissions of judges, courses and online editors.

The contract is that of Judge0 CE 1.13.1: https://github.com/judge0/judge0. A submission is an
execution, and its token is the execution's id. What the execution does not have, such as the
expected output, is an annotation on it, so that each gateway can answer for it.
"""
