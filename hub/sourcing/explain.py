"""A sourcing decision in words: what was chosen, by how much each other location lost, and what would change that."""

from hub.money import major_units
from hub.sourcing.model import Candidate, Decision


def tell(decision: Decision, currency: str = "CNY") -> str:
    """Say a decision in one line, the chosen locations first, then the near misses."""
    chosen = [
        f"{choice.code} gives {sum(take.quantity for take in choice.takes)} at {_price(choice.cost, currency)}"
        for choice in decision.choices
    ]
    others = [_why_not(one, currency) for one in decision.candidates if one.verdict != "chosen"]
    unmet = [f"{take.sku} x {take.quantity} has no source" for take in decision.unmet]
    return "; ".join([*chosen, *unmet, *others])


def _why_not(one: Candidate, currency: str) -> str:
    if one.verdict == "dearer":
        lost = _price(one.lost_by, currency)
        return f"{one.code} lost by {lost}, wins if it costs more than that less"
    if one.verdict == "kept":
        return f"{one.code} was kept for other orders of the batch"
    if one.verdict == "short":
        lack = ", ".join(f"{sku} x {pieces}" for sku, pieces in sorted(one.missing.items()))
        return f"{one.code} lacks {lack}"
    return f"{one.code} was out: {one.verdict}"


def _price(amount: int, currency: str) -> str:
    return f"{'¥' if currency == 'CNY' else currency + ' '}{major_units(amount, currency)}"
