/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One request as handlers see it: header grammar is libsoup's, the framing was checked before by http-guard.c. Pure but
 * for allocation. Answers are http-session.c's. */

#include "http-request.h"

#include <string.h>
#include <zlib.h>

void
http_request_free (HttpRequest *self)
{
  if (self == NULL)
    return;
  g_free (self->method);
  g_free (self->path);
  g_clear_pointer (&self->headers, soup_message_headers_unref);
  g_clear_pointer (&self->query, g_ptr_array_unref);
  hawser_block_unref (self->block);
  g_clear_pointer (&self->owned, g_byte_array_unref);
  g_free (self);
}

/* %XX and, in a query, '+'. NULL: bad escape, control character, not UTF-8. */
static char *
decode (const char *text, gsize len, gboolean plus_is_blank)
{
  g_autofree char *out = g_malloc (len + 1);
  gsize n = 0;

  for (gsize i = 0; i < len; i++)
    {
      guint8 c = (guint8) text[i];

      if (c == '%')
        {
          if (i + 2 >= len || !g_ascii_isxdigit (text[i + 1]) || !g_ascii_isxdigit (text[i + 2]))
            return NULL;
          c = (guint8) (g_ascii_xdigit_value (text[i + 1]) << 4 | g_ascii_xdigit_value (text[i + 2]));
          i += 2;
        }
      else if (c == '+' && plus_is_blank)
        c = ' ';
      if (c < 0x20 || c == 0x7f)
        return NULL;
      out[n++] = (char) c;
    }
  out[n] = '\0';
  if (!g_utf8_validate_len (out, n, NULL))
    return NULL;
  return g_steal_pointer (&out);
}

static gboolean
has_escape (const char *text)
{
  for (const char *p = strchr (text, '%'); p != NULL; p = strchr (p + 1, '%'))
    if (g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2]))
      return TRUE;
  return FALSE;
}

static gboolean
has_dot_level (const char *text)
{
  const char *level = text;

  while (TRUE)
    {
      const char *end = strchrnul (level, '/');
      gsize len = (gsize) (end - level);

      if ((len == 1 && level[0] == '.') || (len == 2 && level[0] == '.' && level[1] == '.'))
        return TRUE;
      if (*end == '\0')
        return FALSE;
      level = end + 1;
    }
}

char *
http_decode_path (const char *text, gsize len)
{
  g_autofree char *out = decode (text, len, FALSE);

  if (out == NULL || has_escape (out) || has_dot_level (out) || strchr (out, '\\') != NULL)
    return NULL;
  return g_steal_pointer (&out);
}

char *
http_decode_value (const char *text)
{
  gsize len = strlen (text), n = 0;
  g_autofree char *out = g_malloc (len + 1);

  for (gsize i = 0; i < len; i++)
    {
      guint8 c = (guint8) text[i];

      if (c == '%' && i + 2 < len && g_ascii_isxdigit (text[i + 1]) && g_ascii_isxdigit (text[i + 2]))
        {
          c = (guint8) (g_ascii_xdigit_value (text[i + 1]) << 4 | g_ascii_xdigit_value (text[i + 2]));
          i += 2;
        }
      if ((c < 0x20 && c != '\t') || c == 0x7f)
        return NULL;
      out[n++] = (char) c;
    }
  out[n] = '\0';
  return g_utf8_validate_len (out, n, NULL) ? g_steal_pointer (&out) : NULL;
}

static gboolean
parse_query (HttpRequest *self, const char *text, HttpRefusal *refusal)
{
  self->query = g_ptr_array_new_with_free_func (g_free);
  while (*text != '\0')
    {
      const char *end = strchrnul (text, '&');
      gsize len = (gsize) (end - text);
      const char *equals = memchr (text, '=', len);
      gsize name_len = equals != NULL ? (gsize) (equals - text) : len;

      if (len > 0)
        {
          g_autofree char *name = decode (text, name_len, TRUE);
          g_autofree char *value = equals != NULL ? decode (equals + 1, len - name_len - 1, TRUE) : g_strdup ("");

          if (name == NULL || value == NULL)
            {
              *refusal = (HttpRefusal) { 400, "the query has a bad escape, a control character or bytes that are not UTF-8" };
              return FALSE;
            }
          if (self->query->len >= 2 * HTTP_MAX_QUERY)
            {
              *refusal = (HttpRefusal) { 400, "the query has too many parameters" };
              return FALSE;
            }
          g_ptr_array_add (self->query, g_steal_pointer (&name));
          g_ptr_array_add (self->query, g_steal_pointer (&value));
        }
      text = *end == '&' ? end + 1 : end;
    }
  return TRUE;
}

