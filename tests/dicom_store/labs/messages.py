"""ORU^R01 messages in one line each."""


def oru(
    *results: str, charset: str = "UNICODE UTF-8", control_id: str = "M1", name: str = "测试^甲", app: str = "LIS"
) -> str:
    """A message with these OBX segments (their text after `OBX|1|`)."""
    lines = [
        f"MSH|^~\\&|{app}|县医院|TELE|中心|20260310101500||ORU^R01|{control_id}|P|2.4||||||{charset}",
        f"PID|1||T000123^^^HOSP^MR||{name}||19650102|M",
        "OBR|1|PL1|FL1|58410-2^血常规^LN|||20260310093000||||||||BLD&全血|||||||||HM|F",
        *(f"OBX|{place}|{result}" for place, result in enumerate(results, start=1)),
    ]
    return "".join(line + "\r" for line in lines)


WBC = "NM|6690-2^白细胞^LN||12.3|10*9/L|3.5-9.5|H|||F"
POTASSIUM = "ST|2823-3^钾^LN||>7.0|mmol/L|3.5-5.3|HH|||F"
