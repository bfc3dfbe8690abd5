// SPDX-License-Identifier: LGPL-2.1-or-later
// client.mjs FOLDER-OF-MODULES sub PORT VERSION CLIENT FILTER QOS CLEAN N: "ready", then "TOPIC PAYLOAD QOS RETAIN" of N messages
// client.mjs FOLDER-OF-MODULES pub PORT VERSION QOS RETAIN TOPIC: publishes each line of its input, ends when all are acknowledged
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

const [modules, verb, port, version, ...rest] = process.argv.slice(2);
const mqtt = createRequire(modules + '/package.json')('mqtt');
const options = {protocolVersion: Number(version), reconnectPeriod: 0, protocolId: version === '3' ? 'MQIsdp' : 'MQTT'};

async function subscribe([clientId, filter, qos, clean, n]) {
    options.clientId = clientId;
    options.clean = clean === '1';
    if (version === '5' && !options.clean)
        options.properties = {sessionExpiryInterval: 100};
    const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, options);
    let left = Number(n);
    client.on('message', (topic, payload, packet) => {
        console.log(`${topic} ${payload} ${packet.qos} ${packet.retain ? 1 : 0}`);
        if (--left === 0) // after its acknowledgement
            setImmediate(() => client.end(false, {}, () => process.exit(0)));
    });
    client.on('error', error => {
        console.error(error);
        process.exit(1);
    });
    await new Promise(resolve => client.on('connect', resolve));
    await client.subscribeAsync(filter, {qos: Number(qos)});
    console.log('ready');
    if (left === 0)
        client.end(false, {}, () => process.exit(0));
}

async function publish([qos, retain, topic]) {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, options);
    const pending = [];
    for await (const line of createInterface({input: process.stdin}))
        pending.push(client.publishAsync(topic, line, {qos: Number(qos), retain: retain === '1'}));
    await Promise.all(pending);
    await client.endAsync();
}

await (verb === 'sub' ? subscribe(rest) : publish(rest));
