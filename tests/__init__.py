"""Every test process, and every process that a test starts, has one thread: as many run at once as
there are cores.

Set here, before anything is imported that counts threads as it is.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", POLARS_MAX_THREADS="1")
