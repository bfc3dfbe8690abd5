#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""DESIGN 7, FEATURES O9: while a plugin holds the lane the daemon is not alive, and which one it was is said."""
import os
import re
import socket
import unittest
import urllib.request

from fixture import DEADLINE_S, OPEN, WEB, Case, environment, wait_for


class Watchdog(Case):
    def setUp(self):
        super().setUp()
        self.gate = self.scratch / 'gate'
        os.mkfifo(self.gate)
        self.daemon = self.start(OPEN + WEB + f'[listener slow]\ntype=stuck\naddress=tcp:127.0.0.1:0\nanonymous=allow\ngate={self.gate}\n',
                                 env=environment(HAWSER_PLUGIN_PATH=os.environ['STUCK_DIR']))

    def livez(self, timeout):
        with urllib.request.urlopen(self.daemon.url('web') + '/livez', timeout=timeout) as answer:
            return answer.status

    def test_livez_fails_while_a_plugin_holds_the_lane_and_the_log_names_the_plugin(self):
        self.assertEqual(self.livez(DEADLINE_S), 200)
        with socket.create_connection(self.daemon.addresses['slow'], timeout=DEADLINE_S) as peer:
            peer.sendall(b'x')
            wait_for((self.scratch / 'gate.held').exists, 'the plugin to hold the lane')
            with self.assertRaises(OSError):
                self.livez(0.5)
            os.close(os.open(self.gate, os.O_WRONLY))
            self.assertEqual(self.livez(DEADLINE_S), 200)
        status, _, log = self.daemon.stop()
        self.assertEqual(status, 0)
        told = re.findall(r"protocol 'stuck' \(listener 'slow'\) held the lane for (\d+) ms", log)
        self.assertTrue([ms for ms in told if int(ms) >= 400], log)


if __name__ == '__main__':
    unittest.main(verbosity=2)
