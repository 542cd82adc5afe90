from signal_assets.clients.pacing import Pace, PacingRules

RULES = PacingRules(first_limit=4, first_wait_seconds=1, longest_wait_seconds=8, rounds=3)


def room(pace: Pace, now: float = 0.0) -> int:
    count = 0
    while pace.has_room(count, now):
        count += 1
    return count


def answer(pace: Pace, times: int) -> None:
    for _ in range(times):
        pace.note_answer()


def test_one_call_comes_back_before_the_others_start_when_a_cache_is_to_be_filled():
    pace = Pace(16, RULES, warms_up=True)
    before = room(pace)
    answer(pace, 1)
    assert (before, room(pace)) == (1, 4)


def test_a_round_of_good_answers_doubles_what_may_be_in_flight():
    pace = Pace(32, RULES, warms_up=False)
    rounds = [room(pace)]
    for _ in range(4):
        answer(pace, rounds[-1])
        rounds.append(room(pace))
    assert rounds == [4, 8, 16, 32, 32]


def test_calls_that_left_before_the_trouble_are_part_of_it():
    pace = Pace(16, RULES, warms_up=False)
    answer(pace, 12)
    for _ in range(16):
        pace.note_trouble(sent_at=0.0, now=1.0, pauses_all=True)
    assert (room(pace, now=10.0), pace.rounds_of_trouble) == (8, 1)


def test_nobody_starts_while_the_service_asks_to_wait():
    pace = Pace(16, RULES, warms_up=False)
    pace.note_trouble(sent_at=0.0, now=1.0, pauses_all=True, asked_wait=20.0)
    assert (room(pace, now=20.9), room(pace, now=21.0)) == (0, 2)


def test_after_a_trouble_the_limit_grows_by_one_a_round():
    pace = Pace(16, RULES, warms_up=False)
    answer(pace, 12)
    pace.note_trouble(sent_at=0.0, now=1.0, pauses_all=True)
    answer(pace, 9)
    assert room(pace, now=10.0) == 9


def test_the_trouble_of_one_call_pauses_nobody_until_it_repeats():
    pace = Pace(16, RULES, warms_up=False)
    pace.note_trouble(sent_at=0.0, now=1.0, pauses_all=False)
    alone = room(pace, now=1.0)
    pace.note_trouble(sent_at=2.0, now=3.0, pauses_all=False)
    assert (alone, room(pace, now=3.0), room(pace, now=5.0)) == (4, 0, 2)


def test_a_service_with_nothing_but_trouble_is_down():
    pace = Pace(16, RULES, warms_up=False)
    for moment in (1.0, 2.0, 3.0):
        pace.note_trouble(sent_at=moment - 0.5, now=moment, pauses_all=False)
    assert pace.is_down


def test_one_good_answer_ends_a_row_of_troubles():
    pace = Pace(16, RULES, warms_up=False)
    for moment in (1.0, 2.0, 3.0):
        pace.note_answer()
        pace.note_trouble(sent_at=moment - 0.5, now=moment, pauses_all=False)
    assert not pace.is_down


def test_pauses_double_up_to_the_longest():
    pace = Pace(16, RULES, warms_up=False)
    assert [pace.backoff(times) for times in (1, 2, 3, 4, 50)] == [1, 2, 4, 8, 8]
