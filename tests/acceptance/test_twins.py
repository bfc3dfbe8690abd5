#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES H3 T1 T7 T8 T9 T10 T11 T12 T13 T14 T15 T16 T18: twins over HTTP and MQTT, with a real daemon and stock clients."""
import json
import random
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, PACKET_TYPES, Events, Seen, TooSlow, WebSocket, in_time, properties, wait_for
from twins import GRID, TwinCase, path, telemetry


class TwinEvents(Events):
    """curl -N on /v1/twins/events."""

    def __init__(self, port, **query):
        self.begin(port, '/v1/twins/events?' + '&'.join(f'{name}={urllib.parse.quote(str(value), safe="")}' for name, value in query.items()))

    def data(self):
        return [data for kind, data, _ in self.items if kind == 'message']


class Device:
    """A thing that speaks MQTT 5: says what it is, takes what is desired, answers what it is asked."""

    def __init__(self, case, place, answer=None):
        self.place, self.id = place, 'site/' + place
        self.client = case.client(case.daemon)
        self.answer = answer
        self.heard = Seen()
        self.client.client.on_message = self.on_message
        self.client.subscribe(f'$twin/delta/{self.id}', f'$twin/inbox/{self.id}/#')

    def say(self, **values):
        self.client.publish(f'grid/{self.place}/telemetry', json.dumps(values))

    def on_message(self, client, data, message):
        topic = message.topic.split('/')
        self.heard.append((topic[1], topic[-1], message))
        reply_to = getattr(message.properties, 'ResponseTopic', None)
        if reply_to and self.answer is not None:
            result = self.answer(topic[-1], message.payload)
            if result is not None:
                client.publish(reply_to, result, 1, properties=properties(PACKET_TYPES.PUBLISH, CorrelationData=message.properties.CorrelationData))

    def deltas(self):
        return [json.loads(m.payload)['desired'] if m.payload else {} for kind, _, m in self.heard if kind == 'delta']


class T1VirtualTwin(TwinCase):
    def test_a_first_message_makes_the_twin_and_those_above_it(self):
        self.assertIsNone(self.twin('site/north/f1/s1'))
        Device(self, 'north/f1/s1').say(power=2.5, soc=0.5)
        twin = self.twin('site/north/f1/s1')
        self.assertEqual((twin['id'], twin['parent'], twin['state']), ('site/north/f1/s1', 'feeder/north/f1', 'online'))
        self.assertEqual({key: entry['value'] for key, entry in twin['reported'].items()}, {'power-kw': 2.5, 'soc': 0.5})
        self.assertEqual(self.twin('feeder/north/f1')['parent'], 'region/north')
        self.assertEqual(self.twin('region/north')['parent'], 'fleet')
        self.assertIsNone(self.twin('fleet')['parent'])

    def test_slashes_are_raw_or_escaped(self):
        Device(self, 'north/f1/s1').say(power=1)
        for text in ('site/north/f1/s1', 'site%2Fnorth%2Ff1%2Fs1', 'site%2fnorth/f1%2Fs1'):
            answer = self.web.get('/v1/twins/' + text)
            self.assertEqual((answer.status, answer.json()['id']), (200, 'site/north/f1/s1'))

    def test_what_is_not_there_is_404_and_a_problem(self):
        for rest in ('', '/children', '/aggregate', '/history?key=x'):
            answer = self.web.get('/v1/twins/none' + rest)
            self.assertEqual((answer.status, answer.headers['Content-Type'], answer.json()['status']), (404, 'application/problem+json', 404))
        self.assertEqual(self.web.request('DELETE', '/v1/twins/none').status, 404)
        self.assertEqual(self.web.request('POST', '/v1/twins/none/inbox/x', b'').status, 404)

    def test_methods_that_make_no_sense_are_405(self):
        Device(self, 'a/b/c').say(power=1)
        for method, rest in (('PUT', ''), ('POST', ''), ('GET', '/inbox/x'), ('PATCH', '/children'), ('DELETE', '/history')):
            answer = self.web.request(method, path('site/a/b/c', rest), b'{}')
            self.assertEqual(answer.status, 405, (method, rest))
            self.assertTrue(answer.headers['Allow'])


