# SPDX-License-Identifier: Apache-2.0
"""The generator: load.py reads, check.py refuses, every other module writes one output."""
