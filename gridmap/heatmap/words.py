"""What a picture says, in Chinese and in English. Imports its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridmap.heatmap.answer import Heatmap, Published
from gridmap.heatmap.places import Places
from gridmap.heatmap.question import HEX
from gridmap.model import CELL_LEVEL, City


@dataclass(frozen=True)
class Texts:
    """One language; ``language`` is the key of the city's notice in it."""

    language: str
    incidents: str
    elements: str
    classes: Mapping[str, str]
    by_hex: str
    by: str
    cell: str
    everything: str
    window: str
    weekdays: str
    hours: str
    compared: str
    figures: str
    outside: str
    measures: Mapping[str, str]
    source: str
    no_font: str
    released: str
    hidden: str
    nothing_hidden: str
    published: str
    not_shown: str

    def title(self, heatmap: Heatmap, places: Places) -> str:
        """What is shown, and of where."""
        question = heatmap.question
        what = self.incidents if question.of == "incidents" else self.elements
        if question.class_ is not None:
            what = self.classes[question.class_]
        labels = question.categories
        where = self._place(places, question.area)
        by = (
            self.by_hex.format(question.resolution)
            if question.by == HEX
            else self.by.format(self.cell if question.by == CELL_LEVEL else question.by)
        )
        return " · ".join([where, f"{what}: {', '.join(labels)}" if labels else what, by])

    def subtitle(self, heatmap: Heatmap, said: Mapping[str, Any]) -> str:
        """When, of which revision and data, and what it adds up to."""
        question = heatmap.question
        if heatmap.published is not None:
            return self._of_releases(heatmap, heatmap.published)
        parts = []
        if question.of == "incidents":
            parts.append(self._between(said))
        if question.weekdays:
            parts.append(self.weekdays.format(",".join(map(str, sorted(question.weekdays)))))
        if question.hours:
            parts.append(self.hours.format(", ".join(map(str, sorted(question.hours)))))
        if said["compare"] is not None:
            parts.append(self.compared.format(self._between(said["compare"]), f"{said['compare']['total']:,}"))
        parts.append(self.figures.format(f"{heatmap.total:,}", heatmap.revision, heatmap.data_version))
        if heatmap.outside:
            parts.append(self.outside.format(f"{heatmap.outside:,}"))
        return "; ".join(parts)

    def _of_releases(self, heatmap: Heatmap, published: Published) -> str:
        """The months, what is hidden, and what it adds up to where that shows."""
        parts = [self.released.format(", ".join(published.periods))]
        if published.least > 1:
            parts.append(self.hidden.format(published.least, f"{published.suppressed:,}"))
        else:
            parts.append(self.nothing_hidden)
        shown = self.not_shown if published.total is None else f"{published.total:,}"
        parts.append(self.published.format(shown, heatmap.revision))
        if heatmap.outside is not None and heatmap.outside > 0:
            parts.append(self.outside.format(f"{heatmap.outside:,}"))
        return "; ".join(parts)

    def attribution(self, city: City) -> str:
        """Whose data these are."""
        return self.source.format(city.attribution)

    def notices(self, city: City) -> list[str]:
        """The city's notice in this language; in all that there are when it has none in this one."""
        found = city.notice.get(self.language)
        return list(city.notice.values()) if found is None else [found]

    def _between(self, window: Mapping[str, Any]) -> str:
        if window["from"] is None and window["to"] is None:
            return self.everything
        begins, ends = (
            "…" if each is None else str(each)[:16].replace("T", " ") for each in (window["from"], window["to"])
        )
        return self.window.format(begins, ends)

    def _place(self, places: Places, area: str | None) -> str:
        city = places.city
        name = city.name if self.language == "zh" or not city.name_en else city.name_en
        if area is None or area == city.code:
            return name
        grid = places.grid
        own = grid.cell(area).name if area in grid.by_code else grid.areas[area].name
        return f"{name} {own} {area}" if self.language == "zh" else f"{name} {area}"


TEXTS = {
    "zh": Texts(
        language="zh",
        incidents="事件",
        elements="要素",
        classes={"person": "人", "place": "地", "object": "物", "organization": "单位/组织"},
        by_hex="H3 六边形（分辨率 {}）",
        by="按 {} 统计",
        cell="网格",
        everything="全部时间",
        window="{} 至 {}（不含）",
        weekdays="星期 {}",
        hours="时段 {} 时",
        compared="与 {} 相比（{} 件）",
        figures="共 {}；网格第 {} 版；数据 {}",
        outside="其中市域外 {}",
        measures={"count": "数量", "per_1000": "每千人", "per_km2": "每平方公里", "change": "变化"},
        source="来源：{}",
        no_font="",
        released="已发布的 {} 月数量",
        hidden="少于 {} 的以及可由此推算的数量不显示（{} 行）",
        nothing_hidden="没有隐藏的数量",
        published="共 {}；网格第 {} 版",
        not_shown="不显示",
    ),
    "en": Texts(
        language="en",
        incidents="Incidents",
        elements="Elements",
        classes={"person": "People", "place": "Places", "object": "Objects", "organization": "Organizations"},
        by_hex="H3 hexes of resolution {}",
        by="by {}",
        cell="cell",
        everything="all times",
        window="{} to before {}",
        weekdays="weekdays {}",
        hours="hours {}",
        compared="compared with {} ({})",
        figures="{} in all; grid revision {}; data {}",
        outside="{} of them outside the city",
        measures={"count": "Count", "per_1000": "per 1,000 people", "per_km2": "per km²", "change": "Change"},
        source="Source: {}",
        no_font="Labels are in English: no font with Chinese characters is installed (Debian: fonts-noto-cjk).",
        released="Released counts of {}",
        hidden="counts below {}, and those that would give them away, are hidden ({} rows)",
        nothing_hidden="no counts are hidden",
        published="in all {}; grid revision {}",
        not_shown="not shown",
    ),
}
