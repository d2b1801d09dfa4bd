from app.dbus_display.connection.back_off import BackOff


def test_waits_double_up_to_a_minute_and_begin_again_after_a_good_minute() -> None:
    back_off = BackOff()
    seconds = [back_off.after(0) / 1e9 for _ in range(8)]
    assert seconds == [1, 2, 4, 8, 16, 32, 60, 60]
    assert back_off.after(59_000_000_000) == 60_000_000_000
    assert back_off.after(60_000_000_000) == 1_000_000_000
