/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The framing of requests: a table of heads and bodies, each with the status it is refused with or 0. Every input is
 * given whole and byte by byte: the answer must be the same. */

#include <string.h>

#include "http-guard.h"

#define HOST "Host: a\r\n"

static const HttpGuardLimits limits = { 200, 1000, 5 };

static const struct {
  const char *name, *bytes, *source;
  guint status;                /* 0: passes */
} heads[] = {
  { "simple", "GET / HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3", 0 },
  { "one-point-zero-without-host", "GET / HTTP/1.0\r\n\r\n", "RFC 9112 3.2", 0 },
  { "empty-lines-first", "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 2.2", 0 },
  { "absolute-target", "GET http://a/b HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3.2.2", 0 },
  { "options-asterisk", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3.2.4", 0 },
  { "length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", "RFC 9112 6.2", 0 },
  { "chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "RFC 9112 7.1", 0 },
  { "value-with-tab-and-high-bytes", "GET / HTTP/1.1\r\n" HOST "X: a\tb\xc3\xa9\r\n\r\n", "RFC 9110 5.5", 0 },
  { "empty-value", "GET / HTTP/1.1\r\n" HOST "X:\r\n\r\n", "RFC 9110 5.5", 0 },
  { "many-empty-lines", "\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "ours", 400 },
  { "two-hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", "RFC 9112 3.2", 400 },
  { "no-host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", "RFC 9112 3.2", 400 },
  { "host-with-path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "RFC 9110 7.2", 400 },
  { "host-with-user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "RFC 9110 7.2", 400 },
  { "host-with-blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "RFC 9110 7.2", 400 },
  { "empty-host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "ours", 400 },
  { "two-lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "RFC 9112 6.3", 400 },
  { "same-length-twice", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "RFC 9112 6.3", 400 },
  { "length-list", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", "RFC 9112 6.3", 400 },
  { "length-negative", "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", "RFC 9112 6.2", 400 },
  { "length-plus", "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", "RFC 9112 6.2", 400 },
  { "length-hexadecimal", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x10\r\n\r\n", "RFC 9112 6.2", 400 },
  { "length-overflowing", "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n", "RFC 9112 6.2", 400 },
  { "length-empty", "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", "RFC 9112 6.2", 400 },
  { "length-and-encoding", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "RFC 9112 6.1", 400 },
  { "encoding-blank-colon", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n", "RFC 9112 5.1", 400 },
  { "encoding-twice", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "RFC 9112 6.1", 400 },
  { "encoding-gzip", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "RFC 9112 6.1", 501 },
  { "encoding-identity", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", "RFC 9112 6.1", 501 },
  { "encoding-xchunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", "RFC 9112 6.1", 501 },
  { "encoding-in-1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "RFC 9112 6.1", 400 },
  { "folded", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", "RFC 9112 5.2", 400 },
  { "blank-first", "GET / HTTP/1.1\r\n " HOST "\r\n", "RFC 9112 2.2", 400 },
  { "bare-cr", "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", "RFC 9112 2.2", 400 },
  { "bare-lf", "GET / HTTP/1.1\n" HOST "\r\n", "RFC 9112 2.2", 400 },
  { "control-character", "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", "RFC 9110 5.5", 400 },
  { "delete-character", "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n", "RFC 9110 5.5", 400 },
  { "no-colon", "GET / HTTP/1.1\r\n" HOST "abc\r\n\r\n", "RFC 9112 5", 400 },
  { "empty-name", "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", "RFC 9112 5", 400 },
  { "name-with-slash", "GET / HTTP/1.1\r\n" HOST "a/b: c\r\n\r\n", "RFC 9110 5.1", 400 },
  { "name-with-high-byte", "GET / HTTP/1.1\r\n" HOST "\xc3\xa9: c\r\n\r\n", "RFC 9110 5.1", 400 },
  { "no-version", "GET /\r\n\r\n", "RFC 9112 3", 400 },
  { "two-blanks", "GET  / HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3", 400 },
  { "blank-in-target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3.2", 400 },
  { "high-byte-in-target", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3.2", 400 },
  { "fragment-in-target", "GET /#a HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3.2", 400 },
  { "relative-target", "GET a HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3.2", 400 },
  { "other-scheme", "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3.2.2", 400 },
  { "connect", "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", "RFC 9110 9.3.6", 405 },
  { "http-2-preface", "PRI * HTTP/2.0\r\n\r\n", "RFC 9113 3.4", 505 },
  { "http-1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", "RFC 9110 2.5", 505 },
  { "lower-case-version", "GET / http/1.1\r\n" HOST "\r\n", "RFC 9112 2.3", 400 },
  { "long-version", "GET / HTTP/1.10\r\n" HOST "\r\n", "RFC 9112 2.3", 400 },
  { "method-with-slash", "G/T / HTTP/1.1\r\n" HOST "\r\n", "RFC 9110 9.1", 400 },
  { "no-method", " / HTTP/1.1\r\n" HOST "\r\n", "RFC 9112 3", 400 },
  { "method-of-forty", "ABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJ", "ours", 400 },
  { "tls-hello", "\x16\x03\x01\x02", "RFC 8446 5.1", 400 },
  { "six-headers", "GET / HTTP/1.1\r\n" HOST "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n", "RFC 6585 5", 431 },
  { "other-expectation", "POST / HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n", "RFC 9110 10.1.1", 417 },
};

static HttpGuardResult
run_head (const char *bytes, gsize len, gboolean byte_by_byte, HttpHead *head, HttpRefusal *refusal)
{
  HttpGuardResult result = HTTP_GUARD_MORE;
  gsize scanned = 0;

  for (gsize n = byte_by_byte ? 1 : len; n <= len && result == HTTP_GUARD_MORE; n++)
    {
      g_autofree guint8 *copy = g_memdup2 (bytes, n); /* so that a read behind the end is seen by the sanitizer */

      result = http_guard_head (copy, n, &limits, &scanned, head, refusal);
    }
  return result;
}

static void
test_head (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  gsize len = strlen (heads[i].bytes);

  for (int byte_by_byte = 0; byte_by_byte < 2; byte_by_byte++)
    {
      HttpHead head = { 0 };
      HttpRefusal refusal = { 0 };
      HttpGuardResult result = run_head (heads[i].bytes, len, byte_by_byte, &head, &refusal);

      if (heads[i].status == 0)
        {
          g_assert_cmpint (result, ==, HTTP_GUARD_DONE);
          g_assert_cmpuint (head.len, ==, len);
        }
      else
        {
          g_assert_cmpint (result, ==, HTTP_GUARD_REFUSED);
          g_assert_cmpuint (refusal.status, ==, heads[i].status);
          g_assert_nonnull (refusal.detail);
        }
    }
}

static void
test_nul_is_refused (void)
{
  static const char bytes[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
  HttpRefusal refusal = { 0 };
  HttpHead head;

  g_assert_cmpint (run_head (bytes, sizeof bytes - 1, FALSE, &head, &refusal), ==, HTTP_GUARD_REFUSED);
  g_assert_cmpuint (refusal.status, ==, 400);
}

static void
test_endless_line_is_414 (void)
{
  g_autoptr (GString) bytes = g_string_new ("GET /");
  HttpRefusal refusal = { 0 };
  HttpHead head;

  for (int i = 0; i < 300; i++)
    g_string_append_c (bytes, 'a');
  g_assert_cmpint (run_head (bytes->str, bytes->len, TRUE, &head, &refusal), ==, HTTP_GUARD_REFUSED);
  g_assert_cmpuint (refusal.status, ==, 414);
}

static void
test_large_section_is_431 (void)
{
  g_autoptr (GString) bytes = g_string_new ("GET / HTTP/1.1\r\nX: ");
  HttpRefusal refusal = { 0 };
  HttpHead head;

  for (int i = 0; i < 1100; i++)
    g_string_append_c (bytes, 'a');
  g_assert_cmpint (run_head (bytes->str, bytes->len, TRUE, &head, &refusal), ==, HTTP_GUARD_REFUSED);
  g_assert_cmpuint (refusal.status, ==, 431);
}

static void
test_head_ends_where_the_body_begins (void)
{
  static const char bytes[] = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\nExpect: 100-continue\r\n\r\nabcGET";
  HttpRefusal refusal;
  HttpHead head;

  g_assert_cmpint (run_head (bytes, sizeof bytes - 1, FALSE, &head, &refusal), ==, HTTP_GUARD_DONE);
  g_assert_cmpuint (head.len, ==, sizeof bytes - 1 - 6);
  g_assert_cmpuint (head.content_length, ==, 3);
  g_assert_false (head.is_keep_alive);
  g_assert_true (head.expects_continue);
  g_assert_false (head.is_chunked);
}

static const struct {
  const char *name, *bytes, *body;
  guint status;
  gsize left;                  /* bytes of the next request */
} bodies[] = {
  { "one-chunk", "5\r\nhello\r\n0\r\n\r\n", "hello", 0, 0 },
  { "two-chunks-and-more", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\nGET", "hello", 0, 3 },
  { "hexadecimal", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0, 0 },
  { "extension", "1;a=b\r\nx\r\n0\r\n\r\n", "x", 0, 0 },
  { "trailer", "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", "x", 0, 0 },
  { "leading-zeros", "0001\r\nx\r\n0\r\n\r\n", "x", 0, 0 },
  { "no-size", "\r\nx", NULL, 400, 0 },
  { "nonsense-size", "xyz\r\nx", NULL, 400, 0 },
  { "negative-size", "-1\r\nx", NULL, 400, 0 },
  { "blank-size", " 1\r\nx\r\n0\r\n\r\n", NULL, 400, 0 },
  { "prefixed-size", "0x1\r\nx\r\n0\r\n\r\n", NULL, 400, 0 },
  { "overflowing-size", "10000000000000000\r\nx", NULL, 400, 0 },
  { "size-line-ends-in-lf", "1\nx\r\n0\r\n\r\n", NULL, 400, 0 },
  { "chunk-too-long", "1\r\nxy\r\n0\r\n\r\n", NULL, 400, 0 },
  { "chunk-ends-in-lf", "1\r\nx\n0\r\n\r\n", NULL, 400, 0 },
  { "trailer-folded", "0\r\n A: b\r\n\r\n", NULL, 400, 0 },
  { "trailer-control-character", "0\r\nA: \x01\r\n\r\n", NULL, 400, 0 },
  { "extension-line-feed", "1;a\nb\r\nx\r\n0\r\n\r\n", NULL, 400, 0 },
};

static void
test_body (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  const guint8 *bytes = (const guint8 *) bodies[i].bytes;
  gsize len = strlen (bodies[i].bytes);

  for (int byte_by_byte = 0; byte_by_byte < 2; byte_by_byte++)
    {
      g_autoptr (GString) body = g_string_new (NULL);
      HttpGuardResult result = HTTP_GUARD_MORE;
      HttpChunked chunked = { 0 };
      HttpRefusal refusal = { 0 };
      gsize used = 0;

      while (used < len && result != HTTP_GUARD_DONE && result != HTTP_GUARD_REFUSED)
        {
          const guint8 *piece;
          gsize piece_len, n;

          result = http_guard_chunked (&chunked, bytes + used, byte_by_byte ? 1 : len - used, &n, &piece, &piece_len, &refusal);
          g_assert_cmpuint (n, >, 0);
          used += n;
          if (result == HTTP_GUARD_DATA)
            g_string_append_len (body, (const char *) piece, (gssize) piece_len);
        }
      if (bodies[i].status != 0)
        {
          g_assert_cmpint (result, ==, HTTP_GUARD_REFUSED);
          g_assert_cmpuint (refusal.status, ==, bodies[i].status);
          continue;
        }
      g_assert_cmpint (result, ==, HTTP_GUARD_DONE);
      g_assert_cmpstr (body->str, ==, bodies[i].body);
      g_assert_cmpuint (len - used, ==, bodies[i].left);
    }
}

static void
test_endless_trailer_is_431 (void)
{
  HttpChunked chunked = { 0 };
  HttpRefusal refusal = { 0 };
  const guint8 *piece;
  gsize n, piece_len;
  HttpGuardResult result = http_guard_chunked (&chunked, (const guint8 *) "0\r\n", 3, &n, &piece, &piece_len, &refusal);

  for (int i = 0; i < 10000 && result == HTTP_GUARD_MORE; i++)
    result = http_guard_chunked (&chunked, (const guint8 *) "A: b\r\n", 6, &n, &piece, &piece_len, &refusal);
  g_assert_cmpint (result, ==, HTTP_GUARD_REFUSED);
  g_assert_cmpuint (refusal.status, ==, 431);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      g_autofree char *path = g_strdup_printf ("/http/guard/head/%s", heads[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_head);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autofree char *path = g_strdup_printf ("/http/guard/body/%s", bodies[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_body);
    }
  g_test_add_func ("/http/guard/head/nul-is-refused", test_nul_is_refused);
  g_test_add_func ("/http/guard/head/endless-line-is-414", test_endless_line_is_414);
  g_test_add_func ("/http/guard/head/large-section-is-431", test_large_section_is_431);
  g_test_add_func ("/http/guard/head/ends-where-the-body-begins", test_head_ends_where_the_body_begins);
  g_test_add_func ("/http/guard/body/endless-trailer-is-431", test_endless_trailer_is_431);
  return g_test_run ();
}
