/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Range and If-Range: one part of what is answered whole otherwise. Several ranges, or one that cannot be read, are answered
 * whole, as the standard allows. Source: RFC 9110, 14. Context: the lane. */

#include "http-range.h"

#include <string.h>

/* A number of digits; one that is too large is the largest. FALSE: there is none. */
static gboolean
read_number (const char **text, guint64 *out)
{
  const char *p = *text;
  guint64 number = 0;

  for (; g_ascii_isdigit (*p); p++)
    number = number > (G_MAXUINT64 - 9) / 10 ? G_MAXUINT64 : number * 10 + (guint64) (*p - '0');
  if (p == *text)
    return FALSE;
  *text = p;
  *out = number;
  return TRUE;
}

HttpRange
http_range_read (const char *text, guint64 size, guint64 *out_first, guint64 *out_last)
{
  guint64 first = 0, last = G_MAXUINT64;
  gboolean has_first;

  if (text == NULL || g_ascii_strncasecmp (text, "bytes=", 6) != 0)
    return HTTP_RANGE_WHOLE;
  text += 6;
  has_first = read_number (&text, &first);
  if (*text++ != '-')
    return HTTP_RANGE_WHOLE;
  if (!read_number (&text, &last) && !has_first)
    return HTTP_RANGE_WHOLE;
  if (*text != '\0' || (has_first && last < first))
    return HTTP_RANGE_WHOLE;
  if (!has_first)
    {
      /* the last so many bytes */
      if (last == 0 || size == 0)
        return HTTP_RANGE_NONE;
      first = size - MIN (last, size);
      last = size - 1;
    }
  if (first >= size)
    return HTTP_RANGE_NONE;
  *out_first = first;
  *out_last = MIN (last, size - 1);
  return HTTP_RANGE_PART;
}

gboolean
http_range_respond (HttpSession *session, HttpRequest *request, const char *etag, const char *content_type, const void *data, gsize size)
{
  const char *condition = http_request_get_header (request, "If-Range");
  g_autofree char *field = NULL;
  guint64 first, last;
  HttpRange range;

  http_session_add_header (session, "Accept-Ranges", "bytes");
  if (!g_str_equal (request->method, "GET") || (condition != NULL && g_strcmp0 (condition, etag) != 0))
    return FALSE;
  range = http_range_read (http_request_get_header (request, "Range"), size, &first, &last);
  if (range == HTTP_RANGE_WHOLE)
    return FALSE;
  if (range == HTTP_RANGE_NONE)
    {
      field = g_strdup_printf ("bytes */%" G_GSIZE_FORMAT, size);
      http_session_add_header (session, "Content-Range", field);
      http_session_respond_problem (session, 416, HAWSER_ERROR_INVALID, "nothing is in that range");
      return TRUE;
    }
  field = g_strdup_printf ("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GSIZE_FORMAT, first, last, size);
  http_session_add_header (session, "Content-Range", field);
  http_session_respond (session, 206, content_type, (const char *) data + first, (gsize) (last - first + 1));
  return TRUE;
}
