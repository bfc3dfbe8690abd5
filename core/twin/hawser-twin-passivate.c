/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Twins that leave memory and come back. What leaves is all that a twin was told: numbers, documents, history. What stays is its
 * record and name, so that it is found, stays in the tree and becomes offline in its time, and the numbers that are counted
 * above it: no total changes because a twin was quiet. It comes back with the next message or question, before anything
 * looks at it. Which leaves: who was not heard of for `passivate-after`, and, when more are live than may be, who was used
 * least recently. Never a node with children, one that has something to do or one whose object somebody holds. On the bus's
 * lane; room is made only where nobody holds a twin's memory. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-buffer.h"

/* How many numbers of a row are read for what is above it. */
static guint
count_summed (const HawserTwins *self, const HawserTwinFamily *family, const HawserTwinRow *row)
{
  guint n = 0;

  for (guint f = 0; f < self->n_fields; f++)
    if (family->column_of_field[f] >= 0 && (guint) family->column_of_field[f] < row->n)
      n = MAX (n, (guint) family->column_of_field[f] + 1);
  return n;
}

static gboolean
may_leave (HawserTwins *self, HawserTwinRef twin, const HawserTwinRecord *record)
{
  const HawserTwinExtra *extra = hawser_twin_extra (self, record);

  if (record->is_passive || record->flags & (HAWSER_TWIN_IS_BUSY | HAWSER_TWIN_IS_WATCHED))
    return FALSE;
  if (extra != NULL && ((extra->node != NULL && extra->node->n > 0) || (extra->outbox != NULL && extra->outbox->length > 0) || extra->host != NULL))
    return FALSE;
  return self->host_funcs == NULL || self->host_funcs->leave == NULL || self->host_funcs->leave (self->host, twin);
}

gboolean
hawser_twin_passivate (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinRow *row = hawser_twin_row (self, record);
  guint n_summed = row != NULL ? count_summed (self, hawser_twin_family (self, record), row) : 0;
  double summed[HAWSER_TWIN_MAX_COLUMNS];
  HawserTwinExtra *extra;
  guint32 place;

  if (!may_leave (self, twin, record))
    return FALSE;
  self->packed.len = 0;
  hawser_twin_pack (self, twin, &self->packed);
  place = hawser_twin_pages_keep (&self->pages, self->packed.data, self->packed.len);
  if (place == 0)
    return FALSE;
  extra = hawser_twin_extra (self, record);
  if (extra != NULL && extra->node != NULL)
    hawser_twin_forget_dirty (self, twin);
  for (guint i = 0; i < n_summed; i++)
    summed[i] = row->values[i];
  hawser_twin_free_values (self, twin);
  hawser_twin_free_extra (self, record);
  if (n_summed > 0)
    {
      row = hawser_twin_need_row_of (self, record, n_summed);
      memcpy (row->values, summed, n_summed * sizeof *summed);
    }
  if (self->keeps_order)
    hawser_twin_unlink_use (self, twin);
  record->is_passive = TRUE;
  record->extra = place;
  self->n_live--;
  self->n_passivated++;
  return TRUE;
}

/* Everything of it is in memory after this. */
void
hawser_twin_wake (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  guint32 place = record->extra;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  record->is_passive = FALSE;
  record->is_read = TRUE;
  record->extra = 0;
  self->n_live++;
  self->n_woken++;
  if (self->keeps_order)
    hawser_twin_link_use (self, twin);
  if (hawser_twin_pages_read (&self->pages, place, bytes))
    {
      HawserTwinBlock counted = record->row;

      record->row = 0;
      if (hawser_twin_unpack (self, twin, bytes->data, bytes->len))
        {
          hawser_twin_pages_drop (&self->pages, place, bytes->len);
          if (counted != 0)
            hawser_twin_free_row (self, counted);
          if (hawser_twin_family (self, record)->idle_ticks > 0)
            {
              hawser_twin_unwait (self, twin); /* it may be waiting for its silence only */
              hawser_twin_wait (self, twin);
            }
          return;
        }
      hawser_twin_free_values (self, twin);
      record->row = counted;
    }
  self->n_unreadable++;
  g_warning ("twin '%s': the disk did not give back what it was told; it goes on with what is counted of it", hawser_twin_name (self, record)->text);
}

