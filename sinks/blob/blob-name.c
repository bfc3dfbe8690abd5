/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of objects, pure. Values that strangers choose (topics, properties, parts of payloads) become names that stay
 * inside the container and never collide: every byte outside A-Z a-z 0-9 _ - . becomes %XX, a leading dot too, an empty
 * level becomes %00, and a component that is too long ends in %~ and its SHA-256. None of these can arise from another
 * value, so different topics have different names. */

#include "blob-name.h"

#include <string.h>

#define HASH_LEN 32           /* hexadecimal digits: 128 bits */
#define MAX_EXTENSION 16      /* kept when a component is shortened, so that .ndjson.gz stays readable */

static const char * const own_fields[] = { "node", "sequence", NULL };

gboolean
blob_name_init (BlobName *self, const char *template, const char *node, GError **error)
{
  const char *sequence = strstr (template, BLOB_NAME_SEQUENCE);

  if (*template == '\0' || *template == '/' || g_str_has_suffix (template, "/"))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "path-template '%s' must name an object, not a folder", template);
      return FALSE;
    }
  if (sequence != NULL && strchr (sequence, '/') != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "path-template '%s': {sequence} must be in the last component", template);
      return FALSE;
    }
  self->template = hawser_template_new (template, own_fields, error);
  self->node = node;
  return self->template != NULL;
}

void
blob_name_clear (BlobName *self)
{
  g_clear_pointer (&self->template, hawser_template_free);
}

static void
append_value (GString *out, const char *field, const char *value, gpointer data)
{
  const BlobName *self = data;

  if (g_str_equal (field, "sequence"))
    g_string_append (out, BLOB_NAME_SEQUENCE);
  else if (g_str_equal (field, "node"))
    hawser_template_escape (out, self->node, FALSE);
  else
    hawser_template_escape (out, value != NULL ? value : "", g_str_equal (field, "topic"));
}

static gsize
find_extension (const char *component, gsize len)
{
  const char *dot = memchr (component + len - MAX_EXTENSION, '.', MAX_EXTENSION);

  return dot != NULL ? (gsize) (dot - component) : len;
}

static void
append_component (GString *out, const char *component, gsize len)
{
  g_autofree char *hash = NULL;
  gsize extension, keep;

  if (len <= BLOB_NAME_MAX_COMPONENT)
    {
      g_string_append_len (out, component, len);
      return;
    }
  hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) component, len);
  extension = find_extension (component, len);
  keep = BLOB_NAME_MAX_COMPONENT - 2 - HASH_LEN - MAX_EXTENSION;
  /* never half of a %XX or of {sequence} */
  for (gsize back = 0; back < strlen (BLOB_NAME_SEQUENCE); back++)
    if (component[keep - back] == '{' || (back < 3 && component[keep - back] == '%'))
      {
        keep -= back;
        break;
      }
  g_string_append_len (out, component, keep);
  g_string_append_printf (out, "%%~%.*s", HASH_LEN, hash);
  if (g_strstr_len (component + keep, extension - keep, BLOB_NAME_SEQUENCE) != NULL)
    g_string_append (out, BLOB_NAME_SEQUENCE);
  g_string_append_len (out, component + extension, len - extension);
}

char *
blob_name_expand (const BlobName *self, HawserMessage *message)
{
  g_autoptr (GString) full = g_string_new (NULL);
  GString *name = g_string_new (NULL);

  hawser_template_expand (self->template, message, append_value, (gpointer) self, full);
  for (const char *at = full->str;;)
    {
      gsize len = strcspn (at, "/");

      /* only the template itself can hold these; values are escaped */
      if (len == 0 || (len <= 2 && strspn (at, ".") >= len))
        g_string_append (name, "%00");
      else
        append_component (name, at, len);
      if (at[len] == '\0')
        return g_string_free (name, FALSE);
      g_string_append_c (name, '/');
      at += len + 1;
    }
}

gboolean
blob_name_has_sequence (const BlobName *self)
{
  return hawser_template_uses (self->template, "sequence");
}
