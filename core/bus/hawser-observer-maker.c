/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who asked for an observer, and what of it that party may see and read. Context: the bus's lane. */

#include "hawser-observer-state.h"

#include <string.h>

#include "hawser-principal.h"
#include "hawser-topic-raw.h"

void
hawser_observer_maker_clear (HawserObserverMaker *self)
{
  g_clear_pointer (&self->principal, hawser_principal_unref);
  g_clear_pointer (&self->client_id, g_free);
  g_clear_pointer (&self->listener, g_free);
  g_clear_pointer (&self->protocol, g_free);
  g_clear_pointer (&self->address, g_free);
}

static const char *
get_name (HawserPrincipal *principal)
{
  return principal != NULL ? hawser_principal_get_name (principal) : NULL;
}

gboolean
hawser_observer_is_of (HawserObserver *self, HawserPrincipal *principal)
{
  return self->maker.is_peer && g_strcmp0 (get_name (self->maker.principal), get_name (principal)) == 0;
}

int
hawser_observers_check_read (gpointer data, const HawserPolicyContext *context)
{
  HawserBus *bus = data;
  HawserObserver *observer = bus->observers != NULL ? g_hash_table_lookup (bus->observers, context->topic + strlen (HAWSER_OBSERVER_PREFIX)) : NULL;

  if (observer == NULL)
    return hawser_refuse (&bus->refusal, HAWSER_ERROR_NOT_FOUND, "topic '%s': there is no such observer, or its lease is over", context->topic);
  if (!hawser_observer_is_of (observer, context->principal))
    return hawser_refuse (&bus->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': it is somebody else's observer", context->topic);
  return HAWSER_RESULT_OK;
}

gboolean
hawser_observer_may_see (HawserObserver *self, const char *topic)
{
  HawserBus *bus = self->bus;
  HawserLocalTopic *settings;
  const HawserRefusal refusal = bus->refusal;
  HawserPolicyContext context = {
    .principal = self->maker.principal, .client_id = self->maker.client_id, .listener = self->maker.listener, .protocol = self->maker.protocol,
    .topic = topic, .address = self->maker.address, .is_encrypted = self->maker.is_encrypted,
  };
  gboolean may;

  if (!self->maker.is_peer || bus->authority.is_open)
    return TRUE;
  settings = hawser_topic_table_find_settings (&bus->topics, topic, strlen (topic));
  if (settings == NULL && g_str_has_prefix (topic, "$twin/"))
    settings = hawser_topic_table_resolve (&bus->topics, topic + 1, strlen (topic + 1));
  if (settings == NULL)
    return FALSE;
  may = hawser_authority_check_policy (&bus->authority, HAWSER_ACTION_SUBSCRIBE, settings, &context) == HAWSER_RESULT_OK;
  bus->refusal = refusal;
  return may;
}

gboolean
hawser_observer_check_right (HawserConnection *connection, const char *filter, GError **error)
{
  static const HawserReceiverFuncs no_funcs = { 0 };
  HawserBus *bus = hawser_connection_get_bus (connection);
  HawserReceiver *trial;
  int result;

  if (hawser_connection_get_owner (connection)->mount_point != NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a listener with a mount point has no observers");
      return FALSE;
    }
  trial = hawser_receiver_new (bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
  hawser_receiver_attach (trial, connection, &no_funcs, NULL);
  result = hawser_receiver_subscribe (trial, filter, strlen (filter), &(HawserSubscribeOptions) { .retain_handling = 2 });
  hawser_receiver_remove (trial);
  if (result == HAWSER_RESULT_OK)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, result, "%s", hawser_bus_get_last_refusal (bus));
  return FALSE;
}

void
hawser_observer_maker_note (HawserObserverMaker *self, HawserConnection *connection)
{
  HawserPolicyContext context;

  hawser_connection_fill_context (connection, &context);
  *self = (HawserObserverMaker) { TRUE, context.principal != NULL ? hawser_principal_ref (context.principal) : NULL, g_strdup (context.client_id), g_strdup (context.listener),
                    g_strdup (context.protocol), g_strdup (context.address), context.is_encrypted };
}
