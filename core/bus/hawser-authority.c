/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one function that decides about rights: publishing, subscribing, each delivery's route, retained values, wills.
 * Deny by default: no declaration, no policy, or a rule that cannot be read means no. Context: the bus's lane. */

#include "hawser-authority.h"

#include <string.h>

#include "hawser-author.h"
#include "hawser-principal.h"

void
hawser_authority_init (HawserAuthority *self, HawserClock *clock, HawserTopicTable *topics, HawserRefusal *refusal, HawserAuthorityFuncs funcs, gpointer data)
{
  self->clock = clock;
  self->topics = topics;
  self->refusal = refusal;
  self->policies = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) hawser_policy_unref);
  self->is_open = TRUE;
  self->funcs = funcs;
  self->data = data;
}

void
hawser_authority_clear (HawserAuthority *self)
{
  g_clear_pointer (&self->policies, g_hash_table_unref);
  g_clear_pointer (&self->admin_policy, g_free);
}

/* ---- Deciding ---- */

static int
check_state (HawserAuthority *self, HawserLocalTopic *settings)
{
  if (!settings->is_enabled)
    return hawser_refuse (self->refusal, HAWSER_ERROR_DISABLED, "topic '%s': is disabled", settings->name);
  if (settings->expires_us != 0 && hawser_clock_get_wall_us (self->clock) >= settings->expires_us)
    return hawser_refuse (self->refusal, HAWSER_ERROR_DISABLED, "topic '%s': has expired", settings->name);
  return HAWSER_RESULT_OK;
}

static gboolean
is_loopback (const HawserPolicyContext *context)
{
  return context->address != NULL && (g_str_has_prefix (context->address, "127.") || g_str_equal (context->address, "::1") || *context->address == '\0');
}

static HawserPolicy *
find_policy (HawserAuthority *self, const char *name)
{
  HawserPolicy *policy = hawser_authority_get_policy (self, name);

  return policy != NULL ? hawser_policy_ref (policy) : NULL;
}

static void
resolve_policies (HawserAuthority *self, HawserLocalTopic *topic)
{
  g_clear_pointer (&topic->publish_policy, hawser_policy_unref);
  g_clear_pointer (&topic->subscribe_policy, hawser_policy_unref);
  topic->publish_policy = find_policy (self, topic->publish_policy_name);
  topic->subscribe_policy = find_policy (self, topic->subscribe_policy_name);
  topic->policy_version = self->version;
}

static int
refuse_unknown (HawserAuthority *self, const char *topic)
{
  return hawser_refuse (self->refusal, HAWSER_ERROR_NOT_FOUND, "topic '%s': is not declared and may not be made on first use", topic != NULL ? topic : "");
}

