/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes from the outside: merge patches (RFC 7396) under a condition, moves, removal. A patch is checked whole before anything
 * is changed: it applies as one change with one event, or not at all. On the bus's lane. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-json-merge.h"

void
hawser_twin_patch_clear (HawserTwinPatch *self)
{
  if (self->reported_text != NULL)
    g_string_free (g_steal_pointer (&self->reported_text), TRUE);
  if (self->desired_text != NULL)
    g_string_free (g_steal_pointer (&self->desired_text), TRUE);
}

static gboolean
read_patch (const char *text, gsize len, HawserTwinPatch *out, GError **error)
{
  static const struct {
    const char *name;
    gsize value, flag;
  } members[] = {
    { "parent", G_STRUCT_OFFSET (HawserTwinPatch, parent), G_STRUCT_OFFSET (HawserTwinPatch, has_parent) },
    { "reported", G_STRUCT_OFFSET (HawserTwinPatch, reported), G_STRUCT_OFFSET (HawserTwinPatch, has_reported) },
    { "desired", G_STRUCT_OFFSET (HawserTwinPatch, desired), G_STRUCT_OFFSET (HawserTwinPatch, has_desired) },
    { "attributes", G_STRUCT_OFFSET (HawserTwinPatch, attributes), G_STRUCT_OFFSET (HawserTwinPatch, has_attributes) },
    { "features", G_STRUCT_OFFSET (HawserTwinPatch, features), G_STRUCT_OFFSET (HawserTwinPatch, has_features) },
  };
  HawserJsonSlice root, key, value;
  HawserJsonIter iter;

  memset (out, 0, sizeof *out);
  if (!hawser_json_parse (text, len, &root, error))
    return FALSE;
  if (root.type != HAWSER_JSON_OBJECT)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a patch is an object with parent, reported, desired, attributes or features");
      return FALSE;
    }
  hawser_json_iter_init (&iter, &root);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      gsize i = 0;

      while (i < G_N_ELEMENTS (members) && !hawser_json_slice_is_string (&key, members[i].name, strlen (members[i].name)))
        i++;
      if (i == G_N_ELEMENTS (members))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a patch has parent, reported, desired, attributes and features; %.*s is none of them",
                       (int) MIN (key.len, 80), key.text);
          return FALSE;
        }
      if (i == 0 ? value.type != HAWSER_JSON_STRING && value.type != HAWSER_JSON_NULL : value.type != HAWSER_JSON_OBJECT && value.type != HAWSER_JSON_NULL)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: must be %s", members[i].name, i == 0 ? "an id or null" : "an object or null");
          return FALSE;
        }
      *(HawserJsonSlice *) (gpointer) ((guint8 *) out + members[i].value) = value;
      *(gboolean *) (gpointer) ((guint8 *) out + members[i].flag) = TRUE;
    }
  return !out->has_features || hawser_twin_read_features (&out->features, out, error);
}

/* What a document becomes, made beside it; NULL when the patch is refused. @changes: members of the event. */
static gboolean
merge_document (const HawserTwinDocument *old, const HawserJsonSlice *patch, const HawserTwinStamp *stamp, HawserTwinDocument *out, GString *changes, GError **error)
{
  HawserJsonSlice key, value, held;
  HawserJsonIter iter;
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, changes);
  for (guint i = 0; i < old->n; i++)
    {
      HawserTwinEntry *entry = &old->entries[i];

      if (!hawser_twin_document_set (out, entry->key, strlen (entry->key), entry->json, strlen (entry->json), &entry->stamp, error))
        return FALSE;
    }
  if (patch->type == HAWSER_JSON_NULL)
    {
      for (guint i = 0; i < out->n; i++)
        {
          hawser_json_writer_key (&writer, out->entries[i].key);
          hawser_json_writer_null (&writer);
        }
      hawser_twin_document_clear (out);
      return TRUE;
    }
  hawser_json_iter_init (&iter, patch);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      g_autofree char *name = hawser_json_slice_dup_string (&key);
      HawserTwinEntry *entry;
      g_autoptr (GString) merged = NULL;

      if (name == NULL || *name == '\0')
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "the name of a property has 1 to %d bytes", HAWSER_TWIN_MAX_KEY);
          return FALSE;
        }
      entry = hawser_twin_document_find (out, name, strlen (name));
      if (value.type == HAWSER_JSON_NULL)
        {
          if (entry == NULL)
            continue;
          hawser_twin_document_remove (out, entry);
          hawser_json_writer_key (&writer, name);
          hawser_json_writer_null (&writer);
          continue;
        }
      merged = g_string_new (NULL);
      if (entry != NULL && !hawser_json_parse (entry->json, strlen (entry->json), &held, NULL))
        entry = NULL;
      if (!hawser_json_merge_patch (entry != NULL ? &held : NULL, &value, merged))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "'%s': more than 64 levels", name);
          return FALSE;
        }
      if (entry != NULL && strcmp (entry->json, merged->str) == 0)
        continue;
      if (!hawser_twin_document_set (out, name, strlen (name), merged->str, merged->len, stamp, error))
        return FALSE;
      hawser_json_writer_key (&writer, name);
      hawser_json_writer_raw (&writer, merged->str, (gssize) merged->len);
    }
  return TRUE;
}

