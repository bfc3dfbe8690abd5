/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A list under a lock, swapped whole: 11 ns an item, where a queue that takes the lock for each costs thirty times as much
 * (docs/decisions/lanes.md). The sending lane gathers without a lock until its turn ends or the batch is large; the
 * receiving one is told only if it has no mail yet. Context: each half on its lane, see the header. */

#include "hawser-handover-private.h"

#define LARGE_BATCH 64          /* parcels: the other lane may begin with them while this one goes on */
#define MAX_ARRIVALS 512        /* a round: then what they caused is flushed, and the rest comes in the next one */

typedef struct {
  HawserParcel *head;
  HawserParcel **tail;
} Chain;

struct _HawserHandover {
  HawserDirty dirty;
  HawserLane *from, *to;
  Chain leaving;                /* of the lane it leaves */
  guint n_leaving;
  GMutex lock;                  /* guards mail and is_told */
  Chain mail;
  gboolean is_told;
  guint64 n_told;
  Chain arrived;                /* of the lane it goes to: taken out of the mail, and not looked at yet */
};

static void
chain_init (Chain *self)
{
  self->head = NULL;
  self->tail = &self->head;
}

/* @from is empty then. */
static void
chain_append_all (Chain *self, Chain *from)
{
  if (from->head == NULL)
    return;
  *self->tail = from->head;
  self->tail = from->tail;
  chain_init (from);
}

static void
arrive (HawserHandover *self, guint max)
{
  while (self->arrived.head != NULL && max-- > 0)
    {
      HawserParcel *parcel = self->arrived.head;

      self->arrived.head = parcel->next;
      if (self->arrived.head == NULL)
        self->arrived.tail = &self->arrived.head;
      parcel->next = NULL;
      parcel->arrive (parcel);
    }
}

static void
take_mail (HawserHandover *self)
{
  g_mutex_lock (&self->lock);
  chain_append_all (&self->arrived, &self->mail);
  self->is_told = FALSE;
  g_mutex_unlock (&self->lock);
}

static void
on_mail (gpointer data)
{
  HawserHandover *self = data;
  gboolean is_to_be_told;

  take_mail (self);
  arrive (self, MAX_ARRIVALS);
  if (self->arrived.head == NULL)
    return;
  g_mutex_lock (&self->lock);
  is_to_be_told = !self->is_told;
  self->is_told = TRUE;
  g_mutex_unlock (&self->lock);
  if (is_to_be_told)
    hawser_lane_post (self->to, on_mail, self);
}

void
hawser_handover_send (HawserHandover *self)
{
  gboolean is_to_be_told;

  if (self->n_leaving == 0)
    return;
  self->n_leaving = 0;
  g_mutex_lock (&self->lock);
  chain_append_all (&self->mail, &self->leaving);
  is_to_be_told = !self->is_told;
  self->is_told = TRUE;
  self->n_told += is_to_be_told;
  g_mutex_unlock (&self->lock);
  if (is_to_be_told)
    hawser_lane_post (self->to, on_mail, self);
}

static void
flush (HawserDirty *dirty)
{
  hawser_handover_send ((HawserHandover *) ((char *) dirty - G_STRUCT_OFFSET (HawserHandover, dirty)));
}

HawserHandover *
hawser_handover_new (HawserLane *from, HawserLane *to)
{
  HawserHandover *self = g_new0 (HawserHandover, 1);

  self->dirty.flush = flush;
  self->from = hawser_lane_ref (from);
  self->to = hawser_lane_ref (to);
  chain_init (&self->leaving);
  chain_init (&self->mail);
  chain_init (&self->arrived);
  g_mutex_init (&self->lock);
  return self;
}

gboolean
hawser_handover_settle (HawserHandover *self)
{
  gboolean has_any;

  take_mail (self);
  chain_append_all (&self->arrived, &self->leaving);
  self->n_leaving = 0;
  has_any = self->arrived.head != NULL;
  arrive (self, G_MAXUINT);
  return has_any;
}

void
hawser_handover_free (HawserHandover *self)
{
  g_assert (self->leaving.head == NULL && self->mail.head == NULL && self->arrived.head == NULL);
  hawser_lane_unmark_dirty (self->from, &self->dirty);
  hawser_lane_unpost (self->to, on_mail, self);
  g_mutex_clear (&self->lock);
  hawser_lane_unref (self->from);
  hawser_lane_unref (self->to);
  g_free (self);
}

void
hawser_handover_put (HawserHandover *self, HawserParcel *parcel)
{
  parcel->next = NULL;
  *self->leaving.tail = parcel;
  self->leaving.tail = &parcel->next;
  if (++self->n_leaving == 1)
    hawser_lane_mark_dirty (self->from, &self->dirty);
  else if (self->n_leaving >= LARGE_BATCH)
    hawser_handover_send (self);
}

guint64
hawser_handover_get_n_told (HawserHandover *self)
{
  guint64 n;

  g_mutex_lock (&self->lock);
  n = self->n_told;
  g_mutex_unlock (&self->lock);
  return n;
}
