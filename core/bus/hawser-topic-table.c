/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See hawser-topic-table.h. A record is one allocation with the name inside; records made on first use and holding
 * nothing are given up when the table is full. No rights and no routing here. */

#include "hawser-topic-table.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-hash.h"
#include "hawser-topic-filter.h"
#include "hawser-topic-raw.h"

void
hawser_topic_table_init (HawserTopicTable *self, guint max_records, guint max_retained)
{
  memset (self, 0, sizeof *self);
  self->n_buckets = 64;
  self->buckets = g_new0 (HawserTopicRecord *, self->n_buckets);
  self->max_records = max_records;
  self->max_retained = max_retained;
  self->filters = hawser_match_tree_new ();
  self->retained = hawser_match_tree_new ();
  self->declared = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->settings_version = 1;
}

static void
free_record (HawserTopicRecord *record)
{
  hawser_route_set_unref (record->routes);
  g_free (record);
}

static gboolean
free_retained (HawserMatchNode *node, gpointer value, gpointer data)
{
  hawser_message_unref (value);
  return TRUE;
}

void
hawser_topic_table_clear (HawserTopicTable *self)
{
  for (guint i = 0; i < self->n_buckets; i++)
    while (self->buckets[i] != NULL)
      {
        HawserTopicRecord *record = self->buckets[i];

        self->buckets[i] = record->next;
        free_record (record);
      }
  g_free (self->buckets);
  hawser_match_tree_free (self->filters);
  hawser_match_tree_foreach (self->retained, free_retained, NULL);
  hawser_match_tree_free (self->retained);
  g_hash_table_unref (self->declared);
  memset (self, 0, sizeof *self);
}

HawserTopicRecord *
hawser_topic_table_find (HawserTopicTable *self, const char *name, gsize len)
{
  guint32 hash = (guint32) hawser_hash_bytes (name, len);

  for (HawserTopicRecord *record = self->buckets[hash & (self->n_buckets - 1)]; record != NULL; record = record->next)
    if (record->hash == hash && record->len == len && memcmp (record->name, name, len) == 0)
      return record;
  return NULL;
}

static void
grow (HawserTopicTable *self)
{
  guint n_buckets = self->n_buckets * 2;
  HawserTopicRecord **buckets = g_new0 (HawserTopicRecord *, n_buckets);

  for (guint i = 0; i < self->n_buckets; i++)
    while (self->buckets[i] != NULL)
      {
        HawserTopicRecord *record = self->buckets[i];
        HawserTopicRecord **bucket = &buckets[record->hash & (n_buckets - 1)];

        self->buckets[i] = record->next;
        record->next = *bucket;
        *bucket = record;
      }
  g_free (self->buckets);
  self->buckets = buckets;
  self->n_buckets = n_buckets;
}

/* Room for one more: some records that were made on first use go, from where the last search ended. */
static gboolean
give_up_records (HawserTopicTable *self)
{
  guint n = 0;

  for (guint i = 0; i < self->n_buckets && n < 64; i++, self->next_bucket++)
    for (HawserTopicRecord *record = self->buckets[self->next_bucket & (self->n_buckets - 1)], *next; record != NULL; record = next)
      {
        next = record->next;
        if (record->topic == NULL)
          {
            hawser_topic_table_remove (self, record);
            n++;
          }
      }
  return n > 0;
}

HawserTopicRecord *
hawser_topic_table_add (HawserTopicTable *self, const char *name, gsize len)
{
  guint32 hash = (guint32) hawser_hash_bytes (name, len);
  const char *slash = memchr (name, '/', len);
  HawserTopicRecord *record, **bucket;

  if (self->n_records >= self->max_records && !give_up_records (self))
    return NULL;
  if (self->n_records >= self->n_buckets)
    grow (self);

  record = g_malloc (sizeof *record + len + 1);
  memset (record, 0, sizeof *record);
  record->hash = hash;
  record->len = (guint16) len;
  record->group = (guint8) hawser_hash_bytes (name, slash != NULL ? (gsize) (slash - name) : len);
  memcpy (record->name, name, len);
  record->name[len] = '\0';
  bucket = &self->buckets[hash & (self->n_buckets - 1)];
  record->next = *bucket;
  *bucket = record;
  self->n_records++;
  if (self->n_retained > 0)
    record->retained = hawser_match_tree_lookup (self->retained, name, len);
  if (record->retained != NULL && hawser_match_node_get_value (record->retained) == NULL)
    record->retained = NULL; /* a level of others */
  record->is_listed = record->retained != NULL; /* whoever lists names lists these */
  self->n_bare -= record->retained != NULL;
  return record;
}