/* Only looked at, as one of many: it is the first to leave again. */
void
hawser_twin_peek (HawserTwins *self, HawserTwinRef twin)
{
  if (!hawser_twin_get (self, twin)->is_passive)
    return;
  hawser_twin_wake (self, twin);
  if (self->keeps_order)
    {
      hawser_twin_unlink_use (self, twin);
      hawser_twin_link_oldest (self, twin);
    }
}

/* Down to a sixteenth below the limit, so that not each further twin is a search. */
void
hawser_twins_make_room (HawserTwins *self)
{
  guint goal = self->live_limit - self->live_limit / 16, n = self->n_live;

  for (guint i = 0; i < n && self->n_live > goal && self->oldest != 0; i++)
    {
      HawserTwinRef twin = self->oldest;

      if (hawser_twin_passivate (self, twin))
        continue;
      hawser_twin_unlink_use (self, twin);
      hawser_twin_link_use (self, twin); /* must stay: asked again after all others */
    }
  /* what may not leave can be more than the limit: not looked at again with each message */
  self->room_at = self->n_live <= self->live_limit ? self->live_limit : self->n_live + MAX (64, self->n_live / 8);
}

/**
 * hawser_twins_set_live_limit:
 * @self: twins
 * @limit: how many may be in memory at once, at least 100; 0 for any number
 *
 * Beyond it those that were used least recently leave memory, except those with queued work, with children or with an object
 * that somebody holds. They stay in the tree, in its totals and in lists, and come back whole when they are used: from a file
 * of the state directory, or, without one, from a packed copy in memory.
 *
 * Since: 0.1
 */
void
hawser_twins_set_live_limit (HawserTwins *self, guint limit)
{
  self->live_limit = limit > 0 ? MAX (limit, HAWSER_TWIN_MIN_LIVE) : 0;
  self->room_at = limit > 0 ? self->live_limit : G_MAXUINT;
  if (self->keeps_order == (limit > 0))
    return;
  self->keeps_order = limit > 0;
  self->newest = self->oldest = 0;
  for (HawserTwinRef i = 1; i < self->n_used && self->keeps_order; i++)
    if (hawser_twin_get (self, i)->flags & HAWSER_TWIN_IS_USED && !hawser_twin_get (self, i)->is_passive)
      hawser_twin_link_use (self, i);
  hawser_twins_settle (self);
}

/**
 * hawser_twins_get_live_limit:
 * @self: twins
 *
 * Returns: how many may be in memory at once; 0 for any number
 * Since: 0.1
 */
guint
hawser_twins_get_live_limit (HawserTwins *self)
{
  return self->live_limit;
}

/**
 * hawser_twins_get_live:
 * @self: twins
 * @out_n_passivated: (out) (optional): how often one left memory
 * @out_n_woken: (out) (optional): how often one came back
 *
 * Returns: how many are in memory; the others of hawser_twins_count() are passivated
 * Since: 0.1
 */
guint
hawser_twins_get_live (HawserTwins *self, guint64 *out_n_passivated, guint64 *out_n_woken)
{
  if (out_n_passivated != NULL)
    *out_n_passivated = self->n_passivated;
  if (out_n_woken != NULL)
    *out_n_woken = self->n_woken;
  return self->n_live;
}

/**
 * hawser_twins_passivate:
 * @self: twins
 * @id: a twin
 *
 * Lets it leave memory now, as a program that is done with it knows. Nothing else changes.
 *
 * Returns: whether it is passivated; %FALSE when it is not there or may not leave
 * Since: 0.1
 */
gboolean
hawser_twins_passivate (HawserTwins *self, const char *id)
{
  HawserTwinRef twin = hawser_twin_find (self, id, strlen (id));

  return twin != 0 && (hawser_twin_get (self, twin)->is_passive || hawser_twin_passivate (self, twin));
}

void
hawser_twins_set_page_file (HawserTwins *self, int fd)
{
  hawser_twin_pages_set_file (&self->pages, fd);
}
