"""Texts, numbers and bodies that other schemas are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StringConstraints

CodeText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f/\s]{1,64}$")]
ShortText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
PhoneText = Annotated[str, StringConstraints(pattern=r"^[0-9+*#() -]{2,32}$")]
# Lists, since tools that read the description stumble over tuples.
# Numbers of bodies are strict: true is no 1.
Pair = Annotated[list[StrictFloat], Field(min_length=2, max_length=2)]
Box = Annotated[list[StrictFloat], Field(min_length=4, max_length=4)]
HoursText = Annotated[str, StringConstraints(max_length=400, pattern=r"^[0-9:;, -]+$")]


class Strict(BaseModel):
    """A body: unknown fields are refused, so that nothing is lost silently."""

    model_config = ConfigDict(extra="forbid")
