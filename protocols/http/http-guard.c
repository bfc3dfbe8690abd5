/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The framing of HTTP/1.1 requests, strict: where two readers could disagree about where a request ends, the request is
 * refused. Pure functions over bytes and limits, without allocation; the session calls them on the lane, the tests and
 * the fuzz target from anywhere. What the headers mean is left to http-request.c.
 * Source: RFC 9112 (message syntax), RFC 9110 section 5 (fields). */

#include "http-guard.h"

#include <string.h>

#define MAX_EXTENSION 256      /* bytes of chunk extensions: nobody uses them, some hide requests in them */
#define MAX_TRAILER 8192
#define MAX_METHOD 32          /* bytes: the longest registered one has 16 */
#define MAX_LEADING_LINES 4    /* empty lines before a request line are skipped, RFC 9112 section 2.2 */

enum { TOKEN = 1, HEX = 2, HOST = 4, TARGET = 8 };

static guint8
char_class (guint8 c)
{
  guint8 flags = 0;

  if (g_ascii_isalnum (c) || (c != 0 && strchr ("!#$%&'*+-.^_`|~", c) != NULL))
    flags |= TOKEN;
  if (g_ascii_isxdigit (c))
    flags |= HEX;
  if (g_ascii_isalnum (c) || (c != 0 && strchr ("-._~%!$&'()*+,;=:[]", c) != NULL))
    flags |= HOST;
  if (c > 0x20 && c < 0x7f && c != '#')
    flags |= TARGET;
  return flags;
}

static HttpGuardResult
refuse (HttpRefusal *refusal, guint status, const char *detail)
{
  refusal->status = status;
  refusal->detail = detail;
  return HTTP_GUARD_REFUSED;
}

static gboolean
consists_of (const guint8 *data, gsize len, guint8 class)
{
  for (gsize i = 0; i < len; i++)
    if (!(char_class (data[i]) & class))
      return FALSE;
  return len > 0;
}

static gboolean
equals (const guint8 *data, gsize len, const char *word)
{
  return len == strlen (word) && g_ascii_strncasecmp ((const char *) data, word, len) == 0;
}

/* Whether a comma separated list has @word. */
static gboolean
list_has (const guint8 *data, gsize len, const char *word)
{
  gsize start = 0;

  for (gsize i = 0; i <= len; i++)
    if (i == len || data[i] == ',')
      {
        gsize end = i;

        while (start < end && (data[start] == ' ' || data[start] == '\t'))
          start++;
        while (end > start && (data[end - 1] == ' ' || data[end - 1] == '\t'))
          end--;
        if (equals (data + start, end - start, word))
          return TRUE;
        start = i + 1;
      }
  return FALSE;
}

/* Looks at bytes that were not looked at before. Sets @out_end behind the empty line when the head is complete. */
static HttpGuardResult
scan (const guint8 *data, gsize len, gsize start, const HttpGuardLimits *limits, gsize *scanned, gsize *out_end, HttpRefusal *refusal)
{
  gsize i;

  for (i = MAX (*scanned, start); i < len; i++)
    {
      guint8 c = data[i];

      if (i - start >= limits->max_head)
        return refuse (refusal, 431, "the header section is too large");
      if (c == '\n')
        {
          if (i == 0 || data[i - 1] != '\r')
            return refuse (refusal, 400, "a line ends without CR");
          if (i - start >= 3 && data[i - 2] == '\n')
            {
              *out_end = i + 1;
              return HTTP_GUARD_DONE;
            }
        }
      else if (i > start && data[i - 1] == '\r')
        return refuse (refusal, 400, "CR without LF");
      else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
        return refuse (refusal, 400, "control character in the header section");
    }
  *scanned = i;
  return HTTP_GUARD_MORE;
}

