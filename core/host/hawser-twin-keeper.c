/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Twins in a store: one value of the space "twins" for each, the twin's own JSON, replaced whole under the condition of the
 * revision that was last put or read: after a crash a twin is as before the write or as after it, and a writer whose twin was
 * written by somebody else meanwhile is refused and takes what is there. What people write (desired, attributes, parent) is
 * always kept; what things report as the family's `persist` says. The store is the bus's spool, or the family's own.
 *
 * What a turn changed is put at its end, and in the spool the events and messages of that turn are part of the same transaction:
 * hawser_twins_flush_events() calls hawser_twin_host_store() before it publishes and hawser_twin_host_stored() after it. On the
 * bus's lane. */

#include "hawser-twin-host-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-hash.h"
#include "hawser-json-line.h"
#include "hawser-json-pointer.h"
#include "hawser-spool-private.h"

#define SPACE "twins"
#define GATEWAY "gateway"              /* member of what is stored, beside those of the twin */
#define RETRY_US G_USEC_PER_SEC        /* after a store failed: it is asked once a second whether it works again */
#define UNSURE (G_GUINT64_CONSTANT (1) << 63) /* of a stored revision: the last put failed, and may be there or not */

/* ---- stores ---- */

void
hawser_twin_store_free (gpointer data)
{
  HawserTwinStore *self = data;

  g_free (self->name);
  g_object_unref (self->spool);
  g_free (self);
}

/**
 * hawser_twin_host_add_store: (skip)
 * @self: a host
 * @name: what families call it in `store`
 * @spool: an open spool of the bus's context, kept until the host goes
 *
 * Keeps the twins of the families that name it somewhere else than in the bus's own spool; before hawser_twin_host_recover().
 *
 * Since: 0.1
 */
void
hawser_twin_host_add_store (HawserTwinHost *self, const char *name, HawserSpool *spool)
{
  HawserTwinStore *store = g_new0 (HawserTwinStore, 1);

  g_return_if_fail (name != NULL && HAWSER_IS_SPOOL (spool));

  store->name = g_strdup (name);
  store->spool = g_object_ref (spool);
  store->funcs = hawser_spool_get_journal_funcs ();
  store->journal = spool;
  g_hash_table_replace (self->stores, store->name, store);
}

HawserTwinStore *
hawser_twin_host_get_store (HawserTwinHost *self, HawserTwinRef twin)
{
  HawserTwinFamily *family = hawser_twin_family (self->twins, hawser_twin_get (self->twins, twin));

  if (family->store != NULL)
    return g_hash_table_lookup (self->stores, family->store);
  self->own.funcs = self->twins->bus->journal.funcs;
  self->own.journal = self->twins->bus->journal.log;
  return self->own.journal != NULL ? &self->own : NULL;
}

static guint64 *
stored_revision (HawserTwinHost *self, HawserTwinRef twin)
{
  if (twin >= self->stored->len)
    g_array_set_size (self->stored, MAX (twin + 1, self->stored->len * 2));
  return &g_array_index (self->stored, guint64, twin);
}

static guint64
revision_of (HawserTwinRecord *record)
{
  return MAX (record->revision, 1); /* 0 means that there is no value */
}

/* ---- what is to be done at the end of the turn ---- */

static void
on_end_of_turn (HawserDirty *dirty)
{
  HawserTwinHost *self = (HawserTwinHost *) (gpointer) ((guint8 *) dirty - G_STRUCT_OFFSET (HawserTwinHost, at_end));

  hawser_twins_flush_events (self->twins);
}

void
hawser_twin_host_store_soon (HawserTwinHost *self)
{
  self->is_due = TRUE;
  self->at_end.flush = on_end_of_turn;
  hawser_lane_mark_dirty (self->twins->bus->lane, &self->at_end);
}

static void
on_interval (HawserTimer *timer)
{
  hawser_twin_host_store_soon ((HawserTwinHost *) (gpointer) ((guint8 *) timer - G_STRUCT_OFFSET (HawserTwinHost, interval_timer)));
}