/* Reported values are not merged in place: what they would do is found out first. */
static gboolean
check_reported (const HawserJsonSlice *patch, GError **error)
{
  HawserJsonSlice key, value;
  HawserJsonIter iter;
  gsize n_bytes = 0;
  guint n = 0;
  double number;

  hawser_json_iter_init (&iter, patch);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      n_bytes += key.len + value.len;
      if (key.len <= 2 || key.len > HAWSER_TWIN_MAX_KEY + 2 || (value.type == HAWSER_JSON_NUMBER && !hawser_json_slice_get_double (&value, &number)))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "reported %.*s: a name has 1 to %d bytes, a number is within that of a double", (int) MIN (key.len, 80), key.text,
                       HAWSER_TWIN_MAX_KEY);
          return FALSE;
        }
      n++;
    }
  if (n <= HAWSER_TWIN_MAX_ENTRIES / 2 && n_bytes <= HAWSER_TWIN_MAX_DOCUMENT / 2)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "reported: more than %d properties or %d bytes at once", HAWSER_TWIN_MAX_ENTRIES / 2, HAWSER_TWIN_MAX_DOCUMENT / 2);
  return FALSE;
}

static gboolean
check_revision (HawserTwins *self, HawserTwinRef twin, const char *id, guint64 if_revision, GError **error)
{
  guint64 revision = twin != 0 ? hawser_twin_get (self, twin)->revision : 0;

  if (if_revision == HAWSER_TWIN_ANY_REVISION || if_revision == revision)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_CONFLICT, "twin '%s': has revision %" G_GUINT64_FORMAT, id, revision);
  return FALSE;
}

static void
add_member (GString *text, const char *name, const GString *changes)
{
  if (changes->len > 0)
    g_string_append_printf (text, ",\"%s\":{%s}", name, changes->str);
}

/* Only twins whose values are what they will be once the patch is applied are moved: the move is checked first. */
static gboolean
move (HawserTwins *self, HawserTwinRef twin, const HawserJsonSlice *value, gboolean *out_moved, GError **error)
{
  g_autofree char *id = value->type == HAWSER_JSON_STRING ? hawser_json_slice_dup_string (value) : NULL;
  HawserTwinRef parent = 0, before = hawser_twin_get (self, twin)->parent;

  if (value->type == HAWSER_JSON_STRING)
    {
      if (id == NULL || !hawser_twin_check_id (id, strlen (id), error))
        return FALSE;
      parent = hawser_twin_activate (self, id, strlen (id), error);
      if (parent == 0)
        return FALSE;
    }
  if (!hawser_twin_move (self, twin, parent, error))
    return FALSE;
  *out_moved = before != parent;
  return TRUE;
}

