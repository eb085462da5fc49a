"""Files about people are not loaded; files about places, with numbers and names that merely look so, are."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from gridmap.errors import LoadRefused
from gridmap.ingest.people import check_people, is_identity_number
from gridmap.ingest.privacy import is_forbidden_column, names_people
from gridmap.model import ELEMENT_CLASSES

from .test_frames import read

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def with_check_digit(first: str) -> str:
    return first + "10X98765432"[sum(w * int(d) for w, d in zip(WEIGHTS, first, strict=True)) % 11]


def with_luhn(first: str) -> str:
    doubled = [int("0246813579"[int(d)]) if place % 2 == 0 else int(d) for place, d in enumerate(reversed(first))]
    return f"{first}{-sum(doubled) % 10}"


# Nobody's: the places 999999 and 192 and the surnames' given names are made up.
IDENTITIES = [with_check_digit(f"9999991990{1 + n % 12:02d}{1 + n % 28:02d}{n:03d}") for n in range(40)]
MOBILES = [f"19{n:03d}0{7 * n:05d}" for n in range(40)]
CARDS = [with_luhn(f"62{n:016d}") for n in range(40)]
PLATES = [f"津A{n:05d}" for n in range(40)]
MAILS = [f"nobody{n}@example.org" for n in range(40)]
PEOPLE = [
    f"{'王李张刘陈杨黄赵吴周'[n % 10]}{'一二三四五六七八九十'[n // 4]}{'甲乙丙丁'[n % 4]}" for n in range(40)
]


def refused(**columns: list[object]) -> str:
    with pytest.raises(LoadRefused, match="take out the columns about people") as error:
        check_people("f.csv", pa.table(columns))
    return str(error.value)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (IDENTITIES, "ID numbers"),
        ([f"{each[:6]} {each[6:14]} {each[14:]}" for each in IDENTITIES], "ID numbers"),
        ([f"报案：{each}" for each in IDENTITIES], "ID numbers"),
        ([f"０{each}" [1:] for each in IDENTITIES], "ID numbers"),
        (["".join(chr(ord(c) + 0xFEE0) for c in each) for each in IDENTITIES], "ID numbers"),
        (MOBILES, "mobile numbers"),
        ([int(each) for each in MOBILES], "mobile numbers"),
        ([float(each) for each in MOBILES], "mobile numbers"),
        ([f"+86 {each[:3]}-{each[3:7]}-{each[7:]}" for each in MOBILES], "mobile numbers"),
        (CARDS, "bank card numbers"),
        (PLATES, "number plates"),
        (MAILS, "e-mail addresses"),
        (PEOPLE, "names of people"),
        ([*PEOPLE, *["路灯"] * 15], "names of people"),
        ([*MOBILES[:15], *["无"] * 30], "mobile numbers"),
    ],
)  # fmt: skip
def test_a_column_that_looks_like_people_stops_the_load(values: list[object], what: str) -> None:
    said = refused(备注=values)
    assert what in said
    for value in values:
        assert len(str(value)) < 4 or str(value) not in said


@pytest.mark.parametrize(
    "header",
    [
        "姓名", "居民姓名", "身份证号", "身份证号码", "证件号码", "手机号", "联系电话", "民族", "宗教信仰",
        "政治面貌", "信访次数",
        "是否前科", "征信", "病史", "健康状况", "人脸ID", "指纹", "轨迹", "信用评分", "风险等级", "车牌号",
        "出生日期", "户主", "性别",
        "risk_score", "RiskScore", "risk score", "religion", "ethnicity", "id_card", "mobile", "Phone Number",
        "e-mail", "DOB",
        "date of birth", "gender", "fullName", "last_name", "resident name", "faceFeature", "health",
        "party_member", "SSN",
        "criminal-record", "medicalHistory", "licence plate",
    ],
)  # fmt: skip
def test_a_column_about_people_stops_the_load_by_its_name(header: str) -> None:
    assert header in refused(**{"id": ["a"], header: ["b"]})


@pytest.mark.parametrize(
    "header",
    [
        "id", "名称", "类别", "地点", "地址", "街道", "门牌号", "经度", "纬度", "上报时间", "处置时间", "面积",
        "层数", "建成年份", "楼龄",
        "name", "category", "Longitude", "LSOA name", "Crime type", "Location", "Last outcome category",
        "street_name", "page",
        "image", "stage", "message", "storage", "tracked", "space", "surface", "interface", "village",
        "average", "household",
        "households", "expected_households", "happened_at", "reporter", "building", "accuracy_m", "brace",
        "terrace", "grade",
    ],
)  # fmt: skip
def test_a_column_about_places_passes_by_its_name(header: str) -> None:
    assert not is_forbidden_column(header)
    assert not names_people(header)


def own_numbers(count: int) -> list[str]:
    """Numbers of 6-8-4 digits, a place, a day and a serial: they look like ID numbers and are not."""
    draw = random.Random(1)
    return [
        f"120101{draw.randint(2010, 2026)}{draw.randint(1, 12):02d}{draw.randint(1, 28):02d}{n % 10000:04d}"
        for n in range(count)
    ]


@pytest.mark.parametrize(
    "values",
    [
        own_numbers(3_000),
        [f"{n:018d}" for n in range(3_000)],
        [f"120101001001{n:06d}" for n in range(3_000)],
        [f"12345-20250301-{n:06d}" for n in range(3_000)],
        [f"1201010010{n:05d}" for n in range(300)],
        [f"{n:016d}" for n in range(4 * 10**15, 4 * 10**15 + 400)],
        ["高空抛物", "马路破损", "路灯", "井盖", "方便面店"] * 200,
        [
            f"{'王李张刘陈杨黄赵'[n % 8]}{'家东西南北大小新'[n // 8 % 8]}{'庄村店屯营台'[n % 6]}"
            for n in range(300)
        ],
        ["和平路", "马场道", "黄河道", "南京路", "成都道", "江西路"] * 50,
        [f"{'美家福万'[n % 4]}{n}便利店" for n in range(300)],
        [117.2 + n / 1e5 for n in range(300)],
        ["2026-01-01T08:00:00"] * 300,
        [*["无"] * 200, *MOBILES[:5]],
        IDENTITIES[:4],
    ],
)
def test_a_true_column_passes(values: list[object]) -> None:
    check_people("f.csv", pa.table({"x": values}))


def test_the_demo_city_passes(heping_files: Path) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415

    for name in ("buildings", "elements", "incidents"):
        check_people(name, pq.read_table(heping_files / f"{name}.parquet"))


def test_an_identity_number_needs_a_birth_date_and_its_check_digit() -> None:
    good = IDENTITIES[0]
    assert is_identity_number(good)
    assert not is_identity_number(good[:-1] + "0123456789X"[("0123456789X".index(good[-1]) + 1) % 11])
    assert not is_identity_number(with_check_digit(good[:10] + "1340" + good[14:17]))


def test_own_numbers_of_18_digits_are_ids_and_a_stray_identity_is_a_rejected_row(tmp_path: Path) -> None:
    assert "object" in ELEMENT_CLASSES
    rows = [f"{number},117.2,39.1,灯" for number in own_numbers(300)]
    rows[7] = f"a,117.2,39.1,叫{IDENTITIES[0]}来"
    (tmp_path / "a.csv").write_text("id,lon,lat,what\n" + "\n".join(rows), encoding="utf-8")
    (batch,) = read(tmp_path, "a.csv", lon="lon", lat="lat")
    assert [(row.line, row.reason) for row in batch.rejected] == [
        (9, "category: must not hold an ID or mobile number")
    ]
    assert IDENTITIES[0] not in str(batch.rejected)
    assert len(batch.accepted) == 299
