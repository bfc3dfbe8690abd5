/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A named rule, claims in, one truth value out. The language is in hawser-expression.c; here is where the claims come from:
 * first the facts that the bus itself knows (listener, protocol, client-id, topic, address, tls, principal), which no token
 * can override, then the claims of the principal. Asked by the bus for each publish and subscribe it has not cached. */

#include "hawser-policy.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-expression-private.h"
#include "hawser-policy-context.h"
#include "hawser-principal.h"

typedef enum {
  FACT_NONE,
  FACT_LISTENER,
  FACT_PROTOCOL,
  FACT_CLIENT_ID,
  FACT_TOPIC,
  FACT_ADDRESS,
  FACT_TLS,
  FACT_PRINCIPAL,
} Fact;

static const char * const fact_names[] = { NULL, "listener", "protocol", "client-id", "topic", "address", "tls", "principal" };

struct _HawserPolicy {
  gatomicrefcount ref_count;
  char *name;
  HawserExpression *expression;
  Fact *facts;   /* one for each name of the expression */
};

G_DEFINE_BOXED_TYPE (HawserPolicy, hawser_policy, hawser_policy_ref, hawser_policy_unref)

static Fact
find_fact (const char *name)
{
  for (gsize i = 1; i < G_N_ELEMENTS (fact_names); i++)
    if (strcmp (fact_names[i], name) == 0)
      return (Fact) i;
  return FACT_NONE;
}

/**
 * hawser_policy_new:
 * @name: its name in the configuration
 * @expression: UTF-8, at most 65536 bytes, such as `role == "operator" and mission == "pegasus-1"`
 * @error: return location
 *
 * Terms: `claim == value`, `!=`, `<` `<=` `>` `>=` (a number or an RFC 3339 date), `claim in (value; value)`,
 * `claim not in (…)`, `claim ~ "pattern"`, `claim exists`, `true`, `false`; joined by `and`, `or`, `not` and brackets.
 * A value is a text in quotes, a number, `true` or `false`. A bare number equals any spelling of the same number; a text in
 * quotes equals itself only, or the same instant if it is an RFC 3339 date. A pattern has `*`, `?`, `{claim}` and, on
 * `topic`, the wildcards of MQTT; a substituted value is literal and never spans levels of a topic.
 *
 * Besides the claims of the principal there are always `listener`, `protocol`, `client-id`, `topic`, `address`, `tls`
 * and `principal` (its name).
 *
 * A claim that is absent, or of another kind than it is compared with, makes a comparison undecided, and so its negation:
 * `role != "guest"` and `not role == "guest"` both deny who has no role. Only `exists` is decided without a value.
 *
 * Errors: %HAWSER_ERROR_INVALID, with the column: `policy 'viewers': column 9: expected a value after 'in'`.
 * Context: any thread.
 *
 * Returns: (transfer full): an immutable policy
 * Since: 0.1
 */
HawserPolicy *
hawser_policy_new (const char *name, const char *expression, GError **error)
{
  g_autoptr (HawserPolicy) self = g_new0 (HawserPolicy, 1);
  guint n;

  g_atomic_ref_count_init (&self->ref_count);
  self->name = g_strdup (name);
  self->expression = hawser_expression_new (expression, HAWSER_EXPRESSION_PLAIN, NULL, error);
  if (self->expression == NULL)
    {
      g_prefix_error (error, "policy '%s': ", name);
      return NULL;
    }
  n = hawser_expression_get_n_names (self->expression);
  self->facts = g_new0 (Fact, n + 1);
  for (guint i = 0; i < n; i++)
    self->facts[i] = find_fact (hawser_expression_get_name (self->expression, i));
  return g_steal_pointer (&self);
}

static const char *
get_fact (Fact fact, const HawserPolicyContext *context)
{
  switch (fact)
    {
    case FACT_LISTENER:
      return context->listener;
    case FACT_PROTOCOL:
      return context->protocol;
    case FACT_CLIENT_ID:
      return context->client_id;
    case FACT_TOPIC:
      return context->topic;
    case FACT_ADDRESS:
      return context->address;
    case FACT_TLS:
      return context->is_encrypted ? "true" : "false";
    case FACT_PRINCIPAL:
    case FACT_NONE:
    default:
      /* an empty name names nobody */
      return context->principal != NULL && *hawser_principal_get_name (context->principal) != '\0' ? hawser_principal_get_name (context->principal) : NULL;
    }
}

typedef struct {
  HawserPolicy *policy;
  const HawserPolicyContext *context;
} Question;

static const char *
lookup (guint name, guint index, gpointer user_data)
{
  const Question *question = user_data;
  Fact fact = question->policy->facts[name];

  if (fact != FACT_NONE)
    return index == 0 ? get_fact (fact, question->context) : NULL;
  if (question->context->principal == NULL)
    return NULL;
  return hawser_principal_get_claim_value (question->context->principal, hawser_expression_get_name (question->policy->expression, name), index);
}