static void
note (HawserTwinHost *self, HawserTwinRef twin, gint64 within_us)
{
  HawserTwins *twins = self->twins;
  HawserTwinRecord *record = hawser_twin_get (twins, twin);
  HawserLane *lane = twins->bus->lane;

  if (self->is_recovering || hawser_twin_host_get_store (self, twin) == NULL)
    return;
  if (!(record->flags & HAWSER_TWIN_IS_DIRTY))
    {
      record->flags |= HAWSER_TWIN_IS_DIRTY;
      g_hash_table_add (self->dirty, GUINT_TO_POINTER (twin));
    }
  if (within_us == 0)
    hawser_twin_host_store_soon (self);
  else if (!hawser_timer_is_armed (&self->interval_timer) || self->interval_timer.due_us > hawser_lane_get_now_us (lane) + within_us)
    hawser_timer_arm (&self->interval_timer, lane, hawser_lane_get_now_us (lane) + within_us, on_interval);
}

/* A report. */
void
hawser_twin_host_on_changed (gpointer data, HawserTwinRef twin)
{
  HawserTwinHost *self = data;
  HawserTwinFamily *family = hawser_twin_family (self->twins, hawser_twin_get (self->twins, twin));

  if (self->is_journaled)
    return;
  if (g_strcmp0 (family->persist, "on-change") == 0)
    note (self, twin, 0);
  else if (g_strcmp0 (family->persist, "interval") == 0)
    note (self, twin, family->persist_interval_us);
}

/* Somebody wrote; what is in the journal of events need not be stored again. */
void
hawser_twin_host_on_patched (gpointer data, HawserTwinRef twin)
{
  HawserTwinHost *self = data;

  if (!self->is_journaled)
    note (self, twin, 0);
}

void
hawser_twin_host_note (HawserTwinHost *self, HawserTwinRef twin)
{
  note (self, twin, 0);
}

void
hawser_twin_host_retry (HawserTwinHost *self, HawserTwinRef twin)
{
  note (self, twin, RETRY_US);
}

void
hawser_twin_host_store_later (HawserTwinHost *self)
{
  HawserLane *lane = self->twins->bus->lane;

  if (!hawser_timer_is_armed (&self->interval_timer))
    hawser_timer_arm (&self->interval_timer, lane, hawser_lane_get_now_us (lane) + RETRY_US, on_interval);
}

typedef struct {
  char *id;
  HawserTwinStore *store;
  guint64 revision;          /* as stored */
} Gone;

static void
gone_free (gpointer data)
{
  Gone *gone = data;

  g_free (gone->id);
  g_free (gone);
}

/* Its value goes at the end of the turn, with the event that says so. */
void
hawser_twin_host_forget (HawserTwinHost *self, HawserTwinRef twin)
{
  guint64 *stored = twin < self->stored->len ? stored_revision (self, twin) : NULL;
  HawserTwinStore *store = hawser_twin_host_get_store (self, twin);

  g_hash_table_remove (self->dirty, GUINT_TO_POINTER (twin));
  if (stored == NULL || *stored == 0)
    return;
  if (store != NULL)
    {
      Gone *gone = g_new (Gone, 1);

      *gone = (Gone) { g_strdup (hawser_twins_get_id (self->twins, twin)), store, *stored };
      g_ptr_array_add (self->gone, gone);
      hawser_twin_host_store_soon (self);
    }
  *stored = 0;
}

/* ---- putting ---- */

/* Somebody who waits until what was written to a twin is safe. */
typedef struct {
  char *id;
  HawserTwinStore *store;
  HawserPublished done;
  gpointer data;
  int result;
  guint n_pending;
} Commit;

typedef struct {
  HawserTwinHost *host;
  HawserTwinStore *store;
  char *id;
  GPtrArray *commits;        /* NULL: nobody waits */
} Put;

static void
release_commit (Commit *commit)
{
  if (--commit->n_pending > 0)
    return;
  commit->done (commit->data, 0, commit->result);
  g_free (commit->id);
  g_free (commit);
}

