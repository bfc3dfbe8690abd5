/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hierarchical timer wheel: arming, disarming and firing cost the same for ten timers and for a million, and an idle
 * wheel asks for no wake-up. Pure: it neither reads a clock nor sleeps; the lane does both. */

#include "hawser-timer-wheel.h"

#include <string.h>

#define SLOT_BITS 8
#define SLOT_MASK (HAWSER_WHEEL_SLOTS - 1)

G_STATIC_ASSERT (1 << SLOT_BITS == HAWSER_WHEEL_SLOTS);

void
hawser_timer_wheel_init (HawserTimerWheel *self, gint64 now_us)
{
  memset (self, 0, sizeof *self);
  self->tick = now_us / HAWSER_WHEEL_TICK_US;
}

/* The first tick that starts at or after the due time: a timer is late by up to a tick, never early. */
static gint64
due_tick (const HawserTimer *timer)
{
  return (timer->due_us + HAWSER_WHEEL_TICK_US - 1) / HAWSER_WHEEL_TICK_US;
}

/* @earliest: the first tick that has not run yet. */
static void
add (HawserTimerWheel *self, HawserTimer *timer, gint64 earliest)
{
  gint64 tick = MAX (due_tick (timer), earliest), distance = tick - self->tick;
  guint level = 0, slot;
  HawserTimer **head;

  while (level < HAWSER_WHEEL_LEVELS - 1 && distance >= (gint64) 1 << (SLOT_BITS * (level + 1)))
    level++;
  if (distance >= (gint64) 1 << (SLOT_BITS * HAWSER_WHEEL_LEVELS))
    tick = self->tick + ((gint64) 1 << (SLOT_BITS * HAWSER_WHEEL_LEVELS)) - 1; /* cascades and is added again */

  slot = (tick >> (SLOT_BITS * level)) & SLOT_MASK;
  head = &self->slots[level][slot];
  timer->next = *head;
  if (timer->next != NULL)
    timer->next->link = &timer->next;
  *head = timer;
  timer->link = head;
  self->occupied[level][slot / 64] |= (guint64) 1 << (slot % 64);
}

void
hawser_timer_wheel_add (HawserTimerWheel *self, HawserTimer *timer)
{
  add (self, timer, self->tick + 1);
}

void
hawser_timer_wheel_remove (HawserTimer *timer)
{
  *timer->link = timer->next;
  if (timer->next != NULL)
    timer->next->link = timer->link;
  timer->link = NULL;
  timer->next = NULL;
}

/* Distance from @from (exclusive) to the next occupied slot, 1..256; 0 if the level is empty.
 * A slot emptied by disarming keeps its bit until it is passed: that costs one early wake-up and no search. */
static guint
next_occupied (HawserTimerWheel *self, guint level, guint from)
{
  for (guint distance = 1; distance <= HAWSER_WHEEL_SLOTS;)
    {
      guint slot = (from + distance) & SLOT_MASK;
      guint64 word = self->occupied[level][slot / 64] >> (slot % 64);

      if (word != 0)
        {
          distance += (guint) __builtin_ctzll (word);
          slot = (from + distance) & SLOT_MASK;
          if (distance <= HAWSER_WHEEL_SLOTS && self->slots[level][slot] != NULL)
            return distance;
          if (distance <= HAWSER_WHEEL_SLOTS)
            self->occupied[level][slot / 64] &= ~((guint64) 1 << (slot % 64));
          distance++;
        }
      else
        distance += 64 - slot % 64;
    }
  return 0;
}

gint64
hawser_timer_wheel_next_us (HawserTimerWheel *self)
{
  gint64 best = -1;

  for (guint level = 0; level < HAWSER_WHEEL_LEVELS; level++)
    {
      gint64 position = self->tick >> (SLOT_BITS * level);
      guint distance = next_occupied (self, level, (guint) (position & SLOT_MASK));
      gint64 tick;

      if (distance == 0)
        continue;
      tick = (position + distance) << (SLOT_BITS * level);
      if (best < 0 || tick < best)
        best = tick;
    }
  return best < 0 ? -1 : best * HAWSER_WHEEL_TICK_US;
}

static HawserTimer *
take_slot (HawserTimerWheel *self, guint level, guint slot, HawserTimer **out_head)
{
  *out_head = self->slots[level][slot];
  self->slots[level][slot] = NULL;
  self->occupied[level][slot / 64] &= ~((guint64) 1 << (slot % 64));
  if (*out_head != NULL)
    (*out_head)->link = out_head;
  return *out_head;
}

static void
run_tick (HawserTimerWheel *self)
{
  HawserTimer *list;

  /* upper levels first: what they hold for this stretch moves down */
  for (guint level = HAWSER_WHEEL_LEVELS - 1; level > 0; level--)
    if ((self->tick & (((gint64) 1 << (SLOT_BITS * level)) - 1)) == 0)
      {
        take_slot (self, level, (self->tick >> (SLOT_BITS * level)) & SLOT_MASK, &list);
        while (list != NULL)
          {
            HawserTimer *timer = list;

            hawser_timer_wheel_remove (timer);
            add (self, timer, self->tick); /* the slot of this very tick runs below */
          }
      }

  take_slot (self, 0, self->tick & SLOT_MASK, &list);
  while (list != NULL)
    {
      HawserTimer *timer = list;

      hawser_timer_wheel_remove (timer);
      if (due_tick (timer) > self->tick)
        hawser_timer_wheel_add (self, timer);
      else
        timer->func (timer);
    }
}

void
hawser_timer_wheel_run (HawserTimerWheel *self, gint64 now_us)
{
  gint64 target = now_us / HAWSER_WHEEL_TICK_US;

  while (self->tick < target)
    {
      gint64 next_us = hawser_timer_wheel_next_us (self);

      if (next_us < 0 || next_us / HAWSER_WHEEL_TICK_US > target)
        {
          self->tick = target;
          return;
        }
      self->tick = next_us / HAWSER_WHEEL_TICK_US;
      run_tick (self);
    }
}