void
hawser_topic_table_remove (HawserTopicTable *self, HawserTopicRecord *record)
{
  HawserTopicRecord **link = &self->buckets[record->hash & (self->n_buckets - 1)];

  self->n_bare += record->retained != NULL;
  while (*link != record)
    link = &(*link)->next;
  *link = record->next;
  self->n_records--;
  self->records_version++;
  free_record (record);
}

gboolean
hawser_topic_table_set_retained (HawserTopicTable *self, HawserTopicRecord *record, const char *name, gsize len, HawserMessage *message)
{
  HawserMatchNode *node;
  HawserMessage *old;

  if (record == NULL)
    record = hawser_topic_table_find (self, name, len); /* it points at the node, which may go */
  node = record != NULL ? record->retained : hawser_match_tree_lookup (self->retained, name, len);
  old = node != NULL ? hawser_match_node_get_value (node) : NULL;
  if (message == NULL && old == NULL)
    return TRUE;
  if (message != NULL && old == NULL)
    {
      if (self->n_retained >= self->max_retained)
        return FALSE;
      node = hawser_match_tree_insert (self->retained, name, len);
      self->n_retained++;
      self->n_bare += record == NULL;
    }
  self->retained_bytes += (message != NULL ? hawser_message_get_size (message) : 0) - (old != NULL ? hawser_message_get_size (old) : 0);
  hawser_match_node_set_value (node, message != NULL ? hawser_message_ref (message) : NULL);
  if (message == NULL)
    {
      hawser_match_tree_prune (self->retained, node);
      node = NULL;
      self->n_retained--;
      self->n_bare -= record == NULL;
    }
  if (record != NULL)
    record->retained = node;
  hawser_message_unref (old);
  return TRUE;
}

HawserMessage *
hawser_topic_table_get_retained (HawserTopicTable *self, const char *name, gsize len)
{
  HawserMatchNode *node = hawser_match_tree_lookup (self->retained, name, len);

  return node != NULL ? hawser_match_node_get_value (node) : NULL;
}

static void
note_change (HawserTopicTable *self)
{
  self->settings_version++;
  if (self->changed != NULL)
    self->changed (self->changed_data);
}

static void
on_settings_changed (HawserLocalTopic *topic, gpointer data)
{
  HawserTopicTable *self = data;

  note_change (self);
}

gboolean
hawser_topic_table_declare (HawserTopicTable *self, HawserTopic *topic, GError **error)
{
  g_autofree char *name = hawser_topic_dup_name (topic);
  gsize len = strlen (name);
  gboolean is_filter = strpbrk (name, "+#") != NULL;

  if (is_filter ? !hawser_topic_filter_check (name, len) : !hawser_topic_name_check (name, len))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "topic '%s': not a valid topic name or filter", name);
      return FALSE;
    }
  if (g_hash_table_contains (self->declared, name))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS, "topic '%s': is declared already", name);
      return FALSE;
    }
  if (!is_filter)
    {
      HawserTopicRecord *record = hawser_topic_table_find (self, name, len);

      if (record == NULL)
        record = hawser_topic_table_add (self, name, len);
      if (record == NULL)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "topic '%s': there are %u topics already", name, self->n_records);
          return FALSE;
        }
      record->topic = topic;
    }
  else if (HAWSER_IS_LOCAL_TOPIC (topic))
    hawser_match_node_set_value (hawser_match_tree_insert (self->filters, name, len), topic);

  if (HAWSER_IS_LOCAL_TOPIC (topic))
    {
      HAWSER_LOCAL_TOPIC (topic)->changed = on_settings_changed;
      HAWSER_LOCAL_TOPIC (topic)->changed_data = self;
    }
  g_hash_table_insert (self->declared, g_steal_pointer (&name), g_object_ref (topic));
  note_change (self);
  return TRUE;
}

gboolean
hawser_topic_table_undeclare (HawserTopicTable *self, const char *name)
{
  HawserTopic *topic = g_hash_table_lookup (self->declared, name);
  gsize len = strlen (name);
  HawserTopicRecord *record = hawser_topic_table_find (self, name, len);
  HawserMatchNode *node = hawser_match_tree_lookup (self->filters, name, len);

  if (topic == NULL)
    return FALSE;
  if (record != NULL && record->topic == topic)
    hawser_topic_table_remove (self, record);
  if (node != NULL && hawser_match_node_get_value (node) == topic)
    {
      hawser_match_node_set_value (node, NULL);
      hawser_match_tree_prune (self->filters, node);
    }
  if (HAWSER_IS_LOCAL_TOPIC (topic))
    HAWSER_LOCAL_TOPIC (topic)->changed = NULL;
  g_hash_table_remove (self->declared, name);
  note_change (self);
  return TRUE;
}

