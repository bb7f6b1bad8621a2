"""The diffusion language model: canvas, planner, writer, belief, and what trains them."""

import os

# Threads of a matrix product wait for each other. By default they do so spinning, which on a busy machine takes the
# core from the very thread that is waited for: with one other program on two cores a report of 22 s took more than 200.
# So they spin for microseconds and then sleep (30 s there, a few in a hundred more on an idle machine). The first is
# the standard's word, the second that of the library PyTorch has on Linux; both are read when torch is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
