"""A slot freed by a thread is seen by the event loop at once, and telling it never blocks."""

import threading

from kombu.asynchronous import Hub

from workers.waking import Waker


def test_the_loop_looks_again_when_a_thread_wakes_it() -> None:
    hub, waker, looks = Hub(), Waker(), threading.Event()
    waker.watch(hub)
    rounds = hub.create_loop()
    threading.Thread(target=waker.wake).start()
    hub.call_later(60, looks.set)  # the loop would sleep this long by itself, were it not woken

    for _ in range(10):  # the wake-up, then the two looks after it
        next(rounds)
        if len(hub.timer) == 1:
            break

    assert len(hub.timer) == 1, "only our own timer is left: both looks were taken"
    assert not looks.is_set()
    hub.close()


def test_waking_never_blocks_however_often() -> None:
    waker = Waker()
    for _ in range(100_000):
        waker.wake()