static void
tell (HawserTwins *self, HawserTwinRef twin, HawserTwinChange change, gboolean moved, GString *reported, GString *desired, GString *attributes)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  g_autoptr (GString) text = NULL;
  HawserJsonWriter writer;

  if (!hawser_twins_is_watched (self, twin))
    return;
  text = g_string_sized_new (256);
  hawser_json_writer_init (&writer, text);
  hawser_twin_begin_event (self, twin, &writer);
  if (moved)
    hawser_json_writer_member_string (&writer, "parent", record->parent != 0 ? hawser_twins_get_id (self, record->parent) : NULL);
  add_member (text, "reported", reported);
  add_member (text, "desired", desired);
  add_member (text, "attributes", attributes);
  hawser_json_writer_end_object (&writer);
  hawser_twins_tell (self, twin, change, g_string_free (g_steal_pointer (&text), FALSE));
}

static void
apply_reported (HawserTwins *self, HawserTwinRef twin, const HawserJsonSlice *patch, HawserOrigin *origin, GString *changes)
{
  const HawserTwinReport report = { 0, origin, 0 };
  HawserJsonSlice key, value;
  HawserJsonIter iter;

  hawser_json_iter_init (&iter, patch);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      g_autofree char *name = hawser_json_slice_dup_string (&key);
      HawserTwinExtra *extra = hawser_twin_extra (self, hawser_twin_get (self, twin));
      HawserTwinEntry *entry = name != NULL && extra != NULL ? hawser_twin_document_find (&extra->reported, name, strlen (name)) : NULL;
      g_autoptr (GString) merged = g_string_new (NULL);
      HawserJsonSlice held, result;

      if (name == NULL)
        continue;
      if (entry != NULL && !hawser_json_parse (entry->json, strlen (entry->json), &held, NULL))
        entry = NULL;
      if (hawser_json_merge_patch (entry != NULL ? &held : NULL, &value, merged) && hawser_json_parse (merged->str, merged->len, &result, NULL))
        hawser_twin_set_value (self, twin, name, strlen (name), &result, &report, changes, NULL);
    }
}

static void
replace_document (HawserTwinDocument *document, HawserTwinDocument *merged)
{
  hawser_twin_document_clear (document);
  *document = *merged;
  memset (merged, 0, sizeof *merged);
}

/**
 * hawser_twins_patch:
 * @self: twins
 * @id: a twin; it is made if it is not there
 * @patch: JSON merge patch (RFC 7396) of `parent` (an id or null), `reported`, `desired` and `attributes` (plain values), or of `features`, which are the objects among
 *   those: `{NAME:{"properties":REPORTED,"desiredProperties":DESIRED}}`
 * @len: bytes of @patch, -1 when it is terminated
 * @if_revision: the revision that it must have, 0 for "not there yet"; %HAWSER_TWIN_ANY_REVISION for any
 * @source: (nullable): who writes, kept with each value; %NULL for this process
 * @out_revision: (out) (optional): after the change
 * @error: return location
 *
 * All of the patch is applied, as one change with one event, or nothing. A patch that changes nothing makes no event and no
 * revision.
 *
 * Errors: %HAWSER_ERROR_INVALID (id, member, a move that would make a circle or be too deep), %HAWSER_ERROR_MALFORMED (JSON),
 *   %HAWSER_ERROR_CONFLICT (another revision), %HAWSER_ERROR_TOO_LARGE.
 *
 * Returns: %TRUE if it is applied
 * Since: 0.1
 */
