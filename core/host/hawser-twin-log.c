/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The journal of a twin whose behaviour returns events: each event is one value of the twin's own space, by its number, and
 * every so many of them the twin is put whole (hawser-twin-keeper.c) in the transaction that clears the space: the snapshot. What
 * comes back is the snapshot and what the events after it make of it, one after the other; the first that is missing or cannot be
 * read ends it, and what lies behind is dropped and said. On the bus's lane. */

#include "hawser-twin-host-private.h"

#include <string.h>

#include <json-glib/json-glib.h>

#include "hawser-error.h"
#include "hawser-json-pointer.h"

#define SPACE "twin.events/"
#define MEMBER "journal"               /* of what is put whole: the number of the last event in it */
#define EVENT_TYPE "(tv)"              /* revision that the event made, event */
#define MAX_DEPTH 32                   /* of objects that are merged */

typedef struct {
  guint64 last;                        /* number of the last event */
  guint n_tail;                        /* events since the snapshot */
} Log;

typedef struct {
  HawserTwinRef twin;
  guint64 number;
  GBytes *bytes;
} Pending;

static void
pending_clear (gpointer data)
{
  g_bytes_unref (((Pending *) data)->bytes);
}

static Log *
find_log (HawserTwinHost *self, HawserTwinRef twin)
{
  return g_hash_table_size (self->logs) > 0 ? g_hash_table_lookup (self->logs, GUINT_TO_POINTER (twin)) : NULL;
}

static Log *
need_log (HawserTwinHost *self, HawserTwinRef twin)
{
  Log *log = find_log (self, twin);

  if (log == NULL)
    {
      log = g_new0 (Log, 1);
      g_hash_table_insert (self->logs, GUINT_TO_POINTER (twin), log);
    }
  return log;
}

static char *
space_of (HawserTwinHost *self, HawserTwinRef twin)
{
  return g_strconcat (SPACE, hawser_twins_get_id (self->twins, twin), NULL);
}

/* The event made what the twin is now. */
void
hawser_twin_log_append (HawserTwinHost *self, HawserTwinRef twin, GVariant *event)
{
  HawserTwinFamily *family = hawser_twin_family (self->twins, hawser_twin_get (self->twins, twin));
  guint64 revision = hawser_twin_get (self->twins, twin)->revision;
  g_autoptr (GVariant) record = NULL;
  gboolean is_new = find_log (self, twin) == NULL;
  Pending pending = { .twin = twin };
  Log *log;

  if (hawser_twin_host_get_store (self, twin) == NULL)
    return;
  log = need_log (self, twin);
  log->last++;
  log->n_tail++;
  if (is_new || (family->snapshot_every > 0 && log->n_tail >= family->snapshot_every))
    {
      hawser_twin_host_note (self, twin); /* whole, and this event with it */
      return;
    }
  pending.number = log->last;
  record = g_variant_ref_sink (g_variant_new (EVENT_TYPE, revision, event));
  if (G_BYTE_ORDER == G_BIG_ENDIAN)
    {
      GVariant *swapped = g_variant_byteswap (record);

      g_variant_unref (record);
      record = swapped;
    }
  pending.bytes = g_variant_get_data_as_bytes (record);
  g_array_append_val (self->events, pending);
  hawser_twin_host_store_soon (self);
}

typedef struct {
  HawserTwinHost *host;
  char *id;
} Append;

/* What could not be added is part of the next snapshot; a stale writer hears there that it is one. */
static void
on_appended (gpointer data, gboolean ok, const GError *error)
{
  Append *append = data;
  HawserTwinHost *self = append->host;
  HawserTwinRef twin = !ok && self->twins != NULL ? hawser_twin_find (self->twins, append->id, strlen (append->id)) : 0;

  if (twin != 0 && !g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED))
    hawser_twin_host_retry (self, twin);
  g_object_unref (self);
  g_free (append->id);
  g_free (append);
}

