/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A rule, a line end, a document: what is shown of an object is JSON, and hiding once more changes nothing. */

#include "http-redact.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const char *text = size > 0 ? (const char *) data : "", *line = memchr (text, '\n', size);
  g_autofree char *rule = line != NULL ? g_strndup (text, (gsize) (line - text)) : NULL;
  const char *rules[] = { rule, NULL }, *rest = line != NULL ? line + 1 : text;
  g_autoptr (GString) once = g_string_new (NULL), twice = g_string_new (NULL);
  HawserJsonSlice value;

  if (!hawser_json_parse (rest, size - (gsize) (rest - text), &value, NULL) || value.type != HAWSER_JSON_OBJECT)
    return 0;
  http_redact (once, value.text, value.len, rules);
  g_assert_true (hawser_json_check (once->str, once->len, NULL));
  http_redact (twice, once->str, once->len, rules);
  g_assert_cmpstr (twice->str, ==, once->str);
  return 0;
}
