/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a twin has been told: numbers in the columns of its family, everything else as JSON by name; each with time, source and
 * revision. What is older than what is held does not overwrite it, what is not a finite number never becomes one, and a clock
 * far ahead is marked and its time not believed. On the bus's lane. */

#include "hawser-twins-private.h"

#include <math.h>
#include <string.h>

#include "hawser-error.h"

/* ---- documents ---- */

HawserTwinEntry *
hawser_twin_document_find (HawserTwinDocument *self, const char *key, gsize len)
{
  for (guint i = 0; i < self->n; i++)
    if (strncmp (self->entries[i].key, key, len) == 0 && self->entries[i].key[len] == '\0')
      return &self->entries[i];
  return NULL;
}

static void
clear_entry (HawserTwinEntry *entry)
{
  g_free (entry->key);
  g_free (entry->json);
  if (entry->stamp.origin != NULL)
    hawser_origin_unref (entry->stamp.origin);
}

void
hawser_twin_document_clear (HawserTwinDocument *self)
{
  for (guint i = 0; i < self->n; i++)
    clear_entry (&self->entries[i]);
  g_free (self->entries);
  memset (self, 0, sizeof *self);
}

void
hawser_twin_document_remove (HawserTwinDocument *self, HawserTwinEntry *entry)
{
  guint i = (guint) (entry - self->entries);

  self->n_bytes -= strlen (entry->key) + strlen (entry->json);
  clear_entry (entry);
  memmove (entry, entry + 1, (self->n - i - 1) * sizeof *entry);
  self->n--;
}

static void
set_stamp (HawserTwinStamp *stamp, const HawserTwinStamp *value)
{
  HawserOrigin *old = stamp->origin;

  *stamp = *value;
  if (stamp->origin != NULL)
    hawser_origin_ref (stamp->origin);
  if (old != NULL)
    hawser_origin_unref (old);
}

gboolean
hawser_twin_document_set (HawserTwinDocument *self, const char *key, gsize key_len, const char *json, gsize len, const HawserTwinStamp *stamp, GError **error)
{
  HawserTwinEntry *entry = hawser_twin_document_find (self, key, key_len);
  gsize old = entry != NULL ? strlen (entry->json) : 0;

  if (key_len == 0 || key_len > HAWSER_TWIN_MAX_KEY)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "the name of a property has 1 to %d bytes", HAWSER_TWIN_MAX_KEY);
      return FALSE;
    }
  if ((entry == NULL && self->n == HAWSER_TWIN_MAX_ENTRIES) || self->n_bytes - old + len + (entry == NULL ? key_len : 0) > HAWSER_TWIN_MAX_DOCUMENT)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "a twin holds %d properties and %d bytes of each kind", HAWSER_TWIN_MAX_ENTRIES, HAWSER_TWIN_MAX_DOCUMENT);
      return FALSE;
    }
  if (entry == NULL)
    {
      if ((self->n & 7) == 0)
        self->entries = g_renew (HawserTwinEntry, self->entries, self->n + 8);
      entry = &self->entries[self->n++];
      *entry = (HawserTwinEntry) { .key = g_strndup (key, key_len) };
      self->n_bytes += key_len;
    }
  g_free (entry->json);
  entry->json = g_strndup (json, len);
  self->n_bytes += len - old;
  set_stamp (&entry->stamp, stamp);
  return TRUE;
}

/* ---- time ---- */

/* The wall clock of this turn. */
gint64
hawser_twins_get_wall_us (HawserTwins *self)
{
  gint64 now_us = hawser_lane_get_now_us (self->bus->lane);

  if (now_us != self->wall_at_us || self->wall_us == 0)
    {
      self->wall_at_us = now_us;
      self->wall_us = hawser_clock_get_wall_us (self->bus->clock);
    }
  return self->wall_us;
}

void
hawser_twin_heard (HawserTwins *self, HawserTwinRef twin, guint32 link)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinFamily *family = hawser_twin_family (self, record);

  /* rounded up: silence is never counted too long */
  record->heard = hawser_twins_get_tick (self) + 1;
  if (G_UNLIKELY (record->link != link))
    hawser_twin_set_link (self, twin, link);
  if (G_UNLIKELY (!(record->flags & HAWSER_TWIN_IS_DEVICE)))
    {
      record->flags |= HAWSER_TWIN_IS_DEVICE;
      hawser_twin_mark_parent (self, twin);
    }
  if (G_UNLIKELY (record->state != HAWSER_TWIN_STATE_ONLINE))
    hawser_twin_set_state (self, twin, HAWSER_TWIN_STATE_ONLINE, "report");
  if (G_UNLIKELY (!(record->flags & HAWSER_TWIN_IS_WAITED)) && (family->offline_ticks > 0 || family->stale_ticks > 0 || family->idle_ticks > 0))
    hawser_twin_wait (self, twin);
  hawser_twin_touch (self, twin);
}

