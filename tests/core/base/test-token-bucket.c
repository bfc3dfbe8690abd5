/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The token bucket, on a clock that is a number. */

#include "hawser-token-bucket.h"

#define S G_USEC_PER_SEC

static void
test_burst (void)
{
  HawserTokenBucket bucket = { 0 };
  HawserTokenRate rate;

  hawser_token_rate_set (&rate, 10, S);
  for (guint i = 0; i < 10; i++)
    {
      g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, 5 * S), ==, 0);
      hawser_token_bucket_take (&bucket, &rate, 1, 5 * S);
    }
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, 5 * S), ==, S / 10);
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, 5 * S + S / 10), ==, 0);
}

static void
test_rate (void)
{
  HawserTokenBucket bucket = { 0 };
  HawserTokenRate rate;
  guint n = 0;

  hawser_token_rate_set (&rate, 250, S / 10);
  for (gint64 now_us = S; now_us < 11 * S; now_us += 1000)
    while (hawser_token_bucket_get_debt_us (&bucket, &rate, now_us) == 0)
      {
        hawser_token_bucket_take (&bucket, &rate, 1, now_us);
        n++;
      }
  g_assert_cmpuint (n, >=, 2500);
  g_assert_cmpuint (n, <=, 2500 + 25);
}

static void
test_debt (void)
{
  HawserTokenBucket bucket = { 0 };
  HawserTokenRate rate;

  hawser_token_rate_set (&rate, 1000, S);
  g_assert_cmpint (hawser_token_bucket_take (&bucket, &rate, 5000, S), ==, 4 * S + 1000);
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, 5 * S + 1000), ==, 0);
  g_assert_false (hawser_token_bucket_is_full (&bucket, 5 * S));
  g_assert_true (hawser_token_bucket_is_full (&bucket, 6 * S));
}

static void
test_slow_rate (void)
{
  HawserTokenBucket bucket = { 0 };
  HawserTokenRate rate;

  hawser_token_rate_set (&rate, 0.1, S); /* a token is worth more than the burst: one passes at a time */
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, S), ==, 0);
  g_assert_cmpint (hawser_token_bucket_take (&bucket, &rate, 1, S), ==, 10 * S);
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, 11 * S), ==, 0);
}

static void
test_no_limit (void)
{
  HawserTokenBucket bucket = { 0 };
  HawserTokenRate rate;

  hawser_token_rate_set (&rate, 0, S);
  g_assert_cmpint (hawser_token_bucket_take (&bucket, &rate, G_MAXUINT64, S), ==, 0);
}

static void
test_no_overflow (void)
{
  HawserTokenBucket bucket = { 0 };
  HawserTokenRate rate;

  hawser_token_rate_set (&rate, 0.001, 3600 * (gint64) S);
  for (guint i = 0; i < 100; i++)
    hawser_token_bucket_take (&bucket, &rate, G_MAXUINT64, S);
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, S), >, 0);
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, S), <=, 2 * 3600 * (gint64) S);
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&bucket, &rate, 3 * 3600 * (gint64) S), ==, 0);
}

typedef struct {
  HawserTokenBucket bucket;
  HawserTokenRate rate;
} Shared;

static gpointer
take_many (gpointer data)
{
  Shared *shared = data;

  for (guint i = 0; i < 100000; i++)
    hawser_token_bucket_take (&shared->bucket, &shared->rate, 1, S);
  return NULL;
}

static void
test_threads (void)
{
  Shared shared = { 0 };
  GThread *threads[4];

  hawser_token_rate_set (&shared.rate, 1000, S);
  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("taker", take_many, &shared);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (hawser_token_bucket_get_debt_us (&shared.bucket, &shared.rate, S), ==, 399 * (gint64) S + 1000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/token-bucket/burst-passes-at-once-then-the-rate-holds", test_burst);
  g_test_add_func ("/base/token-bucket/passes-the-rate-over-ten-seconds", test_rate);
  g_test_add_func ("/base/token-bucket/more-than-the-burst-is-owed-and-paid-by-time", test_debt);
  g_test_add_func ("/base/token-bucket/passes-one-at-a-time-when-a-token-is-worth-more-than-the-burst", test_slow_rate);
  g_test_add_func ("/base/token-bucket/no-rate-is-no-limit", test_no_limit);
  g_test_add_func ("/base/token-bucket/debt-is-bounded", test_no_overflow);
  g_test_add_func ("/base/token-bucket/counts-what-four-threads-take", test_threads);
  return g_test_run ();
}
