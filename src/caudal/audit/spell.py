"""A decision as the canonical JSON of RFC 8785, written field by field: the general way takes five times as long.

What is not as usual (numbers that ES6 spells with an exponent) is spelt by the library that `entry.canonical` uses; a
test holds both against each other.
"""

import json
from collections.abc import Callable

from caudal.records.decision import Decision, number_or_text, time_text


def spell(record: Decision, rare: Callable[[float], str]) -> str:
    """The text of a decision.

    Arguments:
        record: with a session that is text.
        rare: spells a finite number that needs an exponent.

    Example:
        >>> spell(Decision(5, "ab", "bed 4", 7, "00", (0.25, 1.0)), repr)[:51]
        '{"commitment":"00","dt":null,"influence":[],"is_bac'
    """

    def number(value: float | None) -> str:
        if value is None:
            return "null"
        plain = number_or_text(value)
        if isinstance(plain, str):
            return f'"{plain}"'
        text = repr(plain)
        if "e" in text:
            return rare(plain)
        if text.endswith(".0"):
            text = text[:-2]
        return "0" if text == "-0" else text

    def word(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    def numbers(values: tuple[float, ...]) -> str:
        return ",".join(map(number, values))

    return (
        f'{{"commitment":{word(record.commitment)},"dt":{number(record.dt)},"influence":[{numbers(record.influence)}],'
        f'"is_backwards":{_WORD[record.is_backwards]},"is_exact":{_WORD[record.is_exact]},'
        f'"is_personal":{_WORD[record.is_personal]},'
        f'"is_sealed":{_WORD[record.is_sealed]},"is_single":{_WORD[record.is_single]},"model":{word(record.model)},'
        f'"monitors":{record.monitors},"output":[{numbers(record.output)}],"payload":"{record.payload.hex()}",'
        f'"sequence":{record.sequence},"session":{word(record.session)},'
        f'"time":"{time_text(record.time)}","type":"decision","uncertainty":{number(record.uncertainty)}}}'
    )


_WORD = {False: "false", True: "true"}