static void
put_free (Put *put)
{
  for (guint i = 0; put->commits != NULL && i < put->commits->len; i++)
    release_commit (put->commits->pdata[i]);
  g_clear_pointer (&put->commits, g_ptr_array_unref);
  g_object_unref (put->host);
  g_free (put->id);
  g_free (put);
}

static Put *
put_new (HawserTwinHost *self, HawserTwinStore *store, const char *id)
{
  Put *put = g_new0 (Put, 1);

  put->host = g_object_ref (self);
  put->store = store;
  put->id = g_strdup (id);
  for (guint i = 0; i < self->commits->len; i++)
    {
      Commit *commit = self->commits->pdata[i];

      if (strcmp (commit->id, id) != 0)
        continue;
      if (put->commits == NULL)
        put->commits = g_ptr_array_new ();
      commit->n_pending++;
      g_ptr_array_add (put->commits, commit);
    }
  return put;
}

static void take (HawserTwinHost *self, HawserTwinRef twin, const char *text, gsize len, guint64 revision);

/* What there is after our write was refused. */
static void
on_reread (gpointer data, GBytes *value, guint64 revision, const GError *error)
{
  Put *put = data;
  HawserTwinHost *self = put->host;
  HawserTwinRef twin = self->twins != NULL ? hawser_twin_find (self->twins, put->id, strlen (put->id)) : 0;

  if (twin != 0 && error == NULL)
    {
      gsize len = 0;
      const char *text = value != NULL ? g_bytes_get_data (value, &len) : NULL;

      *stored_revision (self, twin) = revision;
      if (text != NULL && hawser_json_check (text, len, NULL))
        take (self, twin, text, len, revision);
    }
  else if (twin != 0)
    *stored_revision (self, twin) |= UNSURE;
  put_free (put);
}

static void
on_put (gpointer data, gboolean ok, const GError *error)
{
  Put *put = data;
  HawserTwinHost *self = put->host;
  HawserTwinRef twin = !ok && self->twins != NULL ? hawser_twin_find (self->twins, put->id, strlen (put->id)) : 0;
  gboolean is_stale = !ok && g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_CONFLICT);

  for (guint i = 0; !ok && put->commits != NULL && i < put->commits->len; i++)
    ((Commit *) put->commits->pdata[i])->result = is_stale ? HAWSER_ERROR_CONFLICT : HAWSER_ERROR_UNAVAILABLE;
  if (twin != 0 && is_stale)
    {
      self->n_stale++;
      g_warning ("twin '%s': it was written by somebody else; what is stored is taken: %s", put->id, error->message);
      put->store->funcs->get (put->store->journal, SPACE, put->id, on_reread, put);
      return;
    }
  if (twin != 0 && !g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED))
    {
      *stored_revision (self, twin) |= UNSURE;
      note (self, twin, RETRY_US);
    }
  put_free (put);
}

/* Through whom its commands go is nobody's to read, and must be there after a restart. */
static void
add_gateway (HawserTwinHost *self, HawserTwinRef twin, GString *json)
{
  const char *gateway = hawser_twin_get_gateway (self->twins, twin);

  if (gateway == NULL)
    return;
  g_string_truncate (json, json->len - 1);
  g_string_append (json, ",\"" GATEWAY "\":");
  hawser_json_append_string (json, gateway, strlen (gateway));
  g_string_append_c (json, '}');
}

static void
put (HawserTwinHost *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self->twins, twin);
  HawserTwinStore *store = hawser_twin_host_get_store (self, twin);
  const char *id = hawser_twin_name (self->twins, record)->text;
  g_autoptr (GBytes) bytes = NULL;
  guint64 *stored, expected;
  GString *text;

  record->flags &= (guint8) ~HAWSER_TWIN_IS_DIRTY;
  if (store == NULL)
    return;
  stored = stored_revision (self, twin);
  /* after a failure of its own it cannot know; nobody else writes, since the store is held alone */
  expected = *stored & UNSURE ? HAWSER_JOURNAL_ANY_REVISION : *stored;
  *stored = revision_of (record);
  text = g_string_sized_new (512);
  hawser_twin_write (self->twins, twin, text);
  add_gateway (self, twin, text);
  hawser_twin_log_snapshot (self, store, twin, text);
  bytes = g_string_free_to_bytes (text);
  store->funcs->put_if (store->journal, SPACE, id, expected, *stored, bytes, on_put, put_new (self, store, id));
  self->n_stored++;
}

