"""Made-up names for the demo city: estates, former names of streets, and the staff's display names.

No resident has a name here. Imports numpy only.
"""

from __future__ import annotations

import numpy as np

_FIRST = "安和福康宁平泰瑞祥嘉乐怡馨雅静明清春秋景华秀云锦金玉翠碧荷兰松柏梅竹桂枫榆柳"
_SECOND = "园庭居苑湾岸畔景雅和祥顺达兴盛丰泽润泉溪林枫桥亭台阁轩舍庄坊"
_ESTATE_ENDINGS = ("里", "花园", "家园", "公寓", "新村", "小区", "东里", "西里", "南里", "北里")
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"


def estate_names(rng: np.random.Generator, count: int) -> list[str]:
    """``count`` made-up names of housing estates (小区), different from one another up to 10,000."""
    kinds = len(_FIRST) * len(_SECOND) * len(_ESTATE_ENDINGS)
    drawn = rng.permutation(kinds)
    names = []
    for position in range(count):
        rest, ending = divmod(int(drawn[position % kinds]), len(_ESTATE_ENDINGS))
        first, second = divmod(rest, len(_SECOND))
        names.append(_FIRST[first] + _SECOND[second] + _ESTATE_ENDINGS[ending])
    return names


def display_names(rng: np.random.Generator, count: int) -> list[str]:
    """What stands on the wall for ``count`` made-up members of staff: a surname and a number of the demo."""
    drawn = rng.integers(0, len(_SURNAMES), size=count)
    return [f"{_SURNAMES[surname]}（演示{number:06d}号）" for number, surname in enumerate(drawn, start=1)]


def former_names(rng: np.random.Generator, streets: list[str], count: int) -> list[tuple[str, str]]:
    """``count`` streets (or all, if they are fewer) with a former name that no street has: (former, present)."""
    taken = set(streets)
    chosen = rng.choice(len(streets), size=min(count, len(streets)), replace=False)
    names = []
    for row in np.sort(chosen).tolist():
        former = f"旧{_SURNAMES[rng.integers(len(_SURNAMES))]}家{streets[row][-1]}"
        if former not in taken:
            taken.add(former)
            names.append((former, streets[row]))
    return names
