/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A publisher that asked for labels is answered when each of them is true, or at its deadline with the names of those that
 * are not. `stored` is the commit of everything the message put into the journal; `sink:NAME` that the destination of this
 * sink said yes: then, and only then, the sink acknowledges the message's position, which is watched here. A message that
 * is given up, dropped or filtered out is not there. Context: the bus's lane. */

#include "hawser-receiver-private.h"

#include <string.h>

/* One sink that is waited for. */
typedef struct {
  HawserLabels *labels;
  HawserReceiver *receiver;          /* NULL: settled */
  guint64 position;
  gboolean is_done;
  char *name;
} Watch;

struct _HawserLabels {
  HawserTimer timer;                 /* first */
  HawserPending *pending;
  gboolean wants_stored;
  guint n_watches;
  Watch watches[];
};

static HawserRoute *
find_sink (HawserRouteSet *set, const char *name, gsize len)
{
  for (guint i = 0; i < set->n_routes; i++)
    {
      HawserReceiver *receiver = set->routes[i].receiver;
      const char *id = receiver->durable != NULL && receiver->flags & HAWSER_RECEIVER_PASSIVE ? receiver->durable->id : NULL;

      if (id != NULL && strlen (id) == len && memcmp (id, name, len) == 0)
        return &set->routes[i];
    }
  return NULL;
}

int
hawser_labels_check (HawserBus *bus, HawserRouteSet *set, const HawserWishes *wishes, gboolean is_kept)
{
  if (!hawser_journal_exists (&bus->journal))
    return hawser_refuse (&bus->refusal, HAWSER_ERROR_NOT_FOUND, "requested: nothing is stored here, there is no state-dir");
  if (wishes->wants_stored && !set->has_journal && !is_kept)
    return hawser_refuse (&bus->refusal, HAWSER_ERROR_NOT_FOUND, "requested: stored: no durable subscription takes this topic, and it is not retained");
  for (guint i = 0; i < wishes->n_sinks; i++) /* a name twice is no other sink: both are settled one after the other */
    if (find_sink (set, wishes->sinks[i].name, wishes->sinks[i].len) == NULL)
      return hawser_refuse (&bus->refusal, HAWSER_ERROR_NOT_FOUND, "requested: sink:%.*s: no such sink takes this topic", (int) MIN (wishes->sinks[i].len, 100), wishes->sinks[i].name);
  return HAWSER_RESULT_OK;
}

static void
unwatch (Watch *watch)
{
  HawserReceiver *receiver = g_steal_pointer (&watch->receiver);

  if (receiver == NULL)
    return;
  g_ptr_array_remove_fast (receiver->durable->watched, watch);
  if (receiver->durable->watched->len == 0)
    g_clear_pointer (&receiver->durable->watched, g_ptr_array_unref);
}

void
hawser_labels_free (HawserLabels *self)
{
  if (self == NULL)
    return;
  hawser_timer_disarm (&self->timer);
  for (guint i = 0; i < self->n_watches; i++)
    {
      unwatch (&self->watches[i]);
      g_free (self->watches[i].name);
    }
  g_free (self);
}

/* The deadline, or a sink that will never have it. */
static void
fail (HawserLabels *self, const char *why)
{
  HawserPending *pending = self->pending;
  g_autoptr (GString) missing = g_string_new (NULL);

  if (self->wants_stored && pending->n_commits > 0)
    g_string_append (missing, "stored");
  for (guint i = 0; i < self->n_watches; i++)
    if (!self->watches[i].is_done)
      g_string_append_printf (missing, "%ssink:%s", missing->len > 0 ? ", " : "", self->watches[i].name);
  hawser_pending_end_early (pending, hawser_refuse (&pending->bus->refusal, HAWSER_ERROR_TIMEOUT, "%s: %s", why, missing->str));
}

static void
on_deadline (HawserTimer *timer)
{
  fail ((HawserLabels *) timer, "missing in time");
}

HawserLabels *
hawser_labels_new (HawserPending *pending, HawserRouteSet *set, const HawserWishes *wishes, guint64 position)
{
  HawserLabels *self = g_malloc0 (sizeof *self + wishes->n_sinks * sizeof (Watch));
  HawserBus *bus = pending->bus;

  self->pending = pending;
  self->wants_stored = wishes->wants_stored;
  self->n_watches = wishes->n_sinks;
  for (guint i = 0; i < self->n_watches; i++)
    {
      Watch *watch = &self->watches[i];
      HawserReceiver *receiver = find_sink (set, wishes->sinks[i].name, wishes->sinks[i].len)->receiver;

      *watch = (Watch) { self, receiver, position, FALSE, g_strndup (wishes->sinks[i].name, wishes->sinks[i].len) };
      if (receiver->durable->watched == NULL)
        receiver->durable->watched = g_ptr_array_new ();
      g_ptr_array_add (receiver->durable->watched, watch);
    }
  hawser_timer_arm (&self->timer, bus->lane, hawser_lane_get_now_us (bus->lane) + wishes->timeout_us, on_deadline);
  return self;
}

guint
hawser_labels_get_n_missing (HawserLabels *self)
{
  guint n = 0;

  for (guint i = 0; i < self->n_watches; i++)
    n += !self->watches[i].is_done;
  return n;
}

void
hawser_labels_settle (HawserReceiver *receiver, guint64 position, gboolean is_done)
{
  GPtrArray *watched = receiver->durable->watched;

  for (guint i = watched != NULL ? watched->len : 0; i-- > 0;)
    {
      Watch *watch = watched->pdata[i];
      HawserLabels *labels = watch->labels;

      if (watch->position != position)
        continue;
      watch->is_done = is_done;
      unwatch (watch);
      if (is_done)
        hawser_pending_done (labels->pending);
      else
        fail (labels, "given up, and so missing");
      return; /* one message, one watch: what was freed meanwhile is not looked at again */
    }
}

void
hawser_labels_drop_receiver (HawserReceiver *receiver)
{
  while (receiver->durable->watched != NULL)
    hawser_labels_settle (receiver, ((Watch *) receiver->durable->watched->pdata[0])->position, FALSE);
}
