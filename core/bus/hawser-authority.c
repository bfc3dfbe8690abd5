/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one function that decides about rights: publishing, subscribing, each delivery's route, retained values, wills.
 * Deny by default: no declaration, no policy, or a rule that cannot be read means no. Context: the bus's lane. */

#include "hawser-author.h"
#include "hawser-observer-private.h"

#include <string.h>

#include "hawser-principal.h"

static int
check_state (HawserBus *self, HawserLocalTopic *settings)
{
  if (!settings->is_enabled)
    return hawser_refuse (&self->refusal, HAWSER_ERROR_DISABLED, "topic '%s': is disabled", settings->name);
  if (settings->expires_us != 0 && hawser_clock_get_wall_us (self->clock) >= settings->expires_us)
    return hawser_refuse (&self->refusal, HAWSER_ERROR_DISABLED, "topic '%s': has expired", settings->name);
  return HAWSER_RESULT_OK;
}

static gboolean
is_loopback (const HawserPolicyContext *context)
{
  return context->address != NULL && (g_str_has_prefix (context->address, "127.") || g_str_equal (context->address, "::1") || *context->address == '\0');
}

int
hawser_bus_check_policy (HawserBus *self, HawserAction action, HawserLocalTopic *settings, const HawserPolicyContext *context)
{
  HawserPolicy *policy;

  if (settings->requires_encryption && !context->is_encrypted && !(self->trusts_loopback && is_loopback (context)))
    return hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': requires an encrypted connection", settings->name);

  if (G_UNLIKELY (settings->policy_version != self->policy_version))
    hawser_bus_resolve_policies (self, settings);
  policy = action == HAWSER_ACTION_PUBLISH ? settings->publish_policy : settings->subscribe_policy;
  if (policy == NULL)
    {
      const char *name = action == HAWSER_ACTION_PUBLISH ? settings->publish_policy_name : settings->subscribe_policy_name;

      if (self->is_open && name == NULL)
        return HAWSER_RESULT_OK;
      return hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': has no %s policy", settings->name,
                                action == HAWSER_ACTION_PUBLISH ? "publish" : "subscribe");
    }
  if (hawser_policy_evaluate (policy, context, NULL))
    return HAWSER_RESULT_OK;
  return hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': policy '%s' denies it", settings->name, hawser_policy_get_name (policy));
}

int
hawser_bus_check_right (HawserBus *self, HawserAction action, HawserLocalTopic *settings, const HawserPolicyContext *context)
{
  int state;

  if (action == HAWSER_ACTION_SUBSCRIBE && context != NULL && context->topic != NULL && g_str_has_prefix (context->topic, HAWSER_OBSERVER_PREFIX))
    return hawser_observers_check_read (self, context);
  /* what twins tell is the bus's own to publish; who may hear it is decided as for the name without $, unless declared */
  if (settings == NULL && action == HAWSER_ACTION_SUBSCRIBE && context != NULL && context->topic != NULL && g_str_has_prefix (context->topic, "$twin/"))
    settings = hawser_topic_table_resolve (&self->topics, context->topic + 1, strlen (context->topic + 1));
  if (settings == NULL)
    {
      if (context == NULL || self->is_open)
        return HAWSER_RESULT_OK;
      return hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_FOUND, "topic '%s': is not declared and may not be made on first use",
                                context->topic != NULL ? context->topic : "");
    }
  state = check_state (self, settings);
  if (state != HAWSER_RESULT_OK || context == NULL)
    return state;
  return hawser_bus_check_policy (self, action, settings, context);
}

HawserBus *
hawser_connection_get_bus (HawserConnection *self)
{
  return hawser_connection_get_owner (self)->bus;
}

const char *
hawser_publisher_get_address (HawserPublisher *publisher)
{
  if (publisher->address == NULL)
    {
      g_autofree char *full = hawser_connection_dup_address (publisher->connection);
      char *start = g_str_has_prefix (full, "tcp:") ? full + 4 : full, *colon = strrchr (start, ':');

      if (g_str_has_prefix (full, "unix:"))
        start = full + 5;
      else if (colon != NULL)
        *colon = '\0';
      if (*start == '[')
        start[strlen (start) - 1] = '\0', start++;
      publisher->address = g_strdup (start);
    }
  return publisher->address;
}

void
hawser_connection_fill_context (HawserConnection *self, HawserPolicyContext *out_context)
{
  HawserBus *bus = hawser_connection_get_bus (self);

  *out_context = (HawserPolicyContext) {
    .principal = hawser_connection_get_principal (self), .client_id = hawser_connection_get_client_id (self),
    .listener = hawser_connection_get_listener_name (self), .protocol = hawser_connection_get_protocol (self),
    .is_encrypted = hawser_connection_get_is_encrypted (self), .address = bus->asks_address ? hawser_publisher_get_address (hawser_publisher_of (self)) : NULL,
    .mount_point = hawser_connection_get_owner (self)->mount_point,
  };
}

gboolean
hawser_bus_find_out_author (HawserBus *self, HawserMessage *message)
{
  const HawserPolicyContext *author = hawser_author_of (message);
  const guint32 version = hawser_bus_get_authors_version (self);
  g_autoptr (HawserPrincipal) principal = NULL;
  HawserTopicRecord *record;
  HawserLocalTopic *settings;
  HawserPolicyContext context;

  if (author == NULL)
    return TRUE;
  context = *author;
  context.topic = message->data;
  if (self->admits_author != NULL && !self->admits_author (self, &context, &principal))
    return FALSE;
  context.principal = principal != NULL ? principal : context.principal;
  record = hawser_topic_table_find (&self->topics, message->data, message->topic_len);
  settings = record != NULL ? hawser_topic_table_settings (&self->topics, record) : hawser_topic_table_resolve (&self->topics, message->data, message->topic_len);
  if (hawser_bus_check_right (self, HAWSER_ACTION_PUBLISH, settings, &context) != HAWSER_RESULT_OK)
    return FALSE;
  message->rights_version = version;
  return TRUE;
}

int
hawser_bus_check_admin (HawserBus *self, HawserConnection *connection)
{
  HawserPolicy *policy = self->admin_policy != NULL ? g_hash_table_lookup (self->policies, self->admin_policy) : NULL;
  HawserPolicyContext context;

  if (self->admin_policy == NULL)
    return HAWSER_RESULT_OK;
  hawser_connection_fill_context (connection, &context);
  if (policy != NULL && hawser_policy_evaluate (policy, &context, NULL))
    return HAWSER_RESULT_OK;
  return hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "the admin API: policy '%s' denies it", self->admin_policy);
}

gboolean
hawser_receiver_is_peer (HawserReceiver *self)
{
  return self->connection != NULL || (self->durable != NULL && self->durable->protocol != NULL);
}

void
hawser_receiver_fill_context (HawserReceiver *self, HawserPolicyContext *out_context)
{
  if (self->connection != NULL)
    {
      hawser_connection_fill_context (self->connection, out_context);
      return;
    }
  *out_context = (HawserPolicyContext) {
    .principal = self->durable->principal, .client_id = self->durable->id, .listener = self->durable->listener,
    .protocol = self->durable->protocol, .is_encrypted = self->durable->was_encrypted,
  };
}
