"""What a process has one of."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shared.process import of_process


def test_one_is_made_for_all_threads() -> None:
    barrier, made = Barrier(8), list[object]()

    @of_process
    def thing() -> object:
        made.append(object())
        return made[-1]

    def asked(_: int) -> object:
        barrier.wait()
        return thing()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(asked, range(8))) == {made[0]}
    assert len(made) == 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_was_forked_makes_its_own() -> None:
    maker = of_process(os.getpid)
    assert maker() == os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(0 if maker() == os.getpid() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
