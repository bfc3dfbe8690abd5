/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counting down to the acknowledgement of a publish. Made only where there is a journal; of the many that come and go the
 * memory is used again. Called by the router. Context: the bus's lane. */

#include "hawser-pending.h"

void
hawser_pending_pool_init (HawserPendingPool *self, const HawserJournal *journal, HawserRefusal *refusal,
                          void (*committed) (gpointer data, guint64 position, gboolean ok), gpointer data)
{
  *self = (HawserPendingPool) { NULL, journal, refusal, committed, data };
}

void
hawser_pending_pool_clear (HawserPendingPool *self)
{
  while (self->free != NULL)
    {
      HawserPending *pending = self->free;

      self->free = pending->next;
      g_free (pending);
    }
}

HawserPending *
hawser_pending_new (HawserPendingPool *pool, HawserPublished published, gpointer data, guint64 cookie)
{
  HawserPending *self = pool->free;

  if (G_LIKELY (self != NULL))
    pool->free = self->next;
  else
    self = g_new (HawserPending, 1);
  /* one waits: the publish call itself */
  *self = (HawserPending) { .pool = pool, .published = published, .data = data, .cookie = cookie, .is_routing = TRUE, .n_waiting = 1 };
  return self;
}

static void
drop_extra (HawserPending *self)
{
  GDestroyNotify free_extra = g_steal_pointer (&self->free_extra);

  self->n_waiting -= self->n_extra;
  self->n_extra = 0;
  if (free_extra != NULL)
    free_extra (g_steal_pointer (&self->extra));
}

static void
give_back (HawserPending *self)
{
  if (G_UNLIKELY (self->extra != NULL))
    drop_extra (self);
  self->next = self->pool->free;
  self->pool->free = self;
}

static void
tell (HawserPending *self)
{
  HawserPublished published = self->published;

  if (self->link != NULL)
    {
      *self->link = self->next;
      if (self->next != NULL)
        self->next->link = self->link;
      self->link = NULL;
    }
  self->published = NULL;
  if (published != NULL)
    published (self->data, self->cookie, self->result);
}

static void
count_down (HawserPending *self)
{
  if (--self->n_waiting > 0)
    return;
  tell (self);
  give_back (self);
}

HawserPending *
hawser_pending_await_commit (HawserPending *self)
{
  if (self == NULL)
    return NULL;
  self->n_waiting++;
  self->n_commits++;
  return self;
}

void
hawser_pending_set_extra (HawserPending *self, gpointer extra, GDestroyNotify free_extra, guint n)
{
  self->extra = extra;
  self->free_extra = free_extra;
  self->n_extra = n;
  self->n_waiting += n;
}

void
hawser_pending_extra_done (HawserPending *self)
{
  self->n_extra--;
  count_down (self);
}

void
hawser_pending_end_early (HawserPending *self, int result)
{
  drop_extra (self);
  self->result = result;
  if (self->is_routing)
    return;
  tell (self);
  if (self->n_waiting == 0)
    give_back (self);
}

void
hawser_pending_on_kept (gpointer data, gboolean ok, const GError *error)
{
  HawserPending *self = data;

  self->n_commits--;
  if (!ok)
    self->result = hawser_refuse (self->pool->refusal, HAWSER_ERROR_UNAVAILABLE, "%s", error != NULL ? error->message : "the spool failed");
  if (!ok && self->extra != NULL && self->n_waiting > 1)
    {
      self->n_waiting--;
      hawser_pending_end_early (self, self->result); /* no sink will ever have it */
      return;
    }
  count_down (self);
}

void
hawser_pending_on_committed (gpointer data, gboolean ok, const GError *error)
{
  HawserPending *self = data;

  if (self->position != 0)
    self->pool->committed (self->pool->data, self->position, ok);
  hawser_pending_on_kept (self, ok, error);
}

int
hawser_pending_finish_routing (HawserPending *self, HawserPending **list)
{
  gboolean is_awaited = self->published != NULL;
  int result = self->result;

  self->is_routing = FALSE;
  if (result != HAWSER_RESULT_OK)
    {
      self->published = NULL;
      count_down (self);
      return result;
    }
  if (--self->n_waiting == 0)
    {
      give_back (self);
      return HAWSER_RESULT_OK;
    }
  if (list != NULL)
    {
      self->next = *list;
      if (self->next != NULL)
        self->next->link = &self->next;
      *list = self;
      self->link = list;
    }
  return is_awaited ? HAWSER_RESULT_PENDING : HAWSER_RESULT_OK;
}

void
hawser_pending_forget_all (HawserPending **list)
{
  while (*list != NULL)
    {
      HawserPending *self = *list;

      *list = self->next;
      self->published = NULL;
      self->link = NULL;
    }
}
