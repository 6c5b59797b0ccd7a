import json

import pytest
from typer.testing import CliRunner

from commands.bench import bench_app
from commands.bench_sourcing import run_bench, run_greedy
from commands.sourcing_pool import make_pool, plan_nearest
from hub.sourcing.batch.verify import faults_of


def test_a_batch_is_sourced_checked_and_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = run_bench(40, 6, 1, stock=None, capacity=None, budget=None, iterations=6, as_json=True)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert status == 0
    assert told["feasible"] is True
    assert told["bound"] <= told["cost"] <= told["greedy_cost"]
    assert told["gap"] == round((told["cost"] - told["bound"]) / told["cost"], 5)
    assert {"nearest_cost", "seconds", "budget"} <= set(told)


def test_the_nearest_way_can_be_carried_out_too() -> None:
    pool = make_pool(60, 6, 1.2, 1.1, 4)
    plans = plan_nearest(pool)
    assert faults_of(pool, plans, sum(pool.cost(order, plan) for order, plan in enumerate(plans))) == []


def test_single_decisions_are_timed_by_each_solver(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.bench_sourcing.QUESTIONS", 20)
    assert run_greedy(as_json=True) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    for solver in ("", "greedy-2_", "greedy-3_"):
        assert 0 < told[f"{solver}median_ms"] <= told[f"{solver}p99_ms"]
        assert told[f"{solver}p99_cpu_ms"] > 0


@pytest.mark.parametrize("option", ["--stock", "--capacity", "--budget"])
@pytest.mark.parametrize("value", ["inf", "nan", "1e300", "0"])
def test_what_no_batch_can_be_made_of_is_refused(option: str, value: str) -> None:
    answer = CliRunner().invoke(bench_app, ["sourcing", option, value])
    assert (answer.exit_code, option in answer.stderr) == (2, True)