static void
hold (HawserTwinHost *self)
{
  HawserBus *bus = self->twins->bus;

  self->own.funcs = bus->journal.funcs;
  self->own.journal = bus->journal.log;
  if (bus->journal.log == NULL || self->is_holding)
    return;
  self->is_holding = TRUE;
  bus->journal.funcs->hold (bus->journal.log);
}

/* A twin that is to leave memory: what is not stored yet is stored before, with what this turn tells of it; its timers go. One
 * whose behaviour waits has messages queued. */
gboolean
hawser_twin_host_on_leave (gpointer data, HawserTwinRef twin)
{
  HawserTwinHost *self = data;
  const char *id = hawser_twins_get_id (self->twins, twin);

  if (g_hash_table_size (self->wards) > 0 && g_hash_table_contains (self->wards, id))
    return FALSE;
  hawser_twin_reminders_passivate (self, id);
  if (hawser_twin_get (self->twins, twin)->flags & HAWSER_TWIN_IS_DIRTY && g_hash_table_remove (self->dirty, GUINT_TO_POINTER (twin)))
    {
      hold (self);
      put (self, twin);
      hawser_twin_host_store_soon (self); /* which lets go */
    }
  return TRUE;
}

static void
remove_gone (HawserTwinHost *self)
{
  for (guint i = 0; i < self->gone->len; i++)
    {
      Gone *gone = self->gone->pdata[i];
      const HawserJournalFuncs *funcs = gone->store->funcs;

      if (gone->store->journal != NULL)
        funcs->put_if (gone->store->journal, SPACE, gone->id, gone->revision & UNSURE ? HAWSER_JOURNAL_ANY_REVISION : gone->revision, 0, NULL, on_put,
                       put_new (self, gone->store, gone->id));
    }
  g_ptr_array_set_size (self->gone, 0);
}

static void
on_flushed (gpointer data, gboolean ok, const GError *error)
{
  Commit *commit = data;

  if (!ok && commit->result == HAWSER_RESULT_OK)
    commit->result = HAWSER_ERROR_UNAVAILABLE;
  release_commit (commit);
}

static void
flush_commits (HawserTwinHost *self)
{
  for (guint i = 0; i < self->commits->len; i++)
    {
      Commit *commit = self->commits->pdata[i];

      commit->store->funcs->flush (commit->store->journal, on_flushed, commit);
    }
  g_ptr_array_set_size (self->commits, 0);
}

void
hawser_twin_host_store (gpointer data)
{
  HawserTwinHost *self = data;
  GHashTableIter iter;
  gpointer twin;

  if (!self->is_due)
    return;
  self->is_due = FALSE;
  hold (self);
  remove_gone (self);
  hawser_twin_log_flush (self);
  hawser_twin_reminders_flush (self);
  g_hash_table_iter_init (&iter, self->dirty);
  while (g_hash_table_iter_next (&iter, &twin, NULL))
    put (self, GPOINTER_TO_UINT (twin));
  g_hash_table_remove_all (self->dirty);
  hawser_timer_disarm (&self->interval_timer);
}

void
hawser_twin_host_stored (gpointer data)
{
  HawserTwinHost *self = data;
  HawserBus *bus = self->twins->bus;

  if (self->is_holding)
    bus->journal.funcs->release (bus->journal.log);
  self->is_holding = FALSE;
  flush_commits (self);
}

