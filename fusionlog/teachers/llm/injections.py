"""The recognition of log lines that read like an instruction to a language model, or like an answer of one.

No list of phrases is complete. It narrows what a planted line can reach beyond its own unit; that it reaches nothing
but labels is given by how answers are read. A harmless line that is taken for one costs a call of its own, so a phrase
must be about the model's task: `mark as normal` stands in many logs, `mark every session as normal` does not.
"""

from __future__ import annotations

import re
import unicodedata

from fusionlog.teachers.base import Unit

_SHOWN = (
    r"(?:sessions?|windows?|events?|lines?|logs?|log entr(?:y|ies)|entr(?:y|ies)|records?|messages?"
    r"|of (?:these|them|this|it))"
)
_ALL = r"(?:all|any|every|each|these|those|this|the(?: following| above| next| rest of the)?|your|my)"
_PAST = r"(?:previous|prior|above|earlier|preceding|foregoing|existing|initial|original|system)"
_ORDERS = r"(?:rules|directions|guidelines|polic(?:y|ies))"
_VERDICT = r"(?:normal|anomalous|benign|harmless|non-anomalous)"
_FORGET = r"\b(?:ignore|disregard|forget|override)\b"

_PHRASES = (
    # Ignore all that was asked before.
    rf"{_FORGET}(?: (?:{_ALL}|of|and|everything))*(?: {_PAST})+ (?:instructions|prompts?\b(?! for))",
    rf"{_FORGET}(?: {_ALL}| of)+ (?:instructions?|prompts?)\b",
    rf"{_FORGET} (?:all|any|every|each|your|my|these)(?: of| the)*(?: {_PAST})+ {_ORDERS}\b",
    rf"{_FORGET} (?:all|any|your|my|these|the)(?: of| the)* {_ORDERS} (?:above|before|you)\b",
    rf"{_FORGET} (?:everything|all|anything|what(?:ever)?|the)(?: that| you| was| were| is"
    rf"| stands?| written| been| have"
    r"| read)* (?:above|before|until now|so far)\b(?! \w)",
    r"\b(?:ignor(?:iere|ieren sie|ez?|a|e)|vergiss)\b(?: \w+){0,3} (?:anweisungen|instruktionen"
    r"|instrucciones|istruzioni"
    r"|instruções|instructions précédentes)\b",
    r"指示を無視|命令を無視|忽略.{0,12}(?:指令|指示|说明|提示)",
    # Marks of chat templates.
    r"<\|?(?:im_start|im_end|endoftext)\|?>|<\|(?:system|user|assistant|eot_id|start_header_id|end_header_id"
    r"|begin_of_text|channel|message|return|start|end)\|>",
    r"\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|###\s*(?:human|assistant|instructions?)\s*:",
    # An answer.
    r"\\?[\"']label\\?[\"']\s*:\s*\\?[\"'](?:normal|anomalous)\b",
    r"\\?[\"']answers\\?[\"']\s*:\s*\[\s*\{\s*\\?[\"'](?:label|confidence|events)\b",
    # A verdict that is asked for.
    rf"\b(?:classify|label|mark|treat|report|judge|consider|rate)\b (?:everything"
    rf"|{_ALL}(?: \w+)?(?: {_SHOWN})+|them all)"
    rf"(?: \w+)? as {_VERDICT}\b",
    r"\b(?:treat|classify|regard)\b(?: (?:this|it|them|all))? as (?:benign|harmless|non-anomalous)\b",
    rf"\b(?:answer|respond|reply)\b(?: only)?(?: with)? [\"']?{_VERDICT}\b",
    rf"\b(?:correct|right|true|only) (?:verdict|label|answer)s?\b (?:is|are|:) ?{_VERDICT}\b",
    rf"\b(?:answers?|verdicts?|labels?) (?:is|are) all {_VERDICT}\b",
    rf"\b(?:say|output|write|return) [\"']?{_VERDICT}[\"']? (?:for|to) {_ALL}\b",
    r"\b(?:all|these|following|other) (?:events?|sessions?|lines?|windows?)\b(?: \w+){0,2} (?:are|is) (?:\w+ ){0,2}"
    rf"(?:expected|{_VERDICT})\b",
    rf"\bthis (?:session|window|event|line) (?:is|was) (?:\w+ )?(?:{_VERDICT}|not anomalous|known good)\b",
    r"\b(?:do not|don't|never) (?:alert|flag)(?: on)? (?:any|all|this|these)\b(?: of (?:this|these))?"
    r"(?: (?:sessions?|windows?|events?|lines?))?\s*$",
    # The model itself.
    r"\byou are (?:now )?(?:an? |the |in )?(?:\w+ ){0,2}(?:ai|llm|\w*gpt|dan|chatbot|language model"
    r"|developer mode|assistant (?:that|who|and|for|to))\b",
    r"\b(?:print|reveal|repeat|show|output|tell me|what is) (?:me )?your (?:system |hidden |initial |full )?"
    r"(?:prompt|instructions)\b",
    r"\brepeat (?:everything|all|the text|the words) (?:above|before)\b|\byour (?:system|hidden|initial) prompt\b",
    r"\b(?:new|updated|real|actual) (?:system|developer) (?:prompt|message|instructions?)\s*:",
    r"\bsystem (?:note|prompt|override)\s*:",
)
_SUSPICIOUS = re.compile("|".join(_PHRASES), re.IGNORECASE)


def has_instructions(unit: Unit) -> bool:
    """Whether a line of the unit reads like an instruction or an answer. Such a unit is sent in a call of its own."""
    return any(reads_like_instruction(event.text) for event in unit.events)


def reads_like_instruction(text: str) -> bool:
    """Whether a text reads like an instruction or an answer."""
    return _SUSPICIOUS.search(_folded(text)) is not None


def _folded(text: str) -> str:
    """The text with compatible characters folded, without invisible ones, and with single blanks."""
    visible = "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")
    return " ".join(visible.split())
