/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The metadata of one topic, or of all topics that a filter matches: a GObject property each, which is also the key in
 * the configuration and the member in the admin API. The bus reads the fields on its hot path. */

#include "hawser-local-topic.h"

#include <string.h>
#include "hawser-local-topic-private.h"

#include "hawser-topic-filter.h"
#include "hawser-units.h"

enum {
  PROP_NAME = 1,
  PROP_DESCRIPTION,
  PROP_DISCOVERY_URI,
  PROP_ENABLED,
  PROP_EXPIRES,
  PROP_MAX_SUBSCRIPTION_DURATION,
  PROP_PUBLISH_POLICY,
  PROP_SUBSCRIBE_POLICY,
  PROP_REQUIRE_ENCRYPTION,
  PROP_AUDIT,
  PROP_RETAIN,
  PROP_CONTENT_TYPE,
  PROP_MAX_MESSAGE_SIZE,
  PROP_MESSAGE_EXPIRY,
  PROP_HISTORY,
  PROP_DEDUP_WINDOW,
  PROP_CREATE,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

/* What a wider filter says of the topics below it; the others are about one name. */
#define INHERITED (~(1u << PROP_NAME | 1u << PROP_DESCRIPTION | 1u << PROP_DISCOVERY_URI))

static const GEnumValue retain_values[] = {
  { HAWSER_RETAIN_CLIENT, "HAWSER_RETAIN_CLIENT", "client" },
  { HAWSER_RETAIN_LAST, "HAWSER_RETAIN_LAST", "last" },
  { HAWSER_RETAIN_NONE, "HAWSER_RETAIN_NONE", "none" },
  { 0, NULL, NULL },
};

GType
hawser_retain_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserRetain", retain_values));
  return type;
}

static char *
dup_name (HawserTopic *topic)
{
  return g_strdup (HAWSER_LOCAL_TOPIC (topic)->name);
}

static void
topic_iface_init (HawserTopicInterface *iface)
{
  iface->dup_name = dup_name;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (HawserLocalTopic, hawser_local_topic, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TOPIC, topic_iface_init))

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserLocalTopic *self = HAWSER_LOCAL_TOPIC (object);
  char **string = NULL;

  switch (id)
    {
    case PROP_NAME: string = &self->name; break;
    case PROP_DESCRIPTION: string = &self->description; break;
    case PROP_DISCOVERY_URI: string = &self->discovery_uri; break;
    case PROP_CONTENT_TYPE: string = &self->content_type; break;
    case PROP_PUBLISH_POLICY: string = &self->publish_policy_name; break;
    case PROP_SUBSCRIBE_POLICY: string = &self->subscribe_policy_name; break;
    case PROP_ENABLED: self->is_enabled = g_value_get_boolean (value); break;
    case PROP_EXPIRES: self->expires_us = 0; hawser_date_parse (g_value_get_string (value), &self->expires_us, NULL); break;
    case PROP_MAX_SUBSCRIPTION_DURATION: self->max_subscription_us = g_value_get_int64 (value); break;
    case PROP_REQUIRE_ENCRYPTION: self->requires_encryption = g_value_get_boolean (value); break;
    case PROP_AUDIT: self->is_audited = g_value_get_boolean (value); break;
    case PROP_RETAIN: self->retain = g_value_get_enum (value); break;
    case PROP_MAX_MESSAGE_SIZE: self->max_message_size = g_value_get_uint64 (value); break;
    case PROP_MESSAGE_EXPIRY: self->message_expiry_us = g_value_get_int64 (value); break;
    case PROP_HISTORY: self->history = g_value_get_uint (value); break;
    case PROP_DEDUP_WINDOW: self->dedup_window_us = g_value_get_int64 (value); break;
    case PROP_CREATE: self->creates = g_strcmp0 (g_value_get_string (value), "auto") == 0; break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec); return;
    }
  if (string != NULL)
    {
      g_free (*string);
      *string = g_value_dup_string (value);
    }
  if (G_VALUE_HOLDS_STRING (value) && g_value_get_string (value) == NULL)
    self->given &= ~(1u << id);
  else
    self->given |= 1u << id;
  if (self->written != NULL)
    g_hash_table_remove (self->written, pspec->name);
  self->policy_version = G_MAXUINT32;
  if (self->changed != NULL)
    self->changed (self, self->changed_data);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserLocalTopic *self = HAWSER_LOCAL_TOPIC (object);

  switch (id)
    {
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_DESCRIPTION: g_value_set_string (value, self->description); break;
    case PROP_DISCOVERY_URI: g_value_set_string (value, self->discovery_uri); break;
    case PROP_CONTENT_TYPE: g_value_set_string (value, self->content_type); break;
    case PROP_PUBLISH_POLICY: g_value_set_string (value, self->publish_policy_name); break;
    case PROP_SUBSCRIBE_POLICY: g_value_set_string (value, self->subscribe_policy_name); break;
    case PROP_ENABLED: g_value_set_boolean (value, self->is_enabled); break;
    case PROP_EXPIRES: g_value_take_string (value, hawser_date_format (self->expires_us)); break;
    case PROP_MAX_SUBSCRIPTION_DURATION: g_value_set_int64 (value, self->max_subscription_us); break;
    case PROP_REQUIRE_ENCRYPTION: g_value_set_boolean (value, self->requires_encryption); break;
    case PROP_AUDIT: g_value_set_boolean (value, self->is_audited); break;
    case PROP_RETAIN: g_value_set_enum (value, self->retain); break;
    case PROP_MAX_MESSAGE_SIZE: g_value_set_uint64 (value, self->max_message_size); break;
    case PROP_MESSAGE_EXPIRY: g_value_set_int64 (value, self->message_expiry_us); break;
    case PROP_HISTORY: g_value_set_uint (value, self->history); break;
    case PROP_DEDUP_WINDOW: g_value_set_int64 (value, self->dedup_window_us); break;
    case PROP_CREATE: g_value_set_string (value, self->creates ? "auto" : "no"); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  HawserLocalTopic *self = HAWSER_LOCAL_TOPIC (object);

  g_free (self->name);
  g_free (self->description);
  g_free (self->discovery_uri);
  g_free (self->content_type);
  g_free (self->publish_policy_name);
  g_free (self->subscribe_policy_name);
  g_clear_pointer (&self->written, g_hash_table_unref);
  g_clear_object (&self->in_force);
  g_clear_pointer (&self->publish_policy, hawser_policy_unref);
  g_clear_pointer (&self->subscribe_policy, hawser_policy_unref);
  G_OBJECT_CLASS (hawser_local_topic_parent_class)->finalize (object);
}