/* The time that a report is believed to be of; 0 of a clock that is far ahead: it becomes now, and the twin says so. */
static gint64
judge_time (HawserTwins *self, HawserTwinRef twin, gint64 time_us)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  gint64 now_us = hawser_twins_get_wall_us (self);

  if (G_LIKELY (time_us == 0))
    time_us = now_us;
  else if (time_us > now_us + HAWSER_TWIN_MAX_SKEW_US)
    {
      record->flags |= HAWSER_TWIN_HAS_SKEW;
      hawser_twin_need_extra (self, twin)->skew_us = time_us - now_us;
      self->n_skewed++;
      return now_us;
    }
  if (G_UNLIKELY (record->flags & HAWSER_TWIN_HAS_SKEW))
    {
      record->flags &= (guint8) ~HAWSER_TWIN_HAS_SKEW;
      hawser_twin_need_extra (self, twin)->skew_us = 0;
    }
  return time_us;
}

/* ---- numbers ---- */

static gsize
row_size (guint n)
{
  return sizeof (HawserTwinRow) + n * sizeof (double);
}

static HawserTwinMark *
get_marks (HawserTwins *self, const HawserTwinRow *row)
{
  return hawser_twin_pool_get (&self->pool, row->marks);
}

/* A source is named by 32 bits: connections are few, twins and their numbers many. */
guint32
hawser_twin_use_source (HawserTwins *self, HawserOrigin *origin)
{
  HawserTwinSource *source = &g_array_index (self->sources, HawserTwinSource, self->last_source);
  guint32 place = self->last_source;

  if (G_UNLIKELY (source->origin != origin))
    {
      place = GPOINTER_TO_UINT (g_hash_table_lookup (self->source_places, origin));
      if (place == 0)
        {
          const HawserTwinSource fresh = { NULL, 0, 0 };

          place = self->free_source != 0 ? self->free_source : self->sources->len;
          if (place == self->sources->len)
            g_array_append_val (self->sources, fresh);
          source = &g_array_index (self->sources, HawserTwinSource, place);
          self->free_source = source->next_free;
          *source = (HawserTwinSource) { hawser_origin_ref (origin), 0, 0 };
          g_hash_table_insert (self->source_places, origin, GUINT_TO_POINTER (place));
        }
      source = &g_array_index (self->sources, HawserTwinSource, place);
      self->last_source = place;
    }
  source->n_uses++;
  return place;
}

static void
drop_source (HawserTwins *self, guint32 place)
{
  HawserTwinSource *source = &g_array_index (self->sources, HawserTwinSource, place);

  if (place == 0 || --source->n_uses > 0)
    return;
  g_hash_table_remove (self->source_places, source->origin);
  hawser_origin_unref (source->origin);
  *source = (HawserTwinSource) { NULL, 0, self->free_source };
  self->free_source = place;
  if (self->last_source == place)
    self->last_source = 0;
}

HawserTwinRow *
hawser_twin_need_row_of (HawserTwins *self, HawserTwinRecord *record, guint n)
{
  HawserTwinRow *old = hawser_twin_row (self, record), *row;
  HawserTwinBlock block;
  guint from = old != NULL ? old->n : 0;

  if (from >= n)
    return old;
  block = hawser_twin_pool_take (&self->pool, row_size (n));
  row = hawser_twin_pool_get (&self->pool, block);
  memset (row, 0, row_size (n));
  if (old != NULL)
    memcpy (row, old, row_size (from));
  row->n = n;
  for (guint i = from; i < n; i++)
    row->values[i] = (double) NAN;
  if (row->marks != 0)
    {
      HawserTwinBlock marks = hawser_twin_pool_take (&self->pool, n * sizeof (HawserTwinMark));

      memset (hawser_twin_pool_get (&self->pool, marks), 0, n * sizeof (HawserTwinMark));
      memcpy (hawser_twin_pool_get (&self->pool, marks), get_marks (self, row), from * sizeof (HawserTwinMark));
      hawser_twin_pool_give (&self->pool, row->marks, from * sizeof (HawserTwinMark));
      row->marks = marks;
    }
  if (old != NULL)
    hawser_twin_pool_give (&self->pool, record->row, row_size (from));
  record->row = block;
  return row;
}