/**
 * hawser_twin_host_store_all:
 * @self: a host
 *
 * Puts what `persist=interval` still holds back: at the end, before the spool is closed.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_twin_host_store_all (HawserTwinHost *self)
{
  self->is_due = TRUE;
  hawser_twins_flush_events (self->twins);
}

void
hawser_twin_host_on_commit (gpointer data, const char *id, HawserPublished done, gpointer done_data)
{
  HawserTwinHost *self = data;
  HawserTwinRef twin = hawser_twin_find (self->twins, id, strlen (id));
  HawserTwinStore *store = twin != 0 ? hawser_twin_host_get_store (self, twin) : NULL;
  Commit *commit;

  for (guint i = 0; i < self->gone->len && store == NULL; i++)
    if (strcmp (((Gone *) self->gone->pdata[i])->id, id) == 0)
      store = ((Gone *) self->gone->pdata[i])->store;
  if (store == NULL)
    {
      done (done_data, 0, HAWSER_RESULT_OK);
      return;
    }
  if (twin != 0 && twin < self->stored->len && *stored_revision (self, twin) & UNSURE)
    note (self, twin, 0);
  commit = g_new (Commit, 1);
  *commit = (Commit) { g_strdup (id), store, done, done_data, HAWSER_RESULT_OK, 1 };
  g_ptr_array_add (self->commits, commit);
  hawser_twin_host_store_soon (self);
}

void
hawser_twin_keeper_init (HawserTwinHost *self)
{
  self->dirty = g_hash_table_new (NULL, NULL);
  self->gone = g_ptr_array_new_with_free_func (gone_free);
  self->commits = g_ptr_array_new ();
  self->stored = g_array_new (FALSE, TRUE, sizeof (guint64));
  self->stores = g_hash_table_new_full (hawser_hash_string, g_str_equal, NULL, hawser_twin_store_free);
}

/* The bus goes: who waits hears that nothing is certain. */
void
hawser_twin_keeper_end (HawserTwinHost *self)
{
  hawser_timer_disarm (&self->interval_timer);
  for (guint i = 0; i < self->commits->len; i++)
    {
      Commit *commit = self->commits->pdata[i];

      commit->result = HAWSER_ERROR_CLOSED;
      release_commit (commit);
    }
  g_ptr_array_set_size (self->commits, 0);
  g_ptr_array_set_size (self->gone, 0);
  g_hash_table_remove_all (self->dirty);
}

void
hawser_twin_keeper_clear (HawserTwinHost *self)
{
  g_hash_table_unref (self->dirty);
  g_ptr_array_unref (self->gone);
  g_ptr_array_unref (self->commits);
  g_array_unref (self->stored);
  g_hash_table_unref (self->stores);
}

/* ---- coming back ---- */

typedef struct {
  HawserTwinHost *host;
  HawserTwinStore *store;
} Recovery;

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

/* The members of what is stored, into a twin that has none of them. */
static void
read_members (HawserTwins *twins, HawserTwinRef twin, const char *text, gsize len)
{
  g_autofree char *parent = hawser_json_pointer_dup_string ("/parent", text, len), *gateway = NULL;
  HawserTwinRef above = parent != NULL ? hawser_twin_activate (twins, parent, strlen (parent), NULL) : 0;
  HawserTwinExtra *extra;
  HawserJsonSlice slice;
  gint64 revision = 0;

  if (parent == NULL || above != 0)
    hawser_twin_move (twins, twin, above, NULL);
  recover_reported (twins, twin, text, len);
  extra = hawser_twin_need_extra (twins, twin);
  recover_document (twins, "desired", text, len, &extra->desired);
  recover_document (twins, "attributes", text, len, &extra->attributes);
  gateway = hawser_json_pointer_dup_string ("/" GATEWAY, text, len);
  if (gateway != NULL)
    hawser_twin_restore_gateway (twins, twin, gateway);
  if (hawser_json_pointer_get ("/revision", text, len, &slice) && hawser_json_slice_get_int64 (&slice, &revision))
    hawser_twin_get (twins, twin)->revision = (guint64) revision;
}

