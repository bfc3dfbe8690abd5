/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A CloudEvent for eyes that may see that a message passed, not every value in it. Bytes only: tests and the fuzz target build this alone.
 * Source: RFC 6901 (JSON Pointer). */

#include "http-redact.h"

#include <string.h>

#define HIDDEN "\"***\""
#define DATA "/data"

/* Ours: names that hold secrets in what devices send; whoever has others names them in [admin] redact. */
static const char * const secret_names[] = {
  "password", "passwd", "passphrase", "secret", "token", "authorization", "apikey", "api-key", "api_key", "private-key", "private_key", "credential", NULL
};

typedef struct {
  HawserJsonIter iter;
  gsize path_len;                /* of the container, in path */
  guint n;                       /* elements so far */
} Level;

static gboolean
is_named (const char *name, const char * const *rules)
{
  for (; rules != NULL && *rules != NULL; rules++)
    if (**rules != '/' && g_ascii_strcasecmp (*rules, name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_pointed_at (const char *path, const char * const *rules)
{
  if (!g_str_has_prefix (path, DATA "/"))
    return FALSE;
  for (; rules != NULL && *rules != NULL; rules++)
    if (**rules == '/' && strcmp (*rules, path + strlen (DATA)) == 0)
      return TRUE;
  return FALSE;
}

/* A reference token: ~ and / are written ~0 and ~1. */
static void
append_token (GString *path, const char *token)
{
  g_string_append_c (path, '/');
  for (; *token != '\0'; token++)
    if (*token == '~' || *token == '/')
      g_string_append (path, *token == '~' ? "~0" : "~1");
    else
      g_string_append_c (path, *token);
}

/* Goes to the next member; FALSE: the container is at its end. */
static gboolean
next (Level *level, GString *out, GString *path, const char * const *rules, HawserJsonSlice *out_value, gboolean *out_is_hidden)
{
  HawserJsonSlice key;
  g_autofree char *name = NULL;
  char number[16];

  if (!hawser_json_iter_next (&level->iter, &key, out_value))
    return FALSE;
  if (level->n > 0)
    g_string_append_c (out, ',');
  if (level->iter.is_object)
    {
      name = hawser_json_slice_dup_string (&key);
      g_string_append_len (out, key.text, (gssize) key.len);
      g_string_append_c (out, ':');
    }
  g_snprintf (number, sizeof number, "%u", level->n++);
  g_string_truncate (path, level->path_len);
  append_token (path, level->iter.is_object ? name != NULL ? name : "" : number);
  *out_is_hidden = (name != NULL && (is_named (name, secret_names) || is_named (name, rules))) || is_pointed_at (path->str, rules);
  return TRUE;
}

void
http_redact (GString *out, const char *json, gsize len, const char * const *rules)
{
  Level levels[HAWSER_JSON_MAX_DEPTH + 2];   /* the payload's own, and the event around it */
  g_autoptr (GString) path = g_string_new (NULL);
  HawserJsonSlice value = { HAWSER_JSON_OBJECT, json, len };
  gboolean is_hidden;
  gsize depth = 0;

  g_string_append_c (out, '{');
  hawser_json_iter_init (&levels[0].iter, &value);
  levels[0].path_len = levels[0].n = 0;
  for (;;)
    {
      Level *level = &levels[depth];

      if (!next (level, out, path, rules, &value, &is_hidden))
        {
          g_string_append_c (out, level->iter.is_object ? '}' : ']');
          if (depth-- == 0)
            return;
        }
      else if (is_hidden)
        g_string_append (out, HIDDEN);
      else if (value.type != HAWSER_JSON_ARRAY && value.type != HAWSER_JSON_OBJECT)
        g_string_append_len (out, value.text, (gssize) value.len);
      else if (depth + 1 == G_N_ELEMENTS (levels))
        g_string_append (out, HIDDEN);
      else
        {
          g_string_append_c (out, value.type == HAWSER_JSON_OBJECT ? '{' : '[');
          hawser_json_iter_init (&levels[++depth].iter, &value);
          levels[depth].path_len = path->len;
          levels[depth].n = 0;
        }
    }
}