class T7ReportedAndDesired(TwinCase):
    def test_the_device_gets_the_delta_only_and_it_becomes_empty(self):
        device = Device(self, 'n/f/s')
        device.say(power=1, soc=0.5)
        self.assertEqual(self.patch('site/n/f/s', {'desired': {'limit-kw': 5, 'mode': 'eco'}}).status, 200)
        wait_for(lambda: device.deltas()[-1:] == [{'limit-kw': 5, 'mode': 'eco'}], 'the delta')
        self.assertEqual(self.patch('site/n/f/s', {'reported': {'mode': 'eco'}}).status, 200)
        wait_for(lambda: device.deltas()[-1:] == [{'limit-kw': 5}], 'what is left of it')
        self.assertEqual(self.patch('site/n/f/s', {'reported': {'limit-kw': 5}}).status, 200)
        wait_for(lambda: device.deltas()[-1:] == [{}], 'the empty one')
        twin = self.twin('site/n/f/s')
        self.assertEqual(twin['desired'], {'limit-kw': 5, 'mode': 'eco'})

    def test_a_device_that_was_away_finds_the_delta(self):
        device = Device(self, 'n/f/s')
        device.say(power=1)
        device.client.close()
        self.assertEqual(self.patch('site/n/f/s', {'desired': {'limit-kw': 7}}).status, 200)
        device = Device(self, 'n/f/s')
        wait_for(lambda: device.deltas()[-1:] == [{'limit-kw': 7}], 'the delta')

    def test_null_takes_away_and_the_rest_stays(self):
        device = Device(self, 'n/f/s')
        device.say(power=1)
        self.patch('site/n/f/s', {'desired': {'a': 1, 'b': {'c': 2, 'd': 3}}, 'attributes': {'city': 'Bern', 'floor': 3}})
        self.patch('site/n/f/s', {'desired': {'a': None, 'b': {'c': None, 'e': 4}}, 'attributes': {'floor': None}})
        twin = self.twin('site/n/f/s')
        self.assertEqual(twin['desired'], {'b': {'d': 3, 'e': 4}})
        self.assertEqual(twin['attributes'], {'city': 'Bern'})


class T7Features(TwinCase):
    def setUp(self):
        super().setUp()
        self.device = Device(self, 'n/f/s')
        self.device.say(power=1)
        self.assertEqual(self.patch('site/n/f/s', {'features': {'gps': {'properties': {'lat': 46.9, 'lon': 7.4}, 'desiredProperties': {'interval': 5}},
                                                                'lamp': {'desiredProperties': {'on': True}}}}).status, 200)

    def test_what_is_written_is_read_and_the_device_gets_the_delta(self):
        twin = self.twin('site/n/f/s')
        self.assertEqual(twin['features'], {'gps': {'properties': {'lat': 46.9, 'lon': 7.4}, 'desiredProperties': {'interval': 5}}, 'lamp': {'desiredProperties': {'on': True}}})
        self.assertEqual((twin['reported']['gps']['value'], twin['desired']['lamp']), ({'lat': 46.9, 'lon': 7.4}, {'on': True}))
        self.assertGreater(twin['reported']['gps']['revision'], 0)
        wait_for(lambda: self.device.deltas()[-1:] == [{'gps': {'interval': 5}, 'lamp': {'on': True}}], 'the delta')
        self.assertNotIn('features', self.twin('feeder/n/f'))

    def test_a_patch_merges_and_null_takes_away(self):
        events = TwinEvents(self.web.port, id='site/#')
        self.addCleanup(events.close)
        self.assertEqual(self.patch('site/n/f/s', {'desired': {'other': 1}, 'features': {'gps': {'properties': {'lon': None, 'alt': 500}, 'desiredProperties': None}, 'lamp': None}}).status, 200)
        twin = self.twin('site/n/f/s')
        self.assertEqual((twin['features'], twin['desired']), ({'gps': {'properties': {'lat': 46.9, 'alt': 500}}}, {'other': 1}))
        events.wait(1)
        self.assertEqual(events.data()[0]['reported']['gps'], {'lat': 46.9, 'alt': 500})
        self.assertEqual(self.patch('site/n/f/s', {'features': {'gps': None}}).status, 200)
        self.assertNotIn('features', self.twin('site/n/f/s'))

    def test_they_are_found_sorted_and_projected(self):
        self.assertEqual(self.ids(filter='gt(features/gps/properties/lat,40)'), ['site/n/f/s'])
        self.assertEqual(self.ids(filter='lt(features/gps/properties/lat,40)'), [])
        self.assertEqual(self.ids(filter='eq(features/lamp/desiredProperties/on,true)', sort='-features/gps/properties/lat'), ['site/n/f/s'])
        self.assertEqual(self.twin('site/n/f/s', fields='features/gps/properties/lat'), {'id': 'site/n/f/s', 'features': {'gps': {'properties': {'lat': 46.9}}}})

    def test_what_is_none_is_refused_whole(self):
        before = self.twin('site/n/f/s')
        for features in (None, [], {'gps': 1}, {'gps': {'lat': 1}}, {'gps': {'properties': [1]}}, {'': {'properties': {}}}):
            answer = self.patch('site/n/f/s', {'desired': {'x': 1}, 'features': features})
            self.assertEqual(answer.status, 400, (features, answer.body))
        self.assertEqual(self.patch('site/n/f/s', {'desired': None, 'features': {'gps': {'properties': {'lat': 1}}}}).status, 400)
        self.assertEqual(self.twin('site/n/f/s'), before)

    def test_they_survive_a_restart(self):
        before = self.twin('site/n/f/s')['features']
        self.daemon.stop()
        self.daemon = self.open(GRID)
        self.web = self.daemon.web
        self.assertEqual(self.twin('site/n/f/s')['features'], before)


