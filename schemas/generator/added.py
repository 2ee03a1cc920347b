# SPDX-License-Identifier: Apache-2.0
"""The parameters that a verb has without its schema saying so."""
from . import limits
from .model import Field


def all_params(verb):
    fields = list(verb.params)
    if verb.has_request_id:
        fields.append(Field("request_id", "string", "repeat with the same id: one effect",
                            min=1, max=limits.REQUEST_ID_MAX))
    if verb.has_confirm:
        fields.append(Field("confirm", "bool", "true: yes, do what the summary says", default=False))
    return fields
