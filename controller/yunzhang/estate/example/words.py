"""Names the example province is made of."""

from __future__ import annotations

DEPARTMENTS: tuple[tuple[str, str], ...] = (
    ("data", "大数据发展局"),
    ("hrss", "人力资源和社会保障厅"),
    ("mib", "医疗保障局"),
    ("edu", "教育厅"),
    ("sci", "科学技术厅"),
    ("ind", "工业和信息化厅"),
    ("civil", "民政厅"),
    ("justice", "司法厅"),
    ("finance", "财政厅"),
    ("land", "自然资源厅"),
    ("eco", "生态环境厅"),
    ("housing", "住房和城乡建设厅"),
    ("transport", "交通运输厅"),
    ("water", "水利厅"),
    ("agri", "农业农村厅"),
    ("commerce", "商务厅"),
    ("culture", "文化和旅游厅"),
    ("health", "卫生健康委员会"),
    ("veterans", "退役军人事务厅"),
    ("emergency", "应急管理厅"),
    ("audit", "审计厅"),
    ("sasac", "人民政府国有资产监督管理委员会"),
    ("market", "市场监督管理局"),
    ("media", "广播电视局"),
    ("sport", "体育局"),
    ("stat", "统计局"),
    ("forest", "林业局"),
    ("grain", "粮食和物资储备局"),
    ("trade", "公共资源交易中心"),
    ("reform", "发展和改革委员会"),
)

CITIES: tuple[tuple[str, str, str], ...] = (
    ("nn", "南宁市", "450100"),
    ("lz", "柳州市", "450200"),
    ("gl", "桂林市", "450300"),
    ("wz", "梧州市", "450400"),
    ("bh", "北海市", "450500"),
    ("fcg", "防城港市", "450600"),
    ("qz", "钦州市", "450700"),
    ("gg", "贵港市", "450800"),
    ("yl", "玉林市", "450900"),
    ("bs", "百色市", "451000"),
    ("hz", "贺州市", "451100"),
    ("hc", "河池市", "451200"),
    ("lb", "来宾市", "451300"),
    ("cz", "崇左市", "451400"),
)

# The key is also that of the department above.
BUREAUS: tuple[tuple[str, str], ...] = (
    ("hrss", "人力资源和社会保障局"),
    ("mib", "医疗保障局"),
    ("health", "卫生健康委员会"),
    ("land", "自然资源局"),
    ("edu", "教育局"),
)

NETWORK_PURPOSES: tuple[str, ...] = ("业务专网", "视频会议专网", "数据交换专网")

SYSTEM_NAMES: tuple[str, ...] = (
    "业务办理系统",
    "数据共享交换平台",
    "门户网站",
    "协同办公系统",
    "档案管理系统",
    "信用信息系统",
    "监测预警平台",
    "统计分析系统",
    "移动服务平台",
    "执法监管系统",
    "项目审批系统",
)