class T8LiveChannel(TwinCase):
    def test_a_device_that_answers_is_live(self):
        device = Device(self, 'n/f/s', lambda subject, payload: json.dumps({'power-kw': 9}) if subject == 'read' else None)
        device.say(power=1)
        twin = self.twin('site/n/f/s', channel='live', timeout='30s')
        self.assertEqual((twin['live'], twin['reported']['power-kw']['value']), (True, 9))
        self.assertLess(twin['age'], DEADLINE_S)
        self.assertEqual(self.value('site/n/f/s', 'power-kw'), 9)

    def test_fields_choose_and_how_it_was_read_is_said_all_the_same(self):
        Device(self, 'n/f/s').say(power=1, soc=0.5)
        twin = self.twin('site/n/f/s', channel='live', timeout='1ms', fields='reported/soc/value')
        self.assertEqual({**twin, 'age': 0}, {'id': 'site/n/f/s', 'reported': {'soc': {'value': 0.5}}, 'channel': 'twin', 'live': False, 'age': 0})

    def test_a_device_that_does_not_is_read_from_what_is_stored_with_its_age(self):
        Device(self, 'n/f/s').say(power=1)
        began = time.monotonic()
        twin = self.twin('site/n/f/s', channel='live', timeout='500ms')
        self.assertGreaterEqual(time.monotonic() - began, 0.5)
        self.assertEqual((twin['live'], twin['reported']['power-kw']['value']), (False, 1))
        self.assertGreaterEqual(twin['age'], 0.4)


class T9Metadata(TwinCase):
    def test_each_property_says_when_and_by_whom(self):
        device = Device(self, 'n/f/s')
        device.client.publish('grid/n/f/s/telemetry', '{"power": 1}', UserProperty=[('time', '2026-01-02T03:04:05.678Z')])
        self.patch('site/n/f/s', {'reported': {'mode': 'eco'}})
        reported = self.twin('site/n/f/s')['reported']
        self.assertEqual(reported['power-kw']['time'][:23], '2026-01-02T03:04:05.678')
        self.assertIn('mqtt', reported['power-kw']['source'])
        self.assertTrue(reported['mode']['source'])
        self.assertNotEqual(reported['mode']['source'], reported['power-kw']['source'])
        self.assertGreater(reported['mode']['revision'], reported['power-kw']['revision'])

    def test_what_is_older_does_not_overwrite(self):
        device = Device(self, 'n/f/s')
        for value, at in ((1, '05'), (2, '07'), (3, '06')):
            device.client.publish('grid/n/f/s/telemetry', json.dumps({'power': value}), UserProperty=[('time', f'2026-01-02T03:04:{at}Z')])
        self.assertEqual(self.value('site/n/f/s', 'power-kw'), 2)


class T10History(TwinCase):
    def test_values_at_a_time_are_those_of_then(self):
        device = Device(self, 'n/f/s')
        for second in range(60):
            device.client.publish('grid/n/f/s/telemetry', json.dumps({'power': second * 10}), UserProperty=[('time', f'2026-01-02T03:04:{second:02}Z')])
        for second in random.Random(1).sample(range(60), 20):
            for part, expected in (('', second), ('.9', second)):
                answer = self.web.get(path('site/n/f/s', '/history', at=f'2026-01-02T03:04:{second:02}{part}Z')).json()
                self.assertEqual(answer['reported']['power-kw']['value'], expected * 10)
        self.assertEqual(self.web.get(path('site/n/f/s', '/history', at='2025-01-01T00:00:00Z')).json()['reported'], {})

    def test_a_range_is_that_slice_as_json_and_as_a_stream(self):
        device = Device(self, 'n/f/s')
        for second in range(20):
            device.client.publish('grid/n/f/s/telemetry', json.dumps({'power': second}), UserProperty=[('time', f'2026-01-02T03:04:{second:02}Z')])
        query = {'key': 'power-kw', 'from': '2026-01-02T03:04:05Z', 'to': '2026-01-02T03:04:10Z'}
        items = self.web.get(path('site/n/f/s', '/history', **query)).json()['items']
        self.assertEqual([item['value'] for item in items], [5, 6, 7, 8, 9])
        stream = self.web.request('GET', path('site/n/f/s', '/history', **query), headers={'Accept': 'text/event-stream'})
        self.assertEqual(stream.headers['Content-Type'], 'text/event-stream')
        events = [json.loads(line[6:]) for line in stream.body.decode().splitlines() if line.startswith('data: ')]
        self.assertEqual([event['value'] for event in events], [5, 6, 7, 8, 9])
        self.assertEqual({(event['id'], event['key']) for event in events}, {('site/n/f/s', 'power-kw')})
        everything = self.web.get(path('site/n/f/s', '/history')).json()['history']
        self.assertEqual(len(everything['power-kw']), 20)


def brute_force(sites):
    """What an aggregate must be, of {id: (state, {key: value})}."""
    result = {}
    for key in ('power-kw', 'soc'):
        values = [v[key] for state, v in sites if state != 'offline' and key in v]
        result[key] = {'sum': sum(values), 'mean': sum(values) / len(values), 'min': min(values), 'max': max(values)} if values else None
    result['online'] = sum(state == 'online' for state, _ in sites)
    return result


