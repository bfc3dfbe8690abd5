#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES T17 T19: twins that act by a plugin of the configuration, in a daemon, with stock clients around it."""
import json
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import Seen, wait_for
from twins import TwinCase, path

ACTING = '''
[twin-family room]
type=thermostat
topics=home/{room}
id=room/{room}

[twin-family battery]
type=battery
topics=grid/{region}/{number}
id=battery/{region}/{number}
parent=region/{region}

[twin-family region]
type=battery
id=region/{region}
'''


class T19Behaviour(TwinCase):
    conf = ACTING

    def test_a_thermostat_desires_its_heater_on_and_off(self):
        device = self.client(self.daemon)
        device.subscribe('$twin/delta/room/kitchen')
        self.patch('room/kitchen', {'desired': {'temperature': 21}})
        device.publish('home/kitchen', json.dumps({'temperature': 18.5}))
        wait_for(lambda: any(m and json.loads(m)['desired'].get('heater') == 'on' for m in device.payloads()), 'heater on')
        device.publish('home/kitchen', json.dumps({'temperature': 22, 'heater': 'on'}))
        wait_for(lambda: any(m and json.loads(m)['desired'].get('heater') == 'off' for m in device.payloads()), 'heater off')
        self.assertEqual(self.twin('room/kitchen')['desired'], {'temperature': 21, 'heater': 'off'})

    def test_a_dispatch_over_a_region_is_split_by_charge(self):
        devices = []
        for number, soc in enumerate((75, 25, 90)):
            device = self.client(self.daemon)
            device.subscribe(f'$twin/delta/battery/lake/{number}')
            device.publish(f'grid/lake/{number}', json.dumps({'soc': soc, 'power-kw': 0}))
            devices.append(device)
        answer = self.web.request('POST', path('region/lake', '/inbox/dispatch'), b'{"kw": -380}', {'Content-Type': 'application/json'})
        self.assertEqual(answer.status, 202)
        for device, share in zip(devices, (-150, -50, -180)):
            wait_for(lambda: device.payloads() and device.payloads()[-1], f'the share {share}')
            self.assertAlmostEqual(json.loads(device.payloads()[-1])['desired']['power-kw'], share)


class T19BesideTheDaemon(TwinCase):
    """A behaviour as a program of its own: examples/python/remote-thermostat.py."""
    conf = ACTING.replace('type=thermostat\n', '')

    def test_a_script_desires_the_heater_on_and_off(self):
        self.patch('room/attic', {'desired': {'temperature': 21}})
        self.patch('room/attic', {'reported': {'temperature': 15}})
        program = pathlib.Path(__file__).resolve().parents[2] / 'examples/python/remote-thermostat.py'
        script = subprocess.Popen(['/usr/bin/python3', program, f'http://127.0.0.1:{self.web.port}'])
        self.addCleanup(script.wait)
        self.addCleanup(script.kill)
        wait_for(lambda: self.twin('room/attic')['desired'].get('heater') == 'on', 'heater on, of what was there before')
        device = self.client(self.daemon)
        for value, wanted in ((22, 'off'), (18, 'on')):
            device.publish('home/attic', json.dumps({'temperature': value}))
            wait_for(lambda: self.twin('room/attic')['desired'].get('heater') == wanted, f'heater {wanted}')
        self.assertIsNone(script.poll())


class T17Supervision(TwinCase):
    conf = ACTING

    def test_what_fails_is_tried_with_growing_pauses_then_stopped_and_its_sibling_goes_on(self):
        watcher = self.client(self.daemon)
        failures, letters = Seen(), Seen()

        def on_message(client, data, message):
            if message.topic.startswith('deadletter/'):
                letters.append(message)
            else:
                failures.append((time.monotonic(), json.loads(message.payload)))

        watcher.client.on_message = on_message
        watcher.subscribe('$twin/failed/#', 'deadletter/#')
        device = self.client(self.daemon)
        for number in range(2):
            device.publish(f'grid/lake/{number}', json.dumps({'soc': 50}))
        began = time.monotonic()
        self.web.request('POST', path('battery/lake/0', '/inbox/dispatch', wait='0s'), b'much')
        self.web.request('POST', path('battery/lake/1', '/inbox/dispatch', wait='0s'), b'{"kw": -5}')
        wait_for(lambda: self.twin('battery/lake/1')['desired'], 'its sibling')
        wait_for(lambda: letters and len(failures) == 4, 'the dead letter')
        self.assertEqual([failure['failures'] for _, failure in failures], [1, 2, 3, 4])
        self.assertEqual([failure['stopped'] for _, failure in failures], [False, False, False, True])
        self.assertEqual({failure['id'] for _, failure in failures}, {'battery/lake/0'})
        # the pause before attempt n is at least half of 100 ms doubled n times; a slow machine only makes it longer
        for n, (when, _) in enumerate(failures):
            self.assertGreater(when - began, sum(0.05 * 2 ** i for i in range(n)) - 0.02)
        letter = letters[0]
        self.assertEqual((letter.topic, letter.payload), ('deadletter/twin/battery/lake/0', b'much'))
        self.assertIn(('reason', 'a dispatch is an object with the number kw'), letter.properties.UserProperty)
        self.web.request('POST', path('battery/lake/1', '/inbox/dispatch', wait='0s'), b'{"kw": -7}')
        wait_for(lambda: self.twin('battery/lake/1')['desired']['power-kw'] == -7, 'its sibling')
        self.assertEqual(len(letters), 1)


if __name__ == '__main__':
    unittest.main(verbosity=2)
