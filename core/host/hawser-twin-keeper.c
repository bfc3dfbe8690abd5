/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Twins on the disk: one value of the spool's space "twins" for each, the twin's own JSON, replaced whole in one transaction, so
 * after a crash a twin is as before the write or as after it. What people write (desired, attributes, parent) is always kept;
 * what things report as the family's `persist` says. Many changes of a turn are one write. On the bus's lane. */

#include "hawser-twin-host-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-json-pointer.h"

#define SPACE "twins"

static void
put (HawserTwinHost *self, const char *id)
{
  HawserBus *bus = self->twins->bus;
  HawserTwinRef twin = hawser_twin_find (self->twins, id, strlen (id));
  GString *text;
  g_autoptr (GBytes) bytes = NULL;

  if (twin == 0 || bus->journal == NULL)
    return;
  text = g_string_sized_new (512);
  hawser_twin_write (self->twins, twin, text);
  hawser_twin_get (self->twins, twin)->flags &= (guint8) ~HAWSER_TWIN_IS_DIRTY;
  bytes = g_string_free_to_bytes (text);
  bus->journal_funcs->put (bus->journal, SPACE, id, bytes, NULL, NULL);
  self->n_stored++;
}

void
hawser_twin_host_store_all (HawserTwinHost *self)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, self->dirty);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    put (self, id);
  g_hash_table_remove_all (self->dirty);
  hawser_timer_disarm (&self->interval_timer);
}

static void
on_end_of_turn (HawserDirty *dirty)
{
  hawser_twin_host_store_all ((HawserTwinHost *) (gpointer) ((guint8 *) dirty - G_STRUCT_OFFSET (HawserTwinHost, at_end)));
}

static void
on_interval (HawserTimer *timer)
{
  hawser_twin_host_store_all ((HawserTwinHost *) (gpointer) ((guint8 *) timer - G_STRUCT_OFFSET (HawserTwinHost, interval_timer)));
}

static void
note (HawserTwinHost *self, HawserTwinRef twin, gint64 within_us)
{
  HawserTwins *twins = self->twins;
  HawserTwinRecord *record = hawser_twin_get (twins, twin);
  HawserLane *lane = twins->bus->lane;

  if (self->is_recovering || twins->bus->journal == NULL)
    return;
  if (!(record->flags & HAWSER_TWIN_IS_DIRTY))
    {
      record->flags |= HAWSER_TWIN_IS_DIRTY;
      g_hash_table_add (self->dirty, g_strdup (hawser_twin_name (twins, record)->text));
    }
  if (within_us == 0)
    {
      self->at_end.flush = on_end_of_turn;
      hawser_lane_mark_dirty (lane, &self->at_end);
    }
  else if (!hawser_timer_is_armed (&self->interval_timer) || self->interval_timer.due_us > hawser_lane_get_now_us (lane) + within_us)
    hawser_timer_arm (&self->interval_timer, lane, hawser_lane_get_now_us (lane) + within_us, on_interval);
}

/* A report. */
void
hawser_twin_host_on_changed (gpointer data, HawserTwinRef twin)
{
  HawserTwinHost *self = data;
  HawserTwinFamily *family = hawser_twin_family (self->twins, hawser_twin_get (self->twins, twin));

  if (g_strcmp0 (family->persist, "on-change") == 0)
    note (self, twin, 0);
  else if (g_strcmp0 (family->persist, "interval") == 0)
    note (self, twin, family->persist_interval_us);
}

/* Somebody wrote. */
void
hawser_twin_host_on_patched (gpointer data, HawserTwinRef twin)
{
  note (data, twin, 0);
}

void
hawser_twin_host_forget (HawserTwinHost *self, const char *id)
{
  HawserBus *bus = self->twins->bus;

  g_hash_table_remove (self->dirty, id);
  if (bus->journal != NULL)
    bus->journal_funcs->remove (bus->journal, SPACE, id, NULL, NULL);
}

/* A twin that is to leave memory: what is not stored yet is stored before. One whose behaviour waits has messages queued. */
gboolean
hawser_twin_host_on_leave (gpointer data, HawserTwinRef twin)
{
  HawserTwinHost *self = data;
  const char *id = hawser_twins_get_id (self->twins, twin);

  if (g_hash_table_size (self->wards) > 0 && g_hash_table_contains (self->wards, id))
    return FALSE;
  if (hawser_twin_get (self->twins, twin)->flags & HAWSER_TWIN_IS_DIRTY && g_hash_table_remove (self->dirty, id))
    put (self, id);
  return TRUE;
}

typedef struct {
  HawserPublished done;
  gpointer data;
} Commit;

static void
on_flushed (gpointer data, gboolean ok, const GError *error)
{
  Commit *commit = data;

  commit->done (commit->data, 0, ok ? HAWSER_RESULT_OK : HAWSER_ERROR_UNAVAILABLE);
  g_free (commit);
}

void
hawser_twin_host_on_commit (gpointer data, const char *id, HawserPublished done, gpointer done_data)
{
  HawserTwinHost *self = data;
  HawserBus *bus = self->twins->bus;
  Commit *commit;

  if (bus->journal == NULL)
    {
      done (done_data, 0, HAWSER_RESULT_OK);
      return;
    }
  if (g_hash_table_remove (self->dirty, id))
    put (self, id);
  commit = g_new (Commit, 1);
  *commit = (Commit) { done, done_data };
  bus->journal_funcs->flush (bus->journal, on_flushed, commit);
}

/* ---- coming back ---- */