/* RFC 9112 section 3.2.2: of an absolute target only the path counts here. */
static char *
take_path (const char *target)
{
  const char *slash;

  if (*target == '/' || *target == '*')
    return g_strdup (target);
  slash = strchr (strstr (target, "://") + 3, '/');
  return g_strdup (slash != NULL ? slash : "/");
}

HttpRequest *
http_request_new (const guint8 *data, const HttpHead *head, HttpRefusal *out_refusal)
{
  g_autoptr (HttpRequest) self = g_new0 (HttpRequest, 1);
  g_autofree char *target = NULL;
  SoupHTTPVersion version;
  char *question;

  self->head = *head;
  self->headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_REQUEST);
  if (soup_headers_parse_request ((const char *) data + head->start, (int) (head->len - head->start - 2), self->headers, &self->method, &target, &version) != SOUP_STATUS_OK)
    {
      *out_refusal = (HttpRefusal) { 400, "the request cannot be read" };
      return NULL;
    }
  self->path = take_path (target);
  question = strchr (self->path, '?');
  if (question != NULL)
    *question++ = '\0';
  if (!parse_query (self, question != NULL ? question : "", out_refusal))
    return NULL;
  return g_steal_pointer (&self);
}

const char *
http_request_get_header (HttpRequest *self, const char *name)
{
  return soup_message_headers_get_one (self->headers, name);
}

const char *
http_request_get_query (HttpRequest *self, const char *name)
{
  for (guint i = 0; i < self->query->len; i += 2)
    if (strcmp (self->query->pdata[i], name) == 0)
      return self->query->pdata[i + 1];
  return NULL;
}

GPtrArray *
http_request_list_query (HttpRequest *self, const char *name)
{
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < self->query->len; i += 2)
    if (strcmp (self->query->pdata[i], name) == 0)
      g_ptr_array_add (list, self->query->pdata[i + 1]);
  return list;
}

gboolean
http_request_get_duration (HttpRequest *self, const char *name, gint64 minimum_us, gint64 maximum_us, gint64 *out_us)
{
  const char *text = http_request_get_query (self, name);
  gint64 us;

  if (text == NULL)
    return TRUE;
  if (!hawser_duration_parse (text, &us, NULL))
    {
      g_autofree char *seconds = g_strconcat (text, "s", NULL); /* a bare number is seconds */

      if (!g_ascii_isdigit (text[0]) || !hawser_duration_parse (seconds, &us, NULL))
        return FALSE;
    }
  if (us < minimum_us || us > maximum_us)
    return FALSE;
  *out_us = us;
  return TRUE;
}

GByteArray *
http_gunzip (const guint8 *data, gsize len, gsize limit, guint *out_status)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  z_stream stream = { .next_in = (Bytef *) data, .avail_in = (uInt) len };
  guint8 buffer[16384];
  int result = Z_OK;

  *out_status = 400;
  if (len > G_MAXUINT32 || inflateInit2 (&stream, 15 + 16) != Z_OK)
    return NULL;
  while (result == Z_OK)
    {
      stream.next_out = buffer;
      stream.avail_out = sizeof buffer;
      result = inflate (&stream, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END)
        break;
      if (out->len + (sizeof buffer - stream.avail_out) > limit)
        {
          *out_status = 413;
          result = Z_BUF_ERROR;
          break;
        }
      g_byte_array_append (out, buffer, (guint) (sizeof buffer - stream.avail_out));
      if (result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)
        result = Z_DATA_ERROR; /* it ends too early */
    }
  if (result == Z_STREAM_END && stream.avail_in > 0)
    result = Z_DATA_ERROR;
  inflateEnd (&stream);
  return result == Z_STREAM_END ? g_steal_pointer (&out) : NULL;
}