/* Room for @n numbers, and for the family's columns of today, so that the next ones fit too. */
HawserTwinRow *
hawser_twin_need_row (HawserTwins *self, HawserTwinRecord *record, guint n)
{
  HawserTwinRow *row = hawser_twin_row (self, record);

  return row != NULL && row->n >= n ? row : hawser_twin_need_row_of (self, record, MAX (n, hawser_twin_family (self, record)->n_columns));
}

HawserTwinMark *
hawser_twin_need_marks (HawserTwins *self, HawserTwinRow *row)
{
  if (row->marks == 0)
    {
      row->marks = hawser_twin_pool_take (&self->pool, row->n * sizeof (HawserTwinMark));
      memset (get_marks (self, row), 0, row->n * sizeof (HawserTwinMark));
    }
  return get_marks (self, row);
}

HawserTwinStamp
hawser_twin_get_stamp (HawserTwins *self, HawserTwinRef twin, guint column)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinRow *row = hawser_twin_row (self, record);
  const HawserTwinMark common = { row->time_us, row->source, row->revision }, mark = row->marks != 0 ? get_marks (self, row)[column] : common;

  return (HawserTwinStamp) { mark.time_us, g_array_index (self->sources, HawserTwinSource, mark.source).origin,
                             (record->revision & ~(guint64) G_MAXUINT32) | mark.revision };
}

static void
drop_marks (HawserTwins *self, HawserTwinRow *row)
{
  if (row->marks == 0)
    return;
  for (guint i = 0; i < row->n; i++)
    drop_source (self, get_marks (self, row)[i].source);
  hawser_twin_pool_give (&self->pool, row->marks, row->n * sizeof (HawserTwinMark));
  row->marks = 0;
}

void
hawser_twin_free_row (HawserTwins *self, HawserTwinBlock block)
{
  HawserTwinRow *row = hawser_twin_pool_get (&self->pool, block);

  drop_marks (self, row);
  drop_source (self, row->source);
  hawser_twin_pool_give (&self->pool, block, row_size (row->n));
}

void
hawser_twin_free_values (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);

  if (record->row != 0)
    hawser_twin_free_row (self, record->row);
  record->row = 0;
}

/* Each number gets a mark of its own: from here on they differ. Numbers that were there keep what held for all. */
static void
add_marks (HawserTwins *self, HawserTwinRow *row, guint64 there_were)
{
  HawserTwinMark *marks = hawser_twin_need_marks (self, row);

  for (guint i = 0; i < row->n; i++)
    if (there_were & ((guint64) 1 << i) && row->source != 0)
      {
        marks[i] = (HawserTwinMark) { row->time_us, row->source, row->revision };
        g_array_index (self->sources, HawserTwinSource, row->source).n_uses++;
      }
}

static void
write_change (HawserTwins *self, HawserTwinRef twin, guint64 changed)
{
  g_autoptr (GString) text = g_string_sized_new (256);
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinRow *row = hawser_twin_row (self, record);
  HawserTwinFamily *family = hawser_twin_family (self, record);
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, text);
  hawser_twin_begin_event (self, twin, &writer);
  hawser_json_writer_key (&writer, "reported");
  hawser_json_writer_begin_object (&writer);
  for (; changed != 0; changed &= changed - 1)
    {
      guint column = (guint) __builtin_ctzll (changed);

      hawser_json_writer_member_double (&writer, family->columns[column].key, row->values[column]);
    }
  hawser_json_writer_end_object (&writer);
  hawser_json_writer_end_object (&writer);
  hawser_twins_tell (self, twin, HAWSER_TWIN_CHANGE_REPORTED, g_string_free (g_steal_pointer (&text), FALSE));
}

/* An entry of the same name gives way to a number. */
static void
drop_entry (HawserTwins *self, HawserTwinRef twin, const char *key)
{
  HawserTwinExtra *extra = hawser_twin_extra (self, hawser_twin_get (self, twin));
  HawserTwinEntry *entry = extra != NULL && extra->reported.n > 0 ? hawser_twin_document_find (&extra->reported, key, strlen (key)) : NULL;

  if (entry != NULL)
    hawser_twin_document_remove (&extra->reported, entry);
}

