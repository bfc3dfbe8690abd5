// SPDX-License-Identifier: LGPL-2.1-or-later

// A twin that keeps a temperature: colder than desired by more than the band, and the heater is desired on; warmer, off.

import GObject from 'gi://GObject';
import Hawser from 'gi://Hawser?version=1';

const BAND = 0.5; // degrees around the desired temperature in which nothing is switched

export const Thermostat = GObject.registerClass({Implements: [Hawser.TwinBehavior]}, class Thermostat extends GObject.Object {
    vfunc_handle(id, state, _message, _out) {
        const {reported, desired} = state.recursiveUnpack();
        const [is, wanted] = [reported?.temperature, desired?.temperature];
        if (typeof is !== 'number' || typeof wanted !== 'number' || Math.abs(is - wanted) < BAND)
            return null;
        return Hawser.variant({desired: {heater: is < wanted ? 'on' : 'off'}});
    }
});
