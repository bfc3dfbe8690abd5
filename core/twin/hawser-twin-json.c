/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a twin and its aggregate read, everywhere. On the bus's lane. */

#include "hawser-twins-private.h"

#include <math.h>
#include <string.h>

#include "hawser-cloud-event.h"

static void
write_stamp (HawserJsonWriter *writer, const HawserTwinStamp *stamp)
{
  g_autofree char *time = hawser_time_format (stamp->time_us);

  hawser_json_writer_member_string (writer, "time", time);
  hawser_json_writer_member_string (writer, "source", stamp->origin != NULL ? stamp->origin->source : NULL);
  hawser_json_writer_key (writer, "revision");
  hawser_json_writer_uint (writer, stamp->revision);
}

static void
write_reported (HawserTwins *self, HawserTwinRef twin, HawserJsonWriter *writer)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinFamily *family = hawser_twin_family (self, record);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  HawserTwinRow *row = hawser_twin_row (self, record);

  hawser_json_writer_key (writer, "reported");
  hawser_json_writer_begin_object (writer);
  for (guint i = 0; row != NULL && i < row->n; i++)
    if (isfinite (row->values[i]))
      {
        HawserTwinStamp stamp = hawser_twin_get_stamp (self, twin, i);

        hawser_json_writer_key (writer, family->columns[i].key);
        hawser_json_writer_begin_object (writer);
        hawser_json_writer_member_double (writer, "value", row->values[i]);
        write_stamp (writer, &stamp);
        hawser_json_writer_end_object (writer);
      }
  for (guint i = 0; extra != NULL && i < extra->reported.n; i++)
    {
      HawserTwinEntry *entry = &extra->reported.entries[i];

      hawser_json_writer_key (writer, entry->key);
      hawser_json_writer_begin_object (writer);
      hawser_json_writer_key (writer, "value");
      hawser_json_writer_raw (writer, entry->json, -1);
      write_stamp (writer, &entry->stamp);
      hawser_json_writer_end_object (writer);
    }
  hawser_json_writer_end_object (writer);
}

static void
write_document (HawserJsonWriter *writer, const char *name, const HawserTwinDocument *document)
{
  hawser_json_writer_key (writer, name);
  hawser_json_writer_begin_object (writer);
  for (guint i = 0; document != NULL && i < document->n; i++)
    {
      hawser_json_writer_key (writer, document->entries[i].key);
      hawser_json_writer_raw (writer, document->entries[i].json, -1);
    }
  hawser_json_writer_end_object (writer);
}

/* When and by whom desired properties and attributes were set: beside the values, whose shape is fixed. */
static void
write_metadata (HawserJsonWriter *writer, const char *name, const HawserTwinDocument *document)
{
  if (document->n == 0)
    return;
  hawser_json_writer_key (writer, name);
  hawser_json_writer_begin_object (writer);
  for (guint i = 0; i < document->n; i++)
    {
      hawser_json_writer_key (writer, document->entries[i].key);
      hawser_json_writer_begin_object (writer);
      write_stamp (writer, &document->entries[i].stamp);
      hawser_json_writer_end_object (writer);
    }
  hawser_json_writer_end_object (writer);
}

void
hawser_twin_write (HawserTwins *self, HawserTwinRef twin, GString *out)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinFamily *family = hawser_twin_family (self, record);
  HawserTwinExtra *extra;
  HawserJsonWriter writer;

  hawser_twin_peek (self, twin);
  extra = hawser_twin_extra (self, record);
  hawser_json_writer_init (&writer, out);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "id", hawser_twin_name (self, record)->text);
  hawser_json_writer_member_string (&writer, "parent", record->parent != 0 ? hawser_twin_name (self, hawser_twin_get (self, record->parent))->text : NULL);
  hawser_json_writer_member_string (&writer, "state", hawser_twin_state_to_nick (record->state));
  hawser_json_writer_key (&writer, "revision");
  hawser_json_writer_uint (&writer, record->revision);
  if (family->title != NULL && family->is_single)
    hawser_json_writer_member_string (&writer, "title", family->title);
  if (family->name != NULL && !family->is_single)
    hawser_json_writer_member_string (&writer, "family", family->name);
  if (record->flags & HAWSER_TWIN_HAS_SKEW)
    {
      hawser_json_writer_key (&writer, "skew");
      hawser_json_writer_double (&writer, (double) extra->skew_us / G_USEC_PER_SEC);
    }
  write_reported (self, twin, &writer);
  write_document (&writer, "desired", extra != NULL ? &extra->desired : NULL);
  write_document (&writer, "attributes", extra != NULL ? &extra->attributes : NULL);
  if (extra != NULL)
    hawser_twin_write_features (extra, &writer);
  if (extra != NULL && (extra->desired.n > 0 || extra->attributes.n > 0))
    {
      hawser_json_writer_key (&writer, "metadata");
      hawser_json_writer_begin_object (&writer);
      write_metadata (&writer, "desired", &extra->desired);
      write_metadata (&writer, "attributes", &extra->attributes);
      hawser_json_writer_end_object (&writer);
    }
  if (extra != NULL && extra->node != NULL)
    hawser_json_writer_member_int (&writer, "children", extra->node->n);
  hawser_json_writer_end_object (&writer);
}