void
hawser_twin_log_flush (HawserTwinHost *self)
{
  for (guint i = 0; i < self->events->len; i++)
    {
      const Pending *pending = &g_array_index (self->events, Pending, i);
      HawserTwinStore *store = hawser_twin_host_get_store (self, pending->twin);
      g_autofree char *space = space_of (self, pending->twin);
      char key[17];
      Append *append;

      if (store == NULL || g_hash_table_contains (self->dirty, GUINT_TO_POINTER (pending->twin)))
        continue; /* it is put whole */
      append = g_new (Append, 1);
      *append = (Append) { g_object_ref (self), g_strdup (hawser_twins_get_id (self->twins, pending->twin)) };
      g_snprintf (key, sizeof key, "%016" G_GINT64_MODIFIER "x", pending->number);
      store->funcs->put_if (store->journal, space, key, 0, 1, pending->bytes, on_appended, append);
    }
  g_array_set_size (self->events, 0);
}

/* @json: the twin as it is about to be put, to which the number of its last event is added. */
void
hawser_twin_log_snapshot (HawserTwinHost *self, HawserTwinStore *store, HawserTwinRef twin, GString *json)
{
  Log *log = find_log (self, twin);
  g_autofree char *space = NULL;

  if (log == NULL)
    return;
  g_assert (json->len > 0 && json->str[json->len - 1] == '}');
  g_string_truncate (json, json->len - 1);
  g_string_append_printf (json, ",\"" MEMBER "\":%" G_GUINT64_FORMAT "}", log->last);
  if (log->n_tail == 0)
    return;
  space = space_of (self, twin);
  store->funcs->clear (store->journal, space, NULL, NULL);
  log->n_tail = 0;
}

/* The twin is removed. */
void
hawser_twin_log_forget (HawserTwinHost *self, HawserTwinRef twin)
{
  Log *log = find_log (self, twin);
  HawserTwinStore *store = hawser_twin_host_get_store (self, twin);

  if (log == NULL)
    return;
  for (guint i = self->events->len; i-- > 0;)
    if (g_array_index (self->events, Pending, i).twin == twin)
      g_array_remove_index (self->events, i);
  if (store != NULL && log->n_tail > 0)
    {
      g_autofree char *space = space_of (self, twin);

      store->funcs->clear (store->journal, space, NULL, NULL);
    }
  g_hash_table_remove (self->logs, GUINT_TO_POINTER (twin));
}

/* ---- a state in which events happen ---- */

static const char *const documents[] = { "reported", "desired", "attributes" };

#define N_DOCUMENTS G_N_ELEMENTS (documents)

typedef struct {
  GVariant *value;                     /* NULL: removed */
  GVariant *entry;                     /* {sv} of it */
  gboolean is_touched;
} Member;

/* Parts that an event leaves alone are not built again: a journal is read at some microseconds an event. */
struct _HawserTwinFold {
  HawserTwinBehavior *behavior;
  char *id;
  GVariant *state;                     /* NULL: to be made anew */
  GVariant *said;                      /* {sv}: connectivity */
  GVariant *parts[N_DOCUMENTS];        /* {sv} of each document; NULL: to be made anew */
  GHashTable *members[N_DOCUMENTS];    /* name -> Member */
};

static void
member_free (gpointer data)
{
  Member *member = data;

  g_clear_pointer (&member->value, g_variant_unref);
  g_clear_pointer (&member->entry, g_variant_unref);
  g_free (member);
}

static GVariant *
make_entry (const char *key, GVariant *value)
{
  return g_variant_ref_sink (g_variant_new_dict_entry (g_variant_new_string (key), g_variant_new_variant (value)));
}

/* @value: (transfer full) (nullable) */
static Member *
set_member (HawserTwinFold *self, gsize d, const char *key, GVariant *value)
{
  Member *member = g_hash_table_lookup (self->members[d], key);

  if (member == NULL)
    {
      member = g_new0 (Member, 1);
      g_hash_table_insert (self->members[d], g_strdup (key), member);
    }
  g_clear_pointer (&member->value, g_variant_unref);
  g_clear_pointer (&member->entry, g_variant_unref);
  member->value = value;
  member->entry = value != NULL ? make_entry (key, value) : NULL;
  return member;
}

