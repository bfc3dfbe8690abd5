/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What requests about twins say in paths, times and tags. Pure functions over the text of strangers. */

#include "http-twins.h"

#include <math.h>
#include <string.h>

static const struct {
  const char *word;
  HttpTwinPart part;
} parts[] = {
  { "children", HTTP_TWIN_CHILDREN },
  { "aggregate", HTTP_TWIN_AGGREGATE },
  { "history", HTTP_TWIN_HISTORY },
};

void
http_twin_path_clear (HttpTwinPath *self)
{
  g_clear_pointer (&self->id, g_free);
  g_clear_pointer (&self->subject, g_free);
}

gboolean
http_twin_path_read (const char *rest, HttpTwinPath *out)
{
  const char *inbox = g_strrstr (rest, "/inbox/");
  const char *slash = strrchr (rest, '/');
  gsize len = strlen (rest);
  HttpTwinPath path = { .part = HTTP_TWIN_ITSELF };

  if (inbox != NULL)
    {
      path.part = HTTP_TWIN_INBOX;
      len = (gsize) (inbox - rest);
      path.subject = http_decode_path (inbox + strlen ("/inbox/"), strlen (inbox + strlen ("/inbox/")));
    }
  else if (slash != NULL)
    for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
      if (g_str_equal (slash + 1, parts[i].word))
        {
          path.part = parts[i].part;
          len = (gsize) (slash - rest);
        }
  path.id = http_decode_path (rest, len);
  if (path.id == NULL || *path.id == '\0' || (inbox != NULL && (path.subject == NULL || *path.subject == '\0')))
    {
      http_twin_path_clear (&path);
      return FALSE;
    }
  *out = path;
  return TRUE;
}

gboolean
http_twin_read_time (const char *text, gint64 now_us, gint64 *out_us)
{
  g_autoptr (GTimeZone) utc = NULL;
  g_autoptr (GDateTime) time = NULL;
  char *end;
  double seconds;
  gint64 us;

  if (*text == '-' && hawser_duration_parse (text + 1, &us, NULL))
    {
      *out_us = now_us - us;
      return TRUE;
    }
  seconds = g_ascii_strtod (text, &end);
  if (*end == '\0' && end != text && isfinite (seconds) && fabs (seconds) < 1e11)
    {
      *out_us = (gint64) llround (seconds * G_USEC_PER_SEC);
      return TRUE;
    }
  utc = g_time_zone_new_utc ();
  time = g_date_time_new_from_iso8601 (text, utc);
  if (time == NULL)
    return FALSE;
  *out_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time);
  return TRUE;
}

/* RFC 9110 section 13.1.1: a list of tags. A weak one counts, as all of a revision is the same document. */
gboolean
http_twin_tags_have (const char *tags, guint64 revision)
{
  g_autofree char *own = g_strdup_printf ("\"%" G_GUINT64_FORMAT "\"", revision);
  gsize own_len = strlen (own);

  while (*tags != '\0')
    {
      gsize len;

      tags += strspn (tags, ", \t");
      if (*tags == '*')
        return TRUE;
      if (g_str_has_prefix (tags, "W/"))
        tags += 2;
      len = strcspn (tags, ", \t");
      if (len == own_len && memcmp (tags, own, len) == 0)
        return TRUE;
      /* people and scripts forget the quotes */
      if (len == own_len - 2 && memcmp (tags, own + 1, len) == 0)
        return TRUE;
      tags += len;
    }
  return FALSE;
}
