import numpy as np

from benchmark.verify import quality


def test_a_processor_that_rounds_otherwise_accuses_no_record() -> None:
    assert quality.same(0.4, np.nextafter(0.4, 1)) and quality.same(None, None)
    assert not quality.same(0.4, 0.4 + 1e-11)
    assert not quality.same(0.4, None) and not quality.same(None, 0.4)