void
hawser_twin_set_numbers (HawserTwins *self, HawserTwinRef twin, const int *columns, const double *values, guint n, const HawserTwinReport *report)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserOrigin *origin = report->origin != NULL ? report->origin : self->origin;
  gint64 time_us = judge_time (self, twin, report->time_us);
  guint64 brought = 0, changed = 0, present = 0;
  guint needed = 0;
  HawserTwinExtra *extra;
  HawserTwinRow *row;

  if (G_UNLIKELY (record->is_passive))
    hawser_twin_wake (self, twin);
  extra = hawser_twin_extra (self, record);
  row = hawser_twin_row (self, record);
  self->n_reports++;
  hawser_twin_heard (self, twin, report->link);
  for (guint i = 0; i < n; i++)
    if (columns[i] >= 0 && isfinite (values[i]))
      needed = MAX (needed, (guint) columns[i] + 1);
    else if (isinf (values[i]))
      self->n_refused++;
  if (needed == 0)
    return;
  if (G_UNLIKELY (row == NULL || row->n < needed))
    row = hawser_twin_need_row (self, record, needed);
  for (guint i = 0; i < row->n; i++)
    if (isfinite (row->values[i]))
      present |= (guint64) 1 << i;

  for (guint i = 0; i < n; i++)
    {
      guint column = (guint) columns[i];

      if (columns[i] < 0 || !isfinite (values[i]))
        continue;
      if (G_UNLIKELY (time_us < row->time_us) && present & ((guint64) 1 << column) && time_us < hawser_twin_get_stamp (self, twin, column).time_us)
        {
          self->n_late++;
          continue;
        }
      brought |= (guint64) 1 << column;
      if (row->values[column] != values[i])
        changed |= (guint64) 1 << column;
      row->values[column] = values[i];
    }
  if (brought == 0)
    return;
  if (changed != 0)
    record->revision++;

  if (G_LIKELY ((present & ~brought) == 0))
    drop_marks (self, row);
  else if (row->marks != 0 || row->time_us != time_us || changed != 0 || g_array_index (self->sources, HawserTwinSource, row->source).origin != origin)
    {
      /* what this message did not bring keeps its time and source */
      if (row->marks == 0)
        add_marks (self, row, present);
      for (guint64 bits = brought; bits != 0; bits &= bits - 1)
        {
          HawserTwinMark *mark = &get_marks (self, row)[__builtin_ctzll (bits)];
          guint32 old = mark->source;

          *mark = (HawserTwinMark) { time_us, hawser_twin_use_source (self, origin), (guint32) record->revision };
          drop_source (self, old);
        }
    }
  row->time_us = MAX (time_us, row->time_us);
  row->revision = (guint32) record->revision;
  if (G_UNLIKELY (g_array_index (self->sources, HawserTwinSource, row->source).origin != origin))
    {
      guint32 old = row->source;

      row->source = hawser_twin_use_source (self, origin);
      drop_source (self, old);
    }

  if (G_UNLIKELY (extra != NULL && extra->reported.n > 0))
    for (guint64 bits = brought; bits != 0; bits &= bits - 1)
      drop_entry (self, twin, hawser_twin_family (self, record)->columns[__builtin_ctzll (bits)].key);
  if (G_UNLIKELY (record->flags & HAWSER_TWIN_HAS_HISTORY))
    for (guint64 bits = brought; bits != 0; bits &= bits - 1)
      hawser_twin_remember_number (self, twin, (guint) __builtin_ctzll (bits), time_us, row->values[__builtin_ctzll (bits)]);
  if (changed == 0)
    return;
  hawser_twin_mark_parent (self, twin);
  if (self->host_funcs != NULL && self->host_funcs->changed != NULL && !(record->flags & HAWSER_TWIN_IS_DIRTY))
    self->host_funcs->changed (self->host, twin);
  if (!self->is_quiet && hawser_twins_is_watched (self, twin))
    write_change (self, twin, changed);
  if (G_UNLIKELY (extra != NULL && extra->has_delta) && !self->is_quiet)
    hawser_twin_send_delta (self, twin); /* less is wanted now */
}

/* ---- anything ---- */

