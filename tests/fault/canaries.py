# SPDX-License-Identifier: Apache-2.0
"""Secrets that are searched for wherever they might have come to lie."""
from verdict import fault, need
import canary


@fault("TM-LLM-04", "2,000 calls that carry secrets leave only ciphertext")
def tm_llm_04(long):
    for seed in range(5 if long else 1):
        problems, figures = canary.run(2000, seed)
        need(not problems, "\n".join(problems[:10]))
        need(figures["redacted"] > 500 and figures["failed"] > 500, str(figures))
    return ", ".join(f"{n} {what}" for what, n in figures.items())
