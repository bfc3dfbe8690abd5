// SPDX-License-Identifier: LGPL-2.1-or-later
// The form at the right: an order to what is selected, and what became of it, as its own totals tell.

import { nameOf, signed, power, number, finite, age } from './format.js';
import { sendOrder } from './stream.js';

const SETTLE_MS = 2500;            // until the sites have said what they do

export class Dispatch {
  constructor(section, state, onSent) {
    this.find = id => section.querySelector('#' + id);
    this.state = state;
    this.onSent = onSent;
    this.node = null;
    this.order = null;             // { id, kw, until, at, net: before it }
    this.connected = false;
    const { form, kw, slider } = this.parts = { form: this.find('dispatch'), kw: this.find('kw'), slider: this.find('slider') };
    slider.addEventListener('input', () => this.set(Number(slider.value) / 100 * this.most));
    kw.addEventListener('input', () => this.showSlider());
    kw.addEventListener('blur', () => this.set(this.asked));
    for (const button of section.querySelectorAll('[data-step]'))
      button.addEventListener('click', () => this.set(this.asked + Number(button.dataset.step) * this.step));
    form.addEventListener('submit', event => { event.preventDefault(); this.send(this.asked, Number(form.elements.for.value)); });
    this.find('stop').addEventListener('click', () => this.send(0, 0));
  }

  get capacity() {
    return this.node?.get('capacity-kw') ?? NaN;
  }

  // A round number that the batteries below can do.
  get most() {
    const capacity = this.capacity;
    if (!finite(capacity) || capacity <= 0)
      return 10;
    const unit = 10 ** Math.floor(Math.log10(capacity));
    return Math.max(1, Math.floor(capacity / unit * 2) / 2 * unit);
  }

  get step() {
    return this.most >= 20 ? this.most / 10 : this.most / 5;
  }

  get asked() {
    const value = Number(this.parts.kw.value.replace('−', '-').replace(/[^0-9.+-]/g, ''));
    return Number.isFinite(value) ? value : 0;
  }

  set(kw) {
    const most = this.most;
    kw = Math.max(-most, Math.min(most, kw));
    kw = most >= 100 ? Math.round(kw / 10) * 10 : most >= 20 ? Math.round(kw) : Math.round(kw * 10) / 10;
    this.parts.kw.value = kw === 0 ? '0' : (kw > 0 ? '+' : '−') + number(Math.abs(kw), Number.isInteger(kw) ? 0 : 1).replace(/,/g, '');
    this.showSlider();
  }

  showSlider() {
    this.parts.slider.value = String(Math.round(this.asked / this.most * 100));
    this.enable();
  }

  enable() {
    const isReady = this.connected && this.node && (this.node.isSite ? this.node.state !== 'offline' : this.node.counts.online > 0);
    this.find('send').disabled = !isReady || Math.abs(this.asked) < 0.05;
    this.find('stop').disabled = !isReady || !this.order || this.order.until < Date.now();
  }

  select(node) {
    if (this.node?.id === node.id)
      return;
    this.node = node;
    this.find('dispatch-to').textContent = nameOf(node.id);
    this.set(this.most / 4);
  }

  async send(kw, seconds) {
    const target = seconds > 0 ? this.node : this.state.nodes.get(this.order.id) ?? this.node;
    const before = target.get('power-kw');
    this.say('<p>Sending …</p>');
    const answer = await sendOrder(target.id, { 'power-kw': kw, share: kw / (target.get('capacity-kw') || 1), seconds });
    if (!answer.ok) {
      this.say('<p class="bad"></p>');
      this.find('effect').firstElementChild.textContent = answer.text;
      return;
    }
    const now = Date.now();
    this.order = { id: target.id, kw, at: now, until: now + seconds * 1000, net: before, sent: answer.sent };
    this.onSent(target, kw, now);
    this.show(now);
  }

  say(html) {
    if (this.said !== html)
      this.find('effect').innerHTML = this.said = html;
  }

  // How much of the order is done, in the words of the totals.
  show(now) {
    this.enable();
    const order = this.order;
    const node = order && this.state.nodes.get(order.id);
    if (!node)
      return;
    if (order.until <= now) {
      if (now - order.until < 15000 || order.kw === 0)
        this.say(`<p>${order.kw === 0 ? 'Taken back' : 'Done'}: the batteries of <b>${nameOf(order.id)}</b> decide for themselves again.</p>`);
      return;
    }
    const does = node.get('dispatched-kw');
    const share = finite(does) ? Math.max(0, Math.min(1, does / order.kw)) : 0;
    const isSettled = now - order.at > SETTLE_MS;
    this.say(`<div><b>${nameOf(order.id)}</b> does <b>${signed(does)}</b> of <b>${signed(order.kw)} kW</b>, for another ${age(Math.max(0, Math.ceil((order.until - now) / 1000) * 1000)).replace('.0', '')}
      <div class="bar"><i style="width:${Math.round(share * 100)}%"></i></div></div>
      <p>To the grid: ${power(order.net)} → <b>${power(node.get('power-kw'))} kW</b>${isSettled && share < 0.9 ? '. Some batteries are empty, full or at their limit.' : ''}</p>`);
  }
}
