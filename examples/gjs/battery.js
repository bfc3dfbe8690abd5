// SPDX-License-Identifier: LGPL-2.1-or-later

// Batteries that act as one: so many kilowatts (below zero: into the grid) given to a node are split over the batteries below
// that are online, in proportion to what each can give or take by its state of charge.

import GObject from 'gi://GObject';
import Hawser from 'gi://Hawser?version=1';

// The share of one battery, before it is divided by that of all: 0..100.
function getShare(child, kw) {
    if (child.state !== 'online' || child.reported?.soc === undefined)
        return 0;
    const charge = Math.min(Math.max(child.reported.soc, 0), 100);
    return kw < 0 ? charge : 100 - charge;
}

function readPower(message) {
    try {
        const {kw} = message.json();
        if (typeof kw === 'number')
            return kw;
    } catch {
        // what follows says what is wrong with it
    }
    throw new Hawser.Error({code: Hawser.Error.INVALID, message: 'a dispatch is an object with the number kw'});
}

export const Battery = GObject.registerClass({Implements: [Hawser.TwinBehavior]}, class Battery extends GObject.Object {
    vfunc_handle(id, state, message, out) {
        if (message.topic !== `$twin/inbox/${id}/dispatch`)
            return null;
        const kw = readPower(message);
        const {children} = state.recursiveUnpack();
        if (!children?.length)
            return Hawser.variant({desired: {'power-kw': kw}});
        const shares = children.map(child => [child.id, getShare(child, kw)]);
        const all = shares.reduce((sum, [, share]) => sum + share, 0);
        for (const [child, share] of shares) {
            if (share > 0)
                out.add(Hawser.Message.new_text(`$twin/inbox/${child}/dispatch`, JSON.stringify({kw: kw * share / all})));
        }
        return null;
    }
});