static HttpGuardResult
check_request_line (const guint8 *line, gsize len, HttpHead *head, HttpRefusal *refusal)
{
  const guint8 *blank = memchr (line, ' ', len);
  const guint8 *target, *version;
  gsize method_len, target_len, version_len;

  if (blank == NULL)
    return refuse (refusal, 400, "the request line has no target");
  method_len = (gsize) (blank - line);
  target = blank + 1;
  version = memchr (target, ' ', len - method_len - 1);
  if (!consists_of (line, method_len, TOKEN) || version == NULL)
    return refuse (refusal, 400, "the request line is not METHOD TARGET VERSION");
  target_len = (gsize) (version - target);
  version++;
  version_len = len - (gsize) (version - line);

  if (version_len != 8 || memcmp (version, "HTTP/", 5) != 0 || version[6] != '.' || !g_ascii_isdigit (version[5]) || !g_ascii_isdigit (version[7]))
    return refuse (refusal, 400, "the version is not HTTP/1.1");
  if (version[5] != '1' || version[7] > '1')
    return refuse (refusal, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  if (!consists_of (target, target_len, TARGET))
    return refuse (refusal, 400, "the target has a character that must be percent-encoded");
  if (equals (line, method_len, "CONNECT"))
    return refuse (refusal, 405, "this is not a proxy");
  if (target[0] != '/' && !(target_len > 7 && equals (target, 7, "http://")) && !(target_len > 8 && equals (target, 8, "https://"))
      && !(target_len == 1 && target[0] == '*' && equals (line, method_len, "OPTIONS")))
    return refuse (refusal, 400, "the target is not a path");
  head->minor = (guint) (version[7] - '0');
  head->is_keep_alive = head->minor == 1;
  return HTTP_GUARD_MORE;
}

/* Also before the line is complete: a peer that speaks something else is told at once. */
static HttpGuardResult
check_first_line_so_far (const guint8 *line, gsize len, const HttpGuardLimits *limits, HttpRefusal *refusal)
{
  const guint8 *end = memchr (line, '\n', len);
  gsize line_len = end != NULL ? (gsize) (end - line) : len;
  const guint8 *blank = memchr (line, ' ', line_len);

  if (line_len > limits->max_line)
    return refuse (refusal, 414, "the request line is too long");
  if (blank == line || (gsize) (blank != NULL ? blank - line : (gssize) line_len) > MAX_METHOD)
    return refuse (refusal, 400, "there is no method");
  for (gsize i = 0; i < line_len && line + i != blank && line[i] != '\r'; i++)
    if (!(char_class (line[i]) & TOKEN))
      return refuse (refusal, 400, "the method is not a token");
  if (end != NULL && line_len > 0 && line[line_len - 1] == '\r')
    return check_request_line (line, line_len - 1, &(HttpHead) { 0 }, refusal); /* HTTP/0.9 would wait for an answer now */
  return HTTP_GUARD_MORE;
}

typedef struct {
  guint n_hosts, n_lengths, n_encodings;
} Seen;

static HttpGuardResult
check_content_length (const guint8 *value, gsize len, HttpHead *head, HttpRefusal *refusal)
{
  guint64 length = 0;

  if (len == 0 || len > 18)
    return refuse (refusal, 400, "Content-Length is not a number");
  for (gsize i = 0; i < len; i++)
    {
      if (!g_ascii_isdigit (value[i]))
        return refuse (refusal, 400, "Content-Length is not a number");
      length = length * 10 + (guint64) (value[i] - '0');
    }
  head->content_length = length;
  return HTTP_GUARD_MORE;
}

static HttpGuardResult
check_field (const guint8 *name, gsize name_len, const guint8 *value, gsize len, HttpHead *head, Seen *seen, HttpRefusal *refusal)
{
  if (equals (name, name_len, "Host"))
    {
      if (seen->n_hosts++ > 0)
        return refuse (refusal, 400, "there are two Host fields");
      if (!consists_of (value, len, HOST))
        return refuse (refusal, 400, "Host is not a host");
    }
  else if (equals (name, name_len, "Content-Length"))
    {
      if (seen->n_lengths++ > 0)
        return refuse (refusal, 400, "there are two Content-Length fields");
      return check_content_length (value, len, head, refusal);
    }
  else if (equals (name, name_len, "Transfer-Encoding"))
    {
      if (seen->n_encodings++ > 0)
        return refuse (refusal, 400, "there are two Transfer-Encoding fields");
      if (!equals (value, len, "chunked"))
        return refuse (refusal, 501, "the only transfer coding here is chunked");
      head->is_chunked = TRUE;
    }
  else if (equals (name, name_len, "Connection"))
    {
      if (list_has (value, len, "close"))
        head->is_keep_alive = FALSE;
      else if (head->minor == 0 && list_has (value, len, "keep-alive"))
        head->is_keep_alive = TRUE;
      head->wants_upgrade |= list_has (value, len, "upgrade");
    }
  else if (equals (name, name_len, "Expect"))
    {
      if (!equals (value, len, "100-continue"))
        return refuse (refusal, 417, "the only expectation here is 100-continue");
      head->expects_continue = TRUE;
    }
  return HTTP_GUARD_MORE;
}

static HttpGuardResult
check_header_line (const guint8 *line, gsize len, HttpHead *head, Seen *seen, HttpRefusal *refusal)
{
  const guint8 *colon = memchr (line, ':', len);
  const guint8 *value;
  gsize name_len, value_len;

  if (line[0] == ' ' || line[0] == '\t')
    return refuse (refusal, 400, "folded header line");
  if (colon == NULL)
    return refuse (refusal, 400, "header line without a colon");
  name_len = (gsize) (colon - line);
  if (!consists_of (line, name_len, TOKEN))
    return refuse (refusal, 400, "a header name is not a token");

  value = colon + 1;
  value_len = len - name_len - 1;
  while (value_len > 0 && (value[0] == ' ' || value[0] == '\t'))
    value++, value_len--;
  while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
    value_len--;
  return check_field (line, name_len, value, value_len, head, seen, refusal);
}

static HttpGuardResult
check_lines (const guint8 *data, gsize end, const HttpGuardLimits *limits, HttpHead *head, HttpRefusal *refusal)
{
  Seen seen = { 0 };
  gsize at = head->start;

  for (guint n = 0; at < end - 2; n++)
    {
      const guint8 *line = data + at;
      const guint8 *cr = memchr (line, '\r', end - at);
      gsize len = (gsize) (cr - line);
      HttpGuardResult result;

      if (n > limits->max_headers)
        return refuse (refusal, 431, "there are too many header fields");
      result = n == 0 ? check_request_line (line, len, head, refusal) : check_header_line (line, len, head, &seen, refusal);
      if (result == HTTP_GUARD_REFUSED)
        return result;
      head->n_headers = n;
      at += len + 2;
    }

  if (seen.n_hosts == 0 && head->minor == 1)
    return refuse (refusal, 400, "there is no Host field");
  if (seen.n_lengths > 0 && head->is_chunked)
    return refuse (refusal, 400, "Content-Length together with Transfer-Encoding");
  if (head->is_chunked && head->minor == 0)
    return refuse (refusal, 400, "Transfer-Encoding in HTTP/1.0");
  return HTTP_GUARD_DONE;
}

HttpGuardResult
http_guard_head (const guint8 *data, gsize len, const HttpGuardLimits *limits, gsize *scanned, HttpHead *out_head, HttpRefusal *out_refusal)
{
  HttpHead head = { 0 };
  HttpGuardResult result;
  gsize end = 0;

  while (len - head.start >= 2 && data[head.start] == '\r' && data[head.start + 1] == '\n')
    {
      head.start += 2;
      if (head.start > 2 * MAX_LEADING_LINES)
        return refuse (out_refusal, 400, "empty lines and no request");
    }
  if (head.start == len || (len - head.start == 1 && data[head.start] == '\r'))
    return HTTP_GUARD_MORE;

  if (*scanned <= limits->max_line + 1)
    {
      result = check_first_line_so_far (data + head.start, len - head.start, limits, out_refusal);
      if (result == HTTP_GUARD_REFUSED)
        return result;
    }
  result = scan (data, len, head.start, limits, scanned, &end, out_refusal);
  if (result != HTTP_GUARD_DONE)
    return result;
  head.len = end;
  result = check_lines (data, end, limits, &head, out_refusal);
  if (result == HTTP_GUARD_DONE)
    {
      *out_head = head;
      *scanned = 0;
    }
  return result;
}

enum {
  CHUNK_SIZE,
  CHUNK_EXTENSION,
  CHUNK_SIZE_LF,
  CHUNK_DATA,
  CHUNK_DATA_CR,
  CHUNK_DATA_LF,
  TRAILER_START,
  TRAILER_LINE,
  TRAILER_LF,
  LAST_LF,
  FINISHED,
};

/* One byte of the framing between the pieces. */
static HttpGuardResult
step (HttpChunked *self, guint8 c, HttpRefusal *refusal)
{
  switch (self->state)
    {
    case CHUNK_SIZE:
      if (char_class (c) & HEX)
        {
          if (++self->n_digits > 15)
            return refuse (refusal, 400, "a chunk size is too long");
          self->left = self->left * 16 + (guint64) g_ascii_xdigit_value ((char) c);
          return HTTP_GUARD_MORE;
        }
      if (self->n_digits == 0 || (c != ';' && c != '\r'))
        return refuse (refusal, 400, "a chunk size is not a number");
      self->state = c == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
      return HTTP_GUARD_MORE;
    case CHUNK_EXTENSION:
      if (c == '\r')
        self->state = CHUNK_SIZE_LF;
      else if (c < 0x20 || c == 0x7f)
        return refuse (refusal, 400, "control character in a chunk extension");
      else if (++self->n_extension > MAX_EXTENSION)
        return refuse (refusal, 400, "chunk extensions are too long");
      return HTTP_GUARD_MORE;
    case CHUNK_SIZE_LF:
      if (c != '\n')
        return refuse (refusal, 400, "a chunk size line ends without LF");
      self->n_digits = 0;
      self->state = self->left > 0 ? CHUNK_DATA : TRAILER_START;
      return HTTP_GUARD_MORE;
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF:
      if (c != (self->state == CHUNK_DATA_CR ? '\r' : '\n'))
        return refuse (refusal, 400, "a chunk is longer than its size");
      self->state = self->state == CHUNK_DATA_CR ? CHUNK_DATA_LF : CHUNK_SIZE;
      return HTTP_GUARD_MORE;
    case TRAILER_START:
      if (c == '\r')
        {
          self->state = LAST_LF;
          return HTTP_GUARD_MORE;
        }
      if (!(char_class (c) & TOKEN))
        return refuse (refusal, 400, "a trailer name is not a token");
      self->state = TRAILER_LINE;
      return HTTP_GUARD_MORE;
    case TRAILER_LINE:
      if (c == '\r')
        self->state = TRAILER_LF;
      else if ((c < 0x20 && c != '\t') || c == 0x7f)
        return refuse (refusal, 400, "control character in the trailer section");
      else if (++self->n_trailer > MAX_TRAILER)
        return refuse (refusal, 431, "the trailer section is too large");
      return HTTP_GUARD_MORE;
    case TRAILER_LF:
    case LAST_LF:
      if (c != '\n')
        return refuse (refusal, 400, "CR without LF");
      if (++self->n_trailer > MAX_TRAILER)
        return refuse (refusal, 431, "the trailer section is too large");
      self->state = self->state == TRAILER_LF ? TRAILER_START : FINISHED;
      return self->state == FINISHED ? HTTP_GUARD_DONE : HTTP_GUARD_MORE;
    default:
      return HTTP_GUARD_DONE;
    }
}

HttpGuardResult
http_guard_chunked (HttpChunked *self, const guint8 *data, gsize len, gsize *out_used, const guint8 **out_data, gsize *out_len, HttpRefusal *out_refusal)
{
  gsize used = 0;

  while (used < len)
    {
      HttpGuardResult result;

      if (self->state == CHUNK_DATA)
        {
          gsize piece = (gsize) MIN (self->left, len - used);

          *out_data = data + used;
          *out_len = piece;
          *out_used = used + piece;
          self->left -= piece;
          if (self->left == 0)
            self->state = CHUNK_DATA_CR;
          return HTTP_GUARD_DATA;
        }
      result = step (self, data[used++], out_refusal);
      if (result != HTTP_GUARD_MORE)
        {
          *out_used = used;
          return result;
        }
    }
  *out_used = used;
  return HTTP_GUARD_MORE;
}
