from __future__ import annotations

from data.tianjin.draws import generator
from data.tianjin.names import display_names, estate_names


def test_estates_differ_from_one_another() -> None:
    names = estate_names(generator(1), 8000)
    assert len(set(names)) == 8000
    assert all(3 <= len(name) <= 4 for name in names)


def test_more_estates_than_names_still_get_one() -> None:
    assert len(estate_names(generator(1), 30_000)) == 30_000


def test_staff_show_a_surname_and_a_number_of_the_demo() -> None:
    names = display_names(generator(1), 500)
    assert names[0][1:] == "（演示000001号）"
    assert len(set(names)) == 500
    assert len({name[0] for name in names}) > 20