/* A live twin becomes what is stored; who watches it hears of it. */
static void
take (HawserTwinHost *self, HawserTwinRef twin, const char *text, gsize len, guint64 revision)
{
  HawserTwins *twins = self->twins;
  HawserTwinExtra *extra;

  hawser_twin_use (twins, twin);
  extra = hawser_twin_need_extra (twins, twin);
  hawser_twin_free_values (twins, twin);
  hawser_twin_document_clear (&extra->reported);
  hawser_twin_document_clear (&extra->desired);
  hawser_twin_document_clear (&extra->attributes);
  self->is_recovering = TRUE;
  read_members (twins, twin, text, len);
  self->is_recovering = FALSE;
  hawser_twin_mark_parent (twins, twin);
  g_hash_table_remove (self->dirty, GUINT_TO_POINTER (twin));
  hawser_twin_get (twins, twin)->flags &= (guint8) ~HAWSER_TWIN_IS_DIRTY;
  if (hawser_twins_is_watched (twins, twin))
    {
      GString *event = g_string_new (NULL);
      HawserJsonWriter writer;

      hawser_json_writer_init (&writer, event);
      hawser_twin_begin_event (twins, twin, &writer);
      hawser_json_writer_member_boolean (&writer, "reloaded", TRUE);
      hawser_json_writer_end_object (&writer);
      hawser_twins_tell (twins, twin, HAWSER_TWIN_CHANGE_DESIRED | HAWSER_TWIN_CHANGE_ATTRIBUTES, g_string_free (event, FALSE));
    }
  hawser_twin_send_delta (twins, twin);
}

static void
recover (gpointer data, const char *id, GBytes *bytes)
{
  Recovery *recovery = data;
  HawserTwinHost *self = recovery->host;
  HawserTwins *twins = self->twins;
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);
  g_autoptr (GError) error = NULL;
  HawserTwinRef twin;

  if (!hawser_json_check (text, len, &error) || (twin = hawser_twin_activate (twins, id, strlen (id), &error)) == 0)
    {
      g_warning ("twin '%s' could not be read from the store: %s", id, error->message);
      return;
    }
  if (hawser_twin_host_get_store (self, twin) != recovery->store)
    return; /* its family keeps it somewhere else now */
  hawser_twin_use (twins, twin);
  read_members (twins, twin, text, len);
  *stored_revision (self, twin) = revision_of (hawser_twin_get (twins, twin));
  hawser_twin_log_found (self, twin, text, len);
  /* what it said before is no word of today */
  hawser_twin_set_state (twins, twin, HAWSER_TWIN_STATE_OFFLINE, "restart");
  hawser_twins_settle (twins);
}

static gboolean
recover_store (HawserTwinHost *self, HawserTwinStore *store, GError **error)
{
  Recovery recovery = { self, store };

  return store->funcs->foreach_value (store->journal, SPACE, recover, &recovery, error) && hawser_twin_reminders_recover (self, store, error);
}

/**
 * hawser_twin_host_recover:
 * @self: a host
 * @error: return location
 *
 * Brings back the twins that the bus's spool and the stores of families hold, offline until they are heard of, and their
 * reminders; once, before anybody connects, after the behaviours were set.
 *
 * Errors: those of the stores.
 *
 * Returns: %TRUE if all were read
 * Since: 0.1
 */
gboolean
hawser_twin_host_recover (HawserTwinHost *self, GError **error)
{
  HawserBus *bus = self->twins->bus;
  GHashTableIter iter;
  gpointer store;
  gboolean ok = TRUE;

  self->is_recovering = TRUE;
  self->own.funcs = bus->journal.funcs;
  self->own.journal = bus->journal.log;
  if (bus->journal.log != NULL)
    ok = recover_store (self, &self->own, error);
  g_hash_table_iter_init (&iter, self->stores);
  while (ok && g_hash_table_iter_next (&iter, NULL, &store))
    ok = recover_store (self, store, error);
  ok = ok && hawser_twin_log_recover (self, error);
  self->is_recovering = FALSE;
  return ok;
}
