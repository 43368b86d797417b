import os

import pytest

from benchmark.errors import BenchmarkError
from benchmark.utils.memory import apart


def test_work_apart_is_done_in_another_process_whose_death_is_one_message() -> None:
    assert apart(os.getpid) != os.getpid()
    with pytest.raises(BenchmarkError, match="a measuring process was killed"):
        apart(os._exit, 1)
