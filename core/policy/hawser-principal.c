/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who a peer proved to be: a name and claims, made once by an identity provider and shared by reference with every message
 * and decision of that peer. Immutable, so any thread may read it. What the transport knows (listener, topic, TLS) is not in
 * here; HawserPolicy adds it when it decides. */

#include "hawser-principal.h"

#include <string.h>

typedef struct {
  char *name;
  char *value;
  guint order;   /* values of one claim keep the order they were given in */
} Claim;

struct _HawserPrincipal {
  gatomicrefcount ref_count;
  char *name;
  guint n_claims;
  Claim *claims;   /* sorted by name */
};

G_DEFINE_BOXED_TYPE (HawserPrincipal, hawser_principal, hawser_principal_ref, hawser_principal_unref)

static int
compare_claims (gconstpointer a, gconstpointer b)
{
  const Claim *x = a, *y = b;
  int order = strcmp (x->name, y->name);

  return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* A claim that is not text cannot be compared with anything, so it is as if it had not been made. */
static void
add_claim (GArray *claims, const char *name, gsize name_len, const char *value)
{
  Claim claim = { NULL, NULL, claims->len };

  if (name_len == 0 || value == NULL || !g_utf8_validate (name, (gssize) name_len, NULL) || !g_utf8_validate (value, -1, NULL))
    return;
  claim.name = g_strndup (name, name_len);
  claim.value = g_strdup (value);
  g_array_append_val (claims, claim);
}

static HawserPrincipal *
take_claims (const char *name, GArray *claims)
{
  HawserPrincipal *self = g_new0 (HawserPrincipal, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->name = g_utf8_make_valid (name != NULL ? name : "", -1);
  g_array_sort (claims, compare_claims);
  self->n_claims = claims->len;
  self->claims = (Claim *) (void *) g_array_free (claims, FALSE);
  return self;
}

/**
 * hawser_principal_new:
 * @name: who this is, UTF-8; owner of durable subscriptions and what logs and lists show
 * @claims: (nullable) (element-type utf8 utf8): what was proved, name to value
 *
 * For claims with several values use hawser_principal_new_from_strings().
 * A name or value that is not UTF-8 is left out.
 *
 * Context: any thread.
 *
 * Returns: (transfer full): an immutable principal
 * Since: 0.1
 */
HawserPrincipal *
hawser_principal_new (const char *name, GHashTable *claims)
{
  GArray *list = g_array_new (FALSE, TRUE, sizeof (Claim));

  if (claims != NULL)
    {
      GHashTableIter iter;
      gpointer key, value;

      g_hash_table_iter_init (&iter, claims);
      while (g_hash_table_iter_next (&iter, &key, &value))
        add_claim (list, key, strlen (key), value);
    }
  return take_claims (name, list);
}

/**
 * hawser_principal_new_from_strings:
 * @name: who this is, UTF-8
 * @claims: (nullable) (array zero-terminated=1): `name=value` each; a name given twice has two values
 *
 * A policy comparison with a claim of several values is true when any value makes it true.
 *
 * Context: any thread.
 *
 * Returns: (transfer full): an immutable principal
 * Since: 0.1
 */
HawserPrincipal *
hawser_principal_new_from_strings (const char *name, const char * const *claims)
{
  GArray *list = g_array_new (FALSE, TRUE, sizeof (Claim));

  for (gsize i = 0; claims != NULL && claims[i] != NULL; i++)
    {
      const char *equals = strchr (claims[i], '=');

      if (equals != NULL)
        add_claim (list, claims[i], (gsize) (equals - claims[i]), equals + 1);
    }
  return take_claims (name, list);
}

/**
 * hawser_principal_get_name:
 * @self: a principal
 *
 * Context: any thread.
 *
 * Returns: who this is; empty when nobody was named
 * Since: 0.1
 */
const char *
hawser_principal_get_name (HawserPrincipal *self)
{
  return self->name;
}

/**
 * hawser_principal_get_claim:
 * @self: a principal
 * @name: name of a claim
 *
 * Context: any thread.
 *
 * Returns: (nullable): the first value of the claim
 * Since: 0.1
 */
const char *
hawser_principal_get_claim (HawserPrincipal *self, const char *name)
{
  return hawser_principal_get_claim_value (self, name, 0);
}

/**
 * hawser_principal_get_claim_value:
 * @self: a principal
 * @name: name of a claim
 * @index: which of its values, from 0
 *
 * Context: any thread; allocates nothing.
 *
 * Returns: (nullable): the value, %NULL after the last one
 * Since: 0.1
 */
const char *
hawser_principal_get_claim_value (HawserPrincipal *self, const char *name, guint index)
{
  guint low = 0, high = self->n_claims;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (strcmp (self->claims[middle].name, name) < 0)
        low = middle + 1;
      else
        high = middle;
    }
  if (index >= self->n_claims - low || strcmp (self->claims[low + index].name, name) != 0)
    return NULL;
  return self->claims[low + index].value;
}

/**
 * hawser_principal_list_claims:
 * @self: a principal
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (array zero-terminated=1): `name=value` of every claim, sorted by name
 * Since: 0.1
 */
char **
hawser_principal_list_claims (HawserPrincipal *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < self->n_claims; i++)
    {
      g_autofree char *pair = g_strconcat (self->claims[i].name, "=", self->claims[i].value, NULL);

      g_strv_builder_add (builder, pair);
    }
  return g_strv_builder_end (builder);
}

/**
 * hawser_principal_ref:
 * @self: a principal
 *
 * Context: any thread.
 *
 * Returns: (transfer full): @self
 * Since: 0.1
 */
HawserPrincipal *
hawser_principal_ref (HawserPrincipal *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * hawser_principal_unref:
 * @self: (nullable) (transfer full): a principal
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_principal_unref (HawserPrincipal *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  for (guint i = 0; i < self->n_claims; i++)
    {
      g_free (self->claims[i].name);
      g_free (self->claims[i].value);
    }
  g_free (self->claims);
  g_free (self->name);
  g_free (self);
}
