/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of twins: records from a slab, found by the hash of their names, hung in a tree. A twin without a parent is a
 * child of the table's roots. Nothing here knows what a twin's values mean. On the bus's lane. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-hash.h"
#include "hawser-topic-name.h"

void
hawser_twin_table_init (HawserTwins *self)
{
  self->n_buckets = 1024;
  self->buckets = g_new0 (HawserTwinRef, self->n_buckets);
  self->n_used = 1;
  self->n_extras = 1;
  self->sources = g_array_new (FALSE, TRUE, sizeof (HawserTwinSource));
  g_array_set_size (self->sources, 1);
  self->source_places = g_hash_table_new (NULL, NULL);
  hawser_twin_pages_init (&self->pages);
  self->room_at = G_MAXUINT;
}

void
hawser_twin_free_extra (HawserTwins *self, HawserTwinRecord *record)
{
  HawserTwinExtra *extra = hawser_twin_extra (self, record);

  if (extra == NULL)
    return;
  if (extra->node != NULL)
    {
      hawser_twin_node_clear (extra->node);
      g_free (extra->node);
    }
  hawser_twin_document_clear (&extra->reported);
  hawser_twin_document_clear (&extra->desired);
  hawser_twin_document_clear (&extra->attributes);
  hawser_twin_forget_history (extra);
  if (extra->outbox != NULL)
    g_queue_free_full (extra->outbox, (GDestroyNotify) hawser_message_unref);
  g_free (extra);
  self->extras[record->extra] = GUINT_TO_POINTER (self->free_extra);
  self->free_extra = record->extra;
  record->extra = 0;
}

void
hawser_twin_table_clear (HawserTwins *self)
{
  for (HawserTwinRef i = 1; i < self->n_used; i++)
    {
      HawserTwinRecord *record = hawser_twin_get (self, i);

      if (!(record->flags & HAWSER_TWIN_IS_USED))
        continue;
      hawser_twin_free_values (self, i);
      hawser_twin_free_extra (self, record);
    }
  for (guint i = 0; i < self->n_chunks; i++)
    g_free (self->chunks[i]);
  g_free (self->chunks);
  g_free (self->buckets);
  g_free (self->extras);
  hawser_twin_node_clear (&self->roots);
  hawser_twin_pages_clear (&self->pages);
  hawser_buffer_clear (&self->packed);
  if (self->last_origin != NULL)
    hawser_origin_unref (self->last_origin);
  hawser_twin_pool_clear (&self->pool);
  g_hash_table_unref (self->source_places);
  g_array_unref (self->sources);
}

HawserTwinExtra *
hawser_twin_need_extra (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  guint32 index;

  if (G_UNLIKELY (record->is_passive))
    hawser_twin_wake (self, twin);
  index = self->free_extra;
  if (record->extra != 0)
    return self->extras[record->extra];
  if (index != 0)
    self->free_extra = GPOINTER_TO_UINT (self->extras[index]);
  else
    {
      if (self->n_extras >= self->extras_size)
        {
          self->extras_size = MAX (64, self->extras_size * 2);
          self->extras = g_renew (HawserTwinExtra *, self->extras, self->extras_size);
        }
      index = self->n_extras++;
    }
  record->extra = index;
  return self->extras[index] = g_new0 (HawserTwinExtra, 1);
}

HawserTwinNode *
hawser_twin_need_node (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinExtra *extra;

  if (twin == 0)
    return &self->roots;
  extra = hawser_twin_need_extra (self, twin);
  if (extra->node == NULL)
    extra->node = g_new0 (HawserTwinNode, 1);
  return extra->node;
}

/* ---- names ---- */

gboolean
hawser_twin_check_id (const char *id, gsize len, GError **error)
{
  const char *problem = NULL;
  guint8 high = 0, last = '/';

  if (len == 0 || len > HAWSER_TWIN_MAX_ID)
    problem = "must have 1 to 1024 bytes";
  else if (*id == '$')
    problem = "may not begin with $";
  for (gsize i = 0; i < len && problem == NULL; i++)
    {
      guint8 c = (guint8) id[i];

      if (c < 0x20 || c == 0x7f || c == '+' || c == '#' || c == '{' || c == '}')
        problem = "may not contain control characters or any of + # { }";
      else if (c == '/' && last == '/')
        problem = "has an empty level";
      high |= c;
      last = c;
    }
  if (problem == NULL && last == '/')
    problem = "has an empty level";
  if (problem == NULL && high >= 0x80 && !g_utf8_validate_len (id, (gssize) len, NULL))
    problem = "is not UTF-8";
  if (problem == NULL)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "twin id '%.*s' %s", (int) MIN (len, 80), len > 0 && g_utf8_validate_len (id, (gssize) MIN (len, 80), NULL) ? id : "",
               problem);
  return FALSE;
}