int
hawser_authority_check_policy (HawserAuthority *self, HawserAction action, HawserLocalTopic *settings, const HawserPolicyContext *context)
{
  HawserPolicy *policy;

  if (settings->requires_encryption && !context->is_encrypted && !(self->trusts_loopback && is_loopback (context)))
    return hawser_refuse (self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': requires an encrypted connection", settings->name);

  if (G_UNLIKELY (settings->policy_version != self->version))
    resolve_policies (self, settings);
  policy = action == HAWSER_ACTION_PUBLISH ? settings->publish_policy : settings->subscribe_policy;
  if (policy == NULL)
    {
      const char *name = action == HAWSER_ACTION_PUBLISH ? settings->publish_policy_name : settings->subscribe_policy_name;

      if (self->is_open && name == NULL)
        return HAWSER_RESULT_OK;
      return hawser_refuse (self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': has no %s policy", settings->name,
                            action == HAWSER_ACTION_PUBLISH ? "publish" : "subscribe");
    }
  if (hawser_policy_evaluate (policy, context, NULL))
    return HAWSER_RESULT_OK;
  return hawser_refuse (self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': policy '%s' denies it", settings->name, hawser_policy_get_name (policy));
}

int
hawser_authority_check (HawserAuthority *self, HawserAction action, HawserLocalTopic *settings, const HawserPolicyContext *context)
{
  int state;

  if (action == HAWSER_ACTION_SUBSCRIBE && context != NULL && context->topic != NULL && g_str_has_prefix (context->topic, HAWSER_OBSERVER_PREFIX))
    return self->funcs.check_observer (self->data, context);
  /* what twins tell is the bus's own to publish; who may hear it is decided as for the name without $, unless declared */
  if (settings == NULL && action == HAWSER_ACTION_SUBSCRIBE && context != NULL && context->topic != NULL && g_str_has_prefix (context->topic, "$twin/"))
    settings = hawser_topic_table_resolve (self->topics, context->topic + 1, strlen (context->topic + 1));
  if (settings == NULL)
    return context == NULL || self->is_open ? HAWSER_RESULT_OK : refuse_unknown (self, context->topic);
  state = check_state (self, settings);
  if (state != HAWSER_RESULT_OK || context == NULL)
    return state;
  return hawser_authority_check_policy (self, action, settings, context);
}

int
hawser_authority_check_publish (HawserAuthority *self, HawserLocalTopic *settings, gboolean is_known, const HawserPolicyContext *context)
{
  int result;

  if (*context->topic == '$')
    return hawser_refuse (self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': topics that begin with $ are the bus's own", context->topic);
  result = hawser_authority_check (self, HAWSER_ACTION_PUBLISH, settings, context);
  if (result == HAWSER_RESULT_OK && !is_known && settings != NULL && !settings->creates)
    return refuse_unknown (self, context->topic);
  return result;
}

gboolean
hawser_authority_find_out_author (HawserAuthority *self, HawserMessage *message)
{
  const HawserPolicyContext *author = hawser_author_of (message);
  const guint32 version = hawser_authority_get_authors_version (self);
  g_autoptr (HawserPrincipal) principal = NULL;
  HawserPolicyContext context;

  if (author == NULL)
    return TRUE;
  context = *author;
  context.topic = message->data;
  if (self->funcs.admits_author != NULL && !self->funcs.admits_author (self->data, &context, &principal))
    return FALSE;
  context.principal = principal != NULL ? principal : context.principal;
  if (hawser_authority_check (self, HAWSER_ACTION_PUBLISH, hawser_topic_table_find_settings (self->topics, message->data, message->topic_len), &context) != HAWSER_RESULT_OK)
    return FALSE;
  message->rights_version = version;
  return TRUE;
}

int
hawser_authority_check_admin (HawserAuthority *self, const HawserPolicyContext *context)
{
  HawserPolicy *policy = hawser_authority_get_policy (self, self->admin_policy);

  if (self->admin_policy == NULL || (policy != NULL && hawser_policy_evaluate (policy, context, NULL)))
    return HAWSER_RESULT_OK;
  return hawser_refuse (self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "the admin API: policy '%s' denies it", self->admin_policy);
}

/* ---- What decides ---- */

/* Routes, decisions and subscriptions are looked at again. */
static void
note_change (HawserAuthority *self)
{
  GHashTableIter iter;
  gpointer policy;

  self->version++;
  self->asks_address = self->trusts_loopback;
  g_hash_table_iter_init (&iter, self->policies);
  while (g_hash_table_iter_next (&iter, NULL, &policy))
    self->asks_address |= hawser_policy_uses (policy, "address");
  self->funcs.changed (self->data);
}

HawserPolicy *
hawser_authority_get_policy (HawserAuthority *self, const char *name)
{
  return name != NULL ? g_hash_table_lookup (self->policies, name) : NULL;
}

void
hawser_authority_add_policy (HawserAuthority *self, HawserPolicy *policy)
{
  policy = hawser_policy_ref (policy);
  g_hash_table_replace (self->policies, (gpointer) hawser_policy_get_name (policy), policy);
  self->is_open = FALSE;
  note_change (self);
}

gboolean
hawser_authority_remove_policy (HawserAuthority *self, const char *name)
{
  if (!g_hash_table_remove (self->policies, name))
    return FALSE;
  note_change (self);
  return TRUE;
}

void
hawser_authority_set_admin_policy (HawserAuthority *self, const char *name)
{
  g_free (self->admin_policy);
  self->admin_policy = g_strdup (name);
}

void
hawser_authority_set_open (HawserAuthority *self, gboolean is_open)
{
  self->is_open = is_open;
  self->version++;
}

void
hawser_authority_set_trusts_loopback (HawserAuthority *self, gboolean trusts_loopback)
{
  self->trusts_loopback = trusts_loopback;
  note_change (self);
}
