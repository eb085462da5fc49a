"""The role table of ``access`` as a page for people, English and Chinese. Pure; imports ``access``."""

from __future__ import annotations

from gridmap.access import MACHINE, TABLE, Action, Bound, Data

# The Chinese names; the English ones are those of ``access``.
ROLE_NAMES = {
    "public": "公众",
    "viewer": "查看员",
    "dispatcher": "调度员",
    "caseworker": "社工",
    "planner": "规划员",
    "approver": "审批员",
    "publisher": "发布员",
    "auditor": "审计员",
    "key_admin": "密钥管理员",
    "system_admin": "系统管理员",
    MACHINE: "机房操作员",
}
DATA_NAMES = {
    Data.WALL: "网格、区划、岗位、值班电话、呼叫次序",
    Data.RELEASES: "已发布的统计数",
    Data.REVISIONS: "版本",
    Data.COUNTS: "人员与事件的数量",
    Data.ELEMENTS: "地、物、单位",
    Data.INCIDENTS: "事件",
    Data.PERSONS: "人员",
    Data.NEEDS: "网格内各楼栋的服务需求",
    Data.LOADS: "导入批次与被拒行",
    Data.DRAFTS: "草案",
    Data.KEYS: "密钥",
    Data.AUDIT: "审计记录",
    Data.ANSWERS: "留存的答复",
    Data.MACHINE: "系统运行",
}
BOUND_NAMES = {
    Bound.EVERYWHERE: ("E", "各处"),
    Bound.TERRITORY: ("T", "本辖区"),
    Bound.BESIDE: ("B", "本辖区及相邻网格"),
    Bound.CITY: ("C", "须以全市为辖区"),
    Bound.SHARED: ("S", "自己的草案及共享给自己的草案"),
    Bound.REVIEW: ("R", "本辖区，提交之后"),
}
ACTION_NAMES = {
    Action.READ_WALL: "查询某处由谁负责",
    Action.READ_RELEASES: "查看已发布的统计",
    Action.READ_AUTHORS: "查看版本由谁发布",
    Action.READ_COUNTS: "查看人员与事件数量",
    Action.READ_ELEMENTS: "列出地、物、单位",
    Action.READ_INCIDENTS: "列出事件",
    Action.READ_PERSONS: "列出人员（须说明用途）",
    Action.READ_NEEDS: "查看楼栋需求（须说明用途）",
    Action.BREAK_GLASS: "紧急开启",
    Action.READ_ON_THE_MAP: "查看入格上图率",
    Action.READ_NOTICES: "查看调整通知与交接单",
    Action.READ_LOADS: "查看导入与被拒行",
    Action.WRITE_DUTY: "维护岗位与排班",
    Action.WRITE_ELEMENTS: "写入地、物、单位",
    Action.WRITE_PERSONS: "写入人员",
    Action.WRITE_INCIDENTS: "写入事件",
    Action.READ_DRAFTS: "查看草案",
    Action.DRAW: "绘制草案",
    Action.REVIEW: "审批或退回草案",
    Action.PUBLISH: "发布版本",
    Action.READ_DOSSIERS: "查看卷宗",
    Action.MEASURE: "重新测算版本",
    Action.MAKE_RELEASES: "制作统计发布",
    Action.GIVE_KEYS: "发放密钥",
    Action.READ_AUDIT: "查看并校验审计记录",
    Action.PRUNE_AUDIT: "清理审计中到期的内容",
    Action.EXPLAIN: "说明某次答复",
    Action.FORGET: "删除某人的记录",
    Action.RETAIN: "清理超过保存期限的记录",
    Action.START_CITY: "建立或导入城市",
    Action.VERIFY: "校验城市",
    Action.REBUILD_HEXES: "重建六边形覆盖",
    Action.REBUILD_BANDS: "重建缩放层",
}


def role_page() -> str:
    """The table in Markdown: a row for each action, a column for each role, and what the letters mean."""
    head = [
        "Action 操作",
        "Kind of data 数据",
        *(f"{role.replace('_', ' ')} {zh}" for role, zh in ROLE_NAMES.items()),
    ]
    lines = [_row(head), _row(["---", "---", *(":-:" for _ in ROLE_NAMES)])]
    for right in TABLE:
        marks = [BOUND_NAMES[right.bounds[role]][0] if role in right.bounds else "" for role in ROLE_NAMES]
        action, data = right.action, right.data
        lines.append(_row([f"{action.value} {ACTION_NAMES[action]}", f"{data.value} {DATA_NAMES[data]}", *marks]))
    meaning = [f"**{letter}** {bound.value} {zh}" for bound, (letter, zh) in BOUND_NAMES.items()]
    return "\n".join((*lines, "", "; ".join(meaning) + ".", ""))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