HawserTwinRef
hawser_twin_find (HawserTwins *self, const char *id, gsize len)
{
  guint32 hash = (guint32) hawser_hash_bytes (id, len);
  HawserTwinRef twin = self->buckets[hash & (self->n_buckets - 1)];

  while (twin != 0)
    {
      HawserTwinRecord *record = hawser_twin_get (self, twin);

      if (record->hash == hash)
        {
          HawserTwinName *name = hawser_twin_name (self, record);

          if (name->len == len && memcmp (name->text, id, len) == 0)
            return twin;
        }
      twin = record->next;
    }
  return 0;
}

static void
grow (HawserTwins *self)
{
  guint n_buckets = self->n_buckets * 2;
  HawserTwinRef *buckets = hawser_twin_memory_new (n_buckets * sizeof (HawserTwinRef), TRUE);

  memset (buckets, 0, n_buckets * sizeof *buckets);
  for (HawserTwinRef i = 1; i < self->n_used; i++)
    {
      HawserTwinRecord *record = hawser_twin_get (self, i);

      if (!(record->flags & HAWSER_TWIN_IS_USED))
        continue;
      record->next = buckets[record->hash & (n_buckets - 1)];
      buckets[record->hash & (n_buckets - 1)] = i;
    }
  g_free (self->buckets);
  self->buckets = buckets;
  self->n_buckets = n_buckets;
}

static HawserTwinRef
take_record (HawserTwins *self)
{
  HawserTwinRef twin = self->free;

  if (twin != 0)
    {
      self->free = hawser_twin_get (self, twin)->next;
      return twin;
    }
  twin = self->n_used++;
  if (twin / HAWSER_TWIN_CHUNK >= self->n_chunks || self->n_chunks == 0)
    {
      self->chunks = g_renew (HawserTwinRecord *, self->chunks, self->n_chunks + 1);
      self->chunks[self->n_chunks] = hawser_twin_memory_new (HAWSER_TWIN_CHUNK * sizeof (HawserTwinRecord), self->n_chunks > 0);
      self->n_chunks++;
    }
  return twin;
}

/* ---- use ---- */

void
hawser_twin_unlink_use (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);

  if (record->newer != 0)
    hawser_twin_get (self, record->newer)->older = record->older;
  else
    self->newest = record->older;
  if (record->older != 0)
    hawser_twin_get (self, record->older)->newer = record->newer;
  else
    self->oldest = record->newer;
  record->newer = record->older = 0;
}

void
hawser_twin_link_oldest (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);

  record->older = 0;
  record->newer = self->oldest;
  if (self->oldest != 0)
    hawser_twin_get (self, self->oldest)->older = twin;
  else
    self->newest = twin;
  self->oldest = twin;
}

void
hawser_twin_link_use (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);

  record->newer = 0;
  record->older = self->newest;
  if (self->newest != 0)
    hawser_twin_get (self, self->newest)->newer = twin;
  else
    self->oldest = twin;
  self->newest = twin;
}

void
hawser_twin_touch (HawserTwins *self, HawserTwinRef twin)
{
  if (!self->keeps_order || self->newest == twin)
    return;
  hawser_twin_unlink_use (self, twin);
  hawser_twin_link_use (self, twin);
}

/* ---- the tree ---- */

static void
hang (HawserTwins *self, HawserTwinRef twin, HawserTwinRef parent)
{
  HawserTwinNode *node = hawser_twin_need_node (self, parent);
  HawserTwinRecord *record = hawser_twin_get (self, twin);

  if (node->n == node->size)
    {
      node->size = MAX (4, node->size + node->size / 2);
      node->children = g_renew (HawserTwinRef, node->children, node->size);
    }
  record->parent = parent;
  record->position = node->n;
  node->children[node->n++] = twin;
  hawser_twin_mark_parent (self, twin);
}

static void
unhang (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinNode *node = hawser_twin_need_node (self, record->parent);
  guint position = record->position;

  /* the last child takes the place: both groups change */
  hawser_twin_mark_parent (self, twin);
  node->n--;
  if (position != node->n)
    {
      HawserTwinRef last = node->children[node->n];

      node->children[position] = last;
      hawser_twin_get (self, last)->position = position;
    }
  if (record->parent != 0)
    hawser_twin_mark_group (self, record->parent, node->n);
}

static guint
count_ancestors (HawserTwins *self, HawserTwinRef twin)
{
  guint n = 0;

  for (; twin != 0 && n <= HAWSER_TWIN_MAX_DEPTH; n++)
    twin = hawser_twin_get (self, twin)->parent;
  return n;
}

