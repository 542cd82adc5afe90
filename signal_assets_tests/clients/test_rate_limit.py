import threading
import time

from signal_assets.clients.rate_limit import RateLimit


def test_calls_start_evenly_spaced():
    starts: list[float] = []
    moment = [100.0]
    limit = RateLimit(5, 1, clock=lambda: moment[0], sleep=lambda seconds: starts.append(seconds))
    for _ in range(4):
        with limit.slot():
            pass
    assert [round(start, 3) for start in starts] == [0.2, 0.4, 0.6]


def test_a_pause_that_has_passed_is_not_waited_for_again():
    moment = [100.0]
    slept: list[float] = []
    limit = RateLimit(5, 1, clock=lambda: moment[0], sleep=slept.append)
    for _ in range(3):
        with limit.slot():
            moment[0] += 1.0
    assert slept == []


def test_no_more_calls_are_under_way_than_allowed():
    limit = RateLimit(10_000, 2)
    under_way: list[int] = []
    peaks: list[int] = []
    lock = threading.Lock()

    def call() -> None:
        with limit.slot():
            with lock:
                under_way.append(1)
                peaks.append(len(under_way))
            time.sleep(0.01)
            with lock:
                under_way.pop()

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(peaks) == 2
