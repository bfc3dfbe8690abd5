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
  record->heard = (guint32) ((hawser_lane_get_now_us (self->bus->lane) >> HAWSER_TWIN_TICK_SHIFT) + 1);
  record->link = link;
  if (G_UNLIKELY (!(record->flags & HAWSER_TWIN_IS_DEVICE)))
    {
      record->flags |= HAWSER_TWIN_IS_DEVICE;
      hawser_twin_mark_parent (self, twin);
    }
  if (G_UNLIKELY (record->state != HAWSER_TWIN_STATE_ONLINE))
    hawser_twin_set_state (self, twin, HAWSER_TWIN_STATE_ONLINE, "report");
  if (G_UNLIKELY (!(record->flags & HAWSER_TWIN_IS_WAITED)) && (family->offline_ticks > 0 || family->stale_ticks > 0))
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

static HawserTwinRow *
need_row (HawserTwins *self, HawserTwinRecord *record, guint n)
{
  HawserTwinRow *old = hawser_twin_row (self, record), *row;
  HawserTwinBlock block;
  guint from = old != NULL ? old->n : 0;

  if (old != NULL && old->n >= n)
    return old;
  /* the family's columns of today, so that the next ones fit too */
  n = MAX (n, hawser_twin_family (self, record)->n_columns);
  block = hawser_twin_pool_take (&self->pool, row_size (n));
  row = hawser_twin_pool_get (&self->pool, block);
  if (old != NULL)
    {
      memcpy (row, old, row_size (old->n));
      hawser_twin_pool_give (&self->pool, record->row, row_size (old->n));
    }
  else
    memset (row, 0, sizeof *row);
  row->n = n;
  for (guint i = from; i < n; i++)
    row->values[i] = (double) NAN;
  record->row = block;
  return row;
}

HawserTwinStamp
hawser_twin_get_stamp (HawserTwins *self, HawserTwinRef twin, guint column)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  HawserTwinRow *row = hawser_twin_row (self, record);

  if (extra != NULL && extra->stamps != NULL)
    return column < extra->n_stamps ? extra->stamps[column] : (HawserTwinStamp) { 0, NULL, 0 };
  return (HawserTwinStamp) { row->time_us, row->origin, (record->revision & ~(guint64) G_MAXUINT32) | row->revision };
}

static void
free_stamps (HawserTwinExtra *extra)
{
  for (guint i = 0; i < extra->n_stamps; i++)
    if (extra->stamps[i].origin != NULL)
      hawser_origin_unref (extra->stamps[i].origin);
  g_clear_pointer (&extra->stamps, g_free);
  extra->n_stamps = 0;
}

void
hawser_twin_free_values (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinRow *row = hawser_twin_row (self, record);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);

  if (extra != NULL && extra->stamps != NULL)
    free_stamps (extra);
  if (row == NULL)
    return;
  if (row->origin != NULL)
    hawser_origin_unref (row->origin);
  hawser_twin_pool_give (&self->pool, record->row, row_size (row->n));
  record->row = 0;
}

/* Each column gets a stamp of its own: from here on they differ. */
static HawserTwinStamp *
need_stamps (HawserTwins *self, HawserTwinRef twin, HawserTwinRow *row)
{
  HawserTwinExtra *extra = hawser_twin_need_extra (self, twin);
  gboolean is_new = extra->stamps == NULL;

  if (extra->n_stamps >= row->n)
    return extra->stamps;
  extra->stamps = g_renew (HawserTwinStamp, extra->stamps, row->n);
  for (guint i = extra->n_stamps; i < row->n; i++)
    {
      extra->stamps[i] = is_new && isfinite (row->values[i]) ? (HawserTwinStamp) { row->time_us, row->origin, row->revision } : (HawserTwinStamp) { 0, NULL, 0 };
      if (extra->stamps[i].origin != NULL)
        hawser_origin_ref (extra->stamps[i].origin);
    }
  extra->n_stamps = row->n;
  return extra->stamps;
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
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  HawserTwinRow *row = hawser_twin_row (self, record);
  HawserOrigin *origin = report->origin != NULL ? report->origin : self->origin;
  gint64 time_us = judge_time (self, twin, report->time_us);
  guint64 brought = 0, changed = 0, present = 0;
  guint needed = 0;

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
    row = need_row (self, record, needed);

  for (guint i = 0; i < n; i++)
    {
      guint column = (guint) columns[i];

      if (columns[i] < 0 || !isfinite (values[i]))
        continue;
      if (G_UNLIKELY (time_us < row->time_us) || G_UNLIKELY (extra != NULL && extra->stamps != NULL))
        {
          HawserTwinStamp stamp = isfinite (row->values[column]) ? hawser_twin_get_stamp (self, twin, column) : (HawserTwinStamp) { 0, NULL, 0 };

          if (time_us < stamp.time_us)
            {
              self->n_late++;
              continue;
            }
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

  for (guint i = 0; i < row->n; i++)
    if (isfinite (row->values[i]))
      present |= (guint64) 1 << i;
  if (G_LIKELY ((present & ~brought) == 0))
    {
      if (G_UNLIKELY (extra != NULL && extra->stamps != NULL))
        free_stamps (extra);
    }
  else if (extra != NULL && extra->stamps != NULL ? TRUE : row->time_us != time_us || row->origin != origin || changed != 0)
    {
      HawserTwinStamp *stamps;
      const HawserTwinStamp stamp = { time_us, origin, record->revision };

      /* what this message did not bring keeps its stamp */
      stamps = need_stamps (self, twin, row);
      for (guint64 bits = brought; bits != 0; bits &= bits - 1)
        set_stamp (&stamps[__builtin_ctzll (bits)], &stamp);
      extra = hawser_twin_extra (self, record);
    }
  row->time_us = MAX (time_us, row->time_us);
  row->revision = (guint32) record->revision;
  if (G_UNLIKELY (row->origin != origin))
    {
      hawser_origin_ref (origin);
      if (row->origin != NULL)
        hawser_origin_unref (row->origin);
      row->origin = origin;
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
