/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Features: parts of a thing with properties of their own, as others write them: {"gps": {"properties": {…}, "desiredProperties": {…}}}.
 * They are another way to say reported and desired properties whose values are objects: `features/gps/properties/lat` is
 * `reported/gps/lat`. So there is one value with one time, source and revision, whichever way it is read and written; here the
 * one way becomes the other. Pure functions over documents and JSON; any thread. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-error.h"

#define PROPERTIES "properties"
#define DESIRED "desiredProperties"

static gboolean
is_object (const HawserTwinEntry *entry)
{
  return *entry->json == '{';
}

static void
write_feature (HawserJsonWriter *writer, const char *name, const HawserTwinEntry *reported, const HawserTwinEntry *desired)
{
  hawser_json_writer_key (writer, name);
  hawser_json_writer_begin_object (writer);
  if (reported != NULL)
    {
      hawser_json_writer_key (writer, PROPERTIES);
      hawser_json_writer_raw (writer, reported->json, -1);
    }
  if (desired != NULL)
    {
      hawser_json_writer_key (writer, DESIRED);
      hawser_json_writer_raw (writer, desired->json, -1);
    }
  hawser_json_writer_end_object (writer);
}

static HawserTwinEntry *
find_object (HawserTwinDocument *document, const char *name)
{
  HawserTwinEntry *entry = hawser_twin_document_find (document, name, strlen (name));

  return entry != NULL && is_object (entry) ? entry : NULL;
}

void
hawser_twin_write_features (HawserTwinExtra *extra, HawserJsonWriter *writer)
{
  gboolean has_begun = FALSE;

  for (guint part = 0; part < 2; part++)
    {
      HawserTwinDocument *document = part == 0 ? &extra->reported : &extra->desired;

      for (guint i = 0; i < document->n; i++)
        {
          HawserTwinEntry *entry = &document->entries[i];

          if (!is_object (entry) || (part == 1 && find_object (&extra->reported, entry->key) != NULL))
            continue; /* written with what is reported */
          if (!has_begun)
            {
              hawser_json_writer_key (writer, "features");
              hawser_json_writer_begin_object (writer);
            }
          has_begun = TRUE;
          write_feature (writer, entry->key, part == 0 ? entry : NULL, part == 0 ? find_object (&extra->desired, entry->key) : entry);
        }
    }
  if (has_begun)
    hawser_json_writer_end_object (writer);
}

/* ---- patches ---- */

static void
add_member (GString *out, const HawserJsonSlice *key, const char *value, gsize len)
{
  g_string_append_c (out, out->len > 1 ? ',' : ' ');
  g_string_append_len (out, key->text, (gssize) key->len);
  g_string_append_c (out, ':');
  g_string_append_len (out, value, (gssize) len);
}

static gboolean
read_feature (const HawserJsonSlice *name, const HawserJsonSlice *feature, GString *reported, GString *desired, GError **error)
{
  HawserJsonSlice key, value;
  HawserJsonIter iter;

  if (feature->type == HAWSER_JSON_NULL)
    {
      add_member (reported, name, "null", 4);
      add_member (desired, name, "null", 4);
      return TRUE;
    }
  if (feature->type != HAWSER_JSON_OBJECT)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "feature %.*s: must be an object or null", (int) MIN (name->len, 80), name->text);
      return FALSE;
    }
  hawser_json_iter_init (&iter, feature);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      gboolean is_reported = hawser_json_slice_is_string (&key, PROPERTIES, strlen (PROPERTIES));

      if (!is_reported && !hawser_json_slice_is_string (&key, DESIRED, strlen (DESIRED)))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "feature %.*s: has properties and desiredProperties; %.*s is neither",
                       (int) MIN (name->len, 80), name->text, (int) MIN (key.len, 80), key.text);
          return FALSE;
        }
      if (value.type != HAWSER_JSON_OBJECT && value.type != HAWSER_JSON_NULL)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "feature %.*s: %.*s must be an object or null", (int) MIN (name->len, 80), name->text, (int) key.len, key.text);
          return FALSE;
        }
      add_member (is_reported ? reported : desired, name, value.text, value.len);
    }
  return TRUE;
}

/* `{` and the members of @given, an object or nothing. */
static GString *
begin_object (const HawserJsonSlice *given)
{
  GString *out = g_string_new ("{");
  HawserJsonSlice key, value;
  HawserJsonIter iter;

  if (given->type == HAWSER_JSON_OBJECT && given->text != NULL)
    {
      hawser_json_iter_init (&iter, given);
      while (hawser_json_iter_next (&iter, &key, &value))
        add_member (out, &key, value.text, value.len);
    }
  return out;
}

static void
end_object (GString *text, HawserJsonSlice *out, gboolean *out_has)
{
  if (text->len == 1)
    return;
  g_string_append_c (text, '}');
  *out = (HawserJsonSlice) { HAWSER_JSON_OBJECT, text->str, text->len };
  *out_has = TRUE;
}

gboolean
hawser_twin_read_features (const HawserJsonSlice *features, HawserTwinPatch *patch, GError **error)
{
  HawserJsonSlice name, feature;
  HawserJsonIter iter;

  if (features->type != HAWSER_JSON_OBJECT || (patch->has_reported && patch->reported.type == HAWSER_JSON_NULL) || (patch->has_desired && patch->desired.type == HAWSER_JSON_NULL))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "features: must be an object, and neither reported nor desired null beside it");
      return FALSE;
    }
  patch->reported_text = begin_object (&patch->reported);
  patch->desired_text = begin_object (&patch->desired);
  hawser_json_iter_init (&iter, features);
  while (hawser_json_iter_next (&iter, &name, &feature))
    if (!read_feature (&name, &feature, patch->reported_text, patch->desired_text, error))
      return FALSE;
  end_object (patch->reported_text, &patch->reported, &patch->has_reported);
  end_object (patch->desired_text, &patch->desired, &patch->has_desired);
  return TRUE;
}

/* ---- paths ---- */

char *
hawser_twin_resolve_feature_path (const char *path)
{
  static const struct {
    const char *part, *place;
  } parts[] = { { "/" PROPERTIES, "reported" }, { "/" DESIRED, "desired" } };
  const char *name = path + strlen ("features/");
  const char *slash = strchr (name, '/');

  for (gsize i = 0; slash != NULL && i < G_N_ELEMENTS (parts); i++)
    {
      gsize len = strlen (parts[i].part);

      if (strncmp (slash, parts[i].part, len) == 0 && (slash[len] == '\0' || slash[len] == '/'))
        return g_strdup_printf ("%s/%.*s%s", parts[i].place, (int) (slash - name), name, slash + len);
    }
  return g_strconcat ("reported/", name, NULL); /* the feature itself: whether it is there */
}
