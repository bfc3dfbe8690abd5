/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A publisher that asked for labels is answered when each of them is true, or at its deadline with the names of those that
 * are not. `stored` is the commit of everything the message put into the journal; `sink:NAME` that the destination of this
 * sink said yes: then, and only then, the sink acknowledges the message's position, which is watched here. A message that
 * is given up, dropped or filtered out is not there. Context: the bus's lane. */

#include "hawser-labels.h"

typedef struct _Labels Labels;

/* One sink that is waited for. */
typedef struct {
  Labels *labels;
  GPtrArray **watched;               /* where it hangs; NULL: settled */
  guint64 position;
  gboolean is_done;
  char *name;
} Watch;

struct _Labels {
  HawserTimer timer;                 /* first */
  HawserPending *pending;
  gboolean wants_stored;
  guint n_watches;
  Watch watches[];
};

static void
unwatch (Watch *watch)
{
  GPtrArray **watched = g_steal_pointer (&watch->watched);

  if (watched == NULL)
    return;
  g_ptr_array_remove_fast (*watched, watch);
  if ((*watched)->len == 0)
    g_clear_pointer (watched, g_ptr_array_unref);
}

static void
labels_free (gpointer data)
{
  Labels *self = data;

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
fail (Labels *self, const char *why)
{
  HawserPending *pending = self->pending;
  g_autoptr (GString) missing = g_string_new (NULL);

  if (self->wants_stored && pending->n_commits > 0)
    g_string_append (missing, "stored");
  for (guint i = 0; i < self->n_watches; i++)
    if (!self->watches[i].is_done)
      g_string_append_printf (missing, "%ssink:%s", missing->len > 0 ? ", " : "", self->watches[i].name);
  hawser_pending_end_early (pending, hawser_refuse (pending->pool->refusal, HAWSER_ERROR_TIMEOUT, "%s: %s", why, missing->str));
}

static void
on_deadline (HawserTimer *timer)
{
  fail ((Labels *) timer, "missing in time");
}

void
hawser_labels_new (HawserPending *pending, HawserLane *lane, const HawserWishes *wishes, GPtrArray **watched[], guint64 position)
{
  Labels *self = g_malloc0 (sizeof *self + wishes->n_sinks * sizeof (Watch));

  self->pending = pending;
  self->wants_stored = wishes->wants_stored;
  self->n_watches = wishes->n_sinks;
  for (guint i = 0; i < self->n_watches; i++)
    {
      self->watches[i] = (Watch) { self, watched[i], position, FALSE, g_strndup (wishes->sinks[i].name, wishes->sinks[i].len) };
      if (*watched[i] == NULL)
        *watched[i] = g_ptr_array_new ();
      g_ptr_array_add (*watched[i], &self->watches[i]);
    }
  hawser_timer_arm (&self->timer, lane, hawser_lane_get_now_us (lane) + wishes->timeout_us, on_deadline);
  hawser_pending_set_extra (pending, self, labels_free, self->n_watches);
}

void
hawser_labels_settle (GPtrArray **watched, guint64 position, gboolean is_done)
{
  for (guint i = *watched != NULL ? (*watched)->len : 0; i-- > 0;)
    {
      Watch *watch = (*watched)->pdata[i];
      Labels *labels = watch->labels;

      if (watch->position != position)
        continue;
      watch->is_done = is_done;
      unwatch (watch);
      if (is_done)
        hawser_pending_extra_done (labels->pending);
      else
        fail (labels, "given up, and so missing");
      return; /* one message, one watch: what was freed meanwhile is not looked at again */
    }
}

void
hawser_labels_drop_all (GPtrArray **watched)
{
  while (*watched != NULL)
    hawser_labels_settle (watched, ((Watch *) (*watched)->pdata[0])->position, FALSE);
}
