/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who subscribes with `since` gets exactly the slice of the history from there on, then what is new; or the slice at the speed at
 * which it was published, beside what is new. Context: the bus's lane. */

#include "hawser-replay.h"

#include <string.h>

#define MAX_REPLAYS 64                 /* at the speed of then, for one receiver */

struct _HawserReplays {
  HawserLane *lane;
  HawserHistory *history;
  HawserAuthority *authority;
  GHashTable *by_receiver;             /* -> GPtrArray of Replay */
};

typedef struct {
  HawserTimer timer;                   /* first: the callback casts */
  HawserReplays *all;
  HawserReceiver *receiver;
  GPtrArray *messages;
  guint next;
  gint64 began_us;                     /* when the first one went */
  double speed;
  guint8 max_qos;
} Replay;

static void
free_replay (gpointer data)
{
  Replay *self = data;

  hawser_timer_disarm (&self->timer);
  g_ptr_array_unref (self->messages);
  g_free (self);
}

HawserReplays *
hawser_replays_new (HawserLane *lane, HawserHistory *history, HawserAuthority *authority)
{
  HawserReplays *self = g_new0 (HawserReplays, 1);

  self->lane = lane;
  self->history = history;
  self->authority = authority;
  self->by_receiver = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
  return self;
}

void
hawser_replays_free (HawserReplays *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->by_receiver);
  g_free (self);
}

static void
give (HawserReceiver *receiver, HawserMessage *message, guint8 max_qos)
{
  const HawserQueueEntry entry = { .message = hawser_message_ref (message), .qos = MIN (max_qos, message->qos) };

  hawser_receiver_push (receiver, &entry);
}

static void
on_due (HawserTimer *timer)
{
  Replay *self = (Replay *) timer;
  HawserReplays *all = self->all;
  GPtrArray *of_receiver = g_hash_table_lookup (all->by_receiver, self->receiver);
  gint64 now_us = hawser_lane_get_now_us (all->lane), first_us = ((HawserMessage *) self->messages->pdata[0])->published_us;

  for (; self->next < self->messages->len; self->next++)
    {
      HawserMessage *message = self->messages->pdata[self->next];
      gint64 due_us = self->began_us + (gint64) ((double) (message->published_us - first_us) / self->speed);

      if (due_us > now_us)
        {
          hawser_timer_arm (&self->timer, all->lane, due_us, on_due);
          return;
        }
      give (self->receiver, message, self->max_qos);
    }
  if (of_receiver->len == 1)
    g_hash_table_remove (all->by_receiver, self->receiver);
  else
    g_ptr_array_remove_fast (of_receiver, self);
}

static void
play (HawserReplays *self, HawserReceiver *receiver, GPtrArray *slice, double speed, guint8 max_qos)
{
  GPtrArray *of_receiver = g_hash_table_lookup (self->by_receiver, receiver);
  Replay *replay;

  if (slice->len == 0 || (of_receiver != NULL && of_receiver->len >= MAX_REPLAYS))
    return;
  if (of_receiver == NULL)
    {
      of_receiver = g_ptr_array_new_with_free_func (free_replay);
      g_hash_table_insert (self->by_receiver, receiver, of_receiver);
    }
  replay = g_new0 (Replay, 1);
  replay->all = self;
  replay->receiver = receiver;
  replay->messages = g_ptr_array_ref (slice);
  replay->began_us = hawser_lane_get_now_us (self->lane);
  replay->speed = speed;
  replay->max_qos = max_qos;
  g_ptr_array_add (of_receiver, replay);
  hawser_timer_arm (&replay->timer, self->lane, replay->began_us, on_due);
}

typedef struct {
  HawserAuthority *authority;
  HawserReceiver *receiver;
} Reader;

static gboolean
may_read (gpointer data, const char *topic)
{
  const Reader *reader = data;

  return hawser_receiver_may_read (reader->receiver, reader->authority,
                                   hawser_topic_table_find_settings (reader->authority->topics, topic, strlen (topic)), topic);
}

gboolean
hawser_replays_start (HawserReplays *self, HawserReceiver *receiver, const char *filter, const char *since_text, double speed, guint8 max_qos)
{
  g_autoptr (GPtrArray) slice = NULL;
  HawserClock *clock = self->authority->clock;
  Reader reader = { self->authority, receiver };
  HawserSince since;

  if (!hawser_since_parse (since_text, hawser_lane_get_now_us (self->lane), hawser_clock_get_wall_us (clock) - hawser_clock_get_monotonic_us (clock), &since))
    return FALSE;
  slice = hawser_history_take (self->history, filter, &since, may_read, &reader);
  if (speed > 0)
    play (self, receiver, slice, speed, max_qos);
  else
    for (guint i = 0; i < slice->len; i++)
      give (receiver, slice->pdata[i], max_qos);
  return TRUE;
}

void
hawser_replays_forget (HawserReplays *self, HawserReceiver *receiver)
{
  g_hash_table_remove (self->by_receiver, receiver);
}