class T11Aggregation(TwinCase):
    def check(self, node, sites):
        """Waits until the node says what brute force says."""
        expected = brute_force(sites)

        def holds():
            found = self.aggregate(node)
            if found is None or found.get('count', {}).get('online', 0) != expected['online']:
                return False
            for key, functions in (('power-kw', ('sum', 'mean', 'min', 'max')), ('soc', ('mean', 'min', 'max'))):
                for function in functions:
                    value = found.get(key, {}).get(function)
                    if expected[key] is None:
                        if value not in (None, 0):
                            return False
                    elif value is None or abs(value - expected[key][function]) > 1e-6 * max(1, abs(expected[key][function])):
                        return False
            return True
        wait_for(holds, f'{node}: {self.aggregate(node)} is not {expected}')

    def test_every_node_equals_brute_force_under_seeded_churn(self):
        chance = random.Random(42)
        client = self.client(self.daemon)
        places = [(f'r{r}', f'f{f}', f's{s}') for r in range(4) for f in range(5) for s in range(20)]
        sites = {}
        parents = {place: f'feeder/{place[0]}/{place[1]}' for place in places}
        regions = {f'feeder/r{r}/f{f}': f'region/r{r}' for r in range(4) for f in range(5)}
        for _ in range(4):
            for _ in range(600):
                place = chance.choice(places)
                values = {'power-kw': round(chance.uniform(-50, 50), 3), 'soc': round(chance.random(), 3)}
                client.publish('grid/' + '/'.join(place) + '/telemetry', json.dumps({'power': values['power-kw'], 'soc': values['soc']}), qos=0)
                sites[place] = ('online', values)
            for place in chance.sample(sorted(sites), 15):
                client.publish('grid/' + '/'.join(place) + '/link', 'offline', qos=0)
                sites[place] = ('offline', sites[place][1])
            client.publish('grid/fence', '', qos=1)
            for place in chance.sample(sorted(sites), 5):
                parent = chance.choice(sorted(regions))
                self.assertEqual(self.patch('site/' + '/'.join(place), {'parent': parent}).status, 200)
                parents[place] = parent
            for feeder in chance.sample(sorted(regions), 4):
                self.check(feeder, [sites[p] for p in sites if parents[p] == feeder])
            for region in sorted(set(regions.values())):
                self.check(region, [sites[p] for p in sites if regions[parents[p]] == region])
            self.check('fleet', list(sites.values()))

    def test_a_site_that_moves_takes_its_numbers_along(self):
        device = Device(self, 'a/f/s1')
        device.say(power=5, soc=0.5)
        Device(self, 'b/f/s2').say(power=7, soc=0.7)
        self.check('region/a', [('online', {'power-kw': 5, 'soc': 0.5})])
        self.patch('site/a/f/s1', {'parent': 'feeder/b/f'})
        self.check('region/b', [('online', {'power-kw': 5, 'soc': 0.5}), ('online', {'power-kw': 7, 'soc': 0.7})])
        self.check('region/a', [])
        self.assertEqual(self.ids(parent='feeder/b/f'), ['site/a/f/s1', 'site/b/f/s2'])
        self.assertEqual([i['id'] for i in self.web.get(path('feeder/b/f', '/children')).json()['items']], ['site/a/f/s1', 'site/b/f/s2'])

    def test_circles_are_refused_and_nothing_moved(self):
        Device(self, 'a/f/s1').say(power=5)
        answer = self.patch('region/a', {'parent': 'feeder/a/f'})
        self.assertIn(answer.status, (400, 409))
        self.assertEqual(answer.headers['Content-Type'], 'application/problem+json')
        self.assertEqual(self.twin('region/a')['parent'], 'fleet')
        self.assertIn(self.patch('fleet', {'parent': 'fleet'}).status, (400, 409))

    def test_what_is_no_number_never_reaches_an_aggregate(self):
        device = Device(self, 'a/f/s1')
        device.say(power=5, soc=0.5)
        for text in ('{"power": NaN}', '{"power": 1e999}', 'nonsense', '{"power": -1e999, "soc": Infinity}'):
            device.client.publish('grid/a/f/s1/telemetry', text)
        self.check('fleet', [('online', {'power-kw': 5, 'soc': 0.5})])


class T12GroupQuery(TwinCase):
    def test_all_four_outcomes_at_the_deadline(self):
        in_time(self, self.ask_all, 1, 5, 20)

    def ask_all(self, timeout_s):
        with_value = [Device(self, f'r/f/v{i}', lambda *_: '{"power-kw": 3}') for i in range(3)]
        empty = [Device(self, f'r/f/e{i}', lambda *_: '{}') for i in range(2)]
        slow = [Device(self, f'r/f/t{i}') for i in range(2)]
        gone = [Device(self, f'r/f/g{i}') for i in range(2)]
        for device in with_value + empty + slow + gone:
            device.say(power=1)
        for device in gone:
            device.client.publish(f'grid/{device.place}/link', 'offline')
        began = time.monotonic()
        answer = self.web.get(path('feeder/r/f', '/children', channel='live', timeout=f'{timeout_s}s')).json()
        took = time.monotonic() - began
        if answer['outcomes'].get('timed-out', 0) > 2:
            raise TooSlow(answer)
        self.assertEqual({item['id'][-2:]: item['outcome'] for item in answer['items']},
                         {'v0': 'value', 'v1': 'value', 'v2': 'value', 'e0': 'none-yet', 'e1': 'none-yet', 't0': 'timed-out', 't1': 'timed-out',
                          'g0': 'not-available', 'g1': 'not-available'})
        self.assertEqual([item['value'] for item in answer['items'] if item['outcome'] == 'value'], [{'power-kw': 3}] * 3)
        self.assertEqual(answer['outcomes'], {'value': 3, 'none-yet': 2, 'timed-out': 2, 'not-available': 2})
        self.assertGreaterEqual(took, timeout_s)

    def test_nobody_waits_when_all_have_answered(self):
        devices = [Device(self, f'r/f/v{i}', lambda *_: '1') for i in range(3)]
        for device in devices:
            device.say(power=1)
        began = time.monotonic()
        answer = self.web.get(path('feeder/r/f', '/children', channel='live', timeout='50s')).json()
        self.assertEqual(answer['outcomes']['value'], 3)
        self.assertLess(time.monotonic() - began, 45)


