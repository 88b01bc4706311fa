"""Invented sentences, in Chinese and English, of which the simulated pages are made."""

HEADINGS_ZH = ("会议纪要", "来往函件", "工程验收记录", "土地勘界笔录", "物资调拨清单", "人员考察材料", "案件调查笔录", "年度工作总结")
HEADINGS_EN = (
    "Minutes",
    "Correspondence",
    "Acceptance",
    "Survey notes",
    "Stores ledger",
    "Inspection report",
    "Deposition",
    "Annual report",
)

SENTENCES_ZH = (
    "本卷所载材料自一九五三年三月起至次年十月止，共计四十二件。",
    "经双方当面清点，数目相符，遂于当日办理移交手续。",
    "据仓库保管员陈述，雨水系由北侧气窗渗入，并未浸及档案柜。",
    "会议决定由城建科会同测绘队复核界址，限于月底前呈报。",
    "所附图纸三张，其中一张边缘破损，已交修裱室托裱。",
    "来函收悉，所询事项经查原始登记簿，答复如下。",
    "第二生产组全年完成计划的百分之一百零七，较上年略有增长。",
    "证人称当晚并未离开值班室，灯火于十时熄灭。",
    "该批器材入库时外观完好，开箱后发现两件缺少附件。",
    "请贵处将有关底册一并寄还，以便核对归档。",
    "桥墩混凝土试块的强度均达到设计要求，准予进入下一道工序。",
    "水文站逐日记录水位、流量与含沙量，从未间断。",
    "上述各节均属事实，如有虚报，愿负一切责任。",
    "库房温度保持在十八度上下，相对湿度不超过百分之五十五。",
    "拟将旧有账册按年度重新编号，另立目录，以资查考。",
    "学校现有学生三百六十一名，教员十九名，校舍尚待修葺。",
)
SENTENCES_EN = (
    "The papers in this volume run from March to October of the following year.",
    "Both parties counted the items together and found the number correct.",
    "The keeper stated that rain had come in by the north window but had not reached the shelves.",
    "It was resolved that the survey be repeated before the end of the month.",
    "Three drawings are attached, one of which is torn along its lower edge.",
    "Your letter has been received, and the register was consulted on every point.",
    "The second section exceeded its plan by seven per cent and reports no loss.",
    "The witness said that he had not left the guard room after ten that night.",
    "Two of the instruments arrived without their cases and were set aside.",
    "Kindly return the counterfoils, so that the account may be closed.",
    "All test cubes of the pier reached the strength that the design asks for.",
    "Water level, discharge and silt were noted each day without a gap.",
    "We certify that the above is true to the best of our knowledge.",
    "The store was kept at eighteen degrees and never damper than fifty-five per cent.",
    "The old ledgers shall be numbered by year and listed anew.",
    "The school counts three hundred and sixty-one pupils and nineteen teachers.",
)
