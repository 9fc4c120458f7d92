import pytest

from teleconsult.access.devices import spoken

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
WECHAT = (
    "Mozilla/5.0 (Linux; Android 13; V2166A) AppleWebKit/537.36 Chrome/116.0 Mobile Safari/537.36 MicroMessenger/8.0"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [(CHROME, "Chrome, Windows"), (WECHAT, "WeChat, Android"), (IPHONE, "Safari, iPhone"), ("curl/8", ""), ("", "")],
)
def test_a_device_is_said_in_a_few_words(user_agent: str, words: str) -> None:
    assert spoken(user_agent) == words
