"""What the workbook looks like. Template, reading, export, listing and docs derive from this.

Headers and choices are the Chinese words of the file itself (a format, not a translation); the
keys are the names of the tables' columns. Sheets stand in the order in which they may refer to
each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TEMPLATE_VERSION = "1"
# Name under which a workbook carries the version of its template.
VERSION_NAME = "YunzhangTemplate"
GUIDE_TITLE = "填表说明"
# A sheet for the writer's own notes; it is not read.
IGNORED_TITLES = frozenset({GUIDE_TITLE, "备注"})

Kind = Literal[
    "text", "code", "names", "choice", "yesno", "integer", "year", "money", "mlps", "uscc",
    "division", "cidr", "addresses",
]  # fmt: skip

Choices = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `choices` maps stored codes to the words of the file."""

    key: str
    header: str
    kind: Kind = "text"
    required: bool = False
    choices: Choices = field(default_factory=dict)
    reference: str | None = None  # key of the sheet whose 编号 it names
    minimum: int = 0
    maximum: int = 2_000_000_000
    default: int | None = None
    length: int = 200  # longest text
    help: str = ""

    @property
    def title(self) -> str:
        """The header as written in the template."""
        return f"{self.header}*" if self.required else self.header


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet. `key` is the noun in commands and in the API; `identity` are the key columns."""

    key: str
    title: str
    columns: tuple[Column, ...]
    identity: tuple[str, ...] = ("code",)
    by_key: Mapping[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", {column.key: column for column in self.columns})


LEVELS = {"region": "自治区本级", "city": "设区市", "county": "县"}
UNIT_KINDS = {
    "agency": "行政机关",
    "institution": "事业单位",
    "enterprise": "国有企业",
    "other": "其他",
}
OWNERSHIPS = {"own": "自建", "rented": "租用", "hosted": "托管"}
REACHES = {"nation": "国垂", "region": "省", "city": "市", "county": "县", "town": "乡"}
ZONES = {
    "internet": "互联网区",
    "egov_public": "政务外网公用区",
    "egov_dedicated": "政务外网专用区",
    "private": "专网区",
}
ISOLATIONS = {"physical": "物理隔离", "logical": "逻辑隔离"}
DISPOSITIONS = {"merge": "整合", "retain": "保留", "retire": "撤销"}
ROLES = {"container": "汇总段", "leaf": "网段", "pool": "地址池"}
PLATFORM_KINDS = {
    "unified": "统一政务云",
    "sector": "行业云",
    "city": "市云",
    "sub_cloud": "子云",
    "virtualisation": "虚拟化",
}
TECHNOLOGIES = {
    "openstack": "OpenStack",
    "vmware": "VMware",
    "kvm": "KVM",
    "hyperv": "Hyper-V",
    "other": "其他",
}
ACCESS_MODES = {
    "declared": "登记",
    "surveyed": "已调查",
    "read_only": "只读对接",
    "managed": "纳管",
    "merged": "已并入",
}
CRITICALITIES = {"core": "核心", "important": "重要", "ordinary": "一般"}
DEPENDENCY_KINDS = {"hard": "强", "soft": "弱"}


def _code(header: str = "编号") -> Column:
    return Column(
        "code", header, "code", True, help="字母、数字和 . _ - 组成，本表内不重复，填报后不再更改"
    )


def _ref(key: str, header: str, sheet: str, *, required: bool = True) -> Column:
    return Column(key, header, "code", required, reference=sheet)


def _choice(key: str, header: str, choices: Choices, *, required: bool = False) -> Column:
    return Column(key, header, "choice", required, choices=choices)


CLASSIFIED = Column(
    "classified",
    "是否涉密",
    "yesno",
    True,
    help="涉密对象一律填“是”且不填其他内容；系统只计数，不保存",
)
NOTE = Column("note", "备注", length=4000)
FILING = Column("filing_no", "等保备案号")

SHEETS: tuple[Sheet, ...] = (
    Sheet(
        "units",
        "单位",
        (
            _code(),
            Column("name", "单位名称", required=True),
            Column("aliases", "别名", "names", help="多个以顿号分隔"),
            Column("uscc", "统一社会信用代码", "uscc", help="18 位，含校验位，按文本填写"),
            Column("division_code", "行政区划代码", "division", True, help="6 位，如 450100"),
            _choice("level", "层级", LEVELS, required=True),
            _choice("kind", "单位类型", UNIT_KINDS),
            _ref("parent_code", "上级单位编号", "units", required=False),
            NOTE,
        ),
    ),
    Sheet(
        "sites",
        "机房",
        (
            _code(),
            Column("name", "机房名称", required=True),
            _ref("unit_code", "单位编号", "units"),
            Column("division_code", "行政区划代码", "division", True),
            Column("address", "地址"),
            _choice("ownership", "产权", OWNERSHIPS),
            Column("area_m2", "面积(㎡)", "integer"),
            Column("racks_total", "机柜总数", "integer"),
            Column("racks_used", "已用机柜", "integer"),
            Column("power_kva", "供电容量(kVA)", "integer"),
            Column("built_year", "建成年份", "year", minimum=1980, maximum=2100),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "networks",
        "业务专网",
        (
            _code(),
            Column("name", "网络名称", required=True),
            _ref("unit_code", "单位编号", "units"),
            _ref("site_code", "机房编号", "sites", required=False),
            Column("purpose", "用途", length=4000),
            _choice("reach", "网络层级", REACHES, required=True),
            Column("ministry_run", "是否国家部委垂管", "yesno", True),
            _choice("zone", "网络区域", ZONES, required=True),
            _choice("isolation", "隔离方式", ISOLATIONS),
            Column("mlps_level", "等保级别", "mlps", help="0 未定级，1 至 4 级"),
            FILING,
            Column("endpoints", "接入点数", "integer"),
            Column("built_year", "建设年份", "year", minimum=1980, maximum=2100),
            Column("opex_fen", "年运维经费(万元)", "money"),
            _choice("disposition", "处置意见", DISPOSITIONS),
            Column("legal_basis", "依据文号"),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "domains",
        "地址域",
        (
            _code(),
            Column("name", "地址域名称", required=True),
            _ref("network_code", "业务专网编号", "networks"),
            NOTE,
        ),
    ),
    Sheet(
        "prefixes",
        "地址段",
        (
            _ref("domain_code", "地址域编号", "domains"),
            Column("cidr", "地址段", "cidr", True, help="如 10.1.0.0/22、10.1.0.0/255.255.252.0"),
            _choice("role", "角色", ROLES, required=True),
            Column("network_name", "网络名称", help="云平台内的网络名；虚拟机表按它引用"),
            Column("usage", "用途"),
            NOTE,
        ),
        ("domain_code", "cidr"),
    ),
    Sheet(
        "platforms",
        "云平台",
        (
            _code(),
            Column("name", "云平台名称", required=True),
            _ref("unit_code", "单位编号", "units"),
            _ref("site_code", "机房编号", "sites", required=False),
            _choice("kind", "类别", PLATFORM_KINDS, required=True),
            _ref("parent_code", "上级云平台编号", "platforms", required=False),
            _choice("technology", "技术路线", TECHNOLOGIES, required=True),
            _choice("access_mode", "接入方式", ACCESS_MODES),
            Column("cloud_name", "接入配置名", length=64, help="clouds.yaml 中的名称"),
            Column("capacity_vcpu", "vCPU容量", "integer"),
            Column("capacity_ram_gib", "内存容量(GiB)", "integer"),
            Column("capacity_disk_gib", "存储容量(GiB)", "integer"),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "systems",
        "信息系统",
        (
            _code(),
            Column("name", "系统名称", required=True),
            _ref("unit_code", "单位编号", "units"),
            Column("mlps_level", "等保级别", "mlps", True, help="0 未定级，1 至 4 级"),
            FILING,
            _choice("zone", "网络区域", ZONES, required=True),
            _choice("criticality", "重要程度", CRITICALITIES),
            Column("downtime_window", "停机窗口", help="如 周六 22:00-次日 06:00"),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "workloads",
        "虚拟机",
        (
            _code(),
            Column("name", "名称", required=True),
            _ref("system_code", "信息系统编号", "systems"),
            _ref("unit_code", "单位编号", "units"),
            _ref("platform_code", "云平台编号", "platforms"),
            Column("project", "项目名称", help="云平台内的项目（租户）名"),
            Column("vcpu", "vCPU", "integer", True, minimum=1, maximum=1024),
            Column("ram_mib", "内存(MiB)", "integer", True, minimum=1),
            Column("disk_gib", "系统盘(GiB)", "integer", True),
            Column("data_gib", "数据盘合计(GiB)", "integer", default=0),
            _ref("domain_code", "地址域编号", "domains", required=False),
            Column("networks", "网络名称", "names", help="按网卡顺序，多个以顿号分隔"),
            Column("addresses", "地址", "addresses", help="与网络名称一一对应"),
            NOTE,
        ),
    ),
    Sheet(
        "dependencies",
        "依赖",
        (
            _ref("source_code", "来源虚拟机编号", "workloads"),
            _ref("target_code", "目标虚拟机编号", "workloads"),
            _choice("kind", "类型", DEPENDENCY_KINDS, required=True),
            Column("port", "端口", "integer", maximum=65535, default=0, help="不填表示不限"),
            NOTE,
        ),
        ("source_code", "target_code", "port"),
    ),
)

BY_KEY: Mapping[str, Sheet] = {sheet.key: sheet for sheet in SHEETS}
BY_TITLE: Mapping[str, Sheet] = {sheet.title: sheet for sheet in SHEETS}


def find_sheet(name: str) -> Sheet | None:
    """The sheet with this title or key."""
    return BY_TITLE.get(name) or BY_KEY.get(name)