class T13Connectivity(TwinCase):
    conf = GRID.replace('stale-after=20s', 'stale-after=300ms').replace('offline-after=40s', 'offline-after=900ms')

    def test_silence_is_stale_then_offline_and_speech_brings_it_back_each_with_an_event(self):
        in_time(self, self.be_silent, *[None] * 5)

    def be_silent(self, _):
        events = TwinEvents(self.web.port, changes='state', id='site/#')
        self.addCleanup(events.close)
        device = Device(self, 'n/f/s')
        device.say(power=1)
        wait_for(lambda: [e['state'] for e in events.data()][-1:] == ['offline'], 'the silence')
        if [e['state'] for e in events.data()] == ['online', 'offline']:
            raise TooSlow   # when the daemon looked again, both times were over
        self.assertEqual([e['state'] for e in events.data()], ['online', 'stale', 'offline'])
        self.assertEqual(self.twin('site/n/f/s')['state'], 'offline')
        wait_for(lambda: self.aggregate('fleet')['count']['offline'] == 1, 'the count')
        device.say(power=2)
        wait_for(lambda: 'online' in [e['state'] for e in events.data()][3:], 'the return')

    def test_a_lost_link_is_offline_at_once(self):
        patient = GRID.replace('stale-after=20s', 'stale-after=20min').replace('offline-after=40s', 'offline-after=40min')
        daemon = self.open(patient, STATE_DIR=str(self.scratch / 'other'))
        self.daemon, self.web = daemon, daemon.web
        device = Device(self, 'n/f/s')
        device.say(power=1)
        self.assertEqual(self.twin('site/n/f/s')['state'], 'online')
        device.client.client._sock_close()   # no DISCONNECT: the cable
        wait_for(lambda: self.twin('site/n/f/s')['state'] == 'offline', 'the lost link')


class T14Search(TwinCase):
    def setUp(self):
        super().setUp()
        client = self.client(self.daemon)
        for i in range(40):
            client.publish(*telemetry('r', f'f{i % 4}', f's{i:02}', power=i - 20, soc=i / 40), qos=0)
        client.publish('grid/fence', '')
        for i in range(0, 40, 5):
            self.patch(f'site/r/f{i % 4}/s{i:02}', {'attributes': {'city': 'Bern' if i % 2 else 'Basel', 'floor': i}})

    def expect(self, filter, wanted):
        found = {int(id[-2:]) for id in self.ids(filter=filter) if id.startswith('site/')}
        self.assertEqual(found, set(wanted), filter)

    def test_every_operator(self):
        every = range(40)
        self.expect('eq(reported/power-kw,3)', [23])
        self.expect('ne(reported/power-kw,3)', [i for i in every if i != 23])
        self.expect('gt(reported/power-kw,10)', [i for i in every if i - 20 > 10])
        self.expect('and(ge(reported/power-kw,10),lt(reported/soc,0.9))', [i for i in every if i - 20 >= 10 and i / 40 < 0.9])
        self.expect('eq(attributes/city,"Bern")', [i for i in range(0, 40, 5) if i % 2])
        self.expect('in(attributes/city,"Bern","Genf")', [i for i in range(0, 40, 5) if i % 2])
        self.expect('like(attributes/city,"B*l")', [i for i in range(0, 40, 5) if i % 2 == 0])
        self.expect('and(exists(attributes/city),not(gt(attributes/floor,10)))', [0, 5, 10])
        self.expect('or(lt(reported/power-kw,-18),gt(reported/power-kw,18))', [0, 1, 39])
        self.expect('like(id,"site/r/f1/*")', [i for i in every if i % 4 == 1])
        self.expect('and(eq(state,"offline"),like(id,"site/*"))', [])

    def test_sort_cursor_and_count(self):
        filter = 'and(like(id,"site/*"),gt(reported/power-kw,0))'
        found = self.list(filter=filter, sort='-reported/power-kw', limit=7)
        self.assertEqual([item['reported']['power-kw']['value'] for item in found], list(range(19, 0, -1)))
        self.assertEqual(self.list(filter=filter, sort='reported/power-kw', limit=7)[0]['reported']['power-kw']['value'], 1)
        answer = self.web.get('/v1/twins?count=1&limit=2&filter=' + urllib.parse.quote(filter)).json()
        self.assertEqual((answer['count'], len(answer['items']), answer['next'] is not None), (19, 2, True))

    def test_what_was_written_is_found(self):
        for i in range(5):
            self.patch('site/r/f0/s00', {'attributes': {'mark': i}})
            self.assertEqual(self.ids(filter=f'eq(attributes/mark,{i})'), ['site/r/f0/s00'])

    def test_a_bad_expression_is_400_and_says_why(self):
        for text in ('gt(reported/power-kw', '(((', 'a b c'):
            answer = self.web.get('/v1/twins?filter=' + urllib.parse.quote(text))
            self.assertEqual((answer.status, answer.headers['Content-Type']), (400, 'application/problem+json'))
            self.assertTrue(answer.json()['detail'])

    def test_fields_are_all_there_is(self):
        item = self.list(filter='eq(id,"site/r/f0/s00")', fields='state,reported/soc/value')[0]
        self.assertEqual(item, {'id': 'site/r/f0/s00', 'state': 'online', 'reported': {'soc': {'value': 0}}})


