"""The tree of errors: what the docstring draws is what the code has."""

from __future__ import annotations

import inspect

import pytest

from gridmap import errors
from gridmap.errors import GridMapError, InvalidInput

CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if inspect.isclass(each) and issubclass(each, Exception) and each.__module__ == errors.__name__
}


def test_all_names_every_class_and_nothing_else() -> None:
    assert sorted(CLASSES) == errors.__all__


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    drawing = (errors.__doc__ or "").partition("\n\n")[2]
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in drawing.splitlines():
        depth = len(line) - len(line.lstrip("│├└─ "))
        name = line[depth:].split()[0]
        path = [*(each for each in path if each[0] < depth), (depth, name)]
        parents[name] = path[-2][1] if len(path) > 1 else "Exception"
    assert parents == {name: each.__base__.__name__ for name, each in CLASSES.items() if each.__base__}


def test_every_error_is_caught_as_the_base() -> None:
    assert all(issubclass(each, GridMapError) for each in CLASSES.values())


@pytest.mark.parametrize("value", ["x" * 1000, "\0", None, float("nan"), ["a"] * 500])
def test_invalid_input_names_field_value_and_rule_and_stays_short(value: object) -> None:
    error = InvalidInput("code", value, "must be short")
    assert str(error).startswith("code: must be short, got ")
    assert repr(value)[:50] in str(error)
    assert len(str(error)) < 160
    assert "\0" not in str(error)
