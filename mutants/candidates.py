"""The mutants of a module, and a sample of them that a seed repeats."""

import ast
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

CONTROL = "core/NoOp"
"""cosmic-ray's operator that changes nothing."""


@dataclass(frozen=True, order=True)
class Mutant:
    """The change that *operator* makes at its place number *occurrence* in *module*, a path in the project."""

    module: str
    line: int
    column: int
    operator: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.operator.removeprefix('core/')} #{self.occurrence}"

    def of(self, source: str) -> str:
        """Return the module's *source* with the change."""
        return str(mutate_code(source, plugins.get_operator(self.operator)(), self.occurrence) or source)


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of *module*, valid or not, in cosmic-ray's order."""
    nodes = list(ast_nodes(get_ast(source)))
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if name == CONTROL or operator.arguments():  # the ones with arguments replace variables of given names
            continue
        positions = (begin for node in nodes for begin, _ in operator().mutation_positions(node))
        for occurrence, (line, column) in enumerate(positions):
            yield Mutant(module, line, column, name, occurrence)


def is_valid(mutant: Mutant, source: str) -> bool:
    """Return True if the mutant compiles and can behave differently: annotations and docstrings do not count."""
    try:
        tree = ast.parse(mutant.of(source))
    except (SyntaxError, AttributeError):  # cosmic-ray cannot replace the dotted name of an exception
        return False
    return _behaviour(tree) != _behaviour(ast.parse(source))


def _behaviour(tree: ast.AST) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arguments):  # cosmic-ray takes the * among parameters for a product
            node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
            node.defaults += [default for default in node.kw_defaults if default]
            node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.dump(tree)


def sample(sources: Mapping[str, str], count: int | None, seed: int) -> list[Mutant]:
    """Return *count* valid mutants, each at another place of *sources*; every valid mutant if *count* is None.

    One place can have a dozen mutants (+ becomes -, *, / and so on): a sample of mutants would be one of operators.
    """
    places: dict[tuple[str, int, int], list[Mutant]] = defaultdict(list)
    for module, source in sorted(sources.items()):
        for mutant in mutants(module, source):
            places[mutant.module, mutant.line, mutant.column].append(mutant)
    if count is None:
        return [each for group in places.values() for each in group if is_valid(each, sources[each.module])]
    draw = random.Random(seed)
    order = draw.sample(sorted(places), len(places))
    result: list[Mutant] = []
    for place in order:
        if len(result) == count:
            break
        group = draw.sample(places[place], len(places[place]))
        result += next(([each] for each in group if is_valid(each, sources[each.module])), [])
    return result