gboolean
hawser_policy_evaluate (HawserPolicy *self, const HawserPolicyContext *context, char **out_explanation)
{
  Question question = { self, context };
  g_autofree char *reason = NULL;
  gboolean is_allowed;

  if (out_explanation == NULL)
    return self != NULL && hawser_expression_evaluate (self->expression, lookup, &question, NULL) == HAWSER_TRUTH_TRUE;

  if (self == NULL)
    {
      *out_explanation = g_strdup ("no policy allows it");
      return FALSE;
    }
  is_allowed = hawser_expression_evaluate (self->expression, lookup, &question, &reason) == HAWSER_TRUTH_TRUE;
  *out_explanation = is_allowed ? NULL : g_strdup_printf ("policy %s: %s", self->name, reason);
  return is_allowed;
}

/**
 * hawser_policy_test:
 * @self: a policy
 * @principal: (nullable): who asks; %NULL is an anonymous peer
 * @facts: (nullable) (element-type utf8 utf8): what the bus would know: `listener`, `protocol`, `client-id`, `topic`,
 *   `address`, `tls`; other names are ignored
 * @out_explanation: (out) (optional) (nullable): the first term that was not true; %NULL when the answer is yes
 *
 * The same decision as the bus makes, to try out a rule: `policy flight-director: role == "web-site" is false`.
 *
 * Context: any thread.
 *
 * Returns: whether the policy lets @principal in
 * Since: 0.1
 */
gboolean
hawser_policy_test (HawserPolicy *self, HawserPrincipal *principal, GHashTable *facts, char **out_explanation)
{
  HawserPolicyContext context = { .principal = principal };

  if (facts != NULL)
    {
      context.listener = g_hash_table_lookup (facts, "listener");
      context.protocol = g_hash_table_lookup (facts, "protocol");
      context.client_id = g_hash_table_lookup (facts, "client-id");
      context.topic = g_hash_table_lookup (facts, "topic");
      context.address = g_hash_table_lookup (facts, "address");
      context.is_encrypted = g_strcmp0 (g_hash_table_lookup (facts, "tls"), "true") == 0;
    }
  return hawser_policy_evaluate (self, &context, out_explanation);
}

/**
 * hawser_policy_get_name:
 * @self: a policy
 *
 * Context: any thread.
 *
 * Returns: its name in the configuration
 * Since: 0.1
 */
const char *
hawser_policy_get_name (HawserPolicy *self)
{
  return self->name;
}

/**
 * hawser_policy_get_expression:
 * @self: a policy
 *
 * Context: any thread.
 *
 * Returns: the rule as it was written
 * Since: 0.1
 */
const char *
hawser_policy_get_expression (HawserPolicy *self)
{
  return hawser_expression_get_text (self->expression);
}

/**
 * hawser_policy_is_constant:
 * @self: a policy
 * @out_value: (out) (optional): the answer, if it is always the same
 *
 * Context: any thread.
 *
 * Returns: %TRUE if no principal and no fact can change the answer, which then need not be asked for again
 * Since: 0.1
 */
gboolean
hawser_policy_is_constant (HawserPolicy *self, gboolean *out_value)
{
  HawserTruth truth = hawser_expression_evaluate_open (self->expression);

  if (truth == HAWSER_TRUTH_UNKNOWN)
    return FALSE;
  if (out_value != NULL)
    *out_value = truth == HAWSER_TRUTH_TRUE;
  return TRUE;
}

/**
 * hawser_policy_uses:
 * @self: a policy
 * @claim: name of a claim, or of a fact such as `topic`
 *
 * What a cached answer depends on: a policy that does not use `topic` answers the same for every topic.
 *
 * Context: any thread.
 *
 * Returns: whether the rule mentions @claim, in a comparison or as `{claim}` in a pattern
 * Since: 0.1
 */
gboolean
hawser_policy_uses (HawserPolicy *self, const char *claim)
{
  for (guint i = 0; i < hawser_expression_get_n_names (self->expression); i++)
    if (strcmp (hawser_expression_get_name (self->expression, i), claim) == 0)
      return TRUE;
  return FALSE;
}

/**
 * hawser_policy_ref:
 * @self: a policy
 *
 * Context: any thread.
 *
 * Returns: (transfer full): @self
 * Since: 0.1
 */
HawserPolicy *
hawser_policy_ref (HawserPolicy *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * hawser_policy_unref:
 * @self: (nullable) (transfer full): a policy
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_policy_unref (HawserPolicy *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  hawser_expression_free (self->expression);
  g_free (self->facts);
  g_free (self->name);
  g_free (self);
}
