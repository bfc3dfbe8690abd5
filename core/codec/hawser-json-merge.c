/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON Merge Patch (RFC 7396) from text to text. One frame for each object that is open; its members are in a table, the patch's
 * over the target's, and what is an object in the patch is merged in a frame of its own. Pure, any thread. */

#include "hawser-json-merge.h"

#include <string.h>

#include "hawser-json-writer.h"

typedef struct {
  char *name;
  HawserJsonSlice key;
  HawserJsonSlice target, patch;
  gboolean has_target, has_patch;
} Member;

typedef struct {
  GArray *members;         /* of Member */
  GHashTable *by_name;
  guint next;
} Frame;

static void
clear_member (gpointer data)
{
  g_free (((Member *) data)->name);
}

static void
clear_frame (gpointer data)
{
  g_array_unref (((Frame *) data)->members);
  g_hash_table_unref (((Frame *) data)->by_name);
}

static void
add_members (Frame *frame, const HawserJsonSlice *object, gboolean is_patch)
{
  HawserJsonIter iter;
  HawserJsonSlice key, value;

  hawser_json_iter_init (&iter, object);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      char *name = hawser_json_slice_dup_string (&key);
      gpointer place;
      Member *member;

      if (name == NULL)
        name = g_strndup (key.text, key.len); /* U+0000 in a name: compared as it is written */
      if (!g_hash_table_lookup_extended (frame->by_name, name, NULL, &place))
        {
          const Member fresh = { .name = name, .key = key };

          place = GUINT_TO_POINTER (frame->members->len);
          g_array_append_val (frame->members, fresh);
          g_hash_table_insert (frame->by_name, name, place);
        }
      else
        g_free (name);
      member = &g_array_index (frame->members, Member, GPOINTER_TO_UINT (place));
      if (is_patch)
        {
          member->patch = value;
          member->has_patch = TRUE;
        }
      else
        {
          member->target = value;
          member->has_target = TRUE;
        }
    }
}

static void
open_frame (GArray *frames, const HawserJsonSlice *target, const HawserJsonSlice *patch)
{
  Frame frame = { g_array_new (FALSE, FALSE, sizeof (Member)), g_hash_table_new (g_str_hash, g_str_equal), 0 };

  g_array_set_clear_func (frame.members, clear_member);
  if (target != NULL && target->type == HAWSER_JSON_OBJECT)
    add_members (&frame, target, FALSE);
  add_members (&frame, patch, TRUE);
  g_array_append_val (frames, frame);
}

gboolean
hawser_json_merge_patch (const HawserJsonSlice *target, const HawserJsonSlice *patch, GString *out)
{
  g_autoptr (GArray) frames = NULL;
  gsize start = out->len;
  HawserJsonWriter writer;

  if (patch->type != HAWSER_JSON_OBJECT)
    {
      g_string_append_len (out, patch->text, (gssize) patch->len);
      return TRUE;
    }
  frames = g_array_new (FALSE, FALSE, sizeof (Frame));
  g_array_set_clear_func (frames, clear_frame);
  hawser_json_writer_init (&writer, out);
  hawser_json_writer_begin_object (&writer);
  open_frame (frames, target, patch);
  while (frames->len > 0)
    {
      Frame *frame = &g_array_index (frames, Frame, frames->len - 1);
      Member *member;
      HawserJsonSlice below, above;

      if (frame->next == frame->members->len)
        {
          hawser_json_writer_end_object (&writer);
          g_array_set_size (frames, frames->len - 1);
          continue;
        }
      member = &g_array_index (frame->members, Member, frame->next++);
      if (member->has_patch && member->patch.type == HAWSER_JSON_NULL)
        continue;
      if (writer.needs_comma)
        g_string_append_c (out, ',');
      g_string_append_len (out, member->key.text, (gssize) member->key.len);
      g_string_append_c (out, ':');
      writer.needs_comma = FALSE;
      if (!member->has_patch)
        hawser_json_writer_raw (&writer, member->target.text, (gssize) member->target.len);
      else if (member->patch.type != HAWSER_JSON_OBJECT)
        hawser_json_writer_raw (&writer, member->patch.text, (gssize) member->patch.len);
      else if (frames->len == HAWSER_JSON_MAX_DEPTH)
        {
          g_string_truncate (out, start);
          return FALSE;
        }
      else
        {
          below = member->target;
          above = member->patch;
          hawser_json_writer_begin_object (&writer);
          open_frame (frames, member->has_target ? &below : NULL, &above);
        }
    }
  return TRUE;
}