gboolean
hawser_twins_patch (HawserTwins *self, const char *id, const char *patch, gssize len, guint64 if_revision, const char *source, guint64 *out_revision, GError **error)
{
  gsize patch_len = len < 0 ? strlen (patch) : (gsize) len;
  HawserTwinRef twin = hawser_twin_find (self, id, strlen (id));
  HawserTwinExtra *extra;
  const HawserTwinDocument none = { 0 };
  HawserTwinDocument desired = { 0 }, attributes = { 0 };
  g_autoptr (GString) reported_changes = g_string_new (NULL), desired_changes = g_string_new (NULL), attribute_changes = g_string_new (NULL);
  HawserTwinStamp stamp = { hawser_twins_get_wall_us (self), NULL, 0 };
  HawserTwinRecord *record;
  HawserTwinChange change = 0;
  gboolean moved = FALSE, ok;
  guint64 before;
  g_auto (HawserTwinPatch) read = { 0 };

  if (twin != 0)
    hawser_twin_use (self, twin);
  extra = twin != 0 ? hawser_twin_extra (self, hawser_twin_get (self, twin)) : NULL;
  if (!hawser_twin_check_id (id, strlen (id), error) || !check_revision (self, twin, id, if_revision, error) || !read_patch (patch, patch_len, &read, error) ||
      (read.has_reported && !check_reported (&read.reported, error)))
    return FALSE;
  stamp.origin = source != NULL ? hawser_origin_new (0, self->bus->uid, source) : hawser_origin_ref (self->origin);
  stamp.revision = (twin != 0 ? hawser_twin_get (self, twin)->revision : 0) + 1;
  ok = (!read.has_desired || merge_document (extra != NULL ? &extra->desired : &none, &read.desired, &stamp, &desired, desired_changes, error)) &&
       (!read.has_attributes || merge_document (extra != NULL ? &extra->attributes : &none, &read.attributes, &stamp, &attributes, attribute_changes, error));
  if (ok)
    {
      gboolean is_new = twin == 0;

      twin = hawser_twin_activate (self, id, strlen (id), error);
      ok = twin != 0 && (!read.has_parent || move (self, twin, &read.parent, &moved, error));
      if (!ok && is_new && twin != 0)
        hawser_twin_delete (self, twin);
    }
  if (ok)
    {
      record = hawser_twin_get (self, twin);
      before = record->revision;
      if (read.has_reported && read.reported.type == HAWSER_JSON_OBJECT)
        apply_reported (self, twin, &read.reported, stamp.origin, reported_changes);
      if (desired_changes->len > 0)
        replace_document (&hawser_twin_need_extra (self, twin)->desired, &desired);
      if (attribute_changes->len > 0)
        replace_document (&hawser_twin_need_extra (self, twin)->attributes, &attributes);
      change = (reported_changes->len > 0 ? HAWSER_TWIN_CHANGE_REPORTED : 0) | (desired_changes->len > 0 ? HAWSER_TWIN_CHANGE_DESIRED : 0) |
               (attribute_changes->len > 0 ? HAWSER_TWIN_CHANGE_ATTRIBUTES : 0) | (moved ? HAWSER_TWIN_CHANGE_PARENT : 0);
      if (change != 0)
        record->revision = before + 1; /* one change, however many values */
      if (change != 0 && self->host_funcs != NULL && self->host_funcs->patched != NULL)
        self->host_funcs->patched (self->host, twin);
      if (change != 0)
        tell (self, twin, change, moved, reported_changes, desired_changes, attribute_changes);
      if (change & (HAWSER_TWIN_CHANGE_DESIRED | HAWSER_TWIN_CHANGE_REPORTED))
        hawser_twin_send_delta (self, twin);
      if (out_revision != NULL)
        *out_revision = record->revision;
    }
  hawser_twin_document_clear (&desired);
  hawser_twin_document_clear (&attributes);
  hawser_origin_unref (stamp.origin);
  hawser_twins_settle (self);
  return ok;
}

/**
 * hawser_twins_report:
 * @self: twins
 * @id: a twin; it is made if it is not there
 * @key: a property
 * @value: its number, measured now
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (id, key, a number that is not finite), %HAWSER_ERROR_QUOTA (too many properties in its family).
 *
 * Returns: %TRUE if it was taken
 * Since: 0.1
 */
gboolean
hawser_twins_report (HawserTwins *self, const char *id, const char *key, double value, GError **error)
{
  HawserTwinRef twin = hawser_twin_activate (self, id, strlen (id), error);
  const HawserTwinReport report = { 0, NULL, 0 };
  int column;

  if (twin == 0)
    return FALSE;
  column = *key != '\0' && strlen (key) <= HAWSER_TWIN_MAX_KEY ? hawser_twins_get_column (self, twin, key) : -1;
  if (column < 0 || !(value - value == 0))
    {
      g_set_error (error, HAWSER_ERROR, column < 0 ? HAWSER_ERROR_QUOTA : HAWSER_ERROR_INVALID, "twin '%s' '%s': %s", id, key,
                   column < 0 ? "no room for one more number" : "not a finite number");
      return FALSE;
    }
  hawser_twin_set_numbers (self, twin, &column, &value, 1, &report);
  hawser_twins_settle (self);
  return TRUE;
}

