"""The SDK's command line: `flyte get event|condition` and `flyte signal event|condition`."""

import pytest
from conftest import NOUN, Condition, flyte_command

WORDS = [
    *[("bool", word, True) for word in ("true", "1", "yes", "y", "t", "TRUE")],
    *[("bool", word, False) for word in ("false", "0", "no", "n", "f")],
    ("int", "42", 42),
    ("int", "-7", -7),
    ("float", "2.5", 2.5),
    ("float", "3", 3.0),
    ("string", "go ahead", "go ahead"),
    ("string", "true", "true"),
]
PROMPTS = [
    ("bool", "y\n", True),
    ("bool", "n\n", False),
    ("bool", "\n", True),
    ("int", "12\n", 12),
    ("int", "twelve\n12\n", 12),
    ("float", "0.25\n", 0.25),
    ("string", "as you wish\n", "as you wish"),
]


def phase(run):
    (condition,) = Condition.listall(run_name=run)
    return condition.phase


def is_answered_with(run, value):
    """The same value again is taken, and any other is not."""
    (condition,) = Condition.listall(run_name=run)
    if condition.phase != "ACTION_PHASE_SUCCEEDED":
        return False
    condition.signal(value)
    return True


def test_get_lists_the_conditions_of_a_run(seed, server):
    names = seed.run("cli-get", [("approve", "bool"), ("count", "int")])
    said, code = flyte_command(server, "get", NOUN, "cli-get")
    assert code == 0, said
    for word in ("approve", "count", *names):
        assert word in said


def test_get_lists_the_conditions_below_an_action(seed, server):
    seed.run("cli-below", [("approve", "bool")])
    said, code = flyte_command(server, "get", NOUN, "cli-below", "a0")
    assert code == 0, said
    assert "approve" in said
    said, code = flyte_command(server, "get", NOUN, "cli-below", "nobody")
    assert "approve" not in said


@pytest.mark.parametrize(("kind", "word", "value"), WORDS)
def test_a_word_is_taken_as_the_type_that_is_asked_for(seed, server, kind, word, value):
    run = f"cli-word-{kind}-{WORDS.index((kind, word, value))}"
    (name,) = seed.run(run, [("answer", kind, {"prompt": "What do you say?"})])
    said, code = flyte_command(server, "signal", NOUN, run, "--", name, word)
    assert code == 0, said
    assert "What do you say?" in said
    assert "has been signaled" in said
    assert is_answered_with(run, value)


@pytest.mark.parametrize(("kind", "answers", "value"), PROMPTS)
def test_without_a_word_the_command_asks(seed, server, kind, answers, value):
    run = f"cli-prompt-{PROMPTS.index((kind, answers, value))}"
    (name,) = seed.run(run, [("answer", kind, {"prompt": "What do you say?"})])
    said, code = flyte_command(server, "signal", NOUN, run, name, answers=answers)
    assert code == 0, said
    assert is_answered_with(run, value)


@pytest.mark.parametrize(
    ("kind", "word"), [("bool", "maybe"), ("int", "many"), ("int", "1.5"), ("float", "half")]
)
def test_a_word_of_another_type_changes_nothing(seed, server, kind, word):
    run = f"cli-wrong-{kind}-{word.replace('.', '')}"
    (name,) = seed.run(run, [("answer", kind)])
    said, code = flyte_command(server, "signal", NOUN, run, name, word)
    assert code != 0, said
    assert phase(run) == "ACTION_PHASE_PAUSED"


def test_a_task_is_no_condition(seed, server):
    seed.run("cli-task")
    said, code = flyte_command(server, "signal", NOUN, "cli-task", "a0", "yes")
    assert code != 0
    assert "not a signalable condition" in said


def test_an_unknown_action_is_not_found(seed, server):
    seed.run("cli-unknown")
    said, code = flyte_command(server, "signal", NOUN, "cli-unknown", "nothing", "yes")
    assert code != 0
    assert "NOT FOUND" in said


def test_a_second_answer_is_refused_if_it_differs(seed, server):
    (name,) = seed.run("cli-second", [("answer", "int")])
    assert flyte_command(server, "signal", NOUN, "cli-second", name, "1")[1] == 0
    assert flyte_command(server, "signal", NOUN, "cli-second", name, "1")[1] == 0
    said, code = flyte_command(server, "signal", NOUN, "cli-second", name, "2")
    assert code != 0, said


def test_runs_and_actions_are_listed_and_shown(seed, server):
    (name,) = seed.run("cli-shown", [("approve", "bool")])
    for words in (["run"], ["run", "cli-shown"], ["action", "cli-shown"], ["action", "cli-shown", "a0"]):
        said, code = flyte_command(server, "get", *words)
        assert code == 0, said
        assert "cli-shown" in said or "a0" in said
    said, code = flyte_command(server, "get", "action", "cli-shown")
    assert name in said


def test_abort_ends_a_run(seed, server):
    seed.run("cli-abort", [("approve", "bool")])
    said, code = flyte_command(server, "abort", "run", "cli-abort")
    assert code == 0, said
    assert phase("cli-abort") == "ACTION_PHASE_ABORTED"
