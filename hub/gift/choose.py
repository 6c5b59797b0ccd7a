"""Ask gift strategies what an order gets: pure, in the order of their ranks, each answer with its reason."""

from collections.abc import Sequence

from hub.gift.model import GIVEN, Basket, Bought, Rule, Strategy, Verdict


def choose(rules: Sequence[Rule], basket: Basket) -> list[Verdict]:
    """Ask each rule; within a group, those behind the first that gives are told that it was taken."""
    taken: set[str] = set()
    verdicts: list[Verdict] = []
    for rule in sorted(rules, key=lambda one: (one.strategy.rank, one.strategy.name)):
        group = rule.strategy.group
        if group and group in taken:
            verdicts.append(Verdict(rule, "group_taken", {"group": group}))
            continue
        verdict = judge(rule, basket)
        verdicts.append(verdict)
        if verdict.given and group:
            taken.add(group)
    return verdicts


def judge(rule: Rule, basket: Basket) -> Verdict:
    """Ask one rule by itself."""
    strategy = rule.strategy
    if strategy.brand != basket.brand or (strategy.shops and basket.shop not in strategy.shops):
        return Verdict(rule, "other_shop", {"shop": basket.shop})
    if strategy.starts_at and basket.placed_at < strategy.starts_at:
        return Verdict(rule, "too_early", {"starts_at": strategy.starts_at.isoformat()})
    if strategy.ends_at and basket.placed_at >= strategy.ends_at:
        return Verdict(rule, "too_late", {"ends_at": strategy.ends_at.isoformat()})
    counted = [line for line in basket.lines if not strategy.skus or line.sku in strategy.skus]
    if not counted:
        return Verdict(rule, "no_such_product", {})
    return _count(rule, strategy, counted)


def _count(rule: Rule, strategy: Strategy, counted: Sequence[Bought]) -> Verdict:
    fen, pieces = sum(line.fen for line in counted), sum(line.pieces for line in counted)
    seen: dict[str, int | str] = {"fen": fen, "pieces": pieces}
    if fen < strategy.min_fen:
        return Verdict(rule, "amount", seen | {"min_fen": strategy.min_fen})
    if pieces < strategy.min_pieces:
        return Verdict(rule, "pieces", seen | {"min_pieces": strategy.min_pieces})
    bounds = [strategy.most_times]
    if strategy.min_fen:
        bounds.append(fen // strategy.min_fen)
    if strategy.min_pieces:
        bounds.append(pieces // strategy.min_pieces)
    dearest = sorted(counted, key=lambda line: (-line.fen, line.line_no))
    return Verdict(rule, GIVEN, seen, min(bounds), tuple(line.line_no for line in dearest))
