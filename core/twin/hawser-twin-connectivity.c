/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Online, stale, offline. A twin with a limit of silence is in one slot of a ring of deadlines; a report does not move it,
 * the slot looks at it when it comes and puts it where its last report says. So silence of a million twins costs one look at
 * each in the length of their limit, and a report nothing. One timer. On the bus's lane. */

#include "hawser-twins-private.h"

#define SLOT_US ((gint64) 1 << (HAWSER_TWIN_TICK_SHIFT + HAWSER_TWIN_SLOT_SHIFT))

#define IS_FIRST 0x80000000u /* sooner of the first of a slot: which slot */

static void on_slot (HawserTimer *timer);

/* ---- the event ---- */

void
hawser_twin_set_state (HawserTwins *self, HawserTwinRef twin, HawserTwinState state, const char *reason)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinState before = record->state;

  if (before == state)
    return;
  record->state = (guint8) state;
  self->states[before]--;
  self->states[state]++;
  self->n_transitions++;
  hawser_twin_mark_parent (self, twin);
  if (hawser_twins_is_watched (self, twin))
    {
      g_autoptr (GString) text = g_string_sized_new (160);
      HawserJsonWriter writer;

      hawser_json_writer_init (&writer, text);
      hawser_twin_begin_event (self, twin, &writer);
      hawser_json_writer_member_string (&writer, "state", hawser_twin_state_to_nick (state));
      hawser_json_writer_member_string (&writer, "previous", hawser_twin_state_to_nick (before));
      hawser_json_writer_member_string (&writer, "reason", reason);
      hawser_json_writer_end_object (&writer);
      hawser_twins_tell (self, twin, HAWSER_TWIN_CHANGE_STATE, g_string_free (g_steal_pointer (&text), FALSE));
    }
  if (before == HAWSER_TWIN_STATE_OFFLINE && record->extra != 0)
    {
      hawser_twin_send_delta (self, twin);
      hawser_twin_flush_outbox (self, twin);
    }
}

/* ---- deadlines ---- */

guint32
hawser_twins_get_tick (HawserTwins *self)
{
  return (guint32) (hawser_lane_get_now_us (self->bus->lane) >> HAWSER_TWIN_TICK_SHIFT);
}

static void
arm (HawserTwins *self)
{
  gint64 now_us = hawser_lane_get_now_us (self->bus->lane);

  if (self->n_waited > 0 && !hawser_timer_is_armed (&self->slot_timer))
    hawser_timer_arm (&self->slot_timer, self->bus->lane, (now_us / SLOT_US + 1) * SLOT_US, on_slot);
}

static void
put (HawserTwins *self, HawserTwinRef twin, guint32 slot)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinRef *head = &self->slots[slot % HAWSER_TWIN_SLOTS];

  record->sooner = IS_FIRST | slot % HAWSER_TWIN_SLOTS;
  record->later = *head;
  if (*head != 0)
    hawser_twin_get (self, *head)->sooner = twin;
  *head = twin;
  record->flags |= HAWSER_TWIN_IS_WAITED;
  self->n_waited++;
}

void
hawser_twin_unwait (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);

  if (!(record->flags & HAWSER_TWIN_IS_WAITED))
    return;
  if (!(record->sooner & IS_FIRST))
    hawser_twin_get (self, record->sooner)->later = record->later;
  else
    self->slots[record->sooner & ~IS_FIRST] = record->later;
  if (record->later != 0)
    hawser_twin_get (self, record->later)->sooner = record->sooner;
  record->later = record->sooner = 0;
  record->flags &= (guint8) ~HAWSER_TWIN_IS_WAITED;
  self->n_waited--;
}

/* Into the slot after the one in which its silence becomes too long, or after @idle ticks if that is sooner. */
static void
wait_for (HawserTwins *self, HawserTwinRef twin, gint32 idle)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinFamily *family = hawser_twin_family (self, record);
  guint limit = record->state == HAWSER_TWIN_STATE_ONLINE && family->stale_ticks > 0 ? family->stale_ticks
                : record->state != HAWSER_TWIN_STATE_OFFLINE ? family->offline_ticks : 0;
  guint32 tick = hawser_twins_get_tick (self);
  gint32 ahead = limit > 0 ? MIN ((gint32) (record->heard + limit - tick), idle) : idle;
  guint slots;

  if (ahead == G_MAXINT32)
    return;
  slots = ahead <= 0 ? 1 : ((guint) ahead >> HAWSER_TWIN_SLOT_SHIFT) + 1;
  if (self->n_waited == 0)
    self->slot = tick >> HAWSER_TWIN_SLOT_SHIFT;
  put (self, twin, (tick >> HAWSER_TWIN_SLOT_SHIFT) + MIN (slots, HAWSER_TWIN_SLOTS - 1));
  arm (self);
}

void
hawser_twin_wait (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  guint idle = record->is_passive ? 0 : hawser_twin_family (self, record)->idle_ticks;

  wait_for (self, twin, idle > 0 ? (gint32) (record->heard + idle - hawser_twins_get_tick (self)) : G_MAXINT32);
}

/* What its silence makes of it now. */
static void
judge (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinFamily *family = hawser_twin_family (self, record);
  gint32 silent;

  if (family->n_present > 0)
    record->heard = hawser_twins_get_tick (self); /* it is here, said or not */
  silent = (gint32) (hawser_twins_get_tick (self) - record->heard);
  if (record->state != HAWSER_TWIN_STATE_OFFLINE)
    {
      if (family->offline_ticks > 0 && silent >= (gint32) family->offline_ticks)
        hawser_twin_set_state (self, twin, HAWSER_TWIN_STATE_OFFLINE, "silence");
      else if (family->stale_ticks > 0 && silent >= (gint32) family->stale_ticks)
        hawser_twin_set_state (self, twin, HAWSER_TWIN_STATE_STALE, "silence");
    }
  if (family->idle_ticks > 0 && !record->is_passive && silent >= (gint32) family->idle_ticks)
    {
      /* read meanwhile, or it may not leave now: asked again after as long a time */
      if (record->is_read || !hawser_twin_passivate (self, twin))
        {
          record->is_read = FALSE;
          wait_for (self, twin, (gint32) family->idle_ticks);
          return;
        }
    }
  hawser_twin_wait (self, twin);
}

static void
on_slot (HawserTimer *timer)
{
  HawserTwins *self = (HawserTwins *) (gpointer) ((guint8 *) timer - G_STRUCT_OFFSET (HawserTwins, slot_timer));
  guint32 now = hawser_twins_get_tick (self) >> HAWSER_TWIN_SLOT_SHIFT;
  guint n = MIN (now - self->slot, HAWSER_TWIN_SLOTS);

  for (guint i = 1; i <= n; i++)
    {
      guint slot = (self->slot + i) % HAWSER_TWIN_SLOTS;
      HawserTwinRef list = self->slots[slot];

      while (list != 0)
        {
          HawserTwinRef twin = list;
          HawserTwinRecord *record = hawser_twin_get (self, twin);

          list = record->later;
          if (list != 0)
            hawser_twin_get (self, list)->sooner = IS_FIRST | slot;
          self->slots[slot] = list;
          record->later = record->sooner = 0;
          record->flags &= (guint8) ~HAWSER_TWIN_IS_WAITED;
          self->n_waited--;
          judge (self, twin);
        }
    }
  self->slot = now;
  arm (self);
}