/* Compares level by level from the left: a literal level beats +, + beats #. */
gboolean
hawser_topic_is_more_specific (const char *a, const char *b)
{
  while (*a != '\0' && *b != '\0')
    {
      gsize a_len = strcspn (a, "/"), b_len = strcspn (b, "/");
      int a_rank = *a == '#' ? 0 : *a == '+' ? 1 : 2, b_rank = *b == '#' ? 0 : *b == '+' ? 1 : 2;

      if (a_rank != b_rank)
        return a_rank > b_rank;
      a += a_len + (a[a_len] == '/');
      b += b_len + (b[b_len] == '/');
    }
  return *a != '\0' && *a != '#';
}

/* Whether @wide matches every name that @narrow is or matches. */
static gboolean
covers (const char *wide, const char *narrow)
{
  if (*narrow == '$' && (*wide == '+' || *wide == '#'))
    return FALSE;
  for (;;)
    {
      gsize wide_len = strcspn (wide, "/"), narrow_len = strcspn (narrow, "/");

      if (*wide == '#')
        return TRUE;
      if (*narrow == '#' || (*wide != '+' && (wide_len != narrow_len || memcmp (wide, narrow, wide_len) != 0)))
        return FALSE;
      wide += wide_len;
      narrow += narrow_len;
      if (*wide == '\0' || *narrow == '\0')
        return (*wide == '\0' && *narrow == '\0') || g_str_equal (wide, "/#");
      wide++;
      narrow++;
    }
}

typedef struct {
  HawserLocalTopic *topic;
  GPtrArray *wider;                  /* NULL: none yet */
} Inheritance;

static void
add_wider (gpointer value, gpointer data)
{
  HawserLocalTopic *wider = value;
  Inheritance *self = data;

  if (wider == self->topic || !hawser_local_topic_can_inherit (self->topic, wider) || !covers (wider->name, self->topic->name))
    return;
  if (self->wider == NULL)
    self->wider = g_ptr_array_new ();
  g_ptr_array_add (self->wider, wider);
}

static int
compare_width (gconstpointer a, gconstpointer b)
{
  const char *x = (*(HawserLocalTopic * const *) a)->name, *y = (*(HawserLocalTopic * const *) b)->name;

  return hawser_topic_is_more_specific (x, y) ? -1 : hawser_topic_is_more_specific (y, x) ? 1 : 0;
}

/* What @topic says, and, where it says nothing, the most specific of the wider filters that does. */
HawserLocalTopic *
hawser_topic_table_get_in_force (HawserTopicTable *self, HawserLocalTopic *topic)
{
  Inheritance inheritance = { topic, NULL };

  if (G_LIKELY (topic->in_force_version == self->settings_version))
    return topic->in_force != NULL ? topic->in_force : topic;
  topic->in_force_version = self->settings_version;
  g_clear_object (&topic->in_force);
  hawser_match_tree_match (self->filters, topic->name, strlen (topic->name), add_wider, &inheritance);
  if (inheritance.wider == NULL)
    return topic;
  g_ptr_array_sort (inheritance.wider, compare_width);
  topic->in_force = hawser_local_topic_new (topic->name);
  hawser_local_topic_inherit (topic->in_force, topic);
  for (guint i = 0; i < inheritance.wider->len; i++)
    hawser_local_topic_inherit (topic->in_force, inheritance.wider->pdata[i]);
  g_ptr_array_unref (inheritance.wider);
  return topic->in_force;
}

static void
keep_most_specific (gpointer value, gpointer data)
{
  HawserLocalTopic **best = data, *topic = value;

  if (*best == NULL || hawser_topic_is_more_specific (topic->name, (*best)->name))
    *best = topic;
}

HawserLocalTopic *
hawser_topic_table_resolve (HawserTopicTable *self, const char *name, gsize len)
{
  HawserTopicRecord *record = hawser_topic_table_find (self, name, len);
  HawserLocalTopic *best = NULL;

  if (record != NULL && record->topic != NULL && HAWSER_IS_LOCAL_TOPIC (record->topic))
    return hawser_topic_table_get_in_force (self, HAWSER_LOCAL_TOPIC (record->topic));
  hawser_match_tree_match (self->filters, name, len, keep_most_specific, &best);
  return best != NULL ? hawser_topic_table_get_in_force (self, best) : NULL;
}