class T15Events(TwinCase):
    def test_one_patch_is_one_event_on_each_channel(self):
        Device(self, 'n/f/s').say(power=1)
        self.wait_for_twin('site/n/f/s')
        sse = TwinEvents(self.web.port, id='site/#', changes='attributes')
        self.addCleanup(sse.close)
        socket = WebSocket(self.web.port, '/v1/twins/events?id=site/%23&changes=attributes')
        self.addCleanup(socket.close)
        bus = self.events(self.daemon, '$twin/changed/#')
        self.assertEqual((sse.status, socket.status, bus.status), (200, 101, 200))
        for i in range(3):
            self.assertEqual(self.patch('site/n/f/s', {'attributes': {'n': i}}).status, 200)
            self.assertEqual(socket.read()['attributes']['n'], i)
        wait_for(lambda: len(sse.data()) >= 3 and len(bus.data()) >= 3, 'the events')
        self.assertEqual([e['attributes']['n'] for e in sse.data()], [0, 1, 2])
        self.assertEqual([e['attributes']['n'] for e in bus.data()], [0, 1, 2])

    def test_fields_and_filter_are_honoured(self):
        Device(self, 'n/f/s').say(power=1)
        Device(self, 'n/f/t').say(power=1)
        sse = TwinEvents(self.web.port, filter='eq(id,"site/n/f/t")', fields='attributes/b', changes='attributes')
        self.addCleanup(sse.close)
        self.patch('site/n/f/s', {'attributes': {'a': 1, 'b': 1}})
        self.patch('site/n/f/t', {'attributes': {'a': 2, 'b': 2}})
        wait_for(lambda: sse.data(), 'the event')
        self.assertEqual(sse.data(), [{'id': 'site/n/f/t', 'attributes': {'b': 2}}])

    def test_a_patch_that_changes_nothing_is_no_event(self):
        Device(self, 'n/f/s').say(power=1)
        self.patch('site/n/f/s', {'attributes': {'a': 1}})
        sse = TwinEvents(self.web.port, id='site/#', changes='attributes')
        self.addCleanup(sse.close)
        for value in (1, 1, 2):
            self.patch('site/n/f/s', {'attributes': {'a': value}})
        wait_for(lambda: sse.data(), 'the event')
        self.assertEqual([e['attributes']['a'] for e in sse.data()], [2])

    def test_with_an_interval_each_twin_comes_as_it_is_and_those_that_are_there_first(self):
        device = Device(self, 'n/f/s')
        device.say(power=1)
        sse = TwinEvents(self.web.port, interval='1s', snapshot=1, fields='state,reported/power-kw/value,aggregate')
        self.addCleanup(sse.close)
        wait_for(lambda: {e['id'] for e in sse.data()} >= {'fleet', 'region/n', 'feeder/n/f', 'site/n/f/s'}, 'all that is there')
        for i in range(200):
            device.client.publish('grid/n/f/s/telemetry', json.dumps({'power': i}), qos=0)
        wait_for(lambda: {'id': 'site/n/f/s', 'state': 'online', 'reported': {'power-kw': {'value': 199}}} in sse.data(), 'the last value')
        wait_for(lambda: any(e['id'] == 'fleet' and e.get('aggregate', {}).get('power-kw', {}).get('sum') == 199 for e in sse.data()), 'the sum')
        self.assertLess(len([e for e in sse.data() if e['id'] == 'site/n/f/s']), 150)

    def test_a_leaf_is_seen_in_the_root_over_sse(self):
        device = Device(self, 'n/f/s')
        device.say(power=0)
        sse = TwinEvents(self.web.port, id='fleet', changes='aggregate')
        self.addCleanup(sse.close)
        for i in range(1, 4):
            device.say(power=i * 100)
            wait_for(lambda: any(e['aggregate'].get('power-kw', {}).get('sum') == i * 100 for e in sse.data()), f'{i}: {sse.data()[-1:]}')

    def test_bad_options_are_400(self):
        for query in ('changes=nonsense', 'interval=1us', 'fields=', 'id=a/%23/b', 'filter=((('):
            self.assertEqual(self.web.get('/v1/twins/events?' + query).status, 400, query)


