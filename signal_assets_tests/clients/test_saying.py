from signal_assets.clients.saying import NowAndThen


def test_what_is_said_again_at_once_is_not_repeated():
    heard: list[str] = []
    say = NowAndThen(heard.append, seconds=60.0)
    say("waiting")
    say("waiting")
    assert heard == ["waiting"]


def test_what_is_said_later_is_heard():
    heard: list[str] = []
    say = NowAndThen(heard.append, seconds=0.0)
    say("waiting")
    say("still waiting")
    assert heard == ["waiting", "still waiting"]