/* A number that a double holds exactly enough to be shown again as it was written. */
static gboolean
fits_double (const HawserJsonSlice *value, double *out_number)
{
  guint digits = 0;

  if (value->type != HAWSER_JSON_NUMBER)
    return FALSE;
  for (gsize i = 0; i < value->len && value->text[i] != 'e' && value->text[i] != 'E'; i++)
    digits += g_ascii_isdigit (value->text[i]) != 0;
  return digits <= 17 && hawser_json_slice_get_double (value, out_number) && (digits <= 15 || fabs (*out_number) < 9007199254740992.);
}

/* One reported property of any type; null takes it away. Appends `"KEY":VALUE` to @changed where it is another value. */
gboolean
hawser_twin_set_value (HawserTwins *self, HawserTwinRef twin, const char *key, gsize key_len, const HawserJsonSlice *value, const HawserTwinReport *report,
                       GString *changed, GError **error)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinFamily *family = hawser_twin_family (self, record);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  HawserTwinRow *row = hawser_twin_row (self, record);
  HawserTwinEntry *entry = extra != NULL ? hawser_twin_document_find (&extra->reported, key, key_len) : NULL;
  int column = hawser_twin_family_find_column (family, key, key_len);
  gboolean has_number = column >= 0 && row != NULL && (guint) column < row->n && isfinite (row->values[column]);
  gint64 time_us = judge_time (self, twin, report->time_us);
  HawserTwinStamp held = has_number ? hawser_twin_get_stamp (self, twin, (guint) column) : entry != NULL ? entry->stamp : (HawserTwinStamp) { 0, NULL, 0 };
  double number;

  if (time_us < held.time_us)
    {
      self->n_late++;
      return TRUE;
    }
  if (value->type == HAWSER_JSON_NUMBER && !hawser_json_slice_get_double (value, &number))
    {
      self->n_refused++;
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%.*s': a number out of range", (int) MIN (key_len, 80), key);
      return FALSE;
    }
  if (key_len > 0 && key_len <= HAWSER_TWIN_MAX_KEY && fits_double (value, &number) &&
      (column >= 0 || (column = hawser_twins_need_column (self, family, key, key_len)) >= 0))
    {
      gboolean is_change = !has_number || row->values[column] != number;
      const HawserTwinReport same = { time_us, report->origin, report->link };

      if (is_change && changed != NULL)
        {
          HawserJsonWriter writer = { changed, changed->len > 0 };

          hawser_json_writer_member_double (&writer, family->columns[column].key, number);
        }
      /* told of with the rest of the patch, not by itself */
      self->is_quiet = TRUE;
      hawser_twin_set_numbers (self, twin, &column, &number, 1, &same);
      self->is_quiet = FALSE;
      return TRUE;
    }

  hawser_twin_heard (self, twin, report->link);
  if (has_number)
    {
      row->values[column] = (double) NAN;
      hawser_twin_mark_parent (self, twin);
    }
  if (value->type == HAWSER_JSON_NULL)
    {
      if (entry == NULL && !has_number)
        return TRUE;
      if (entry != NULL)
        hawser_twin_document_remove (&extra->reported, entry);
      record->revision++;
    }
  else
    {
      gboolean is_change = entry == NULL || strlen (entry->json) != value->len || memcmp (entry->json, value->text, value->len) != 0;
      const HawserTwinStamp stamp = { time_us, report->origin != NULL ? report->origin : self->origin, is_change ? record->revision + 1 : entry->stamp.revision };
      g_autofree char *name = g_strndup (key, key_len);
      g_autofree char *json = g_strndup (value->text, value->len);

      if (!hawser_twin_document_set (&hawser_twin_need_extra (self, twin)->reported, key, key_len, value->text, value->len, &stamp, error))
        return FALSE;
      if (record->flags & HAWSER_TWIN_HAS_HISTORY)
        hawser_twin_remember_text (self, twin, name, time_us, json);
      if (!is_change)
        return TRUE;
      record->revision++;
    }
  if (changed != NULL)
    {
      HawserJsonWriter writer = { changed, changed->len > 0 };
      g_autofree char *name = g_strndup (key, key_len);

      hawser_json_writer_key (&writer, name);
      hawser_json_writer_raw (&writer, value->text, (gssize) value->len);
    }
  if (self->host_funcs != NULL && self->host_funcs->changed != NULL)
    self->host_funcs->changed (self->host, twin);
  return TRUE;
}