static gint64
read_time (const HawserJsonSlice *entry)
{
  g_autofree char *text = hawser_json_pointer_dup_string ("/time", entry->text, entry->len);
  g_autoptr (GDateTime) time = text != NULL ? g_date_time_new_from_iso8601 (text, NULL) : NULL;

  return time != NULL ? g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time) : 0;
}

static HawserOrigin *
read_source (HawserTwins *twins, const HawserJsonSlice *entry)
{
  g_autofree char *text = hawser_json_pointer_dup_string ("/source", entry->text, entry->len);

  return hawser_origin_new (0, twins->bus->uid, text != NULL ? text : "/process");
}

static void
recover_reported (HawserTwins *twins, HawserTwinRef twin, const char *text, gsize len)
{
  HawserJsonSlice object, key, entry, value;
  HawserJsonIter iter;

  if (!hawser_json_pointer_get ("/reported", text, len, &object))
    return;
  hawser_json_iter_init (&iter, &object);
  while (hawser_json_iter_next (&iter, &key, &entry))
    {
      g_autofree char *name = hawser_json_slice_dup_string (&key);
      HawserOrigin *origin = read_source (twins, &entry);
      const HawserTwinReport report = { read_time (&entry), origin, 0 };

      if (name != NULL && hawser_json_pointer_get ("/value", entry.text, entry.len, &value))
        hawser_twin_set_value (twins, twin, name, strlen (name), &value, &report, NULL, NULL);
      hawser_origin_unref (origin);
    }
}

static void
recover_document (HawserTwins *twins, const char *name, const char *text, gsize len, HawserTwinDocument *document)
{
  g_autofree char *values = g_strconcat ("/", name, NULL), *metadata = g_strconcat ("/metadata/", name, NULL);
  HawserJsonSlice object, stamps, key, value, stamp;
  HawserJsonIter iter;

  if (!hawser_json_pointer_get (values, text, len, &object))
    return;
  if (!hawser_json_pointer_get (metadata, text, len, &stamps))
    stamps = (HawserJsonSlice) { HAWSER_JSON_OBJECT, "{}", 2 };
  hawser_json_iter_init (&iter, &object);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      g_autofree char *member = hawser_json_slice_dup_string (&key);
      g_autoptr (GString) pointer = g_string_new (member);
      HawserTwinStamp kept = { 0, NULL, 0 };
      gint64 revision = 0;

      if (member == NULL)
        continue;
      g_string_replace (pointer, "~", "~0", 0);
      g_string_replace (pointer, "/", "~1", 0);
      g_string_prepend_c (pointer, '/');
      if (hawser_json_pointer_get (pointer->str, stamps.text, stamps.len, &stamp))
        {
          HawserJsonSlice number;

          kept.time_us = read_time (&stamp);
          kept.origin = read_source (twins, &stamp);
          if (hawser_json_pointer_get ("/revision", stamp.text, stamp.len, &number) && hawser_json_slice_get_int64 (&number, &revision))
            kept.revision = (guint64) revision;
        }
      hawser_twin_document_set (document, member, strlen (member), value.text, value.len, &kept, NULL);
      if (kept.origin != NULL)
        hawser_origin_unref (kept.origin);
    }
}

static void
recover (gpointer data, const char *id, GBytes *bytes)
{
  HawserTwinHost *self = data;
  HawserTwins *twins = self->twins;
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);
  g_autoptr (GError) error = NULL;
  g_autofree char *parent = NULL;
  HawserJsonSlice slice;
  HawserTwinRef twin;
  HawserTwinExtra *extra;
  gint64 revision = 0;

  if (!hawser_json_check (text, len, &error) || (twin = hawser_twin_activate (twins, id, strlen (id), &error)) == 0)
    {
      g_warning ("twin '%s' could not be read from the spool: %s", id, error->message);
      return;
    }
  parent = hawser_json_pointer_dup_string ("/parent", text, len);
  if (parent != NULL)
    {
      HawserTwinRef above = hawser_twin_activate (twins, parent, strlen (parent), NULL);

      if (above != 0)
        hawser_twin_move (twins, twin, above, NULL);
    }
  else
    hawser_twin_move (twins, twin, 0, NULL);
  recover_reported (twins, twin, text, len);
  extra = hawser_twin_need_extra (twins, twin);
  recover_document (twins, "desired", text, len, &extra->desired);
  recover_document (twins, "attributes", text, len, &extra->attributes);
  if (hawser_json_pointer_get ("/revision", text, len, &slice) && hawser_json_slice_get_int64 (&slice, &revision))
    hawser_twin_get (twins, twin)->revision = (guint64) revision;
  /* what it said before is no word of today */
  hawser_twin_set_state (twins, twin, HAWSER_TWIN_STATE_OFFLINE, "restart");
  hawser_twins_settle (twins);
}

/**
 * hawser_twin_host_recover:
 * @self: a host
 * @error: return location
 *
 * Brings back the twins that the bus's spool holds, offline until they are heard of; once, before anybody connects.
 *
 * Errors: those of the spool.
 *
 * Returns: %TRUE if all were read
 * Since: 0.1
 */
gboolean
hawser_twin_host_recover (HawserTwinHost *self, GError **error)
{
  HawserBus *bus = self->twins->bus;
  gboolean ok = TRUE;

  if (bus->journal == NULL)
    return TRUE;
  self->is_recovering = TRUE;
  ok = bus->journal_funcs->foreach_value (bus->journal, SPACE, recover, self, error);
  self->is_recovering = FALSE;
  return ok;
}
