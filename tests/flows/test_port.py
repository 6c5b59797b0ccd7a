import os
import subprocess
import sys
import threading
from urllib.request import ProxyHandler, build_opener

import pytest

from commands.station import free_ports
from flows.port import TOGETHER, exposed, exposed_together
from flows.watch import CALLS
from hub.errors import NeedsOperator
from hub.settings import ROOT

COUNT = "from flows.watch import CALLS; CALLS.labels('wms', 'release', 'done').inc()"


def told(port: int) -> str:
    """Read the figures as Prometheus does."""
    with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_the_worker_tells_its_calls_at_its_port() -> None:
    (port,) = free_ports(1)
    CALLS.labels("told-here", "release", "done").inc()
    with exposed(port):
        assert 'oms_step_calls_total{connection="told-here",flow="release",outcome="done"} 1.0' in told(port)
    with pytest.raises(OSError, match="refused"):
        told(port)


def test_a_pool_counts_together_and_those_that_have_ended_stay_counted() -> None:
    (port,) = free_ports(1)
    with exposed_together(port):
        for _ in range(2):
            subprocess.run([sys.executable, "-c", COUNT], cwd=ROOT, env=dict(os.environ), check=True)  # noqa: S603 # ours
        assert 'oms_step_calls_total{connection="wms",flow="release",outcome="done"} 2.0' in told(port)
    assert TOGETHER not in os.environ


def test_a_port_that_is_taken_says_so() -> None:
    (port,) = free_ports(1)
    with exposed(port), pytest.raises(NeedsOperator, match="metrics_port"), exposed(port):
        pass


def test_without_a_port_nothing_is_told_and_nobody_counts_together() -> None:
    before = threading.active_count()
    with exposed(0), exposed_together(0):
        assert (threading.active_count(), TOGETHER in os.environ) == (before, False)
