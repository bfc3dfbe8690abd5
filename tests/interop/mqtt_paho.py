#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client of mqttjs/client.mjs with paho.

mqtt_paho.py sub PORT VERSION CLIENT FILTER QOS CLEAN N: "ready", then "TOPIC PAYLOAD QOS RETAIN" of N messages
mqtt_paho.py pub PORT VERSION QOS RETAIN TOPIC: publishes each line of its input, ends when all are acknowledged
"""

import sys

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

VERSIONS = {"3": paho.MQTTv31, "4": paho.MQTTv311, "5": paho.MQTTv5}


def make(version, name, clean):
    if version == "5":
        return paho.Client(name, protocol=paho.MQTTv5)
    return paho.Client(name, clean_session=clean, protocol=VERSIONS[version])


def connect(client, port, version, clean):
    if version != "5":
        client.connect("127.0.0.1", int(port), 60)
        return
    block = Properties(PacketTypes.CONNECT)
    block.SessionExpiryInterval = 0 if clean else 100
    client.connect("127.0.0.1", int(port), 60, clean_start=clean, properties=block)


def subscribe(port, version, name, topic, qos, clean, n):
    left = [int(n)]
    client = make(version, name, clean == "1")

    def on_message(_client, _data, message):
        print(message.topic, message.payload.decode(), message.qos, int(message.retain), flush=True)
        left[0] -= 1
        if left[0] == 0:
            client.disconnect()

    def on_subscribe(*_unused):
        print("ready", flush=True)
        if left[0] == 0:
            client.disconnect()

    client.on_message, client.on_subscribe = on_message, on_subscribe
    client.on_connect = lambda *_unused: client.subscribe(topic, int(qos))
    connect(client, port, version, clean == "1")
    client.loop_forever()


def publish(port, version, qos, retain, topic):
    client = make(version, "", True)
    connect(client, port, version, True)
    client.loop_start()
    for info in [client.publish(topic, line.rstrip("\n"), int(qos), retain == "1") for line in sys.stdin]:
        info.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    {"sub": subscribe, "pub": publish}[sys.argv[1]](*sys.argv[2:])
