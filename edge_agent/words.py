"""What each kind of alarm tells a person to do, in Chinese and English."""

_WORDS = {
    "limit_above": (
        "{value:g} 高于上限 {limit:g}。请查看空调和除湿设备，检查库房门窗是否关好。",
        "{value:g} is above the limit of {limit:g}. Look at the air conditioning and dehumidifier; check that doors and windows are shut.",
    ),
    "limit_below": (
        "{value:g} 低于下限 {limit:g}。请查看空调和加湿设备，检查库房门窗是否关好。",
        "{value:g} is below the limit of {limit:g}. Look at the heating and humidifier; check that doors and windows are shut.",
    ),
    "sensor": (
        "传感器没有可信的读数。请检查接线和供电，必要时更换传感器。",
        "The sensor gives no value that can be trusted. Check its cable and power; replace it if need be.",
    ),
    "held_open": ("门一直未关。请到现场关门，并查明原因。", "The door was left open. Go and shut it, and find out why it stood open."),
    "after_hours": (
        "下班时段有人开门。请查看视频片段，必要时到现场核实。",
        "The door was opened after hours. Look at the clip; go there if it is not clear who it was.",
    ),
    "contact_leak": (
        "检测到漏水。请立即到现场，移开档案并关闭水源。",
        "Water was detected. Go there at once, move what is in its way, and shut off the water.",
    ),
    "contact_smoke": ("检测到烟雾。请立即按消防预案处置。", "Smoke was detected. Act by the fire plan at once."),
    "contact": ("触点已动作。请到现场查看。", "The contact is active. Go and look."),
    "disk-notice": (
        "本机存储空间将满。请检查网络是否中断，必要时更换更大的存储卡。",
        "The agent's disk is filling up. See whether the network is down; fit a larger disk if need be.",
    ),
    "disk-no-video": (
        "存储空间不足，录像停止。请立即恢复网络或更换存储卡。",
        "Too little disk is left: recording stops. Restore the network, or fit a larger disk, at once.",
    ),
    "disk-no-capture": (
        "存储空间不足，工位停止采集。请立即恢复网络或更换存储卡。",
        "Too little disk is left: benches refuse to capture. Restore the network, or fit a larger disk, at once.",
    ),
    "disk-thin-readings": (
        "存储空间不足，最早的未上传读数将只保留摘要。请立即恢复网络或更换存储卡。",
        "Too little disk is left: the oldest unsent readings become digests. Restore the network, or fit a larger disk, at once.",
    ),
    "disk-events-only": (
        "存储空间几乎用尽，只记录事件。请立即恢复网络或更换存储卡。",
        "The disk is all but full: only events are recorded. Restore the network, or fit a larger disk, at once.",
    ),
    "child": (
        "{what}反复停止运行。请检查其摄像机和接线，并查看本机日志。",
        "{what} keeps stopping. Check its cameras and cables, and read the agent's log.",
    ),
    "camera": (
        "摄像机 {what} 没有图像，监控录像中断。请检查供电、网线和镜头。",
        "Camera {what} gives no picture: custody video has stopped. Check its power, cable and lens.",
    ),
    "removed": ("该报警规则已从配置中删除。", "The rule was taken out of the configuration."),
}


def words_for(kind: str, *, value: float | None = None, limit: float | None = None, what: str = "") -> dict[str, str]:
    """{"zh", "en"} for a kind of alarm; a limit is told with its value."""
    if kind == "limit" and value is not None and limit is not None:
        kind = "limit_above" if value >= limit else "limit_below"
    chinese, english = _WORDS.get(kind, _WORDS["contact"])
    return {"zh": chinese.format(value=value, limit=limit, what=what), "en": english.format(value=value, limit=limit, what=what)}
