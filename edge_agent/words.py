"""What each kind of alarm tells a person to do, in Chinese and English."""

from wire.units import QUANTITIES

# UCUM -> as people write it
UNITS = {"Cel": "°C", "%": "%", "[ppm]": "ppm", "[ppb]": "ppb", "ug/m3": "µg/m³", "uW/cm2": "µW/cm²", "uT": "µT", "1": ""}
DERIVED_UNITS = {"dew_point": "°C", "condensation_margin": "K"}
NAMES = {
    "temperature": ("温度", "Temperature"),
    "relative_humidity": ("相对湿度", "Relative humidity"),
    "dew_point": ("露点", "Dew point"),
    "condensation_margin": ("结露裕度", "Condensation margin"),
    "illuminance": ("照度", "Illuminance"),
    "uv_irradiance": ("紫外辐照度", "UV irradiance"),
    "pm1": ("PM1", "PM1"),
    "pm2_5": ("PM2.5", "PM2.5"),
    "pm10": ("PM10", "PM10"),
    "co2": ("二氧化碳", "CO2"),
    "voc": ("挥发性有机物", "Volatile compounds"),
    "voc_mass": ("挥发性有机物", "Volatile compounds"),
    "formaldehyde": ("甲醛", "Formaldehyde"),
    "nitrogen_dioxide": ("二氧化氮", "Nitrogen dioxide"),
    "sulfur_dioxide": ("二氧化硫", "Sulfur dioxide"),
    "ozone": ("臭氧", "Ozone"),
    "voc_index": ("VOC 指数", "VOC index"),
    "magnetic_flux_density": ("磁感应强度", "Magnetic flux density"),
    "air_pressure": ("气压", "Air pressure"),
}

_WORDS = {
    "limit_above": (
        "{name} {value}，高于上限 {limit}。请查看空调和除湿设备，检查库房门窗是否关好。",
        "{name} {value} is above the limit of {limit}. Look at the air conditioning and dehumidifier; see that doors and windows are shut.",
    ),
    "limit_below": (
        "{name} {value}，低于下限 {limit}。请查看空调和加湿设备，检查库房门窗是否关好。",
        "{name} {value} is below the limit of {limit}. Look at the heating and humidifier; check that doors and windows are shut.",
    ),
    "margin_below": (
        "表面温度只比露点高 {value}，低于 {limit}：可能结露。请立即除湿或提高表面温度，把档案移离外墙和冷表面。",
        "The surface is only {value} above the dew point, less than {limit}: water may condense. Dry the air or warm the surface at once; "
        "move records away from outer walls and cold surfaces.",
    ),
    "pairs": (
        "温度和相对湿度的组合不在任何允许范围内：{value}，最近的界限为 {limit}。请查看空调和除湿设备，检查库房门窗是否关好。",
        "Temperature and humidity together lie in none of the permitted ranges: {value}, the nearest edge is {limit}. "
        "Look at the air conditioning and dehumidifier; check that doors and windows are shut.",
    ),
    "swing_set_point": (
        "{name} {value}，偏离设定值超过允许波动（界限 {limit}）。请检查空调设定，查看是否有人长时间开门。",
        "{name} {value} is further from the set point than permitted (edge {limit}). Check the air conditioning's setting; "
        "see whether a door stood open.",
    ),
    "swing": (
        "{name} 24 小时内波动 {value}，超过允许的 {limit}。请检查空调设定，查看是否有人长时间开门。",
        "{name} moved by {value} within 24 hours, more than the permitted {limit}. Check the air conditioning's setting; "
        "see whether a door stood open.",
    ),
    "rate": (
        "{name} 一小时内变化 {value}，超过允许的 {limit}。请检查空调设备是否故障，门窗是否打开。",
        "{name} changed by {value} within an hour, more than the permitted {limit}. See whether the air conditioning has failed "
        "or a door or window is open.",
    ),
    "blind": (
        "以下限值没有可用的读数，未被监视：{what}。请检查传感器是否已安装并提供该量，或修改限值。",
        "These limits have nothing to judge by and watch nothing: {what}. Check that their sensors are fitted and give that quantity, "
        "or change the limits.",
    ),
    "calibration": (
        "校准属于另一只传感器（序列号不同），未被应用。请为现有传感器重新校准。",
        "The calibration belongs to another sensor (another serial number) and is not applied. Calibrate the sensor that is fitted.",
    ),
    "max_on": (
        "{what} 连续运行达到上限仍未达到目标，已暂停。请检查设备和库房门窗。",
        "{what} ran for as long as it may without reaching its aim, and was stopped. Check the device, doors and windows.",
    ),
    "contact_mains": (
        "市电中断。请通知电工，查看空调、除湿机和 UPS；必要时准备转移怕潮的档案。",
        "The mains has failed. Call the electrician; see to air conditioning, dehumidifier and UPS; "
        "make ready to move what damp would harm.",
    ),
    "contact_ups": (
        "UPS 报警：电池电量低或故障。请检查 UPS，尽快恢复供电。",
        "The UPS gives an alarm: its battery is low or it has failed. Check it, and restore the supply soon.",
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


def shown(value: float | None, quantity: str) -> str:
    """A value with its unit, as a person writes it."""
    unit = DERIVED_UNITS.get(quantity) or UNITS.get(QUANTITIES[quantity][0] if quantity in QUANTITIES else "", "")
    return "" if value is None else f"{value:.4g} {unit}".rstrip() if abs(value) < 1e4 else f"{value:g} {unit}".rstrip()


def words_for(kind: str, *, value: float | None = None, limit: float | None = None, quantity: str = "", what: str = "") -> dict[str, str]:
    """{"zh", "en"} for a kind of alarm; a limit is told with its value, both in the quantity's unit."""
    if kind == "limit" and value is not None and limit is not None:
        kind = "limit_above" if value >= limit else "margin_below" if quantity == "condensation_margin" else "limit_below"
    chinese, english = _WORDS.get(kind, _WORDS["contact"])
    names = NAMES.get(quantity, ("数值", "The value"))
    told = {"value": shown(value, quantity), "limit": shown(limit, quantity), "what": what}
    return {"zh": chinese.format(name=names[0], **told), "en": english.format(name=names[1], **told)}