HawserTwinFold *
hawser_twin_fold_new (HawserTwins *twins, HawserTwinRef twin)
{
  HawserTwinFold *self = g_new0 (HawserTwinFold, 1);
  g_autoptr (GVariant) state = hawser_twin_describe (twins, twin, FALSE), connectivity = NULL;

  self->behavior = g_object_ref (HAWSER_TWIN_BEHAVIOR (hawser_twin_family (twins, hawser_twin_get (twins, twin))->behavior_object));
  self->id = g_strdup (hawser_twins_get_id (twins, twin));
  for (gsize d = 0; d < N_DOCUMENTS; d++)
    {
      g_autoptr (GVariant) values = g_variant_lookup_value (state, documents[d], G_VARIANT_TYPE_VARDICT);
      GVariantIter iter;
      GVariant *value;
      const char *key;

      self->members[d] = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, member_free);
      g_variant_iter_init (&iter, values);
      while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
        set_member (self, d, key, value);
    }
  connectivity = g_variant_lookup_value (state, "state", G_VARIANT_TYPE_STRING);
  self->said = make_entry ("state", connectivity);
  return self;
}

void
hawser_twin_fold_free (HawserTwinFold *self)
{
  for (gsize d = 0; d < N_DOCUMENTS; d++)
    {
      g_hash_table_unref (self->members[d]);
      g_clear_pointer (&self->parts[d], g_variant_unref);
    }
  g_clear_pointer (&self->state, g_variant_unref);
  g_variant_unref (self->said);
  g_object_unref (self->behavior);
  g_free (self->id);
  g_free (self);
}

static GVariant *
make_part (HawserTwinFold *self, gsize d)
{
  g_autofree GVariant **entries = g_new (GVariant *, g_hash_table_size (self->members[d]) + 1);
  g_autoptr (GVariant) document = NULL;
  GHashTableIter iter;
  gpointer member;
  gsize n = 0;

  g_hash_table_iter_init (&iter, self->members[d]);
  while (g_hash_table_iter_next (&iter, NULL, &member))
    if (((Member *) member)->entry != NULL)
      entries[n++] = ((Member *) member)->entry;
  document = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), entries, n));
  return make_entry (documents[d], document);
}

static GVariant *
get_state (HawserTwinFold *self)
{
  GVariant *entries[1 + N_DOCUMENTS];

  if (self->state != NULL)
    return self->state;
  entries[0] = self->said;
  for (gsize d = 0; d < N_DOCUMENTS; d++)
    {
      if (self->parts[d] == NULL)
        self->parts[d] = make_part (self, d);
      entries[1 + d] = self->parts[d];
    }
  self->state = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), entries, G_N_ELEMENTS (entries)));
  return self->state;
}

static gboolean
is_null (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE) && g_variant_n_children (value) == 0;
}

/* As it reads once it was in the twin: what JSON makes of it. */
static GVariant *
as_stored (GVariant *value, gboolean is_reported)
{
  g_autofree char *json = NULL;
  gint64 integer;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_DOUBLE:
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_BOOLEAN:
      return g_variant_ref (value);
    case G_VARIANT_CLASS_INT32:
      integer = g_variant_get_int32 (value);
      break;
    case G_VARIANT_CLASS_INT64:
      integer = g_variant_get_int64 (value);
      break;
    default:
      json = json_gvariant_serialize_data (value, NULL);
      value = json != NULL ? json_gvariant_deserialize_data (json, -1, NULL, NULL) : NULL;
      return value != NULL ? g_variant_take_ref (value) : NULL;
    }
  return g_variant_ref_sink (is_reported && ABS (integer) < G_GINT64_CONSTANT (1) << 53 ? g_variant_new_double ((double) integer) : g_variant_new_int64 (integer));
}

/* RFC 7396. (transfer full) */
static GVariant *
merge (GVariant *old, GVariant *patch, guint depth)
{
  GVariantDict dict;
  GVariantIter iter;
  GVariant *value;
  char *key;

  if (!g_variant_is_of_type (patch, G_VARIANT_TYPE_VARDICT) || depth == MAX_DEPTH)
    return g_variant_ref (patch);
  g_variant_dict_init (&dict, old != NULL && g_variant_is_of_type (old, G_VARIANT_TYPE_VARDICT) ? old : NULL);
  g_variant_iter_init (&iter, patch);
  while (g_variant_iter_loop (&iter, "{sv}", &key, &value))
    if (is_null (value))
      g_variant_dict_remove (&dict, key);
    else
      {
        g_autoptr (GVariant) held = g_variant_dict_lookup_value (&dict, key, NULL), merged = merge (held, value, depth + 1);

        g_variant_dict_insert_value (&dict, key, merged);
      }
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
change_document (HawserTwinFold *self, gsize d, GVariant *changes)
{
  GVariantIter iter;
  GVariant *value;
  const char *key;

  g_variant_iter_init (&iter, changes);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      Member *member = g_hash_table_lookup (self->members[d], key);
      g_autoptr (GVariant) merged = is_null (value) ? NULL : merge (member != NULL ? member->value : NULL, value, 0);

      set_member (self, d, key, merged != NULL ? as_stored (merged, d == 0) : NULL)->is_touched = TRUE;
      g_variant_unref (value);
    }
  g_clear_pointer (&self->parts[d], g_variant_unref);
}

