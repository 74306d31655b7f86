"""Finds the operations that tests call, by their names and by their routes, in the source of the tests."""

import ast
import re
from collections.abc import Iterable, Iterator

from tools.core.operation import Operation

#: The functions that call an operation by its name, and the decorator that lists names for them.
CALLERS = {"call", "call_rest", "call_tool", "check_refusal", "parametrize"}
METHODS = {"get", "post", "put", "patch", "delete"}


class OperationCalls:
    """The calls in the source texts of tests: the names of operations, and the requests as method and path."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._requests: set[tuple[str, str]] = set()
        for source in sources:
            tree = ast.parse(source)
            constants = _read_constants(tree)
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    self._note_call(node, constants)

    def has_call(self, operation: Operation) -> bool:
        """Whether a test calls the operation, by its name or by a route of its own."""
        return operation.name in self._names or any(
            method == sent and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), target)
            for method, path in operation.routes
            for sent, target in self._requests
        )

    def _note_call(self, node: ast.Call, constants: dict[str, str]) -> None:
        called = _name_function(node.func)
        texts = [_read_text(each, constants) for each in node.args]
        if called == "parametrize":
            self._names.update(text for each in node.args[1:] for text in _list_texts(each))
        elif called in CALLERS:
            self._names.update(text for text in texts[:3] if text is not None)
        elif called in METHODS and texts and texts[0] is not None:
            self._requests.add((called.upper(), texts[0].partition("?")[0]))
        elif called == "request" and len(texts) > 1 and texts[0] is not None and texts[1] is not None:
            self._requests.add((texts[0], texts[1].partition("?")[0]))


def _name_function(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _read_constants(tree: ast.Module) -> dict[str, str]:
    """Return the texts of the module's constants by name."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _read_text(node: ast.expr, constants: dict[str, str]) -> str | None:
    """Return the text of an argument, with a letter for each value that is put in; None if it is not a text."""
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.JoinedStr):
        return "".join(_read_text(part, constants) or "x" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _read_text(node.value, constants)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _list_texts(node: ast.expr) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
