"""The bounds of the contract for what a condition asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from google.protobuf import duration_pb2

from signalbox.v1 import condition_pb2

_GROUP = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?")
_ADDRESS = re.compile(r"https?://[^\x00-\x20]+")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,128}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,2048}")


def check_condition(
    what: str, spec: condition_pb2.ConditionSpec, check_duration: Callable[[str, duration_pb2.Duration], None]
) -> None:
    """Raises ValueError for a condition that breaks a bound."""
    _check_length(f"{what}: the prompt", spec.prompt, 16_384)
    _check_length(f"{what}: the description", spec.description, 65_536)
    _check_length(f"{what}: the assignee", spec.assignee, 256)
    _check_length(f"{what}: the correlation key", spec.correlation_key, 256)
    if spec.HasField("timeout"):
        check_duration(f"{what}: the timeout", spec.timeout)
    if spec.link:
        _check_address(f"{what}: the link", spec.link)
    if not _GROUP.fullmatch(spec.group):
        raise ValueError(f"{what}: {spec.group!r} is no name of a group")
    _check_count(f"{what}: the choices", spec.choices, 100)
    for choice in spec.choices:
        _check_length(f"{what}: the label of a choice", choice.label, 256)
        _check_length(f"{what}: the description of a choice", choice.description, 4_096)
    _check_rule(what, spec.answer_rule)
    _check_count(f"{what}: the escalations", spec.escalations, 20)
    for step in spec.escalations:
        check_duration(f"{what}: the time of an escalation", step.after)
        _check_names(f"{what}: who is to be told", step.notify, 20)
        _check_names(f"{what}: the subjects of an escalation", step.subjects, 100)
        _check_names(f"{what}: the groups of an escalation", step.groups, 100)
        _check_length(f"{what}: the assignee of an escalation", step.assignee, 256)
    if spec.HasField("webhook"):
        _check_webhook(what, spec.webhook)
        if spec.webhook.HasField("link_lifetime"):
            check_duration(f"{what}: the lifetime of a link", spec.webhook.link_lifetime)


def _check_rule(what: str, rule: condition_pb2.AnswerRule) -> None:
    if not (0 <= rule.required_count <= 100 and 0 <= rule.voter_count <= 100):
        raise ValueError(f"{what}: 0 to 100 answers may be required, and 0 to 100 voters be")
    for name, subjects in (("subjects", rule.subjects), ("groups", rule.groups)):
        _check_names(f"{what}: the {name}", subjects, 100)
        if len(set(subjects)) != len(subjects):
            raise ValueError(f"{what}: one of the {name} is there twice")


def _check_webhook(what: str, webhook: condition_pb2.ConditionWebhook) -> None:
    _check_address(f"{what}: the address of the webhook", webhook.url)
    _check_length(f"{what}: the secret of the webhook", webhook.secret, 256)
    _check_count(f"{what}: the headers of the webhook", webhook.headers, 20)
    for name, value in webhook.headers.items():
        if not (_HEADER.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise ValueError(f"{what}: the webhook cannot send the header {name!r}")


def _check_address(what: str, uri: str) -> None:
    _check_length(what, uri, 2_048)
    if not _ADDRESS.fullmatch(uri):
        raise ValueError(f"{what} is {uri!r}, and an address with http or https is wanted")


def _check_names(what: str, names: Iterable[str], most: int) -> None:
    listed = list(names)
    _check_count(what, listed, most)
    if any(not 1 <= len(name) <= 256 for name in listed):
        raise ValueError(f"{what} have 1 to 256 characters each")


def _check_count(what: str, items: Iterable[object], most: int) -> None:
    count = sum(1 for _ in items)
    if count > most:
        raise ValueError(f"{what} are {count}, and at most {most} may be")


def _check_length(what: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise ValueError(f"{what} has {len(text)} characters, and at most {longest} may be")
