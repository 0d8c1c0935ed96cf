"""What the workbook looks like. Template, reading, export, listing and docs derive from this.

Headers and choices are the Chinese words of the file itself (a format, not a translation); the
keys are the names of the tables' columns. Sheets stand in the order in which they may refer to
each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from yunzhang.estate.workbooks import choices
from yunzhang.estate.workbooks.columns import (
    CLASSIFIED,
    DECIDED_UNTIL,
    DIVISION,
    FILING,
    LEGAL_BASIS,
    NOTE,
    Column,
    Sheet,
    choose,
    code_column,
    count,
    object_columns,
    refer,
    year,
)

__all__ = ["BY_KEY", "BY_TITLE", "SHEETS", "Column", "Sheet", "find_sheet"]

TEMPLATE_VERSION = "2"
# Versions whose columns all mean the same today; their files are read without a word.
READ_VERSIONS = frozenset({"1", TEMPLATE_VERSION})
# Name under which a workbook carries the version of its template.
VERSION_NAME = "YunzhangTemplate"
GUIDE_TITLE = "填表说明"
FAULTS_TITLE = "错误清单"
# Sheets for people; they are not read.
IGNORED_TITLES = frozenset({GUIDE_TITLE, FAULTS_TITLE, "备注"})

_BODIES = (
    Sheet(
        "units",
        "单位",
        (
            code_column(),
            Column("name", "单位名称", required=True),
            Column("aliases", "别名", "names", help="多个以顿号分隔"),
            Column("uscc", "统一社会信用代码", "uscc", help="18 位，含校验位，按文本填写"),
            DIVISION,
            choose("level", "层级", choices.LEVELS, required=True),
            choose("kind", "单位类型", choices.UNIT_KINDS),
            refer("parent_code", "上级单位编号", "units", required=False, tree=True),
            NOTE,
        ),
    ),
    Sheet(
        "persons",
        "人员",
        (
            code_column(),
            Column("name", "姓名", required=True, personal=True, length=50),
            refer("unit_code", "单位编号", "units"),
            Column("phone", "联系电话", "phone", personal=True, help="只保存掩码，如 138****5678"),
            NOTE,
        ),
    ),
)

_NETWORKS = (
    Sheet(
        "sites",
        "机房",
        (
            code_column(),
            Column("name", "机房名称", required=True),
            refer("unit_code", "单位编号", "units"),
            DIVISION,
            Column("address", "地址"),
            choose("ownership", "产权", choices.OWNERSHIPS),
            count("area_m2", "面积(㎡)"),
            count("racks_total", "机柜总数"),
            count("racks_used", "已用机柜"),
            count("power_kva", "供电容量(kVA)"),
            year("built_year", "建成年份"),
            year("retire_year", "计划停用年份"),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "networks",
        "业务专网",
        (
            code_column(),
            Column("name", "网络名称", required=True),
            refer("unit_code", "单位编号", "units"),
            refer("site_code", "机房编号", "sites", required=False),
            Column("purpose", "用途", length=4000),
            choose("reach", "网络层级", choices.REACHES, required=True),
            Column("ministry_run", "是否国家部委垂管", "yesno", True),
            Column("vertical_owner", "垂管部委"),
            choose("zone", "网络区域", choices.ZONES, required=True),
            choose("isolation", "隔离方式", choices.ISOLATIONS),
            Column("mlps_level", "等保级别", "mlps", help="0 未定级，1 至 4 级"),
            FILING,
            Column("crypto_assessed", "密评通过", "yesno"),
            count("endpoints", "接入点数"),
            count("terminals", "终端数"),
            year("built_year", "建设年份"),
            year("retire_year", "计划停用年份"),
            Column("opex_fen", "年运维经费(万元)", "money"),
            choose("disposition", "处置意见", choices.DISPOSITIONS),
            LEGAL_BASIS,
            DECIDED_UNTIL,
            Column("target", "整合去向", help="并入的政务外网专用区、VPN 或其他网络"),
            Column("planned_on", "计划时间", "date"),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "domains",
        "地址域",
        (
            code_column(),
            Column("name", "地址域名称", required=True),
            refer("network_code", "业务专网编号", "networks"),
            NOTE,
        ),
    ),
    Sheet(
        "segments",
        "专网片区",
        (
            code_column(),
            Column("name", "片区名称", required=True),
            refer("network_code", "业务专网编号", "networks"),
            refer("domain_code", "地址域编号", "domains", required=False),
            refer("site_code", "机房编号", "sites", required=False),
            Column("vlan", "VLAN", "integer", minimum=1, maximum=4094),
            count("endpoints", "接入点数"),
            NOTE,
        ),
    ),
    Sheet(
        "prefixes",
        "地址段",
        (
            refer("domain_code", "地址域编号", "domains"),
            Column(
                "cidr",
                "地址段",
                "cidr",
                True,
                help="如 10.1.0.0/22、10.1.0.0/255.255.252.0；一格可填多段，以顿号分隔",
            ),
            choose("role", "角色", choices.ROLES, required=True),
            Column("network_name", "网络名称", help="云平台内的网络名；虚拟机表按它引用"),
            Column("usage", "用途"),
            refer("segment_code", "专网片区编号", "segments", required=False),
            NOTE,
        ),
        ("domain_code", "cidr"),
    ),
    Sheet(
        "ranges",
        "地址范围",
        (
            refer("domain_code", "地址域编号", "domains"),
            Column("first", "起始地址", "address", True),
            Column("last", "结束地址", "address", True),
            choose("role", "角色", choices.RANGE_ROLES, required=True),
            Column("usage", "用途"),
            refer("segment_code", "专网片区编号", "segments", required=False),
            NOTE,
        ),
        ("domain_code", "first", "last"),
    ),
    Sheet(
        "circuits",
        "线路",
        (
            code_column(),
            Column("name", "线路名称", required=True),
            refer("unit_code", "单位编号", "units"),
            refer("network_code", "业务专网编号", "networks", required=False),
            choose("carrier", "运营商", choices.CARRIERS, required=True),
            choose("kind", "线路类型", choices.CIRCUIT_TYPES),
            Column("a_end", "A端", required=True),
            Column("z_end", "Z端", required=True),
            Column(
                "bandwidth_mbps", "带宽(Mbps)", "bandwidth", True, help="如 100、100M、1G、千兆"
            ),
            Column("annual_fee_fen", "年租费(万元)", "money"),
            Column("contract_no", "合同编号"),
            Column("expires_on", "合同到期日", "date"),
            refer("replaced_by", "替代线路编号", "circuits", required=False, tree=True),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "egresses",
        "互联网出口",
        (
            code_column(),
            Column("name", "出口名称", required=True),
            refer("unit_code", "单位编号", "units"),
            refer("site_code", "机房编号", "sites", required=False),
            choose("carrier", "运营商", choices.CARRIERS, required=True),
            Column(
                "bandwidth_mbps", "带宽(Mbps)", "bandwidth", True, help="如 100、100M、1G、千兆"
            ),
            Column("public_prefixes", "公网地址段", "cidrs", help="多个以顿号分隔"),
            Column("domains", "域名", "names", help="对外服务的域名，多个以顿号分隔"),
            Column("icp_no", "ICP备案号"),
            Column("boundary_devices", "边界设备", "names", help="防火墙、入侵防御等，以顿号分隔"),
            Column("mlps_level", "等保级别", "mlps", help="0 未定级，1 至 4 级"),
            FILING,
            choose("disposition", "处置意见", choices.DISPOSITIONS),
            LEGAL_BASIS,
            DECIDED_UNTIL,
            refer("target_code", "并入的出口编号", "egresses", required=False),
            CLASSIFIED,
            NOTE,
        ),
    ),
)

_CLOUDS = (
    Sheet(
        "platforms",
        "云平台",
        (
            code_column(),
            Column("name", "云平台名称", required=True),
            refer("unit_code", "单位编号", "units"),
            refer("site_code", "机房编号", "sites", required=False),
            choose("kind", "类别", choices.PLATFORM_KINDS, required=True),
            refer("parent_code", "上级云平台编号", "platforms", required=False, tree=True),
            refer("chief_unit_code", "子云长单位编号", "units", required=False),
            choose("technology", "技术路线", choices.TECHNOLOGIES, required=True),
            choose("access_mode", "接入方式", choices.ACCESS_MODES),
            Column("cloud_name", "接入配置名", length=64, help="clouds.yaml 中的名称"),
            count("capacity_vcpu", "vCPU容量"),
            Column(
                "vcpu_percent",
                "vCPU超分比(%)",
                "integer",
                minimum=100,
                maximum=3000,
                help="100 为不超分，400 为 4 倍；不填按 100",
            ),
            count("capacity_ram_gib", "内存容量(GiB)"),
            count("capacity_disk_gib", "存储容量(GiB)"),
            Column("localised_percent", "信创占比(%)", "integer", maximum=100),
            Column("mlps_level", "等保级别", "mlps", help="0 未定级，1 至 4 级"),
            FILING,
            choose("disposition", "处置意见", choices.DISPOSITIONS),
            LEGAL_BASIS,
            DECIDED_UNTIL,
            refer("target_code", "并入的云平台编号", "platforms", required=False),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "systems",
        "信息系统",
        (
            code_column(),
            Column("name", "系统名称", required=True),
            refer("unit_code", "单位编号", "units"),
            Column("mlps_level", "等保级别", "mlps", True, help="0 未定级，1 至 4 级"),
            FILING,
            choose("zone", "网络区域", choices.ZONES, required=True),
            choose("criticality", "重要程度", choices.CRITICALITIES),
            choose("data_class", "数据分类", choices.DATA_CLASSES),
            count("rto_minutes", "RTO(分钟)", "故障后最长恢复时间"),
            count("rpo_minutes", "RPO(分钟)", "最多可丢失多久的数据"),
            count("users", "用户数"),
            choose("localised", "信创改造", choices.LOCALISED),
            Column("downtime_window", "停机窗口", help="如 周六 22:00-次日 06:00"),
            choose("disposition", "处置意见", choices.SYSTEM_DISPOSITIONS),
            LEGAL_BASIS,
            DECIDED_UNTIL,
            refer("target_code", "迁入的云平台编号", "platforms", required=False),
            CLASSIFIED,
            NOTE,
        ),
    ),
    Sheet(
        "workloads",
        "虚拟机",
        (
            code_column(),
            Column("name", "名称", required=True),
            refer("system_code", "信息系统编号", "systems"),
            refer("unit_code", "单位编号", "units"),
            refer("platform_code", "云平台编号", "platforms"),
            Column("project", "项目名称", help="云平台内的项目（租户）名"),
            Column("vcpu", "vCPU", "integer", True, minimum=1, maximum=1024),
            Column("ram_mib", "内存(MiB)", "integer", True, minimum=1),
            Column("disk_gib", "系统盘(GiB)", "integer", True),
            Column("data_gib", "数据盘合计(GiB)", "integer", default=0),
            refer("domain_code", "地址域编号", "domains", required=False),
            Column("networks", "网络名称", "names", help="按网卡顺序，多个以顿号分隔"),
            Column("addresses", "地址", "addresses", help="与网络名称一一对应"),
            Column("platform_uuid", "平台UUID", "uuid", help="云平台内的唯一标识"),
            choose("power", "电源状态", choices.POWERS),
            Column("os", "操作系统"),
            choose("arch", "架构", choices.ARCHITECTURES),
            NOTE,
        ),
    ),
    Sheet(
        "disks",
        "磁盘",
        (
            refer("workload_code", "虚拟机编号", "workloads"),
            Column("name", "磁盘名", "code", True, help="如 vda；同一虚拟机内不重复"),
            Column("size_gib", "大小(GiB)", "integer", True, minimum=1),
            Column("boot", "是否系统盘", "yesno", True),
            NOTE,
        ),
        ("workload_code", "name"),
    ),
    Sheet(
        "nics",
        "网卡",
        (
            refer("workload_code", "虚拟机编号", "workloads"),
            Column("name", "网卡名", "code", True, help="如 eth0；同一虚拟机内不重复"),
            Column("mac", "MAC地址", "mac"),
            refer("domain_code", "地址域编号", "domains", required=False),
            Column("network_name", "网络名称"),
            Column("addresses", "地址", "addresses", help="多个以顿号分隔"),
            NOTE,
        ),
        ("workload_code", "name"),
    ),
    Sheet(
        "dependencies",
        "依赖",
        (
            refer("source_code", "来源虚拟机编号", "workloads"),
            refer("target_code", "目标虚拟机编号", "workloads"),
            choose("kind", "类型", choices.DEPENDENCY_KINDS, required=True),
            Column("port", "端口", "integer", maximum=65535, default=0, help="不填表示不限"),
            NOTE,
        ),
        ("source_code", "target_code", "port"),
    ),
)

_ABOUT_OBJECTS = (
    Sheet(
        "responsibilities",
        "责任分工",
        (
            *object_columns(choices.OBJECTS),
            choose("duty", "责任", choices.DUTIES, required=True),
            refer("person_code", "人员编号", "persons"),
            Column("valid_from", "任职日期", "date", True),
            Column("valid_to", "离任日期", "date", help="在任的不填"),
            NOTE,
        ),
        ("object_sheet", "object_code", "duty", "person_code", "valid_from"),
    ),
    Sheet(
        "opex",
        "运维经费",
        (
            refer("unit_code", "单位编号", "units"),
            *object_columns(choices.OBJECTS),
            Column("year", "年度", "year", True, minimum=1980, maximum=2100),
            Column("budget_fen", "预算(万元)", "money"),
            Column("actual_fen", "决算(万元)", "money"),
            Column("fund_source", "资金来源"),
            NOTE,
        ),
        ("object_sheet", "object_code", "year"),
    ),
)

SHEETS: tuple[Sheet, ...] = (*_BODIES, *_NETWORKS, *_CLOUDS, *_ABOUT_OBJECTS)
BY_KEY: Mapping[str, Sheet] = {sheet.key: sheet for sheet in SHEETS}
BY_TITLE: Mapping[str, Sheet] = {sheet.title: sheet for sheet in SHEETS}


def find_sheet(name: str) -> Sheet | None:
    """The sheet with this title or key."""
    return BY_TITLE.get(name) or BY_KEY.get(name)
