/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When it is worth to look for the next event awake, told by the gaps of a made-up past. */

#include "hawser-spin-private.h"

#define MAX_US 50
#define SLEEP_US 16

/* @n sleeps with @gap_us between turn and event. */
static HawserSpin
spin_after (guint n, gint64 gap_us, gint64 sleep_us)
{
  HawserSpin spin;

  hawser_spin_init (&spin, MAX_US);
  for (guint i = 0; i < n; i++)
    {
      hawser_spin_learn_gap (&spin, gap_us, FALSE, TRUE);
      if (hawser_spin_wants_sleep (&spin))
        hawser_spin_learn_sleep (&spin, 1000 * sleep_us);
    }
  return spin;
}

static void
begins_after_gaps_were_shorter_than_a_sleep (void)
{
  HawserSpin spin = spin_after (0, 0, SLEEP_US);

  g_assert_cmpint (hawser_spin_get_us (&spin), ==, 0);
  spin = spin_after (1000, 28, SLEEP_US); /* of which the waking is the larger part */
  g_assert_cmpint (hawser_spin_get_us (&spin), >=, SLEEP_US);
}

static void
does_not_begin_where_sleep_is_cheap (void)
{
  HawserSpin spin = spin_after (1000, 10, 3);

  g_assert_cmpint (hawser_spin_get_us (&spin), ==, 0);
}

static void
does_not_begin_when_gaps_are_long (void)
{
  HawserSpin spin = spin_after (1000, 5 * SLEEP_US, SLEEP_US);

  g_assert_cmpint (hawser_spin_get_us (&spin), ==, 0);
  spin = spin_after (1000, G_MAXINT64, G_MAXINT32);
  g_assert_cmpint (hawser_spin_get_us (&spin), ==, 0);
}

static void
looks_no_longer_than_it_may (void)
{
  HawserSpin spin = spin_after (1000, 60, 45);

  g_assert_cmpint (hawser_spin_get_us (&spin), ==, MAX_US);
}

static void
ends_soon_after_gaps_became_long (void)
{
  HawserSpin spin = spin_after (1000, 20, SLEEP_US);
  guint n = 0;

  for (; hawser_spin_get_us (&spin) > 0; n++)
    hawser_spin_learn_gap (&spin, 1000, TRUE, TRUE);
  g_assert_cmpuint (n, ==, 1);
}

static void
never_begins_when_it_is_off (void)
{
  HawserSpin spin;

  hawser_spin_init (&spin, 0);
  for (guint i = 0; i < 100; i++)
    {
      g_assert_cmpint (hawser_spin_get_us (&spin), ==, 0);
      hawser_spin_learn_gap (&spin, 0, FALSE, TRUE);
      hawser_spin_learn_sleep (&spin, 20000);
    }
}

/* The gaps are short because we sleep: the peer has our processor then. */
static void
is_rare_where_it_is_always_in_vain (void)
{
  HawserSpin spin = spin_after (1000, 20, SLEEP_US);
  guint n_looked = 0;

  for (guint i = 0; i < 10000; i++)
    {
      gboolean looks = hawser_spin_get_us (&spin) > 0;

      n_looked += (guint) looks;
      hawser_spin_learn_gap (&spin, 20, looks, TRUE);
    }
  g_assert_cmpuint (n_looked, >, 0);
  g_assert_cmpuint (n_looked, <, 30);
}

/* One in ten is late: most waits are spent awake all the same. */
static void
goes_on_where_it_mostly_succeeds (void)
{
  HawserSpin spin = spin_after (1000, 20, SLEEP_US);
  guint n_looked = 0;

  for (guint i = 0; i < 1000; i++)
    {
      gboolean looks = hawser_spin_get_us (&spin) > 0, is_late = i % 10 == 9;

      n_looked += (guint) looks;
      hawser_spin_learn_gap (&spin, is_late ? 60 : looks ? 8 : 24, looks, !looks || is_late);
    }
  g_assert_cmpuint (n_looked, >, 700);
}

#define ADD(name) g_test_add_func ("/core/net/spin/" #name, name)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (begins_after_gaps_were_shorter_than_a_sleep);
  ADD (does_not_begin_where_sleep_is_cheap);
  ADD (does_not_begin_when_gaps_are_long);
  ADD (looks_no_longer_than_it_may);
  ADD (ends_soon_after_gaps_became_long);
  ADD (never_begins_when_it_is_off);
  ADD (is_rare_where_it_is_always_in_vain);
  ADD (goes_on_where_it_mostly_succeeds);
  return g_test_run ();
}
