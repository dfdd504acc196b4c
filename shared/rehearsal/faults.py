"""Which call fails, and how. Calls are counted as they arrive, so the same calls in the same order fail the same."""

from collections.abc import Iterable

from shared.rehearsal.settings import Rule


class Faults:
    """The rules in force and how often each has been met and has struck."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._met = [0] * len(self._rules)
        self.struck = [0] * len(self._rules)

    def strike(self, model: str, words: str, key: str = "") -> Rule | None:
        """The rule that strikes this call, if one does. Rules behind it don't see the call."""
        for place, rule in enumerate(self._rules):
            if not _fits(rule, model, words, key):
                continue
            self._met[place] += 1
            if self._met[place] > rule.after and (rule.times is None or self.struck[place] < rule.times):
                self.struck[place] += 1
                return rule
        return None


def _fits(rule: Rule, model: str, words: str, key: str) -> bool:
    named = rule.model in (None, model) and rule.key in (None, key)
    return named and (rule.match is None or rule.match in words)