/* Levels below a twin, without recursion: the tree is walked by positions. */
static guint
count_levels_below (HawserTwins *self, HawserTwinRef top)
{
  guint at[HAWSER_TWIN_MAX_DEPTH + 2] = { 0 };
  HawserTwinRef path[HAWSER_TWIN_MAX_DEPTH + 2] = { top };
  guint depth = 0, deepest = 0;

  for (;;)
    {
      HawserTwinExtra *extra = hawser_twin_extra (self, hawser_twin_get (self, path[depth]));

      if (extra != NULL && extra->node != NULL && at[depth] < extra->node->n && depth <= HAWSER_TWIN_MAX_DEPTH)
        {
          path[depth + 1] = extra->node->children[at[depth]++];
          at[++depth] = 0;
          deepest = MAX (deepest, depth);
        }
      else if (depth == 0)
        return deepest;
      else
        depth--;
    }
}

gboolean
hawser_twin_move (HawserTwins *self, HawserTwinRef twin, HawserTwinRef parent, GError **error)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  guint above, below = 0;

  if (record->parent == parent)
    return TRUE;
  for (HawserTwinRef i = parent; i != 0; i = hawser_twin_get (self, i)->parent)
    if (i == twin)
      {
        g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "twin '%s': '%s' is the same twin or below it: a tree has no circle",
                     hawser_twin_name (self, record)->text, hawser_twin_name (self, hawser_twin_get (self, parent))->text);
        return FALSE;
      }
  above = count_ancestors (self, parent);
  if (extra != NULL && extra->node != NULL && extra->node->n > 0)
    below = count_levels_below (self, twin);
  if (above + below > HAWSER_TWIN_MAX_DEPTH)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "twin '%s': more than %d levels", hawser_twin_name (self, record)->text, HAWSER_TWIN_MAX_DEPTH);
      return FALSE;
    }
  unhang (self, twin);
  hang (self, twin, parent);
  return TRUE;
}

/* ---- coming and going ---- */

static HawserTwinFamily *
find_family (HawserTwins *self, const char *id, gsize len, HawserTwinCaptures *captures)
{
  char terminated[HAWSER_TWIN_MAX_ID + 1];
  HawserTwinFamily *family;

  memcpy (terminated, id, len);
  terminated[len] = '\0';
  family = g_hash_table_lookup (self->singles, terminated);
  memset (captures, 0, sizeof *captures);
  if (family != NULL)
    return family;
  for (guint i = 1; i < self->families->len; i++)
    {
      family = self->families->pdata[i];
      if (!family->is_single && hawser_twin_pattern_match (&family->id_pattern, id, len, captures))
        return family;
    }
  memset (captures, 0, sizeof *captures);
  return self->families->pdata[0];
}

static HawserTwinRef
make (HawserTwins *self, const char *id, gsize len, HawserTwinFamily *family)
{
  guint32 hash = (guint32) hawser_hash_bytes (id, len);
  HawserTwinRef twin;
  HawserTwinRecord *record;
  HawserTwinName *name;

  if (self->n_twins >= self->n_buckets)
    grow (self);
  twin = take_record (self);
  record = hawser_twin_get (self, twin);
  memset (record, 0, sizeof *record);
  record->hash = hash;
  record->family = family->index;
  record->flags = HAWSER_TWIN_IS_USED;
  if (family->n_topic_patterns > 0 || family->n_status_patterns > 0 || family->presence_of != NULL)
    record->flags |= HAWSER_TWIN_IS_DEVICE;
  if (family->history > 0)
    record->flags |= HAWSER_TWIN_HAS_HISTORY;
  record->name = hawser_twin_pool_take (&self->pool, sizeof (HawserTwinName) + len + 1);
  name = hawser_twin_name (self, record);
  name->len = (guint16) len;
  memcpy (name->text, id, len);
  name->text[len] = '\0';
  record->next = self->buckets[hash & (self->n_buckets - 1)];
  self->buckets[hash & (self->n_buckets - 1)] = twin;
  self->n_twins++;
  self->states[HAWSER_TWIN_STATE_OFFLINE]++;
  self->n_live++;
  if (self->keeps_order)
    hawser_twin_link_use (self, twin);
  if (family->idle_ticks > 0)
    {
      record->heard = hawser_twins_get_tick (self);
      hawser_twin_wait (self, twin);
    }
  return twin;
}

/* The twin and, step by step, those above it that are not there yet. Every step makes one twin; names of parents come from
 * patterns, so a circle of families is a circle of names, and is found. */