class T16ConditionalWrites(TwinCase):
    def setUp(self):
        super().setUp()
        Device(self, 'n/f/s').say(power=1, soc=0.4)
        self.id = 'site/n/f/s'
        self.patch(self.id, {'attributes': {'a': 1}})

    def test_if_match_holds_or_is_412_with_the_revision(self):
        tag = self.web.get(path(self.id)).headers['ETag']
        self.assertEqual(tag, f'"{self.twin(self.id)["revision"]}"')
        first = self.patch(self.id, {'attributes': {'a': 2}}, If_Match=tag)
        self.assertEqual(first.status, 200)
        self.assertNotEqual(first.headers['ETag'], tag)
        second = self.patch(self.id, {'attributes': {'a': 3}}, If_Match=tag)
        self.assertEqual((second.status, second.headers['Content-Type']), (412, 'application/problem+json'))
        self.assertEqual(second.json()['reason'], 'conflict')
        self.assertEqual(second.headers['ETag'], first.headers['ETag'])
        self.assertEqual(f'"{second.json()["revision"]}"', first.headers['ETag'])
        self.assertEqual(self.twin(self.id)['attributes'], {'a': 2})
        self.assertEqual(self.web.request('DELETE', path(self.id), headers={'If-Match': tag}).status, 412)
        self.assertEqual(self.web.request('DELETE', path(self.id), headers={'If-Match': first.headers['ETag']}).status, 204)
        self.assertIsNone(self.twin(self.id))

    def test_a_condition_holds_or_is_412(self):
        def patch(condition, body):
            return self.web.request('PATCH', path(self.id, condition=condition), json.dumps(body), {'Content-Type': 'application/merge-patch+json'})
        self.assertEqual(patch('lt(reported/soc,0.5)', {'attributes': {'low': True}}).status, 200)
        refused = patch('gt(reported/soc,0.5)', {'attributes': {'low': False}})
        self.assertEqual((refused.status, refused.json()['revision']), (412, self.twin(self.id)['revision']))
        self.assertEqual(self.twin(self.id)['attributes'], {'a': 1, 'low': True})
        self.assertEqual(patch('((', {}).status, 400)

    def test_only_if_it_is_not_there_yet(self):
        self.assertEqual(self.patch('thing/1', {'attributes': {'a': 1}}, If_None_Match='*').status, 201)
        self.assertEqual(self.patch('thing/1', {'attributes': {'a': 2}}, If_None_Match='*').status, 412)
        self.assertEqual(self.patch('thing/2', {'attributes': {'a': 2}}, If_Match='*').status, 412)

    def test_not_modified(self):
        tag = self.web.get(path(self.id)).headers['ETag']
        self.assertEqual(self.web.get(path(self.id), **{'If-None-Match': tag}).status, 304)

    def test_bodies_that_are_no_patch_are_refused(self):
        for body, status in ((b'', 400), (b'[]', 400), (b'{"reported": 1}', 400), (b'{"nothing": {}}', 400), (b'{', 400)):
            answer = self.web.request('PATCH', path(self.id), body, {'Content-Type': 'application/merge-patch+json'})
            self.assertEqual(answer.status, status, body)
        done = subprocess.run(['curl', '-sS', '-X', 'PATCH', '-d', '{"attributes":{"said":"by curl -d"}}', f'http://127.0.0.1:{self.web.port}{path(self.id)}'], capture_output=True)
        self.assertEqual(json.loads(done.stdout)['attributes']['said'], 'by curl -d', done)
        self.assertEqual(self.web.request('PATCH', path(self.id), b'<a/>', {'Content-Type': 'text/xml'}).status, 415)

    def test_vectors_of_rfc_7396(self):
        # appendix A, those whose target is an object, below one attribute
        vectors = [({'a': 'b'}, {'a': 'c'}, {'a': 'c'}), ({'a': 'b'}, {'b': 'c'}, {'a': 'b', 'b': 'c'}), ({'a': 'b'}, {'a': None}, {}),
                   ({'a': 'b', 'b': 'c'}, {'a': None}, {'b': 'c'}), ({'a': ['b']}, {'a': 'c'}, {'a': 'c'}), ({'a': 'c'}, {'a': ['b']}, {'a': ['b']}),
                   ({'a': {'b': 'c'}}, {'a': {'b': 'd', 'c': None}}, {'a': {'b': 'd'}}), ({'a': [{'b': 'c'}]}, {'a': [1]}, {'a': [1]}),
                   ({'e': None}, {'a': 1}, {'a': 1}), ({}, {'a': {'bb': {'ccc': None}}}, {'a': {'bb': {}}})]
        for i, (target, patch, result) in enumerate(vectors):
            self.patch(f'vector/{i}', {'attributes': {'x': target}})
            self.patch(f'vector/{i}', {'attributes': {'x': patch}})
            self.assertEqual(self.twin(f'vector/{i}')['attributes'].get('x', {}), result, (target, patch))