static void
write_cell (HawserJsonWriter *writer, const HawserTwinCell *cell, guint functions)
{
  hawser_json_writer_begin_object (writer);
  if (functions & HAWSER_TWIN_SUM)
    hawser_json_writer_member_double (writer, "sum", cell->sum);
  if (functions & HAWSER_TWIN_MEAN)
    hawser_json_writer_member_double (writer, "mean", cell->count > 0 ? cell->sum / cell->count : (double) NAN);
  if (functions & HAWSER_TWIN_MIN)
    hawser_json_writer_member_double (writer, "min", cell->count > 0 ? cell->min : (double) NAN);
  if (functions & HAWSER_TWIN_MAX)
    hawser_json_writer_member_double (writer, "max", cell->count > 0 ? cell->max : (double) NAN);
  if (functions & HAWSER_TWIN_COUNT)
    hawser_json_writer_member_int (writer, "count", cell->count);
  hawser_json_writer_end_object (writer);
}

/* `{"id","revision","time","stale","missing","aggregate":{KEY:{FUNCTION:NUMBER},"count":{STATE:NUMBER}}}`: stale says that some
 * twin below is not online, so that its last numbers are old or left out; missing says how many. What has no value is null. */
void
hawser_twin_write_aggregate (HawserTwins *self, HawserTwinRef twin, GString *out)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  HawserTwinNode *node = extra != NULL ? extra->node : NULL;
  HawserTwinFamily *family = hawser_twin_family (self, record);
  const HawserTwinTally none = { 0 }, *tally = node != NULL ? &node->tally : &none;
  guint counts = tally->functions | family->count_functions;
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, out);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "id", hawser_twin_name (self, record)->text);
  hawser_json_writer_key (&writer, "revision");
  hawser_json_writer_uint (&writer, node != NULL ? node->revision : 0);
  if (node != NULL && node->computed_us != 0)
    {
      g_autofree char *time = hawser_time_format (node->computed_us);

      hawser_json_writer_member_string (&writer, "time", time);
    }
  hawser_json_writer_member_boolean (&writer, "stale", tally->stale + tally->offline > 0);
  hawser_json_writer_member_int (&writer, "missing", tally->stale + tally->offline);
  hawser_json_writer_key (&writer, "aggregate");
  hawser_json_writer_begin_object (&writer);
  for (guint f = 0; f < self->n_fields; f++)
    {
      const HawserTwinCell zero = { 0 }, *cell = node != NULL && f < node->n_fields && node->cells != NULL ? &node->cells[f] : &zero;
      guint functions = cell->functions | family->field_functions[f];

      if (functions == 0 || strcmp (self->fields[f], "count") == 0)
        continue;
      hawser_json_writer_key (&writer, self->fields[f]);
      write_cell (&writer, cell, functions);
    }
  if (counts != 0)
    {
      hawser_json_writer_key (&writer, "count");
      hawser_json_writer_begin_object (&writer);
      if (counts & HAWSER_TWIN_COUNT_ONLINE)
        hawser_json_writer_member_int (&writer, "online", tally->online);
      if (counts & HAWSER_TWIN_COUNT_STALE)
        hawser_json_writer_member_int (&writer, "stale", tally->stale);
      if (counts & HAWSER_TWIN_COUNT_OFFLINE)
        hawser_json_writer_member_int (&writer, "offline", tally->offline);
      hawser_json_writer_end_object (&writer);
    }
  hawser_json_writer_end_object (&writer);
  hawser_json_writer_end_object (&writer);
}
