"""Coded lists: what is stored, and the Chinese word of the file it stands for."""

from __future__ import annotations

from collections.abc import Mapping

Choices = Mapping[str, str]

LEVELS = {"region": "自治区本级", "city": "设区市", "county": "县"}
UNIT_KINDS = {
    "agency": "行政机关",
    "institution": "事业单位",
    "enterprise": "国有企业",
    "other": "其他",
}
OWNERSHIPS = {"own": "自建", "rented": "租用", "hosted": "托管"}
# GB 50174: A fault-tolerant, B redundant, C basic.
SITE_LEVELS = {"a": "A级", "b": "B级", "c": "C级"}
REACHES = {"nation": "国垂", "region": "省", "city": "市", "county": "县", "town": "乡"}
# 网络区域 (NetworkZone). 政务内网 is refused like a classified item: see `parsing`.
ZONES = {
    "internet": "互联网区",
    "egov_public": "政务外网公用区",
    "egov_dedicated": "政务外网专用区",
    "private": "专网区",
}
REFUSED_ZONE = "政务内网"
# What people write under 是否涉密 instead of 是.
SECRET_WORDS = frozenset({"涉密", "秘密", "机密", "绝密", "秘密级", "机密级", "绝密级"})
ISOLATIONS = {"physical": "物理隔离", "logical": "逻辑隔离"}
DISPOSITIONS = {"merge": "整合", "retain": "保留", "retire": "撤销"}
SYSTEM_DISPOSITIONS = {
    "rehost": "平移上云",
    "replatform": "适配上云",
    "rebuild": "重构上云",
    "retain": "保留",
    "retire": "撤销",
    "merge": "整合",
}
DOMAIN_KINDS = {"network": "专网", "vpn": "VPN实例", "cloud": "云内网络"}
ROLES = {"container": "汇总段", "leaf": "网段", "pool": "地址池"}
RANGE_ROLES = {"used": "使用", "reserved": "预留", "dhcp": "动态分配", "pool": "地址池"}
PLATFORM_KINDS = {
    "unified": "统一政务云",
    "sector": "行业云",
    "city": "市云",
    "sub_cloud": "子云",
    "virtualisation": "虚拟化",
    "physical": "物理服务器群",
}
TECHNOLOGIES = {
    "openstack": "OpenStack",
    "vmware": "VMware",
    "kvm": "KVM",
    "hyperv": "Hyper-V",
    "bare_metal": "裸机",
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
DATA_CLASSES = {"core": "核心数据", "important": "重要数据", "general": "一般数据"}
LOCALISED = {"done": "已完成", "partly": "部分完成", "not_yet": "未开始"}
DEPENDENCY_KINDS = {"hard": "强", "soft": "弱"}
CARRIERS = {
    "telecom": "电信",
    "unicom": "联通",
    "mobile": "移动",
    "broadcast": "广电",
    "own": "自建",
    "other": "其他",
}
CIRCUIT_TYPES = {
    "mstp": "MSTP",
    "sdh": "SDH",
    "otn": "OTN",
    "mpls": "MPLS VPN",
    "fibre": "裸光纤",
    "ipsec": "IPSec VPN",
    "other": "其他",
}
FORMS = {"vm": "虚拟机", "physical": "物理服务器"}
POWERS = {"on": "开机", "off": "关机", "suspended": "挂起"}
ARCHITECTURES = {"x86": "x86", "arm": "ARM", "other": "其他"}
DUTIES = {
    "leader": "分管领导",
    "responsible": "责任人",
    "operations": "运维",
    "security": "安全",
}
# What somebody can be responsible for, and money be spent on: sheets with a code.
OBJECTS = {
    "sites": "机房",
    "networks": "业务专网",
    "segments": "专网片区",
    "circuits": "线路",
    "egresses": "互联网出口",
    "platforms": "云平台",
    "systems": "信息系统",
    "workloads": "虚拟机",
}
