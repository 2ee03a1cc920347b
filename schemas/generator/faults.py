# SPDX-License-Identifier: Apache-2.0
"""What is refused, collected so that one run names every fault."""


class Faults:
    def __init__(self):
        self.lines = []

    def add(self, file, path, text):
        place = f"{file}: {path}" if path else file
        self.lines.append(f"{place}: {text}")


class At:
    """A place in a file: faults found there carry its path."""

    def __init__(self, faults, file, path=""):
        self.faults, self.file, self.path = faults, file, path

    def down(self, name):
        return At(self.faults, self.file, f"{self.path}.{name}" if self.path else name)

    def refuse(self, text):
        self.faults.add(self.file, self.path, text)
