/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which messages go into one write: a queue for each key, cut by count, bytes and age, and one bound over all of them.
 * Used by the sink runner alone, on its lane; knows neither sinks nor clocks. */

#include "hawser-batcher-private.h"

#include "hawser-message.h"

#define ENTRY_OVERHEAD 256   /* head, topic and properties of an ordinary message, so that empty ones are bounded too */

static guint64
cost (const HawserBatchEntry *entry)
{
  gsize len;

  hawser_message_get_data (entry->message, &len);
  return len + ENTRY_OVERHEAD;
}

static guint64
payload_of (const HawserBatchEntry *entry)
{
  return cost (entry) - ENTRY_OVERHEAD;
}

static void
group_free (gpointer data)
{
  HawserBatchGroup *group = data;

  for (guint i = group->head; i < group->entries->len; i++)
    hawser_message_unref (g_array_index (group->entries, HawserBatchEntry, i).message);
  g_array_unref (group->entries);
  g_free (group->key);
  g_free (group);
}

void
hawser_batcher_init (HawserBatcher *self, const HawserBatchLimits *limits)
{
  self->limits = *limits;
  self->groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, group_free);
  g_queue_init (&self->order);
  self->n_entries = 0;
  self->n_bytes = 0;
}

void
hawser_batcher_clear (HawserBatcher *self)
{
  g_queue_clear (&self->order);
  g_clear_pointer (&self->groups, g_hash_table_unref);
  self->n_entries = 0;
  self->n_bytes = 0;
}

guint
hawser_batch_group_get_n (const HawserBatchGroup *group)
{
  return group->entries->len - group->head;
}

HawserBatchEntry *
hawser_batch_group_get (const HawserBatchGroup *group, guint index)
{
  return &g_array_index (group->entries, HawserBatchEntry, group->head + index);
}

static HawserBatchGroup *
add_group (HawserBatcher *self, const char *key)
{
  HawserBatchGroup *group = g_new0 (HawserBatchGroup, 1);

  group->key = g_strdup (key);
  group->entries = g_array_new (FALSE, FALSE, sizeof (HawserBatchEntry));
  g_hash_table_insert (self->groups, g_strdup (key != NULL ? key : ""), group);
  g_queue_push_tail (&self->order, group);
  return group;
}

/* The window is full of batches that are not: the longest known idle group is written as it is. */
static void
force_oldest (HawserBatcher *self)
{
  for (GList *l = self->order.head; l != NULL; l = l->next)
    {
      HawserBatchGroup *group = l->data;

      if (group->n_in_write > 0 || group->is_forced)
        return;   /* room will come */
    }
  if (self->order.head != NULL)
    ((HawserBatchGroup *) self->order.head->data)->is_forced = TRUE;
}

HawserBatchGroup *
hawser_batcher_add (HawserBatcher *self, const char *key, const HawserBatchEntry *entry)
{
  HawserBatchGroup *group = g_hash_table_lookup (self->groups, key != NULL ? key : "");
  gboolean has_room = self->n_entries < self->limits.window_count
                      && (self->n_entries == 0 || self->n_bytes + cost (entry) <= self->limits.window_bytes)
                      && (group != NULL || g_hash_table_size (self->groups) < self->limits.max_groups);

  if (!has_room)
    {
      force_oldest (self);
      return NULL;
    }
  if (group == NULL)
    group = add_group (self, key);
  g_array_append_val (group->entries, *entry);
  hawser_message_ref (entry->message);
  group->n_bytes += payload_of (entry);
  self->n_entries++;
  self->n_bytes += cost (entry);
  return group;
}

gboolean
hawser_batcher_is_ready (const HawserBatcher *self, const HawserBatchGroup *group, gint64 now_us)
{
  guint n = hawser_batch_group_get_n (group);

  if (group->n_in_write > 0 || n == 0)
    return FALSE;
  return group->is_forced || group->n_singles > 0 || n >= self->limits.max_count || group->n_bytes >= self->limits.max_bytes
         || now_us >= hawser_batcher_get_due_us (self, group);
}

gint64
hawser_batcher_get_due_us (const HawserBatcher *self, const HawserBatchGroup *group)
{
  if (group->n_in_write > 0 || hawser_batch_group_get_n (group) == 0)
    return G_MAXINT64;
  return hawser_batch_group_get (group, 0)->taken_us + self->limits.max_age_us;
}

HawserBatch *
hawser_batcher_cut (HawserBatcher *self, HawserBatchGroup *group)
{
  HawserBatch *batch = hawser_batch_new ();
  guint n = MIN (hawser_batch_group_get_n (group), group->n_singles > 0 ? 1 : self->limits.max_count);
  guint64 n_bytes = 0;

  for (guint i = 0; i < n; i++)
    {
      HawserBatchEntry *entry = hawser_batch_group_get (group, i);

      n_bytes += payload_of (entry);
      if (i > 0 && n_bytes > self->limits.max_bytes)
        break;
      hawser_batch_add (batch, entry->message);
    }
  group->n_in_write = hawser_batch_get_size (batch);
  group->is_forced = FALSE;
  return batch;
}

void
hawser_batcher_release (HawserBatcher *self, HawserBatchGroup *group, guint n)
{
  g_assert (n <= hawser_batch_group_get_n (group));

  for (guint i = 0; i < n; i++)
    {
      HawserBatchEntry *entry = hawser_batch_group_get (group, i);

      group->n_bytes -= payload_of (entry);
      self->n_bytes -= cost (entry);
      hawser_message_unref (entry->message);
    }
  self->n_entries -= n;
  group->head += n;
  group->n_in_write -= MIN (n, group->n_in_write);
  group->n_singles -= MIN (n, group->n_singles);
  if (group->head >= 64 && group->head * 2 >= group->entries->len)
    {
      g_array_remove_range (group->entries, 0, group->head);
      group->head = 0;
    }
  if (hawser_batch_group_get_n (group) == 0 && group->owner_data == NULL)
    {
      g_queue_remove (&self->order, group);
      g_hash_table_remove (self->groups, group->key != NULL ? group->key : "");
    }
}