/**
 * hawser_twins_set_parent:
 * @self: twins
 * @id: a twin that is there
 * @parent: (nullable): id of the twin it is to be below, made if it is not there; %NULL for none
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND, %HAWSER_ERROR_INVALID (a circle, too deep).
 *
 * Returns: %TRUE if it is there now
 * Since: 0.1
 */
gboolean
hawser_twins_set_parent (HawserTwins *self, const char *id, const char *parent, GError **error)
{
  g_autoptr (GString) patch = g_string_new (NULL);
  HawserJsonWriter writer;

  if (hawser_twins_lookup (self, id, FALSE, error) == 0)
    return FALSE;
  hawser_json_writer_init (&writer, patch);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "parent", parent);
  hawser_json_writer_end_object (&writer);
  return hawser_twins_patch (self, id, patch->str, (gssize) patch->len, HAWSER_TWIN_ANY_REVISION, NULL, NULL, error);
}

/**
 * hawser_twins_remove:
 * @self: twins
 * @id: a twin
 * @if_revision: the revision that it must have; %HAWSER_TWIN_ANY_REVISION for any
 * @error: return location
 *
 * Forgets it, from the disk too; those below it have no parent then. It comes back empty with its next report.
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND, %HAWSER_ERROR_CONFLICT.
 *
 * Returns: %TRUE if it is gone
 * Since: 0.1
 */
gboolean
hawser_twins_remove (HawserTwins *self, const char *id, guint64 if_revision, GError **error)
{
  HawserTwinRef twin = hawser_twins_lookup (self, id, FALSE, error);

  if (twin == 0 || !check_revision (self, twin, id, if_revision, error))
    return FALSE;
  if (hawser_twins_is_watched (self, twin))
    {
      g_autoptr (GString) text = g_string_new (NULL);
      HawserJsonWriter writer;

      hawser_json_writer_init (&writer, text);
      hawser_twin_begin_event (self, twin, &writer);
      hawser_json_writer_member_boolean (&writer, "removed", TRUE);
      hawser_json_writer_end_object (&writer);
      hawser_twins_tell (self, twin, HAWSER_TWIN_CHANGE_REMOVED, g_string_free (g_steal_pointer (&text), FALSE));
    }
  if (self->host_funcs != NULL && self->host_funcs->removed != NULL)
    self->host_funcs->removed (self->host, twin);
  hawser_twin_clear_delta (self, twin);
  hawser_twin_delete (self, twin);
  return TRUE;
}

/* ---- until it is safe ---- */

static void
on_committed (gpointer data, guint64 cookie, int result)
{
  GTask *task = data;

  if (result <= 0)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, HAWSER_ERROR, result, "the store did not take it");
  g_object_unref (task);
}

/**
 * hawser_twins_commit_async:
 * @self: twins
 * @id: a twin
 * @cancellable: (nullable): stops waiting
 * @callback: (scope async): called when all that was written to @id so far is in the store, at once when twins are not stored
 * @user_data: data of @callback
 *
 * Since: 0.1
 */
void
hawser_twins_commit_async (HawserTwins *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, hawser_twins_commit_async);
  g_task_set_name (task, "hawser_twins_commit_async");
  if (self->host_funcs != NULL && self->host_funcs->commit != NULL)
    self->host_funcs->commit (self->host, id, on_committed, task);
  else
    on_committed (task, 0, HAWSER_RESULT_OK);
}

/**
 * hawser_twins_commit_finish:
 * @self: twins
 * @result: what the callback got
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_UNAVAILABLE (the store fails), %HAWSER_ERROR_CONFLICT (another process owns the twin).
 *
 * Returns: %TRUE if it is safe
 * Since: 0.1
 */
gboolean
hawser_twins_commit_finish (HawserTwins *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
