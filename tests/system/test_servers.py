# SPDX-License-Identifier: Apache-2.0
"""Servers as those who run them meet them: tokens, starting over one that runs, what it says of itself."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import Folder  # noqa: E402
from questd import Server  # noqa: E402


class Tokens(Folder):
    def test_a_rotated_token_holds_at_once_and_the_old_one_no_more(self):
        with Server(data=self.data) as server:
            old = {"Authorization": "Bearer " + server.token()}
            ping = {"jsonrpc": "2.0", "id": 1, "method": "system.ping"}
            self.assertEqual(server.http(body=ping, headers=old, token=False)[0], 200)
            self.cli("setup", "--rotate-token", code=0)
            self.assertEqual(server.http(body=ping, headers=old, token=False)[0], 401)
            self.assertEqual(server.http(body=ping)[0], 200)


if __name__ == "__main__":
    unittest.main()