HawserTwinRef
hawser_twin_activate (HawserTwins *self, const char *id, gsize len, GError **error)
{
  HawserTwinRef twin = hawser_twin_find (self, id, len), below = 0, parent;
  g_autoptr (GString) above = NULL;

  if (twin != 0)
    {
      hawser_twin_use (self, twin);
      return twin;
    }
  if (!hawser_twin_check_id (id, len, error))
    return 0;

  for (guint step = 0;; step++)
    {
      HawserTwinCaptures captures;
      HawserTwinFamily *family = find_family (self, id, len, &captures);
      GString *next = NULL;
      HawserTwinRef made = make (self, id, len, family);

      if (step == 0)
        twin = made;
      else
        hang (self, below, made);
      below = made;
      if (family->parent != NULL)
        {
          next = g_string_sized_new (128);
          if (!hawser_twin_pattern_expand (&family->parent_pattern, &captures, next) || !hawser_twin_check_id (next->str, next->len, NULL))
            {
              g_string_free (next, TRUE);
              next = NULL;
            }
        }
      if (next == NULL || step + 1 >= HAWSER_TWIN_MAX_DEPTH)
        {
          hang (self, made, 0);
          if (next != NULL)
            g_string_free (next, TRUE);
          break;
        }
      parent = hawser_twin_find (self, next->str, next->len);
      if (parent != 0)
        {
          gboolean is_circle = FALSE;

          for (HawserTwinRef i = twin; i != 0 && !is_circle; i = i == made ? 0 : hawser_twin_get (self, i)->parent)
            is_circle = i == parent;
          if (is_circle || count_ancestors (self, parent) + step + 1 > HAWSER_TWIN_MAX_DEPTH)
            parent = 0;
          hang (self, made, parent);
          g_string_free (next, TRUE);
          break;
        }
      if (above != NULL)
        g_string_free (above, TRUE);
      above = next;
      id = above->str;
      len = above->len;
    }
  /* from the top down, so that a parent is told of before its children */
  {
    HawserTwinRef path[HAWSER_TWIN_MAX_DEPTH + 1];
    guint n = 0;

    for (HawserTwinRef i = twin; n <= HAWSER_TWIN_MAX_DEPTH; i = hawser_twin_get (self, i)->parent)
      {
        path[n++] = i;
        if (i == below)
          break;
      }
    while (n > 0)
      {
        HawserTwinRef i = path[--n];

        if (self->host_funcs != NULL && self->host_funcs->added != NULL)
          self->host_funcs->added (self->host, i);
        if (hawser_twins_is_watched (self, i))
          {
            g_autoptr (GString) text = g_string_new (NULL);
            HawserJsonWriter writer;

            hawser_json_writer_init (&writer, text);
            hawser_twin_begin_event (self, i, &writer);
            hawser_json_writer_member_boolean (&writer, "added", TRUE);
            hawser_json_writer_end_object (&writer);
            hawser_twins_tell (self, i, HAWSER_TWIN_CHANGE_ADDED, g_string_free (g_steal_pointer (&text), FALSE));
          }
      }
  }
  hawser_twins_notify_later (self);
  return twin;
}

void
hawser_twin_forget_dirty (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinNode *node = hawser_twin_need_node (self, twin);

  for (guint i = 0; node->is_dirty && i < self->dirty_nodes->len; i++)
    if (g_array_index (self->dirty_nodes, HawserTwinRef, i) == twin)
      g_array_remove_index_fast (self->dirty_nodes, i--);
  node->is_dirty = FALSE;
}

void
hawser_twin_delete (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinExtra *extra;
  HawserTwinRef *link = &self->buckets[record->hash & (self->n_buckets - 1)];
  HawserTwinName *name = hawser_twin_name (self, record);

  hawser_twin_peek (self, twin); /* what it has outside goes too */
  extra = hawser_twin_extra (self, record);
  while (extra != NULL && extra->node != NULL && extra->node->n > 0)
    {
      HawserTwinRef child = extra->node->children[extra->node->n - 1];

      unhang (self, child);
      hang (self, child, 0);
    }
  unhang (self, twin);
  hawser_twin_unwait (self, twin);
  if (extra != NULL && extra->node != NULL)
    hawser_twin_forget_dirty (self, twin);
  if (self->facades != NULL && record->flags & HAWSER_TWIN_IS_WATCHED)
    {
      HawserLocalTwin *facade = g_hash_table_lookup (self->facades, GUINT_TO_POINTER (twin));

      g_hash_table_remove (self->facades, GUINT_TO_POINTER (twin));
      if (facade != NULL)
        hawser_local_twin_detach (facade);
    }
  if (self->keeps_order && !record->is_passive)
    hawser_twin_unlink_use (self, twin);
  if (!record->is_passive)
    self->n_live--;
  hawser_twin_free_values (self, twin);
  hawser_twin_free_extra (self, record);
  g_hash_table_remove (self->gateways, GUINT_TO_POINTER (twin));
  while (*link != twin)
    link = &hawser_twin_get (self, *link)->next;
  *link = record->next;
  hawser_twin_pool_give (&self->pool, record->name, sizeof (HawserTwinName) + name->len + 1u);
  self->states[record->state]--;
  self->n_twins--;
  record->flags = 0;
  record->hash = 0;
  record->next = self->free;
  self->free = twin;
  hawser_twins_notify_later (self);
}
