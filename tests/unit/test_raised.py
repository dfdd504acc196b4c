"""What a room raises, as how its run ends."""

from shared.errors import ConfigurationError
from workers.models.routing import PassedOver, Unanswered
from workers.outcomes import Discard, Retry, Snooze
from workers.run.raised import outcome_of
from workers.turns.entry_points import Broken

NEVER = PassedOver("openai", "gpt-nope", "404")
FAILED = PassedOver("openai", "gpt-1", "500", failed=True)


def waits(seconds: float) -> PassedOver:
    return PassedOver("openai", "gpt-2", "429", after=seconds)


def test_a_job_that_can_never_be_done_as_it_was_asked_is_discarded() -> None:
    assert outcome_of(ConfigurationError("no such model")) == Discard("no such model")
    assert outcome_of(Unanswered([NEVER, NEVER])) == Discard(str(Unanswered([NEVER, NEVER])))
    assert isinstance(outcome_of(Unanswered([])), Discard)


def test_a_job_that_only_has_to_wait_for_a_model_waits_for_the_first_that_may_answer_and_has_not_failed() -> None:
    error = Unanswered([NEVER, waits(30.0), waits(2.0)])
    assert outcome_of(error) == Snooze(2.0, str(error))
    assert "openai/gpt-2: 429" in str(error)


def test_a_model_that_was_asked_and_failed_counts_whatever_else_may_be_waited_for() -> None:
    error = Unanswered([waits(2.0), FAILED])
    assert outcome_of(error) == Retry(str(error), after=None)


def test_an_error_that_says_what_is_wrong_is_told_in_its_own_words_and_another_with_its_name() -> None:
    assert outcome_of(Broken("tool 'x' is not installed")) == Retry("tool 'x' is not installed")
    assert outcome_of(KeyError("x")) == Retry("KeyError: 'x'")