/* What @event changes, which becomes part of the state for the next one. */
GVariant *
hawser_twin_fold_apply (HawserTwinFold *self, GVariant *event, GError **error)
{
  GVariant *changes = hawser_twin_behavior_apply_event (self->behavior, self->id, get_state (self), event, error);

  if (changes == NULL)
    return NULL;
  for (gsize d = 0; d < N_DOCUMENTS; d++)
    {
      g_autoptr (GVariant) part = g_variant_lookup_value (changes, documents[d], G_VARIANT_TYPE_VARDICT);

      if (part == NULL)
        continue;
      change_document (self, d, part);
      g_clear_pointer (&self->state, g_variant_unref);
    }
  return changes;
}

static void
write_document (HawserTwins *twins, HawserTwinRef twin, HawserTwinDocument *document, const char *key, const char *json, guint64 revision)
{
  const HawserTwinStamp stamp = { hawser_twins_get_wall_us (twins), twins->origin, revision };
  HawserTwinEntry *entry = hawser_twin_document_find (document, key, strlen (key));

  if (json != NULL)
    hawser_twin_document_set (document, key, strlen (key), json, strlen (json), &stamp, NULL);
  else if (entry != NULL)
    hawser_twin_document_remove (document, entry);
}

/* The twin becomes what the events made. */
static void
write_back (HawserTwinFold *self, HawserTwins *twins, HawserTwinRef twin, guint64 revision)
{
  const HawserTwinReport report = { 0, NULL, 0 };
  HawserTwinExtra *extra = hawser_twin_need_extra (twins, twin);

  for (gsize d = 0; d < N_DOCUMENTS; d++)
    {
      GHashTableIter iter;
      gpointer key, data;

      g_hash_table_iter_init (&iter, self->members[d]);
      while (g_hash_table_iter_next (&iter, &key, &data))
        {
          const Member *member = data;
          g_autofree char *json = member->value != NULL ? json_gvariant_serialize_data (member->value, NULL) : NULL;
          HawserJsonSlice slice;

          if (!member->is_touched)
            continue;
          if (d > 0)
            write_document (twins, twin, d == 1 ? &extra->desired : &extra->attributes, key, json, revision);
          else if (hawser_json_parse (json != NULL ? json : "null", json != NULL ? strlen (json) : 4, &slice, NULL))
            hawser_twin_set_value (twins, twin, key, strlen (key), &slice, &report, NULL, NULL);
        }
    }
  hawser_twin_get (twins, twin)->revision = MAX (hawser_twin_get (twins, twin)->revision, revision);
}

/* ---- coming back ---- */

/* While the stores are read: @text is what was put whole. */
void
hawser_twin_log_found (HawserTwinHost *self, HawserTwinRef twin, const char *text, gsize len)
{
  HawserJsonSlice slice;
  gint64 number;

  if (hawser_json_pointer_get ("/" MEMBER, text, len, &slice) && hawser_json_slice_get_int64 (&slice, &number) && number >= 0)
    need_log (self, twin)->last = (guint64) number;
}

typedef struct {
  guint64 number;
  GBytes *bytes;
} Found;

static void
found_clear (gpointer data)
{
  g_bytes_unref (((Found *) data)->bytes);
}

