"""What each test runs, and so which tests can notice a change of a line, the likeliest first."""

import ast
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

Trace = dict[str, dict[str, Any]]
"""By test: the *lines* that it runs, by module; its *cpu* time; whether it runs other processes (*elsewhere*), and
whether it *failed*."""


_START_SECONDS = 60
"""Of CPU time: the first test of a file starts what others use, and another one was first when it was traced."""


class Selection(NamedTuple):
    """The tests to *run*, in order, of *files*, and those to *skip*; *cpu* seconds are enough for them.

    *elsewhere* are those that run other processes, too; None if that is not known of any. *limits* are the CPU
    seconds that are enough for each test.
    """

    files: Sequence[str]
    run: list[str]
    skip: list[str]
    elsewhere: frozenset[str] | None
    cpu: int
    limits: Mapping[str, int] = MappingProxyType({})


def selection(
    module: str, source: str, line: int, traces: Mapping[str, Trace], concerned: Sequence[str]
) -> Selection:
    """Return the tests of *traces*, by file, for a change in this *line* of *module*.

    What fails without a change, or runs nothing of the function around the line, is left out. What runs elsewhere
    is not seen: of such tests those in the files that are *concerned* take part.
    """
    of_statement, of_function = _spans(source, line)
    every = {test: about for trace in traces.values() for test, about in trace.items()}
    tests = {test: about for test, about in every.items() if not about["failed"]}

    def runs(test: str, span: range | None) -> bool:
        return span is None or not set(span).isdisjoint(tests[test]["lines"].get(module, []))

    if not any(runs(test, of_function) for test in tests):  # it runs when its module is loaded, or nowhere
        of_statement, of_function = None, None
    of_concerned = tests.keys() & {test for file in concerned for test in traces[file]}
    unseen = {test for test in of_concerned if tests[test]["elsewhere"]}
    possible = [
        test
        for test in tests
        if test in unseen or (runs(test, of_function) if of_function else test in of_concerned)
    ]
    order = sorted(
        possible, key=lambda test: (not runs(test, of_statement), tests[test]["elsewhere"], tests[test]["cpu"])
    )
    skip = sorted(every.keys() - set(possible))
    elsewhere = frozenset(test for test in possible if tests[test]["elsewhere"])
    cpu = 20 + 3 * sum(tests[test]["cpu"] for test in possible)
    files = [file for file, trace in traces.items() if not trace.keys().isdisjoint(possible)]
    limits = {test: int(_START_SECONDS + 10 * tests[test]["cpu"]) for test in possible}
    return Selection(files, order, skip, elsewhere, int(cpu), limits)


def _spans(source: str, line: int) -> tuple[range | None, range | None]:
    """Return the lines of the innermost statement and of the outermost function around *line*; None at the top."""
    around = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    functions = [node for node in around if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not functions or line < functions[0].body[0].lineno:  # defaults and decorators run when the module is loaded
        return None, None
    return _span(around[-1]), _span(functions[0])


def _span(node: ast.stmt) -> range:
    first = node.body[0].lineno if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else node.lineno
    return range(first, (node.end_lineno or node.lineno) + 1)