class T18Inbox(TwinCase):
    def test_the_answer_of_the_device_is_the_answer_and_correlation_is_kept(self):
        seen = []
        device = Device(self, 'n/f/s', lambda subject, payload: (seen.append((subject, payload)), b'done ' + payload)[1])
        device.say(power=1)
        answer = self.web.request('POST', path('site/n/f/s', '/inbox/valve', wait='30s'), b'open', {'ce-correlationid': 'order-7', 'Content-Type': 'text/plain'})
        self.assertEqual((answer.status, answer.body), (200, b'done open'))
        self.assertEqual(answer.headers['ce-correlationid'], 'order-7')
        self.assertEqual(seen, [('valve', b'open')])
        message = device.heard[-1][2]
        self.assertEqual((message.properties.ContentType, message.properties.CorrelationData), ('text/plain', b'order-7'))

    def test_no_answer_is_504_and_no_device_503(self):
        device = Device(self, 'n/f/s')
        device.say(power=1)
        self.assertEqual(self.web.request('POST', path('site/n/f/s', '/inbox/x', wait='300ms'), b'').status, 504)
        device.client.publish('grid/n/f/s/link', 'offline')
        answer = self.web.request('POST', path('site/n/f/s', '/inbox/x', wait='10s'), b'')
        self.assertEqual((answer.status, answer.headers['Content-Type']), (503, 'application/problem+json'))

    def test_without_waiting_it_is_accepted(self):
        device = Device(self, 'n/f/s')
        device.say(power=1)
        answer = self.web.request('POST', path('site/n/f/s', '/inbox/x', wait='0s'), b'hello')
        self.assertEqual((answer.status, answer.json()), (202, {'sent': 1}))
        wait_for(lambda: device.heard, 'the message')

    def test_a_message_to_a_node_reaches_all_below_it(self):
        devices = [Device(self, f'{region}/f{i}/s') for region in 'ab' for i in range(2)]
        for device in devices:
            device.say(power=1)
        answer = self.web.request('POST', path('region/a', '/inbox/dispatch'), b'{"power-kw": 1}')
        self.assertEqual((answer.status, answer.json()), (202, {'sent': 2}))
        answer = self.web.request('POST', path('fleet', '/inbox/stop'), b'')
        self.assertEqual(answer.json(), {'sent': 4})
        wait_for(lambda: all('stop' in [subject for _, subject, _ in device.heard] for device in devices), 'the message')
        self.assertEqual([[subject for _, subject, _ in device.heard] for device in devices], [['dispatch', 'stop']] * 2 + [['stop']] * 2)

    def test_what_expires_waits_for_a_device_that_comes_back(self):
        device = Device(self, 'n/f/s')
        device.say(power=1)
        device.client.publish('grid/n/f/s/link', 'offline')
        self.assertEqual(self.web.request('POST', path('site/n/f/s', '/inbox/x', wait='0s', expiry='100s'), b'later').status, 202)
        self.assertEqual(device.heard, [])
        device.say(power=2)
        wait_for(lambda: [m.payload for _, _, m in device.heard] == [b'later'], 'what waited')


class H3TimeUntilDisconnect(TwinCase):
    def test_a_post_is_answered_with_the_command_that_comes_meanwhile(self):
        answers = []
        poster = threading.Thread(target=lambda: answers.append(self.web.publish('grid/n/f/s/telemetry', b'{"power": 1}', '?ttd=50s')))
        poster.start()
        self.wait_for_twin('site/n/f/s')
        self.assertEqual(self.web.request('POST', path('site/n/f/s', '/inbox/valve', wait='0s'), b'open', {'Content-Type': 'text/plain'}).json(), {'sent': 1})
        poster.join(DEADLINE_S)
        self.assertEqual((answers[0].status, answers[0].body, answers[0].headers['Hawser-Subject']), (200, b'open', 'valve'))
        self.assertEqual(answers[0].headers['Content-Type'], 'text/plain')

    def test_without_a_command_it_is_202_at_the_end_of_that_time(self):
        began = time.monotonic()
        answer = self.web.publish('grid/n/f/s/telemetry', b'{"power": 1}', '?ttd=1s')
        self.assertEqual((answer.status, answer.body), (202, b''))
        self.assertGreaterEqual(time.monotonic() - began, 1.0)
        self.assertEqual(self.value('site/n/f/s', 'power-kw'), 1)
        self.assertEqual(self.web.publish('grid/n/f/s/telemetry', b'{"power": 2}', hono_ttd='1').status, 202)

    def test_any_topic_can_be_listened_to_and_the_answer_can_be_answered(self):
        answers = []
        poster = threading.Thread(target=lambda: answers.append(self.web.publish('meter/7', b'1', '?ttd=50s&command=meter/7/command/%23')))
        poster.start()
        client = self.client(self.daemon)
        client.subscribe('reply/me')
        wait_for(lambda: 'meter/7/command/#' in self.web.filters(), 'the device')
        client.publish('meter/7/command/read', b'?', ResponseTopic='reply/me', CorrelationData=b'42')
        poster.join(DEADLINE_S)
        self.assertEqual((answers[0].status, answers[0].body, answers[0].headers['ce-replyto'], answers[0].headers['ce-correlationid']), (200, b'?', 'reply/me', '42'))
        self.assertEqual(self.web.publish(answers[0].headers['ce-replyto'], b'5 kWh', ce_correlationid='42').status, 202)
        self.assertEqual(client.wait(1), ['5 kWh'])

    def test_a_topic_that_feeds_no_twin_needs_a_filter(self):
        self.assertEqual(self.web.publish('meter/7', b'1', '?ttd=1s').status, 400)
        self.assertEqual(self.web.publish('meter/7', b'1', '?ttd=1year').status, 400)


if __name__ == '__main__':
    unittest.main(verbosity=2)
