"""`oms chaos simulate`: the real engine on a real database in virtual time, where a seed decides everything."""

import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final

from rich.progress import Progress
from rich.table import Table

from commands.screen import ERROR, OUT, give, say, words
from commands.simulate_crew import Found, Share, simulate, simulate_share
from commands.simulate_faults import FAULTS
from commands.simulate_ground import ground
from commands.simulate_laws import LAWS
from hub.language import language

PROCESSES: Final = 2
PIECE: Final = 20
"""How many seeds a process is given at once."""

PLANT_SEEDS: Final = 100
SHOWN: Final = 10


def run_simulation(seeds: int, seed: int | None, plant: str, *, as_json: bool) -> int:
    """Simulate; gives 0 when no law was broken and every fault that was planted was found.

    One `seed` alone is replayed with its trace. A `plant` is looked for in at most a hundred seeds.

    Raises: Malformed for a fault that is not known.
    """
    if seed is not None:
        return _replay(seed, plant, as_json=as_json)
    began = time.monotonic()
    plants = [plant] if plant else list(FAULTS)
    shares = [Share(first, min(PIECE, seeds + 1 - first)) for first in range(1, seeds + 1, PIECE)]
    shares = [] if plant else shares
    shares += [Share(1, PLANT_SEEDS, name) for name in plants]
    violations: list[Found] = []
    caught: dict[str, int] = {}
    say(
        f"确定性模拟：{seeds} 个种子，植入 {len(plants)} 种缺陷",
        f"deterministic simulation: {seeds} seeds, {len(plants)} planted faults",
    )
    for share, found in _worked_off(shares):
        if share.plant and found:
            caught[share.plant] = found[0].seed
        elif not share.plant:
            violations += found
    return _report(0 if plant else seeds, violations, plants, caught, time.monotonic() - began, as_json=as_json)


def _worked_off(shares: list[Share]) -> Iterator[tuple[Share, list[Found]]]:
    """Have the shares worked off by processes that each have a database, and show how far they are."""
    with get_context("spawn").Pool(min(PROCESSES, len(shares))) as pool, _progress(len(shares)) as step:
        for share, found in pool.imap_unordered(simulate_share, shares):
            step()
            yield share, found
        pool.close()
        pool.join()


@contextmanager
def _progress(total: int) -> Generator[Any]:
    """Show progress to a person at a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with Progress(console=ERROR, transient=True) as progress:
        task = progress.add_task(words("模拟", "simulating"), total=total)
        yield lambda: progress.advance(task)


def _report(
    seeds: int, violations: list[Found], plants: list[str], caught: dict[str, int], seconds: float, *, as_json: bool
) -> int:
    for found in sorted(violations, key=lambda one: one.seed)[:SHOWN]:
        law, again = LAWS[found.law], f"./oms chaos simulate --seed {found.seed}"
        say(
            f"[red]种子 {found.seed}[/] {law.zh}：{found.what}（重放：{again}）",
            f"[red]seed {found.seed}[/] {law.en}: {found.what} (replay: {again})",
        )
    for name in plants:
        what = FAULTS[name].what
        if name in caught:
            say(f"已发现 {name}（{what.zh}），种子 {caught[name]}", f"caught {name} ({what.en}) by seed {caught[name]}")
        else:
            say(f"[red]未发现[/] {name}（{what.zh}）", f"[red]not caught[/] {name} ({what.en})")
    figures = {
        "seeds": seeds,
        "violations": len(violations),
        "planted_caught": len(caught),
        "seconds": round(seconds, 1),
    }
    give(figures, as_json=as_json)
    return 0 if not violations and len(caught) == len(plants) else 1


def _replay(seed: int, plant: str, *, as_json: bool) -> int:
    """Run one seed and print all that happened in it."""
    with ground() as database:
        began = time.monotonic()
        record = simulate(database, seed, plant)
        seconds = time.monotonic() - began
    if not as_json:
        table = Table(box=None, header_style="bold")
        for head in (words("时刻（秒）", "at (s)"), words("谁", "who"), words("事件", "event")):
            table.add_column(head)
        for event in record.events:
            table.add_row(f"{event.at_s:.3f}", event.who, event.what)
        OUT.print(table)
    for one in record.violations:
        law = LAWS[one.law].say(language())
        say(f"[red]不成立[/] {one.at_s:.3f} {law}：{one.what}", f"[red]broken[/] {one.at_s:.3f} {law}: {one.what}")
    planted = int(bool(plant and record.violations))
    found = {"seeds": 1, "violations": len(record.violations), "planted_caught": planted, "seconds": round(seconds, 1)}
    give(found, as_json=as_json)
    return 1 if record.violations else 0
