/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One JSON value into one line: checked by hawser-json.c, then copied without the white space between its tokens.
 * Pure functions over bytes, any thread. */

#include "hawser-json-line.h"

#include <string.h>

#include "hawser-json.h"
#include "hawser-json-writer.h"

static gboolean
is_space (char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of the string that starts at the quote at text, of a text that was checked. */
static const char *
skip_string (const char *text)
{
  for (text++; *text != '"'; text++)
    if (*text == '\\')
      text++;
  return text + 1;
}

gboolean
hawser_json_compact (GString *out, const guint8 *data, gsize len)
{
  HawserJsonSlice value;
  const char *text, *end;

  if (!hawser_json_parse ((const char *) data, len, &value, NULL))
    return FALSE;

  text = value.text;
  end = value.text + value.len;
  while (text < end)
    {
      const char *start = text;

      while (text < end && !is_space (*text))
        text = *text == '"' ? skip_string (text) : text + 1;
      g_string_append_len (out, start, text - start);
      while (text < end && is_space (*text))
        text++;
    }
  return TRUE;
}

void
hawser_json_append_string (GString *out, const char *text, gsize len)
{
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, out);
  hawser_json_writer_string (&writer, text, (gssize) len);
}
