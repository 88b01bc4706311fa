"""What each metric means, in one sentence for staff, in both languages."""

_PLAIN = {
    "dew_point_c": (
        "A surface colder than this gets wet: keep walls, pipes and glass plates warmer than the dew point.",
        "比露点更冷的表面会结露：墙面、管道和玻璃底片的温度应高于露点。",
    ),
    "absolute_humidity_g_m3": (
        "Grams of water in a cubic metre of air; it tells moisture that came in from a mere change of temperature.",
        "每立方米空气中的水量（克）；可区分湿气进入与单纯的温度变化。",
    ),
    "emc_pct": (
        "How much water wood takes up in this air, as a share of its dry mass; paper follows, and a steady value is what matters.",
        "木材在此空气中的平衡含水率（占干重的比例）；纸张随之变化，平稳最重要。",
    ),
    "mkt_c": (
        "The one steady temperature that would age things as much as all the warm and cool days did together.",
        "与全部冷暖变化造成同等老化的恒定温度。",
    ),
    "within_limits": (
        "The share of measured time in which temperature and humidity together were within the limits set for this room.",
        "实测时间中，温度和湿度同时处于本库房限值之内的比例。",
    ),
}
NONE_YET = ("There is no data yet to compute this from.", "尚无数据可供计算。")


def _mould(index: float) -> tuple[str, str]:
    if index < 0.1:
        return "No mould is to be expected on wood in this air.", "在此空气中，木质表面预计不会生霉。"
    if index < 1.0:
        return (
            "Conditions let mould begin, though nothing would be seen yet: dry the room now.",
            "条件已允许霉菌开始生长，但尚不可见：请立即除湿。",
        )
    if index < 3.0:
        return (
            "Mould would be seen under a microscope by now: dry the room and inspect the boxes.",
            "此时显微镜下应可见霉菌：请除湿并检查档案盒。",
        )
    return "Mould would be visible by now: inspect, isolate and call the conservator.", "此时霉菌应已肉眼可见：请检查、隔离并联系保护人员。"


def meaning(name: str, value: float | None) -> tuple[str, str]:
    """One sentence in English and in Chinese for a metric's value."""
    if value is None:
        return NONE_YET
    if name == "twpi_years":
        return (
            f"In this climate, cool and warm days together, paper and film of the frail kinds would last approx. {value:.0f} years.",
            f"按此期间的全部温湿度，易损的纸张和胶片约可保存 {value:.0f} 年（近似值）。",
        )
    if name == "lifetime_multiplier":
        return (
            f"Paper lasts {value:.2f} times as long here as it would at a steady 20 °C and 50 %RH.",
            f"与恒定 20 °C、50 %RH 相比，纸张在此的寿命为 {value:.2f} 倍。",
        )
    if name == "mould_index":
        return _mould(value)
    return _PLAIN[name]
