"""The first rule that fits strikes, as often as it may, and the others don't see the call."""

from shared.rehearsal.faults import Faults
from shared.rehearsal.settings import Fault, Rule


def struck(faults: Faults, calls: int, *, model: str = "m", words: str = "w") -> list[Fault | None]:
    rules = [faults.strike(model, words) for _ in range(calls)]
    return [rule.fault if rule else None for rule in rules]


def test_rules_strike_one_after_the_other() -> None:
    faults = Faults([Rule(fault=Fault.BROKEN, times=2), Rule(fault=Fault.CUT)])
    assert struck(faults, 4) == [Fault.BROKEN, Fault.BROKEN, Fault.CUT, None]
    assert faults.struck == [2, 1]


def test_rule_lets_the_first_calls_pass() -> None:
    assert struck(Faults([Rule(fault=Fault.HANG, after=2)]), 4) == [None, None, Fault.HANG, None]


def test_rule_without_a_number_strikes_for_ever() -> None:
    assert struck(Faults([Rule(fault=Fault.BROKEN, times=None)]), 5) == [Fault.BROKEN] * 5


def test_rule_passes_over_calls_of_other_models_and_words() -> None:
    faults = Faults([Rule(fault=Fault.CUT, model="rehearsal-1", match="poison")])
    assert struck(faults, 1, model="rehearsal-embed", words="poison") == [None]
    assert struck(faults, 1, model="rehearsal-1", words="bread") == [None]
    assert struck(faults, 1, model="rehearsal-1", words="some poison") == [Fault.CUT]