static void
hawser_local_topic_class_init (HawserLocalTopicClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;

  props[PROP_NAME] = g_param_spec_string ("name", "Name", "Name of the topic, or a filter for whose topics this holds", "",
                                          flags | G_PARAM_CONSTRUCT_ONLY);
  props[PROP_DESCRIPTION] = g_param_spec_string ("description", "Description", "What is published here", NULL, flags);
  props[PROP_DISCOVERY_URI] = g_param_spec_string ("discovery-uri", "Discovery URI", "Where the shape of the payload is described", NULL, flags);
  props[PROP_ENABLED] = g_param_spec_boolean ("enabled", "Enabled", "Whether publishing and subscribing are allowed at all", TRUE, flags);
  props[PROP_EXPIRES] = g_param_spec_string ("expires", "Expires", "Time (RFC 3339) from which on the topic is disabled", NULL, flags);
  props[PROP_MAX_SUBSCRIPTION_DURATION] = g_param_spec_int64 ("max-subscription-duration", "Longest subscription",
                                                              "Microseconds after which a subscription ends; 0 for never", 0, G_MAXINT64, 0, flags);
  props[PROP_PUBLISH_POLICY] = g_param_spec_string ("publish-policy", "Publish policy", "Name of the policy that publishers must meet", NULL, flags);
  props[PROP_SUBSCRIBE_POLICY] = g_param_spec_string ("subscribe-policy", "Subscribe policy", "Name of the policy that receivers must meet", NULL, flags);
  props[PROP_REQUIRE_ENCRYPTION] = g_param_spec_boolean ("require-encryption", "Require encryption", "Whether peers must use TLS", FALSE, flags);
  props[PROP_AUDIT] = g_param_spec_boolean ("audit", "Audit", "Whether each message is written to the audit log", FALSE, flags);
  props[PROP_RETAIN] = g_param_spec_enum ("retain", "Retain", "Which messages become the topic's last value", HAWSER_TYPE_RETAIN, HAWSER_RETAIN_CLIENT, flags);
  props[PROP_CONTENT_TYPE] = g_param_spec_string ("content-type", "Content type", "Media type of payloads that come without one", NULL, flags);
  props[PROP_MAX_MESSAGE_SIZE] = g_param_spec_uint64 ("max-message-size", "Largest payload", "Bytes; 0 for the limit of the listener", 0, G_MAXUINT32, 0, flags);
  props[PROP_MESSAGE_EXPIRY] = g_param_spec_int64 ("message-expiry", "Message expiry", "Longest life of a message in microseconds; 0 for no limit", 0, G_MAXINT64, 0, flags);
  props[PROP_DEDUP_WINDOW] = g_param_spec_int64 ("dedup-window", "Deduplication window",
                                                 "How long a message id that came is remembered, in microseconds: a message that brings it again is dropped; 0 for not at all", 0, G_MAXINT64, 0, flags);
  props[PROP_HISTORY] = g_param_spec_uint ("history", "History", "Messages kept for replay; 0 for none", 0, 1000000, 0, flags);
  props[PROP_CREATE] = g_param_spec_string ("create", "Create", "auto: topics that match the filter are made on first use; no: they are not", "no", flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
hawser_local_topic_init (HawserLocalTopic *self)
{
  self->is_enabled = TRUE;
  self->policy_version = G_MAXUINT32;
}

/**
 * hawser_local_topic_new:
 * @name: a topic name, or a filter
 *
 * Makes metadata with the defaults. It takes effect when given to hawser_bus_add_topic(), and follows its properties
 * from then on.
 *
 * Returns: (transfer full): a topic
 * Since: 0.1
 */
HawserLocalTopic *
hawser_local_topic_new (const char *name)
{
  return g_object_new (HAWSER_TYPE_LOCAL_TOPIC, "name", name, NULL);
}

/**
 * hawser_local_topic_get_name:
 * @self: a topic
 *
 * Returns: its name or filter
 * Since: 0.1
 */
const char *
hawser_local_topic_get_name (HawserLocalTopic *self)
{
  return self->name;
}

static guint
find_id (const char *property)
{
  for (guint id = PROP_NAME + 1; id < N_PROPS; id++)
    if (g_str_equal (props[id]->name, property))
      return id;
  return 0;
}

/**
 * hawser_local_topic_gives:
 * @self: a topic
 * @property: a property of it, such as `publish-policy`
 *
 * Returns: whether that was set; what was not is taken from the next wider filter that was added to the bus and says it
 * Since: 0.1
 */
gboolean
hawser_local_topic_gives (HawserLocalTopic *self, const char *property)
{
  guint id = find_id (property);

  return id != 0 && (self->given >> id & 1) != 0;
}

/**
 * hawser_local_topic_unset:
 * @self: a topic
 * @property: a property of it
 *
 * Gives it its default, and takes it from wider filters from then on.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_local_topic_unset (HawserLocalTopic *self, const char *property)
{
  guint id = find_id (property);

  g_return_if_fail (id != 0);
  g_object_set_property (G_OBJECT (self), property, g_param_spec_get_default_value (props[id]));
  self->given &= ~(1u << id);
}

/**
 * hawser_local_topic_set_written:
 * @self: a topic
 * @property: a property of it that was set just now
 * @text: its value as somebody wrote it, such as `60s` where another would write `1min`
 *
 * Remembers @text until the property is set again, for whoever wants to read back what was written.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_local_topic_set_written (HawserLocalTopic *self, const char *property, const char *text)
{
  guint id = find_id (property);

  g_return_if_fail (id != 0);
  if (self->written == NULL)
    self->written = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  g_hash_table_replace (self->written, (gpointer) props[id]->name, g_strdup (text));
}

/**
 * hawser_local_topic_get_written:
 * @self: a topic
 * @property: a property of it
 *
 * Context: the bus's.
 *
 * Returns: (nullable): its value as it was written, or %NULL where nobody said
 * Since: 0.1
 */
const char *
hawser_local_topic_get_written (HawserLocalTopic *self, const char *property)
{
  return self->written != NULL ? g_hash_table_lookup (self->written, property) : NULL;
}

gboolean
hawser_local_topic_can_inherit (HawserLocalTopic *self, HawserLocalTopic *wider)
{
  return (wider->given & ~self->given & INHERITED) != 0;
}

gboolean
hawser_local_topic_inherit (HawserLocalTopic *self, HawserLocalTopic *wider)
{
  guint32 wanted = wider->given & ~self->given & INHERITED;

  for (guint id = PROP_NAME + 1; id < N_PROPS; id++)
    if (wanted >> id & 1)
      {
        g_auto (GValue) value = G_VALUE_INIT;

        g_object_get_property (G_OBJECT (wider), props[id]->name, &value);
        g_object_set_property (G_OBJECT (self), props[id]->name, &value);
      }
  return wanted != 0;
}

void
hawser_local_topic_take_given (HawserLocalTopic *self, HawserLocalTopic *from)
{
  if (self->given == from->given)
    return;
  self->given = from->given;
  if (self->changed != NULL)
    self->changed (self, self->changed_data);
}
