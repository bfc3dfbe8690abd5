/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of a JSON document that were asked for. Linear in the document, as deep as the longest path and no deeper; pure
 * functions. Used for twins: what is sent a hundred times a second should hold what is looked at. */

#include "http-fields.h"

#include <string.h>

struct _HttpFields {
  guint n;
  struct {
    char *names[HTTP_MAX_FIELD_DEPTH];
    guint n_names;
  } paths[HTTP_MAX_FIELDS];
};

void
http_fields_free (HttpFields *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->n; i++)
    for (guint j = 0; j < self->paths[i].n_names; j++)
      g_free (self->paths[i].names[j]);
  g_free (self);
}

/* RFC 6901 section 4. */
static char *
unescape (const char *text, gsize len)
{
  char *out = g_malloc (len + 1);
  gsize n = 0;

  for (gsize i = 0; i < len; i++)
    {
      gboolean is_escape = text[i] == '~' && i + 1 < len && (text[i + 1] == '0' || text[i + 1] == '1');

      out[n++] = !is_escape ? text[i] : text[i + 1] == '0' ? '~' : '/';
      if (is_escape)
        i++;
    }
  out[n] = '\0';
  return out;
}

static gboolean
read_path (HttpFields *self, const char *text, gsize len)
{
  const char *end = text + len;

  if (self->n == HTTP_MAX_FIELDS)
    return FALSE;
  self->n++;
  while (text < end)
    {
      const char *slash = memchr (text, '/', (gsize) (end - text));
      const char *stop = slash != NULL ? slash : end;

      if (self->paths[self->n - 1].n_names == HTTP_MAX_FIELD_DEPTH)
        return FALSE;
      self->paths[self->n - 1].names[self->paths[self->n - 1].n_names++] = unescape (text, (gsize) (stop - text));
      text = stop + 1;
    }
  return TRUE;
}

HttpFields *
http_fields_new (const char *text, const char **out_detail)
{
  g_autoptr (HttpFields) self = g_new0 (HttpFields, 1);

  while (*text != '\0')
    {
      gsize len = strcspn (text, ",");
      gsize skip = len > 0 && *text == '/' ? 1 : 0;

      if (len > skip && !read_path (self, text + skip, len - skip))
        {
          *out_detail = "fields has too many paths, or one that is too deep";
          return NULL;
        }
      text += text[len] == ',' ? len + 1 : len;
    }
  if (self->n == 0)
    {
      *out_detail = "fields has no path such as reported/power-kw";
      return NULL;
    }
  return g_steal_pointer (&self);
}

/* Members of the object that the paths of @wanted name at @depth; as deep as the paths at most. */
static gboolean
project (const HttpFields *self, const HawserJsonSlice *object, guint64 wanted, guint depth, GString *out)
{
  HawserJsonSlice key, value;
  gboolean has_any = FALSE;
  HawserJsonIter iter;

  g_string_append_c (out, '{');
  hawser_json_iter_init (&iter, object);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      gsize before = out->len;
      guint64 deeper = 0;
      gboolean is_whole = FALSE;

      for (guint i = 0; i < self->n; i++)
        if ((wanted >> i & 1) != 0 && hawser_json_slice_is_string (&key, self->paths[i].names[depth], strlen (self->paths[i].names[depth])))
          {
            is_whole |= self->paths[i].n_names == depth + 1;
            deeper |= G_GUINT64_CONSTANT (1) << i;
          }
      if (deeper == 0 || (!is_whole && value.type != HAWSER_JSON_OBJECT))
        continue;
      if (has_any)
        g_string_append_c (out, ',');
      g_string_append_len (out, key.text, (gssize) key.len);
      g_string_append_c (out, ':');
      if (is_whole)
        g_string_append_len (out, value.text, (gssize) value.len);
      else if (!project (self, &value, deeper, depth + 1, out))
        {
          g_string_truncate (out, before);
          continue;
        }
      has_any = TRUE;
    }
  g_string_append_c (out, '}');
  return has_any;
}

gboolean
http_fields_project (const HttpFields *self, const char *json, gsize len, GString *out)
{
  HawserJsonSlice value;

  if (!hawser_json_parse (json, len, &value, NULL) || value.type != HAWSER_JSON_OBJECT)
    {
      g_string_append (out, "{}");
      return FALSE;
    }
  return project (self, &value, self->n == 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT (1) << self->n) - 1, 0, out);
}
