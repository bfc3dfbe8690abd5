/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Buckets of a listener and of the identities that use it. An identity that left is remembered until its buckets are full:
 * who comes again a moment later owes what it owed. Who is held back or refused for it is hawser-meter.c. Context: any
 * thread; the table has a lock, which is taken when a publisher is made and never for a message. */

#include "hawser-rates.h"

#include <string.h>

#include "hawser-hash.h"

#define FIRST_SWEEP 1024      /* ours: identities in the table before those that owe nothing are looked for */
#define MAX_IDENTITIES 1000000 /* ours: about 150 MB; the default of max-connections. Further ones are not remembered after they left */

struct _HawserRates {
  gatomicrefcount ref_count;
  HawserRateSettings settings;
  HawserTokenRate all[HAWSER_N_RATES], each[HAWSER_N_RATES];
  HawserTokenBucket buckets[HAWSER_N_RATES];
  GMutex lock;
  GHashTable *identities;     /* name -> HawserRatedIdentity */
  guint next_sweep;
};

static gboolean
is_limited (const HawserRateSettings *settings)
{
  return settings->connect > 0 || settings->message > 0 || settings->bytes > 0 || settings->identity_connect > 0 ||
         settings->identity_message > 0 || settings->identity_bytes > 0;
}

void
hawser_rated_identity_unref (HawserRatedIdentity *self)
{
  if (self != NULL && g_atomic_ref_count_dec (&self->ref_count))
    g_free (self);
}

HawserRates *
hawser_rates_new (const HawserRateSettings *settings)
{
  const double all[HAWSER_N_RATES] = { settings->connect, settings->message, (double) settings->bytes };
  const double each[HAWSER_N_RATES] = { settings->identity_connect, settings->identity_message, (double) settings->identity_bytes };
  HawserRates *self;

  if (!is_limited (settings))
    return NULL;
  self = g_new0 (HawserRates, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->settings = *settings;
  for (guint i = 0; i < HAWSER_N_RATES; i++)
    {
      hawser_token_rate_set (&self->all[i], all[i], settings->burst_us);
      hawser_token_rate_set (&self->each[i], each[i], settings->burst_us);
    }
  g_mutex_init (&self->lock);
  self->identities = g_hash_table_new_full (hawser_hash_string, g_str_equal, g_free, (GDestroyNotify) hawser_rated_identity_unref);
  self->next_sweep = FIRST_SWEEP;
  return self;
}

HawserRates *
hawser_rates_ref (HawserRates *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
hawser_rates_unref (HawserRates *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_hash_table_unref (self->identities);
  g_mutex_clear (&self->lock);
  g_free (self);
}

gboolean
hawser_rates_are (HawserRates *self, const HawserRateSettings *settings)
{
  const HawserRateSettings *own = self != NULL ? &self->settings : NULL;

  if (own == NULL)
    return !is_limited (settings);
  return own->connect == settings->connect && own->message == settings->message && own->bytes == settings->bytes &&
         own->identity_connect == settings->identity_connect && own->identity_message == settings->identity_message &&
         own->identity_bytes == settings->identity_bytes && own->burst_us == settings->burst_us && own->patience_us == settings->patience_us;
}

gint64
hawser_rates_get_patience_us (HawserRates *self)
{
  return self->settings.patience_us;
}

/* Nobody uses it, and a new one would be the same. */
static gboolean
is_over (gpointer name, gpointer value, gpointer data)
{
  HawserRatedIdentity *identity = value;
  gint64 now_us = *(gint64 *) data;

  if (!g_atomic_ref_count_compare (&identity->ref_count, 1))
    return FALSE;
  for (guint i = 0; i < HAWSER_N_RATES; i++)
    if (!hawser_token_bucket_is_full (&identity->buckets[i], now_us))
      return FALSE;
  return TRUE;
}

HawserRatedIdentity *
hawser_rates_get_identity (HawserRates *self, const char *name, gint64 now_us)
{
  HawserRatedIdentity *identity;

  g_mutex_lock (&self->lock);
  identity = g_hash_table_lookup (self->identities, name);
  if (identity == NULL)
    {
      identity = g_new0 (HawserRatedIdentity, 1);
      g_atomic_ref_count_init (&identity->ref_count);
      if (g_hash_table_size (self->identities) >= self->next_sweep)
        {
          g_hash_table_foreach_remove (self->identities, is_over, &now_us);
          self->next_sweep = MAX (FIRST_SWEEP, 2 * g_hash_table_size (self->identities));
        }
      if (g_hash_table_size (self->identities) >= MAX_IDENTITIES)
        {
          g_mutex_unlock (&self->lock);
          return identity;
        }
      g_hash_table_insert (self->identities, g_strdup (name), identity);
    }
  g_atomic_ref_count_inc (&identity->ref_count);
  g_mutex_unlock (&self->lock);
  return identity;
}

gint64
hawser_rates_get_identity_debt_us (HawserRates *self, HawserRatedIdentity *identity, HawserRateKind kind, gint64 now_us)
{
  return hawser_token_bucket_get_debt_us (&identity->buckets[kind], &self->each[kind], now_us);
}

gint64
hawser_rates_take_identity (HawserRates *self, HawserRatedIdentity *identity, HawserRateKind kind, guint64 n, gint64 now_us)
{
  return hawser_token_bucket_take (&identity->buckets[kind], &self->each[kind], n, now_us);
}

gint64
hawser_rates_get_debt_us (HawserRates *self, HawserRatedIdentity *identity, HawserRateKind kind, gint64 now_us)
{
  gint64 debt_us = hawser_token_bucket_get_debt_us (&self->buckets[kind], &self->all[kind], now_us);

  return identity != NULL ? MAX (debt_us, hawser_rates_get_identity_debt_us (self, identity, kind, now_us)) : debt_us;
}

gint64
hawser_rates_take (HawserRates *self, HawserRatedIdentity *identity, HawserRateKind kind, guint64 n, gint64 now_us)
{
  gint64 debt_us = hawser_token_bucket_take (&self->buckets[kind], &self->all[kind], n, now_us), own_us;

  if (identity == NULL)
    return debt_us;
  own_us = hawser_rates_take_identity (self, identity, kind, n, now_us);
  return MAX (debt_us, own_us);
}
