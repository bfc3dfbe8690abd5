#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The built-in page in a browser: what an operator sees and does there, with the keyboard, on a phone, and without leaving the origin."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../examples/pegasus'))
from chromium import Chromium   # noqa: E402
from fixture import DEADLINE_S, MQTT, OPEN, WEB, Case, free_port   # noqa: E402

ROWS = "[...document.querySelectorAll('#%s tbody tr')].map(row => row.textContent)"


class Dashboard(Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.start(f'[hawser]\nname=tower\nstate-dir={self.scratch}\n' + OPEN + MQTT + WEB +
                                 f'[subscription desk]\ntopic=alert\ntype=webhook\nuri=http://127.0.0.1:{free_port()}/\nallow-private=true\nbatch-age=0s\n'
                                 '[twin-family craft]\ntopics=craft/{id}/telemetry\nid=craft/{id}\nparent=fleet\n[twin fleet]\naggregate=max:altitude;\n')
        for topic, payload in (('craft/a/telemetry', '{"altitude":7}'), ('alert', 'fire')):
            self.hawser('pub', '-u', self.daemon.url('mqtt'), '-t', 'application/json' if payload[0] == '{' else 'text/plain', topic, payload)
        self.browser = Chromium()
        self.browser.__enter__()
        self.addCleanup(self.browser.__exit__, None, None, None)

    def open(self, **how):
        page = self.browser.open(self.daemon.url('web') + '/', **how)
        page.wait_for("document.querySelector('#state')?.textContent === 'live'", DEADLINE_S)
        return page

    def test_an_operator_sees_what_is_there_and_what_is_wrong(self):
        page = self.open()
        page.wait_for("document.querySelector('#problems').textContent.includes('Sink desk fails')", DEADLINE_S)
        for table, needle in (('topics', 'craft/a/telemetry'), ('sinks', 'desk'), ('subscriptions', 'alert'), ('connections', 'web'), ('listeners', 'mqtt')):
            page.wait_for(f"{ROWS % table}.some(row => row.includes('{needle}'))", DEADLINE_S)
        page.wait_for("document.querySelector('#twins').textContent.includes('craft/a')", DEADLINE_S)
        page.wait_for("document.querySelector('#flow').textContent.includes('sink desk')", DEADLINE_S)
        self.assertEqual(page.evaluate("document.title"), 'tower · Hawser')
        self.assertEqual(page.evaluate("performance.getEntriesByType('resource').map(e => e.name).filter(name => !name.startsWith(location.origin) && !name.startsWith('data:'))"), [])
        self.assertLess(page.evaluate("performance.getEntriesByType('resource').filter(e => e.name.includes('/dashboard/')).reduce((n, e) => n + e.decodedBodySize, 0)"), 150 * 1024)

    def test_the_keyboard_pauses_a_sink_and_publishes(self):
        page = self.open()
        button = "[...document.querySelectorAll('#sinks button')].find(b => b.getAttribute('aria-label') === '%s desk')"
        page.wait_for(button % 'Pause' + ' !== undefined', DEADLINE_S)
        page.evaluate((button % 'Pause') + '.focus()')
        page.key(' ', 'keyDown')
        page.key(' ', 'keyUp')
        page.wait_for(button % 'Resume' + ' !== undefined', DEADLINE_S)
        page.evaluate("document.querySelector('#publish [name=topic]').value = 'note/today'; document.querySelector('#publish [name=payload]').value = 'hello'; "
                      "document.querySelector('#publish').requestSubmit()")
        page.wait_for("document.querySelector('#published').textContent === 'taken'", DEADLINE_S)
        page.wait_for("document.querySelector('#log').textContent.includes('hello')", DEADLINE_S)

    def test_it_fits_a_phone_in_light_and_dark(self):
        shades = []
        for scheme in ('light', 'dark'):
            page = self.open(width=390, height=844, scheme=scheme)
            page.wait_for(f"{ROWS % 'sinks'}.length === 1", DEADLINE_S)
            self.assertLessEqual(page.evaluate('document.documentElement.scrollWidth'), 390)
            shades.append(page.evaluate('getComputedStyle(document.body).backgroundColor'))
        self.assertEqual(len(set(shades)), 2)

    def test_controls_have_names(self):
        page = self.open()
        page.wait_for(f"{ROWS % 'sinks'}.length === 1", DEADLINE_S)
        self.assertEqual(page.evaluate("[...document.querySelectorAll('button, input')].filter(e => !(e.getAttribute('aria-label') || e.closest('label')?.textContent.trim() || "
                                       "e.textContent.trim())).map(e => e.outerHTML)"), [])


if __name__ == '__main__':
    unittest.main()