static void
on_event (gpointer data, const char *key, GBytes *value)
{
  Found found = { 0, g_bytes_ref (value) };

  if (strlen (key) != 16 || !g_ascii_string_to_unsigned (key, 16, 0, G_MAXUINT64, &found.number, NULL))
    found.number = 0;
  g_array_append_val ((GArray *) data, found);
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  guint64 x = ((const Found *) a)->number, y = ((const Found *) b)->number;

  return x < y ? -1 : x > y;
}

/* NULL: not one of ours. */
static GVariant *
read_event (GBytes *bytes, guint64 *out_revision)
{
  g_autoptr (GVariant) record = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (EVENT_TYPE), bytes, FALSE));
  GVariant *event;

  if (!g_variant_is_normal_form (record))
    return NULL;
  if (G_BYTE_ORDER == G_BIG_ENDIAN)
    {
      GVariant *swapped = g_variant_byteswap (record);

      g_variant_unref (record);
      record = swapped;
    }
  g_variant_get (record, EVENT_TYPE, out_revision, &event);
  return event;
}

static void
drop_tail (HawserTwinStore *store, const char *space, GArray *found, guint from)
{
  for (guint i = from; i < found->len; i++)
    {
      char key[17];

      g_snprintf (key, sizeof key, "%016" G_GINT64_MODIFIER "x", g_array_index (found, Found, i).number);
      store->funcs->remove (store->journal, space, key, NULL, NULL);
    }
}

static void
replay (HawserTwinHost *self, HawserTwinRef twin, Log *log, HawserTwinStore *store, const char *space, GArray *found)
{
  const char *id = hawser_twins_get_id (self->twins, twin);
  HawserTwinFold *fold;
  guint64 revision = 0, n_failed = 0;
  guint i = 0;

  hawser_twin_use (self->twins, twin);
  fold = hawser_twin_fold_new (self->twins, twin);
  while (i < found->len && g_array_index (found, Found, i).number <= log->last)
    i++; /* part of the snapshot */
  for (; i < found->len; i++)
    {
      const Found *next = &g_array_index (found, Found, i);
      g_autoptr (GVariant) event = next->number == log->last + 1 ? read_event (next->bytes, &revision) : NULL, changes = NULL;
      g_autoptr (GError) error = NULL;

      if (event == NULL)
        break;
      changes = hawser_twin_fold_apply (fold, event, &error);
      if (error != NULL && n_failed++ == 0)
        g_warning ("twin '%s': event %" G_GUINT64_FORMAT " of its journal is left out: %s", id, next->number, error->message);
      log->last++;
      log->n_tail++;
    }
  if (i < found->len)
    {
      g_warning ("twin '%s': its journal is damaged after event %" G_GUINT64_FORMAT "; %u later events are dropped", id, log->last, found->len - i);
      drop_tail (store, space, found, i);
    }
  write_back (fold, self->twins, twin, revision);
  hawser_twin_fold_free (fold);
  hawser_twins_settle (self->twins);
}

gboolean
hawser_twin_log_recover (HawserTwinHost *self, GError **error)
{
  g_autoptr (GList) twins = g_hash_table_get_keys (self->logs);

  for (GList *l = twins; l != NULL; l = l->next)
    {
      HawserTwinRef twin = GPOINTER_TO_UINT (l->data);
      HawserTwinFamily *family = hawser_twin_family (self->twins, hawser_twin_get (self->twins, twin));
      HawserTwinStore *store = hawser_twin_host_get_store (self, twin);
      g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (Found));
      g_autofree char *space = space_of (self, twin);

      g_array_set_clear_func (found, found_clear);
      if (!store->funcs->foreach_value (store->journal, space, on_event, found, error))
        return FALSE;
      if (found->len == 0)
        continue;
      if (family->behavior_object == NULL)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "twin '%s' has a journal of events, and its family no behaviour to read it",
                       hawser_twins_get_id (self->twins, twin));
          return FALSE;
        }
      g_array_sort (found, compare_numbers);
      replay (self, twin, find_log (self, twin), store, space, found);
    }
  return TRUE;
}

void
hawser_twin_log_init (HawserTwinHost *self)
{
  self->logs = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->events = g_array_new (FALSE, FALSE, sizeof (Pending));
  g_array_set_clear_func (self->events, pending_clear);
}

void
hawser_twin_log_clear (HawserTwinHost *self)
{
  g_hash_table_unref (self->logs);
  g_array_unref (self->events);
}
